// SPDX-License-Identifier: Apache-2.0
#include "sinew/action/fast_tokenizer.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string>

#include "golden.hpp"
#include "sinew/core/error.hpp"
#include "sinew/core/isa.hpp"
#include "sinew/io/json_cursor.hpp"
#include "sinew/testing/action_tokenizer_laws.hpp"
#include "sinew/testing/no_alloc.hpp"
#include "small_tokenizer.hpp"
#include "temporary_directory.hpp"
#include "test_seed.hpp"

namespace {

using sinew::FastChunk;
using sinew::FastDecodeOptions;
using sinew::FastEncoded;
using sinew::FastRange;
using sinew::FastScratch;
using sinew::FastTokenizer;
using sinew::JsonCursor;
using sinew::Status;
using sinew::TokenId;
using sinew::testing::Random;

constexpr double kGoldenTolerance = 1e-5;  // of decoded values, as the description says

FastTokenizer golden_tokenizer() {
  static const FastTokenizer tokenizer = FastTokenizer::from_pretrained(sinew::testing::golden_directory() / "fast" / "tokenizer");
  return tokenizer;
}

std::vector<TokenId> ids_of(const JsonCursor& list) {
  std::vector<TokenId> ids;
  for (const auto& id : list.elements()) ids.push_back(static_cast<TokenId>(id.integer()));
  return ids;
}

template <class Value>
std::vector<TokenId> encode(const FastTokenizer& tokenizer, std::span<const Value> values, std::size_t dim, FastEncoded& encoded) {
  FastScratch scratch;
  std::vector<TokenId> ids(values.size() * 4);
  REQUIRE(tokenizer.encode(FastChunk<const Value>{values, dim}, scratch, ids, encoded) == Status::ok);
  ids.resize(encoded.count);
  return ids;
}

void check_near(std::span<const float> values, std::span<const float> expected) {
  REQUIRE(values.size() == expected.size());
  for (std::size_t i = 0; i < values.size(); ++i) CHECK(std::abs(values[i] - expected[i]) <= kGoldenTolerance);
}

/// A chunk of sines with noise, or of one of the kinds that end in special cases.
std::vector<float> random_chunk(Random& random, std::size_t horizon, std::size_t dim) {
  std::vector<float> values(horizon * dim);
  const double noise = random.below(3) == 0 ? 0.5 : 0.01;
  for (std::size_t d = 0; d < dim; ++d) {
    const double rate = random.uniform(0, 6), phase = random.uniform(0, 6.3), size = random.below(5) == 0 ? 0 : random.uniform(0.1, 0.9);
    for (std::size_t t = 0; t < horizon; ++t)
      values[t * dim + d] = static_cast<float>(
          std::clamp(size * std::sin(rate * static_cast<double>(t) / static_cast<double>(horizon) + phase) + random.uniform(-noise, noise),
                     -1.0, 1.0));
  }
  return values;
}

}  // namespace

