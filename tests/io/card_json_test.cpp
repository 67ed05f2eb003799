// SPDX-License-Identifier: Apache-2.0
// Policy card and statistics files: the round trip, and the refusals with their places.
#include "sinew/io/card_json.hpp"
#include "sinew/io/statistics_file.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "sample_card.hpp"
#include "sinew/core/error.hpp"
#include "sinew/io/file.hpp"
#include "sinew/io/sha256.hpp"
#include "temporary_directory.hpp"

using namespace sinew;

namespace {

Json sample_json() { return card_to_json(testing::sample_card()); }

/// Calls `change` with the value that a JSON pointer names.
template <class Change>
Json changed(Json json, std::string_view pointer, Change change) {
  Json* at = &json;
  while (!pointer.empty()) {
    pointer.remove_prefix(1);
    const std::string token(pointer.substr(0, pointer.find('/')));
    pointer.remove_prefix(token.size());
    if (auto* array = at->as_array()) {
      at = &(*array)[std::stoul(token)];
    } else {
      for (auto& [key, value] : *at->as_object())
        if (key == token) at = &value;
    }
  }
  change(*at);
  return json;
}

std::string refusal(const Json& json) {
  try {
    static_cast<void>(card_from_json(json, "sinew.json"));
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

std::string refusal_with(std::string_view pointer, Json value) {
  return refusal(changed(sample_json(), pointer, [&](Json& at) { at = std::move(value); }));
}

/// Every object in `json`, as JSON pointers.
void collect_objects(const Json& json, const std::string& pointer, std::vector<std::string>& pointers) {
  if (const auto* members = json.as_object()) {
    pointers.push_back(pointer);
    for (const auto& [key, value] : *members) collect_objects(value, pointer + '/' + key, pointers);
  } else if (const auto* elements = json.as_array()) {
    for (std::size_t i = 0; i < elements->size(); ++i) collect_objects((*elements)[i], pointer + '/' + std::to_string(i), pointers);
  }
}

}  // namespace

TEST_CASE("card: reading what was written gives the same card") {
  const testing::TemporaryDirectory folder;
  PolicyCard card = testing::sample_card();
  write_card(card, folder.path() / "sinew.json");
  CHECK(read_card(folder.path() / "sinew.json") == card);
  CHECK(read_card(folder.path()) == card);

  for (const PolicyCard& parts : {testing::sample_parts_card(), testing::sample_waypoint_card()}) {
    write_card(parts, folder.path() / "sinew.json");
    CHECK(read_card(folder.path()) == parts);
  }

  card.limits.reset();
  card.cameras.clear();
  card.statistics = {};
  card.state.normalization = {};
  card.action = {DecoderKind::joint_absolute, {"a"}, {}, "", 1, 0.1, {}};
  card.prompt.fields["fps"] = "0.1";
  card.prompt.fields["chunk_size"] = "1";
  write_card(card, folder.path() / "sinew.json");
  CHECK(read_card(folder.path()) == card);
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path()), {}) == 1);  // no temporary is left
}

TEST_CASE("card: every key is required, and every unknown key is refused with the nearest") {
  const Json sample = card_to_json(testing::sample_parts_card());
  std::vector<std::string> objects;
  collect_objects(sample, "", objects);
  CHECK(objects.size() == 27);
  int keys = 0;
  for (const auto& pointer : objects) {
    if (pointer == "/prompt/fields") continue;  // free keys by design
    Json::Object members;
    static_cast<void>(changed(sample, pointer, [&](Json& at) { members = *at.as_object(); }));
    for (std::size_t i = 0; i < members.size(); ++i) {
      ++keys;
      const std::string place = "[sinew.json" + (pointer.empty() ? "" : ' ' + pointer) + ']';
      CAPTURE(pointer);
      CAPTURE(members[i].first);
      const auto without =
          changed(sample, pointer, [&](Json& at) { at.as_object()->erase(at.as_object()->begin() + static_cast<std::ptrdiff_t>(i)); });
      const bool kind =
          pointer.starts_with("/action/parts/") && (members[i].second.as_object() != nullptr);  // of a part, or its normalisation
      if (!kind) CHECK(refusal(without).starts_with(place + " key '" + members[i].first + "': expected it to be there, got no such key"));
      const auto misspelt = changed(sample, pointer, [&](Json& at) { (*at.as_object())[i].first += "_"; });
      const auto text = refusal(misspelt);
      if (members[i].first != "format_version") {
        CHECK(text.starts_with(place + " unknown key '" + members[i].first + "_': expected one of "));
        CHECK(text.ends_with("(did you mean '" + members[i].first + "'?)"));
      } else {
        CHECK(text.ends_with("(is 'format_version_' meant to be it?)"));
      }
      const auto nulled = changed(sample, pointer, [&](Json& at) { (*at.as_object())[i].second = Json(); });
      const bool optional = members[i].first == "limits" || members[i].first == "text" || members[i].first == "history" ||
                            members[i].first == "tokens" || members[i].first == "layout" || (kind && members[i].first == "normalization");
      CHECK((refusal(nulled) == "accepted") == optional);
    }
  }
  CHECK(keys == 114);
}

