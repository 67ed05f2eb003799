// SPDX-License-Identifier: Apache-2.0
#include "sinew/action/action_token_map.hpp"

#include <doctest/doctest.h>

#include <array>
#include <numeric>
#include <string>

#include "golden.hpp"
#include "sinew/core/error.hpp"
#include "sinew/io/json_cursor.hpp"

namespace {

using sinew::ActionTokenMap;
using sinew::JsonCursor;
using sinew::TokenId;
using sinew::Tokenizer;

std::vector<TokenId> ids_of(const JsonCursor& list) {
  std::vector<TokenId> ids;
  for (const auto& id : list.elements()) ids.push_back(static_cast<TokenId>(id.integer()));
  return ids;
}

Tokenizer golden_text(const sinew::testing::GoldenCase& golden) {
  const auto model = golden.tensors.at("sentencepiece_model").as_u8();
  return Tokenizer::from_sentencepiece({reinterpret_cast<const char*>(model.data()), model.size()});
}

ActionTokenMap golden_map(const sinew::testing::GoldenCase& golden) {
  const JsonCursor root(golden.description, "golden");
  return sinew::paligemma_token_map(static_cast<TokenId>(root.at("config").at("vocab_size").integer()));
}

}  // namespace

TEST_CASE("openpi_action_ids: finds the ids that openpi finds, and none where it finds none") {
  const auto golden = sinew::testing::read_golden_case("openpi", "prompt_tokens");
  const Tokenizer text = golden_text(golden);
  int found = 0;
  for (const auto& entry : JsonCursor(golden.description, "golden").at("fast").elements()) {
    const auto expected = entry.optional("extracted_fast_ids");
    if (!expected) continue;
    const auto ids = sinew::openpi_action_ids(ids_of(entry.at("tokens")), text, golden_map(golden));
    CHECK(ids.has_value() == !expected->is_null());
    if (!ids || expected->is_null()) continue;
    ++found;
    CHECK(*ids == ids_of(*expected));
    // The recorded stand-in for the action tokenizer decodes to the sum of the ids.
    CHECK(std::accumulate(ids->begin(), ids->end(), 0) == entry.at("extract").elements()[0].numbers()[0]);
  }
  CHECK(found > 0);
}

TEST_CASE("lerobot_action_ids: takes what is before the bar, without any prefix") {
  const auto golden = sinew::testing::read_golden_case("openpi", "prompt_tokens");
  const Tokenizer text = golden_text(golden);
  const ActionTokenMap map = golden_map(golden);
  const auto used = ids_of(JsonCursor(golden.description, "golden").at("config").at("fast_ids_used"));
  const auto prefix = text.encode("Action: ");
  std::vector<TokenId> generated;
  const auto add_actions = [&] {
    for (const TokenId id : used) generated.push_back(map.to_model(id));
  };
  generated.insert(generated.end(), prefix.begin(), prefix.end());
  add_actions();
  generated.insert(generated.end(), prefix.begin(), prefix.end());
  add_actions();
  auto expected = used;
  expected.insert(expected.end(), used.begin(), used.end());
  CHECK(sinew::lerobot_action_ids(generated, text, map) == expected);
  generated.push_back(text.id_of("|").value());
  add_actions();
  CHECK(sinew::lerobot_action_ids(generated, text, map) == expected);
  CHECK(sinew::lerobot_action_ids({}, text, map).empty());
}

TEST_CASE("ActionTokenMap: PaliGemma's map is its own inverse and ends before the segmentation tokens") {
  const ActionTokenMap map = sinew::action_token_map("paligemma_openpi");
  CHECK(map.to_model(0) == 257023);
  CHECK(map.to_model(1023) == 256000);
  CHECK(map.to_action(257023).value() == 0);
  for (const TokenId id : {0, 5, 1024, 257023}) CHECK(map.to_action(map.to_model(id)).value() == id);
  CHECK_FALSE(map.to_action(257024).has_value());
  CHECK_FALSE(map.to_action(-1).has_value());
  CHECK(sinew::action_token_map("none").to_action(17).value() == 17);
}

TEST_CASE("collect_action_ids: takes StarVLA's range in its order and counts what does not fit") {
  const ActionTokenMap map = sinew::action_token_map("starvla_qwen3_vl");
  const std::array<TokenId, 6> generated = {151669, 5, 153716, 153717, 151668, 151670};
  std::array<TokenId, 4> actions = {-1, -1, -1, -1};
  CHECK(sinew::collect_action_ids(generated, map, actions) == 3);
  CHECK(actions == std::array<TokenId, 4>{0, 2047, 1, -1});
  CHECK(sinew::collect_action_ids(generated, map, std::span(actions).first(1)) == 3);
}

TEST_CASE("action_token_map: names what there is") {
  CHECK_THROWS_WITH_AS(static_cast<void>(sinew::action_token_map("starvla_qwen3vl")), doctest::Contains("starvla_qwen3_vl"), sinew::Error);
}