TEST_CASE("FastTokenizer: ids and chunks are those of the reference, what it loses is counted") {
  const auto golden = sinew::testing::read_golden_case("fast", "cases");
  const FastTokenizer tokenizer = golden_tokenizer();
  FastScratch scratch;
  for (const auto& entry : JsonCursor(golden.description, "golden").at("encode_cases").elements()) {
    const std::string name = entry.at("case").text();
    CAPTURE(name);
    const auto& tensor = golden.tensors.at(name + ".chunk");
    const auto shape = entry.at("shape").numbers();
    const auto dim = static_cast<std::size_t>(shape.back());
    const auto size = static_cast<std::size_t>(shape[shape.size() - 2]) * dim;
    const auto lists = entry.at("ids").elements();
    for (std::size_t batch = 0; batch < lists.size(); ++batch) {
      const auto singles = tensor.as_f32().subspan(batch * size, size);
      std::vector<double> doubles(singles.begin(), singles.end());
      if (const auto exact = entry.optional("float64_values")) doubles = exact->elements().at(batch).numbers();
      FastEncoded encoded;
      const auto ids = entry.at("input_dtype").text() == "float64" ? encode(tokenizer, std::span<const double>(doubles), dim, encoded)
                                                                   : encode(tokenizer, singles, dim, encoded);
      CHECK(ids == ids_of(lists[batch]));
      std::vector<float> values(size, -7.0F);
      const auto decoded = golden.tensors.at(name + ".decoded").as_f32().subspan(batch * size, size);
      REQUIRE(tokenizer.decode(ids, FastDecodeOptions::reference(), scratch, {values, dim}) == Status::ok);
      check_near(values, decoded);
      std::fill(values.begin(), values.end(), -7.0F);
      const Status strict = tokenizer.decode(ids, {}, scratch, {values, dim});
      if (encoded.lost > 0) CHECK(strict != Status::ok);
      if (strict == Status::ok)
        check_near(values, decoded);
      else
        CHECK(std::all_of(values.begin(), values.end(), [](float value) { return value == -7.0F; }));
    }
  }
}

TEST_CASE("FastTokenizer: decodes what a model may emit as the reference and LeRobot do, or says what is wrong") {
  const auto golden = sinew::testing::read_golden_case("fast", "cases");
  const FastTokenizer tokenizer = golden_tokenizer();
  FastScratch scratch;
  for (const auto& entry : JsonCursor(golden.description, "golden").at("decode_cases").elements()) {
    const std::string name = entry.at("case").text();
    CAPTURE(name);
    const auto ids = ids_of(entry.at("ids"));
    const auto& expected = golden.tensors.at("decode." + name);
    const auto dim = static_cast<std::size_t>(expected.shape.back());
    std::vector<float> values(expected.as_f32().size());
    REQUIRE(tokenizer.decode(ids, FastDecodeOptions::reference(), scratch, {values, dim}) == Status::ok);
    check_near(values, expected.as_f32());
    const Status strict = tokenizer.decode(ids, {}, scratch, {values, dim});
    CHECK((strict == Status::ok) == !entry.at("all_zero").boolean());
    CHECK(scratch.last_error().empty() == (strict == Status::ok));
    const auto relaxed = golden.tensors.find("lerobot_decode." + name + ".relaxed");
    if (relaxed == golden.tensors.end()) continue;
    REQUIRE(tokenizer.decode(ids, FastDecodeOptions::lerobot(), scratch, {values, dim}) == Status::ok);
    check_near(values, relaxed->second.as_f32());
  }
}

TEST_CASE("FastTokenizer: all instruction sets give the same ids") {
  const FastTokenizer tokenizer = golden_tokenizer();
  Random random;
  CAPTURE(sinew::testing::seed());
  const auto isas = sinew::available_isas();
  for (int i = 0; i < 60; ++i) {
    const std::size_t dim = 1 + random.below(20);
    const auto values = random_chunk(random, 1 + random.below(60), dim);
    FastEncoded encoded;
    const auto ids = encode(tokenizer, std::span<const float>(values), dim, encoded);
    const std::vector<double> doubles(values.begin(), values.end());
    const auto double_ids = encode(tokenizer, std::span<const double>(doubles), dim, encoded);
    for (const auto isa : isas) {
      CAPTURE(to_string(isa));
      sinew::select_isa(isa);
      CHECK(encode(tokenizer, std::span<const float>(values), dim, encoded) == ids);
      CHECK(encode(tokenizer, std::span<const double>(doubles), dim, encoded) == double_ids);
      CHECK(sinew::testing::fast_round_trip_fault(tokenizer, values, dim) == "");
    }
    sinew::select_isa(isas.back());
  }
}