TEST_CASE("card: refusals name the place, what is right and what is there") {
  const auto processor = refusal_with("/cameras/0/processor", "qwen3vl");
  CHECK(processor.starts_with(
      "[sinew.json /cameras/0/processor] JSON value: expected one of raw, qwen2_vl, qwen2_5_vl, qwen3_vl, qwen3_5, "));
  CHECK(processor.ends_with(", starvla, got the text 'qwen3vl' (did you mean 'qwen3_vl'?)"));
  CHECK(refusal_with("/text/tokenizer", "../tokenizer.json") ==
        "[sinew.json /text/tokenizer] policy card: expected a file of the policy directory, got '../tokenizer.json'");
  CHECK(refusal_with("/text/padding", "both") == "[sinew.json /text/padding] policy card: expected 'none', 'left' or 'right', got 'both'");
  CHECK(refusal_with("/history/camera_offsets", Json::Array{0.0, -0.5}).find("ascending offsets") != std::string::npos);
  CHECK(refusal_with("/history/state_offsets", Json::Array{-0.5}).find("the last one 0") != std::string::npos);
  CHECK(refusal_with("/history/max_age", 0.0).starts_with("[sinew.json /history/max_age] policy card: expected a finite number above 0"));
  CHECK(refusal_with("/dtype", "i32") ==
        "[sinew.json /dtype] JSON value: expected one of f16, bf16, f32, f64, got the text 'i32' (did you mean 'f32'?)");
  CHECK(refusal_with("/cameras/1/height", "224") == "[sinew.json /cameras/1/height] JSON value: expected an integer, got the text '224'");
  CHECK(refusal_with("/cameras/1/height", 0) == "[sinew.json /cameras/1/height] policy card: expected 1 to 8192, got 0");
  CHECK(refusal_with("/action/horizon", std::int64_t{1} << 40)
            .starts_with("[sinew.json /action/horizon] JSON value: expected an integer from 0 to 2147483647"));
  CHECK(refusal_with("/action/joint_names/1", "joint_1") ==
        "[sinew.json /action/joint_names/1] policy card: expected each name once, got 'joint_1' twice");
  CHECK(refusal_with("/statistics/file", "../stats.json") ==
        "[sinew.json /statistics/file] policy card: expected a file of the policy directory, got '../stats.json'");
  CHECK(refusal_with("/limits/jerk", Json::Array{1.0}) == "[sinew.json /limits/jerk] policy card: expected 8 values, one per joint, got 1");
  CHECK(refusal(Json(1)).starts_with("[sinew.json] JSON value: expected an object, got the integer 1"));
}

TEST_CASE("card: a format that is newer, or of another major, is refused before anything else") {
  CHECK(refusal_with("/format_version", "1.0") == "accepted");
  CHECK(refusal_with("/format_version", "1.1") == "accepted");
  const auto older = changed(sample_json(), "", [](Json& card) {
    std::erase_if(*card.as_object(), [](const auto& member) { return member.first == "text" || member.first == "history"; });
    card.as_object()->front().second = Json("1.0");
  });
  CHECK(refusal(older) == "accepted");  // 1.0 knew neither
  CHECK_FALSE(card_from_json(older, "sinew.json").text);
  const auto before_parts = changed(
      changed(
          changed(sample_json(), "/action",
                  [](Json& action) {
                    std::erase_if(*action.as_object(), [](const auto& member) {
                      return member.first == "parts" || member.first == "layout" || member.first == "tokens";
                    });
                  }),
          "/statistics",
          [](Json& statistics) { std::erase_if(*statistics.as_object(), [](const auto& member) { return member.first == "format"; }); }),
      "/format_version", [](Json& version) { version = Json("1.1"); });
  CHECK(refusal(before_parts) == "accepted");  // 1.1 knew none of them
  CHECK(card_from_json(before_parts, "sinew.json") == testing::sample_card());
  CHECK(refusal_with("/format_version", "1.3") ==
        "[sinew.json /format_version] format of the policy card: expected 1.0 to 1.2, got '1.3' (a newer Sinew reads it)");
  CHECK(refusal_with("/format_version", "2.0").ends_with("got '2.0' (a newer Sinew reads it)"));
  CHECK(refusal_with("/format_version", "0.9").ends_with("got '0.9' (an older Sinew reads it)"));
  for (const char* text : {"", ".", "1", "1.", ".0", "1.0.0", "1.x", "-1.0", " 1.0", "1.0 ", "99999999999.0"})
    CHECK(refusal_with("/format_version", text).find("expected a version as \"major.minor\"") != std::string::npos);
  const Json future(Json::Object{{"format_version", "1.7"}, {"gravity", 9.81}});
  CHECK(refusal(future).find("format of the policy card") != std::string::npos);
}

