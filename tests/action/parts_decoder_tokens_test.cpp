// SPDX-License-Identifier: Apache-2.0
// Decoders of cards whose actions are token ids: OpenVLA's bins, FAST.
#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

#include "golden.hpp"
#include "parts_decoder_fixture.hpp"
#include "sample_card.hpp"
#include "sinew/action/make_decoder.hpp"
#include "sinew/action/parts_decoder.hpp"
#include "sinew/core/error.hpp"

using namespace sinew;
using namespace sinew::testing;

TEST_CASE("parts decoder: action ids as OpenVLA emits them, whole and refused") {
  PolicyCard card = testing::card_for_parts();
  auto& action = card.action;
  action.horizon = 1;
  card.prompt.fields["chunk_size"] = "1";
  action.parts.resize(2);
  action.parts[0].name = "tool";
  action.parts[0].tool = ToolPartCard{"tool_pose", "base", "first", "rpy", 1, 1, "", false};
  action.parts[1].name = "gripper";
  action.parts[1].gripper = GripperPartCard{"openvla", 0.08, 0};
  action.tokens =
      ActionTokensCard{.language = "bins", .mapping = "openvla", .folder = "", .vocab_size = 32000, .bins = 256, .max_tokens = 8};
  CHECK_THROWS_WITH_AS(
      PartsDecoder(card, sample_statistics(8)),
      "[PartsDecoder /action/tokens] its tokenizer: expected it to be passed, got none (pass ActionTokens(directory, card))", Error);
  AnyDecoder decoder = make_decoder(card, sample_statistics(8), ActionTokens({}, card));
  REQUIRE(decoder.spec() == TensorSpecs{{"action_ids", DType::i64, {8}}});
  TensorMap tensors = make_tensors(decoder.spec());
  REQUIRE(tensors["action_ids"].set_shape({7}) == Status::ok);
  const auto ids = tensors["action_ids"].as<std::int64_t>();
  const std::vector<std::int64_t> emitted = {31872, 31999, 31744, 31872, 31872, 31872, 31745};
  std::ranges::copy(emitted, ids.begin());
  ActionChunk chunk;
  REQUIRE(decoder.decode(tensors, sample_observation(), chunk) == Status::ok);
  const Observation observation = sample_observation();
  const auto& tool = observation.find_channel("tool_pose")->values;
  CHECK(chunk.step(0)[0] == doctest::Approx(tool[0]));                // the middle bin
  CHECK(chunk.step(0)[1] == doctest::Approx(tool[1] - 254.0 / 255));  // the first centre
  CHECK(chunk.step(0)[2] == doctest::Approx(tool[2] + 254.0 / 255));
  CHECK(chunk.step(0)[7] == 0.08);  // above the middle: open
  ids[3] = 100;
  CHECK(decoder.decode(tensors, sample_observation(), chunk) == Status::out_of_range);
  REQUIRE(tensors["action_ids"].set_shape({6}) == Status::ok);
  CHECK(decoder.decode(tensors, sample_observation(), chunk) == Status::bad_shape);
  CHECK(decoder.last_error() == "expected 7 action ids, one per value, got 6");
}

TEST_CASE("parts decoder: FAST ids, whole, refused, and cut or filled where the card allows it") {
  PolicyCard card = testing::card_for_parts();
  auto& action = card.action;
  action.horizon = 10;
  card.prompt.fields["chunk_size"] = "10";
  action.parts.resize(1);
  action.parts[0].name = "arm";
  action.parts[0].joints = JointsPartCard{8, ""};
  action.tokens = ActionTokensCard{.language = "fast", .mapping = "none", .folder = "tokenizer", .max_tokens = 320, .relaxed = false};
  const auto directory = sinew::testing::golden_directory() / "fast";
  const auto fast = FastTokenizer::from_pretrained(directory / "tokenizer");
  PartsDecoder decoder(card, {}, ActionTokens(directory, card));
  TensorMap tensors = make_tensors(decoder.spec());

  Random random(45);
  std::vector<float> rows(80);
  for (std::size_t i = 0; i < rows.size(); ++i)
    rows[i] = static_cast<float>(0.5 * std::sin(0.3 * static_cast<double>(i / 8) + static_cast<double>(i % 8)));
  std::vector<TokenId> ids(320);
  FastScratch scratch;
  FastEncoded encoded;
  REQUIRE(fast.encode({rows, 8}, scratch, ids, encoded) == Status::ok);
  REQUIRE(encoded.lost == 0);
  REQUIRE(tensors["action_ids"].set_shape({static_cast<std::int64_t>(encoded.count)}) == Status::ok);
  std::ranges::copy(std::span(ids).first(encoded.count), tensors["action_ids"].as<std::int64_t>().begin());
  ActionChunk chunk;
  REQUIRE(decoder.decode(tensors, {}, chunk) == Status::ok);
  for (std::size_t i = 0; i < rows.size(); ++i) CHECK(std::abs(chunk.values[i] - static_cast<double>(rows[i])) < 0.5 / fast.scale() * 4);

  REQUIRE(tensors["action_ids"].set_shape({static_cast<std::int64_t>(encoded.count) - 1}) == Status::ok);
  CHECK(decoder.decode(tensors, {}, chunk) == Status::bad_shape);
  CHECK_FALSE(decoder.last_error().empty());
  card.action.tokens->relaxed = true;
  PartsDecoder relaxed(card, {}, ActionTokens(directory, card));
  CHECK(relaxed.decode(tensors, {}, chunk) == Status::ok);
  card.action.tokens->mapping = "paligemma";
  CHECK_THROWS_AS(ActionTokens(directory, card), Error);
}