TEST_CASE("FastTokenizer: 100000 random chunks keep the laws") {
  const FastTokenizer tokenizer = golden_tokenizer();
  Random random(1);
  MESSAGE("seed " << sinew::testing::seed());
  constexpr std::array<std::array<std::size_t, 2>, 6> kShapes = {{{16, 7}, {10, 8}, {5, 3}, {8, 2}, {7, 4}, {1, 9}}};
  int kept = 0;
  for (int i = 0; i < 100'000; ++i) {
    const auto [horizon, dim] = kShapes[random.below(kShapes.size())];
    const auto values = random_chunk(random, horizon, dim);
    const std::string fault = sinew::testing::fast_round_trip_fault(tokenizer, values, dim);
    if (fault.empty())
      ++kept;
    else
      FAIL_CHECK("chunk " << i << ": " << fault);
  }
  CHECK(kept == 100'000);
}

TEST_CASE("FastTokenizer: any ids give a chunk or a reason, and a chunk is stable after one round") {
  const FastTokenizer tokenizer = golden_tokenizer();
  Random random(2);
  CAPTURE(sinew::testing::seed());
  int chunks = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::vector<TokenId> ids(random.below(12));
    for (TokenId& id : ids) id = static_cast<TokenId>(random.below(tokenizer.vocab_size() + 4)) - 2;
    FastScratch scratch;
    std::vector<float> values(24, -7.0F);
    const Status strict = tokenizer.decode(ids, {}, scratch, {values, 4});
    CHECK((strict == Status::ok) == scratch.last_error().empty());
    if (strict != Status::ok) CHECK(std::all_of(values.begin(), values.end(), [](float value) { return value == -7.0F; }));
    if (strict == Status::ok) {
      ++chunks;
      CHECK(sinew::testing::fast_stability_fault(tokenizer, ids, 6, 4) == "");
    }
    REQUIRE(tokenizer.decode(ids, FastDecodeOptions::lerobot(), scratch, {values, 4}) == Status::ok);
    const double most = std::max(std::abs(tokenizer.min_token()), std::abs(tokenizer.max_token())) / tokenizer.scale() * 24;
    CHECK(std::all_of(values.begin(), values.end(), [&](float value) { return std::abs(value) <= most; }));
  }
  CHECK(chunks > 100);
}

TEST_CASE("FastTokenizer: what is no chunk has a status and a reason") {
  const FastTokenizer tokenizer = golden_tokenizer();
  FastScratch scratch;
  FastEncoded encoded;
  std::vector<TokenId> ids(64);
  const auto status_of = [&](std::vector<float> values, std::size_t dim) {
    return tokenizer.encode(FastChunk<const float>{values, dim}, scratch, ids, encoded);
  };
  CHECK(status_of({}, 1) == Status::bad_shape);
  CHECK(status_of({1, 2, 3}, 2) == Status::bad_shape);
  CHECK(status_of({1, 2, 3}, 0) == Status::bad_shape);
  CHECK(scratch.last_error() != "");
  CHECK(status_of({0, std::numeric_limits<float>::quiet_NaN()}, 1) == Status::not_finite);
  CHECK(status_of({0, std::numeric_limits<float>::infinity()}, 2) == Status::not_finite);
  CHECK(scratch.last_error() != "");
  CHECK(status_of({1e30F}, 1) == Status::out_of_range);
  // 0xD800 is the first code point that UTF-8 lacks.
  CHECK(status_of({static_cast<float>(0xD800 + tokenizer.min_token()) / 10}, 1) == Status::out_of_range);
  CHECK(status_of({static_cast<float>(0xD7FF + tokenizer.min_token()) / 10}, 1) == Status::ok);
  CHECK(status_of({-1e30F}, 1) == Status::ok);
  CHECK(encoded.clamped == 1);
  ids.resize(3);
  CHECK(status_of({0.1F, 0.7F, -0.9F, 0.5F, 1.0F, 0.3F, -0.2F, -0.6F}, 4) == Status::over_capacity);
  CHECK(encoded.count > ids.size());
}

