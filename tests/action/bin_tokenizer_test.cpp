// SPDX-License-Identifier: Apache-2.0
#include "sinew/action/bin_tokenizer.hpp"

#include <doctest/doctest.h>

#include <array>
#include <limits>
#include <string>

#include "golden.hpp"
#include "sinew/core/error.hpp"
#include "sinew/io/json_cursor.hpp"
#include "sinew/testing/action_tokenizer_laws.hpp"
#include "sinew/testing/no_alloc.hpp"
#include "test_seed.hpp"

namespace {

using sinew::BinRule;
using sinew::BinTokenizer;
using sinew::Status;
using sinew::TokenId;
using sinew::UnknownIds;

std::vector<TokenId> ids_of(const sinew::testing::GoldenTensor& tensor) {
  std::vector<TokenId> ids;
  for (const std::int64_t id : tensor.as_i64()) ids.push_back(static_cast<TokenId>(id));
  return ids;
}

const std::array<BinTokenizer, 3> kTokenizers = {
    BinTokenizer({.vocab_size = 32000}), BinTokenizer({.vocab_size = 700, .bins = 33}),
    BinTokenizer({.rule = BinRule::uniform, .bins = 256, .low = {-1, 0, -3.5}, .high = {1, 0.2, 90}, .offset = 17})};

}  // namespace

TEST_CASE("BinTokenizer: ids and centres are those of OpenVLA") {
  const auto golden = sinew::testing::read_golden_case("openvla", "action_tokenizer");
  const sinew::JsonCursor config = sinew::JsonCursor(golden.description, "golden").at("config");
  for (const auto& variant : config.at("variants").elements()) {
    const std::string name = variant.at("name").text();
    CAPTURE(name);
    const BinTokenizer tokenizer(
        {.vocab_size = static_cast<TokenId>(config.at("vocab_size").integer()), .bins = static_cast<int>(variant.at("bins").integer())});
    const auto actions = golden.tensors.at(name + ".actions").as_f32();
    const auto expected = ids_of(golden.tensors.at(name + ".ids"));
    std::vector<TokenId> ids(actions.size());
    REQUIRE(tokenizer.encode(actions, ids) == Status::ok);
    CHECK(ids == expected);
    const auto batch = ids_of(golden.tensors.at(name + ".batch_ids"));
    REQUIRE(tokenizer.encode(actions.first(batch.size()), std::span(ids).first(batch.size())) == Status::ok);
    CHECK(std::equal(batch.begin(), batch.end(), ids.begin()));

    const auto unchecked = ids_of(golden.tensors.at(name + ".decode_ids"));
    const auto decoded = golden.tensors.at(name + ".decoded").as_f32();
    std::vector<float> values(unchecked.size());
    REQUIRE(tokenizer.decode(unchecked, values, UnknownIds::clip) == Status::ok);
    for (std::size_t i = 0; i < values.size(); ++i) CHECK(values[i] == doctest::Approx(decoded[i]).epsilon(1e-7));
    CHECK(tokenizer.last_id() - tokenizer.first_id() == static_cast<TokenId>(golden.tensors.at(name + ".bin_centers").as_f32().size()));
  }
}

TEST_CASE("BinTokenizer: a larger value has a smaller id in OpenVLA's rule, a larger one in the uniform rule") {
  std::array<TokenId, 3> ids{};
  REQUIRE(kTokenizers[0].encode(std::array{-1.0, 0.0, 1.0}, ids) == Status::ok);
  CHECK(ids == std::array<TokenId, 3>{31999, 31872, 31744});
  REQUIRE(kTokenizers[2].encode(std::array{-5.0, 0.2, 43.25}, ids) == Status::ok);
  CHECK(ids == std::array<TokenId, 3>{17, 17 + 255, 17 + 128});
}

TEST_CASE("BinTokenizer: keeps the laws of action tokenizers") {
  sinew::testing::Random random;
  CAPTURE(sinew::testing::seed());
  for (const BinTokenizer& tokenizer : kTokenizers) {
    std::vector<float> values(tokenizer.dim() * 2000);
    for (float& value : values) value = static_cast<float>(random.uniform(-1.5, 1.5) * (random.below(8) == 0 ? 60 : 1));
    CHECK(sinew::testing::bin_round_trip_fault(tokenizer, values) == "");
    std::vector<TokenId> ids(tokenizer.dim() * 500);
    for (TokenId& id : ids)
      id = tokenizer.first_id() +
           static_cast<TokenId>(random.below(static_cast<std::uint64_t>(tokenizer.last_id() - tokenizer.first_id() + 1)));
    CHECK(sinew::testing::bin_stability_fault(tokenizer, ids) == "");
  }
}

TEST_CASE("BinTokenizer: refuses with a reason and leaves the output alone") {
  const BinTokenizer& tokenizer = kTokenizers[0];
  std::array<TokenId, 2> ids = {5, 6};
  CHECK(tokenizer.encode(std::array{0.0F, std::numeric_limits<float>::quiet_NaN()}, ids) == Status::not_finite);
  CHECK(tokenizer.encode(std::array{0.0F}, ids) == Status::bad_shape);
  CHECK(ids == std::array<TokenId, 2>{5, 6});
  std::array<double, 2> values = {7, 8};
  CHECK(tokenizer.decode(std::array<TokenId, 2>{31800, 32000}, values) == Status::out_of_range);
  CHECK(tokenizer.decode(std::array<TokenId, 2>{31743, 31800}, values) == Status::out_of_range);
  CHECK(tokenizer.decode(std::array<TokenId, 1>{31800}, values) == Status::bad_shape);
  CHECK(values == std::array<double, 2>{7, 8});
  constexpr auto kLeast = std::numeric_limits<TokenId>::min(), kMost = std::numeric_limits<TokenId>::max();
  CHECK(tokenizer.decode(std::array<TokenId, 2>{kLeast, kMost}, values, UnknownIds::clip) == Status::ok);
  CHECK(values[0] == doctest::Approx(1 - 1.0 / 255));
  CHECK(values[1] == doctest::Approx(-1 + 1.0 / 255));
  CHECK(kTokenizers[2].encode(std::array{1.0, 2.0}, ids) == Status::bad_shape);

  CHECK_THROWS_AS(BinTokenizer({.bins = 1}), sinew::Error);
  CHECK_THROWS_AS(BinTokenizer({.vocab_size = 255}), sinew::Error);
  CHECK_THROWS_AS(BinTokenizer({.rule = BinRule::uniform}), sinew::Error);
  CHECK_THROWS_AS(BinTokenizer({.rule = BinRule::uniform, .low = {0}, .high = {0}}), sinew::Error);
  CHECK_THROWS_AS(BinTokenizer({.rule = BinRule::uniform, .low = {0}, .high = {std::numeric_limits<double>::infinity()}}), sinew::Error);
}

TEST_CASE("BinTokenizer: allocates nothing") {
  REQUIRE(sinew::testing::counting_works());
  std::array<float, 6> values = {-1, 0.1F, 3, 0.5F, 0.2F, 80};
  std::array<TokenId, 6> ids{};
  const sinew::testing::HeapCallCounter counter;
  for (const BinTokenizer& tokenizer : kTokenizers) {
    CHECK(tokenizer.encode(values, ids) == Status::ok);
    CHECK(tokenizer.decode(ids, values) == Status::ok);
  }
  CHECK(counter.count() == 0);
}
