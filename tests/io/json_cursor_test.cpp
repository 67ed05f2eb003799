// SPDX-License-Identifier: Apache-2.0
// JsonCursor: what it binds, and that every refusal names its place and the nearest valid name.
#include "sinew/io/json_cursor.hpp"

#include <doctest/doctest.h>

#include <string>

#include "sinew/core/error.hpp"

using sinew::Json;
using sinew::JsonCursor;

namespace {
const Json kDocument = Json::parse(R"({
  "name": "arm", "size": 7, "rate": 10.5, "whole": 3, "on": true, "none": null, "huge": 9007199254740993,
  "weights": [1, 2.5, -3], "joints": ["a", "b"], "mixed": [1, "x"],
  "nested": {"a/b": {"c~d": [0, {"deep": "here"}]}}, "kind": "quantil"
})",
                                   "doc.json");

/// The text of the error that `call` throws.
template <class Call>
std::string message(Call call) {
  try {
    static_cast<void>(call());
  } catch (const sinew::Error& error) {
    CHECK(error.code() == sinew::ErrorCode::parse);
    return error.what();
  }
  return "nothing was refused";
}
}  // namespace

TEST_CASE("cursor: binds values of every kind") {
  const JsonCursor root(kDocument, "doc.json");
  CHECK(root.at("name").text() == "arm");
  CHECK(root.at("size").integer() == 7);
  CHECK(root.at("size").integer(7, 7) == 7);
  CHECK(root.at("rate").number() == 10.5);
  CHECK(root.at("whole").number() == 3.0);
  CHECK(root.at("on").boolean());
  CHECK(root.at("none").is_null());
  CHECK(root.at("weights").numbers() == std::vector<double>{1, 2.5, -3});
  CHECK(root.at("joints").texts() == std::vector<std::string>{"a", "b"});
  CHECK(root.at("weights").elements().size() == 3);
  CHECK(root.at("nested").members().front().first == "a/b");
  CHECK_FALSE(root.optional("absent").has_value());
  CHECK(root.optional("rate")->number() == 10.5);
}

TEST_CASE("cursor: places are JSON pointers with their escapes") {
  const JsonCursor root(kDocument, "doc.json");
  const auto deep = root.at("nested").at("a/b").at("c~d").elements()[1].at("deep");
  CHECK(deep.place() == "doc.json /nested/a~1b/c~0d/1/deep");
  CHECK(message([&] { return deep.number(); }) == "[doc.json /nested/a~1b/c~0d/1/deep] JSON value: expected a number, got the text 'here'");
}

TEST_CASE("cursor: refusals say what was expected and what is there") {
  const JsonCursor root(kDocument, "doc.json");
  CHECK(message([&] { return root.at("name").integer(); }) == "[doc.json /name] JSON value: expected an integer, got the text 'arm'");
  CHECK(message([&] { return root.at("rate").integer(); }) == "[doc.json /rate] JSON value: expected an integer, got the number 10.5");
  CHECK(message([&] { return root.at("size").integer(1, 6); }) ==
        "[doc.json /size] JSON value: expected an integer from 1 to 6, got the integer 7");
  CHECK(message([&] { return root.at("size").text(); }) == "[doc.json /size] JSON value: expected a text, got the integer 7");
  CHECK(message([&] { return root.at("none").number(); }) == "[doc.json /none] JSON value: expected a number, got null");
  CHECK(message([&] { return root.at("size").boolean(); }) == "[doc.json /size] JSON value: expected true or false, got the integer 7");
  CHECK(message([&] { return root.at("name").elements(); }) == "[doc.json /name] JSON value: expected an array, got the text 'arm'");
  CHECK(message([&] { return root.at("joints").members(); }) == "[doc.json /joints] JSON value: expected an object, got an array of 2");
  CHECK(message([&] { return root.at("mixed").numbers(); }) == "[doc.json /mixed/1] JSON value: expected a number, got the text 'x'");
  CHECK(message([&] { return root.at("mixed").texts(); }) == "[doc.json /mixed/0] JSON value: expected a text, got the integer 1");
  CHECK(message([&] { return root.at("huge").number(); }) ==
        "[doc.json /huge] JSON value: expected a number that a double holds exactly, got the integer 9007199254740993");
  CHECK(message([&] { return root.at("kind").one_of({"identity", "quantile"}); }) ==
        "[doc.json /kind] JSON value: expected one of identity, quantile, got the text 'quantil' (did you mean 'quantile'?)");
}

TEST_CASE("cursor: unknown and missing keys name their likely slips") {
  const Json json = Json::parse(R"({"wieght": [1], "bias": [2]})", "config.json");
  const JsonCursor root(json, "config.json");
  CHECK(message([&] { return root.only_keys({"weight", "bias"}), 0; }) ==
        "[config.json] unknown key 'wieght': expected one of weight, bias (did you mean 'weight'?)");
  CHECK(message([&] { return root.at("weight"); }) ==
        "[config.json] key 'weight': expected it to be there, got no such key (is 'wieght' meant to be it?)");
  CHECK(message([&] { return root.at("architecture"); }) == "[config.json] key 'architecture': expected it to be there, got no such key");
  CHECK_NOTHROW(root.only_keys({"wieght", "bias", "more"}));
}

TEST_CASE("cursor: hostile keys cannot drive the terminal or flood the message") {
  const Json json = Json::parse("{\"\\u001b[2Jx\": 1, \"" + std::string(100'000, 'k') + "\": 2}", "h.json");
  const JsonCursor root(json, "h.json");
  CHECK(message([&] { return root.only_keys({"a"}), 0; }) == "[h.json] unknown key '\\x1b[2Jx': expected one of a");
  const std::string flooded = message([&] { return root.members()[1].second.text(); });
  CHECK(flooded.size() < 400);
}