TEST_CASE("FastTokenizer: allocates nothing after the first chunk of a shape") {
  const FastTokenizer tokenizer = golden_tokenizer();
  Random random(3);
  FastScratch scratch;
  FastEncoded encoded;
  std::vector<TokenId> ids(2800);
  std::vector<float> values = random_chunk(random, 50, 14);
  REQUIRE(tokenizer.encode(FastChunk<const float>{values, 14}, scratch, ids, encoded) == Status::ok);
  const std::vector<std::vector<float>> chunks = {random_chunk(random, 50, 14), random_chunk(random, 50, 14), random_chunk(random, 50, 14)};
  REQUIRE(sinew::testing::counting_works());
  const sinew::testing::HeapCallCounter counter;
  for (const auto& chunk : chunks) {
    CHECK(tokenizer.encode(FastChunk<const float>{chunk, 14}, scratch, ids, encoded) == Status::ok);
    CHECK(tokenizer.decode(std::span(ids).first(encoded.count), FastDecodeOptions::lerobot(), scratch, {values, 14}) == Status::ok);
  }
  CHECK(counter.count() == 0);
}

TEST_CASE("FastTokenizer: what was learned and saved is loaded again") {
  Random random(4);
  CAPTURE(sinew::testing::seed());
  std::vector<std::vector<float>> values;
  std::vector<FastChunk<const float>> chunks;
  for (int i = 0; i < 40; ++i) values.push_back(random_chunk(random, 20, 6));
  for (const auto& each : values) chunks.push_back({each, 6});
  const FastTokenizer learned = FastTokenizer::fit(chunks, {.vocab_size = 600, .scale = 12.5});
  const sinew::testing::TemporaryDirectory folder;
  learned.save(folder.path());
  const FastTokenizer loaded = FastTokenizer::from_pretrained(folder.path());
  CHECK(loaded.vocab_size() == learned.vocab_size());
  CHECK(loaded.scale() == 12.5);
  CHECK(loaded.token_limit() == 600);
  for (const auto& each : values) {
    FastEncoded encoded;
    CHECK(encode(loaded, std::span<const float>(each), 6, encoded) == encode(learned, std::span<const float>(each), 6, encoded));
    CHECK(encoded.lost + encoded.clamped == 0);
  }
  CHECK_THROWS_AS(FastTokenizer::fit(chunks, {.vocab_size = 3}), sinew::Error);
  CHECK_THROWS_AS(FastTokenizer::fit(std::span(chunks).first(0), {}), sinew::Error);
}

TEST_CASE("FastTokenizer: files that contradict one another, or hold what FAST has not, are refused") {
  const auto refusal = [](const sinew::testing::SmallTokenizer& parts, std::string_view config) -> std::string {
    try {
      static_cast<void>(FastTokenizer::from_json(small_tokenizer_json(parts), config, "here"));
    } catch (const sinew::Error& error) {
      return error.what();
    }
    return "";
  };
  constexpr std::string_view kConfig = R"({"scale": 10, "vocab_size": 256, "min_token": -40})";
  CHECK(refusal({}, kConfig) == "");
  CHECK(refusal({.normalizer = R"({"type": "NFC"})"}, kConfig).find("normalizer") != std::string::npos);
  CHECK(refusal({.added_tokens = R"([{"id": 256, "content": "<s>", "special": true}])"}, kConfig).find("added_tokens") !=
        std::string::npos);
  CHECK(refusal({.tokens = R"(, "ab": 256)", .merges = R"([["a", "b"]])"}, kConfig).find("vocab_size") != std::string::npos);
  CHECK(refusal({}, R"({"scale": 0, "vocab_size": 256, "min_token": 0})").find("scale") != std::string::npos);
  CHECK(refusal({}, R"({"scale": 10, "vocab_size": 256})").find("min_token") != std::string::npos);
  CHECK(
      refusal({.tokens = R"(, "\u0000": 256, "\u0001": 257)"}, R"({"scale": 10, "vocab_size": 300, "min_token": -2})").find("min_token") !=
      std::string::npos);
}