TEST_CASE("card: writing refuses a card that could not be read") {
  PolicyCard card = testing::sample_card();
  card.action.rate = 0;
  CHECK_THROWS_WITH_AS(static_cast<void>(card_to_json(card)),
                       "[card_to_json /action/rate] policy card: expected 0.001 to 1000000 Hz, got 0", Error);
}

TEST_CASE("write_file: a folder that is not there is an error, and the old file survives it") {
  const testing::TemporaryDirectory folder;
  CHECK_THROWS_AS(write_file(folder.path() / "absent" / "x", "text"), Error);
  write_file(folder.path() / "x", "old");
  write_file(folder.path() / "x", "new");
  CHECK(read_text_file(folder.path() / "x", 10) == "new");
  std::filesystem::create_directory(folder.path() / "taken");
  CHECK_THROWS_AS(write_file(folder.path() / "taken", "text"), Error);
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path()), {}) == 2);
  try {
    static_cast<void>(read_text_file(folder.path() / "x", 2));
    FAIL("accepted");
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::limit);
  }
}

TEST_CASE("statistics: bound by key, pinned by digest") {
  const testing::TemporaryDirectory folder;
  const std::string text = R"({"action": {"q01": [-1, 0.5], "q99": [1, 2]}, "state": {"mean": [0], "std": [1], "min": [-3], "max": [3]}})";
  write_file(folder.path() / "stats.json", text);
  const Statistics statistics = read_statistics(folder.path(), {"stats.json", sha256(text), "sinew"});
  CHECK(statistics.size() == 2);
  CHECK(statistics.at("action").q01 == std::vector<double>{-1, 0.5});
  CHECK(statistics.at("action").mean.empty());
  CHECK(statistics.at("state").max == std::vector<double>{3});

  try {
    static_cast<void>(read_statistics(folder.path(), {"stats.json", std::string(64, '0'), "sinew"}));
    FAIL("accepted");
  } catch (const Error& error) {
    const std::string what = error.what();
    CHECK(what.find(sha256(text)) != std::string::npos);
    CHECK(what.find(std::string(64, '0')) != std::string::npos);
  }
}

TEST_CASE("statistics: refusals name the place") {
  const auto refused = [](const std::string& text) {
    try {
      static_cast<void>(statistics_from_json(Json::parse(text, "s"), "stats.json"));
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("accepted");
  };
  CHECK(refused(R"({"a": {"q1": [1]}})") ==
        "[stats.json /a] unknown key 'q1': expected one of mean, std, min, max, q01, q10, q90, q99 (did you mean 'q01'?)");
  CHECK(refused(R"({"a": {"q01": [1, 2], "q99": [1]}})") ==
        "[stats.json /a/q99] JSON value: expected 2 numbers, as the others of this key, got an array of 1");
  CHECK(refused(R"({"a": {"q01": []}})") == "[stats.json /a/q01] JSON value: expected at least one number, got an array of 0");
  CHECK(refused(R"({"a": {"q01": [null]}})") == "[stats.json /a/q01/0] JSON value: expected a number, got null");
  CHECK(refused("[]") == "[stats.json] JSON value: expected an object, got an array of 0");
}

TEST_CASE("docs/policy_card.md: its example is a valid card and its table has a row for every field") {
  std::ifstream file(std::filesystem::path(SINEW_SOURCE_DIR) / "docs" / "policy_card.md");
  REQUIRE(file);
  std::stringstream buffer;
  buffer << file.rdbuf();
  const std::string page = buffer.str();
  const auto begin = page.find("```json\n");
  REQUIRE(begin != std::string::npos);
  const auto end = page.find("```", begin + 8);
  const Json example = Json::parse(page.substr(begin + 8, end - begin - 8), "docs/policy_card.md");
  const PolicyCard card = card_from_json(example, "docs/policy_card.md");
  CHECK(card_to_json(card) == example);
  CHECK(page.find(to_text(example) + "\n```") != std::string::npos);  // it is what `write_card` writes

  const Json samples[] = {sample_json(), card_to_json(testing::sample_parts_card()), card_to_json(testing::sample_waypoint_card())};
  for (const Json& sample : samples) {
    std::vector<std::string> objects;
    collect_objects(sample, "", objects);
    for (const auto& pointer : objects) {
      if (pointer == "/prompt/fields") continue;
      std::string row = "`";
      std::stringstream tokens(pointer.empty() ? "" : pointer.substr(1));
      for (std::string token; std::getline(tokens, token, '/');)
        row = token.find_first_not_of("0123456789") == std::string::npos ? row.substr(0, row.size() - 1) + "[]." : row + token + '.';
      Json::Object members;
      static_cast<void>(changed(sample, pointer, [&](Json& at) { members = *at.as_object(); }));
      for (const auto& [key, value] : members) {
        CAPTURE(row + key);
        CHECK(page.find("| " + row + key + "` |") != std::string::npos);
      }
    }
  }
}
