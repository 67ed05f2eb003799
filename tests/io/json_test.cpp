// SPDX-License-Identifier: Apache-2.0
// Json: what it reads, what it writes, and that one is the inverse of the other.
#include "sinew/io/json.hpp"

#include <doctest/doctest.h>

#include <clocale>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>
#include <string>

#include "sinew/core/error.hpp"
#include "test_seed.hpp"

using sinew::Json;

namespace {
Json parse(std::string_view text) { return Json::parse(text, "t.json"); }

/// A random value of at most `depth` levels, with awkward texts and numbers.
Json random_json(sinew::testing::Random& random, int depth) {
  const auto text = [&random] {
    static const std::string kPieces[] = {
        "a", "\"", "\\", "\n", "\t", std::string(1, '\0'), "\x1f", "/", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\xA4\x96", " ", "\x7f"};
    std::string made;
    for (auto n = random.below(6); n > 0; --n) made += kPieces[random.below(std::size(kPieces))];
    return made;
  };
  switch (random.below(depth > 0 ? 7 : 5)) {
    case 0: return {};
    case 1: return Json(random.below(2) == 0);
    case 2: return Json(static_cast<std::int64_t>(random.bits() >> random.below(64)));
    case 3: {
      const double value = std::bit_cast<double>(random.bits());
      return Json(std::isfinite(value) ? value : 0.5);
    }
    case 4: return Json(text());
    case 5: {
      Json::Array elements;
      for (auto n = random.below(5); n > 0; --n) elements.push_back(random_json(random, depth - 1));
      return Json(std::move(elements));
    }
    default: {
      Json::Object members;
      for (auto n = random.below(5); n > 0; --n) members.emplace_back(text() + std::to_string(n), random_json(random, depth - 1));
      return Json(std::move(members));
    }
  }
}
}  // namespace

TEST_CASE("parse: every kind of value becomes its own kind") {
  const Json json = parse(R"({"n":null,"b":true,"i":-9223372036854775808,"x":1.0,"t":"a\u20ac\ud83e\udd16","a":[1,2],"o":{}})");
  CHECK(json.find("n")->is_null());
  CHECK(*json.find("b")->as_boolean());
  CHECK(*json.find("i")->as_integer() == std::numeric_limits<std::int64_t>::min());
  CHECK(*json.find("x")->as_number() == 1.0);
  CHECK(json.find("x")->as_integer() == nullptr);
  CHECK(*json.find("t")->as_text() == "a\xE2\x82\xAC\xF0\x9F\xA4\x96");
  CHECK(json.find("a")->as_array()->size() == 2);
  CHECK(json.find("o")->as_object()->empty());
  CHECK(json.find("absent") == nullptr);
}

TEST_CASE("parse: members keep the order of the file") {
  const Json json = parse(R"({"z":1,"a":2,"m":3})");
  std::string order;
  for (const auto& [key, value] : *json.as_object()) order += key;
  CHECK(order == "zam");
}

TEST_CASE("parse: a number at the end of the text and one before white space are read alike") {
  CHECK(*parse("0.1").as_number() == 0.1);
  CHECK(*parse("0.1 ").as_number() == 0.1);
  CHECK(*parse("[0.1]").as_array()->front().as_number() == 0.1);
  CHECK(*parse("12").as_integer() == 12);
  CHECK(*parse("-0.0").as_number() == 0.0);
  CHECK(std::signbit(*parse("-0.0").as_number()));
  CHECK(*parse("1E2\n").as_number() == 100.0);
  CHECK(*parse("5e-324").as_number() == std::numeric_limits<double>::denorm_min());
  CHECK(*parse("0e999").as_number() == 0.0);
}

TEST_CASE("parse: doubles agree with strtod, digit strings of any length") {
  sinew::testing::Random random(1);
  for (int i = 0; i < 20000; ++i) {
    std::string token = random.below(2) == 0 ? "-" : "";
    token += std::to_string(random.bits() >> random.below(60));
    token += '.' + std::to_string(random.bits());
    if (random.below(2) == 0) token += std::to_string(random.bits());
    token += 'e' + std::to_string(static_cast<int>(random.below(560)) - 290);
    const double expected = std::strtod(token.c_str(), nullptr);
    if (!std::isfinite(expected)) continue;
    CAPTURE(token);
    CHECK(std::bit_cast<std::uint64_t>(*parse(token).as_number()) == std::bit_cast<std::uint64_t>(expected));
  }
}

TEST_CASE("parse: does not depend on the decimal point of the process's locale") {
  const char* found = nullptr;
  for (const char* name : {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "C.UTF-8"})
    if (found = std::setlocale(LC_NUMERIC, name); found != nullptr) break;
  CHECK(*parse("[1.5]").as_array()->front().as_number() == 1.5);
  CHECK(to_text(Json(1.5)) == "1.5");
  std::setlocale(LC_NUMERIC, "C");
}

TEST_CASE("to_text: writes what a person would") {
  Json::Object object;
  object.emplace_back("name", "caf\xC3\xA9 \"x\"\n\x01");
  object.emplace_back("values", Json::Array{1, 2.0, 0.1});
  object.emplace_back("nested", Json::Array{Json(Json::Array{}), Json(Json::Object{})});
  CHECK(to_text(Json(object)) ==
        "{\n  \"name\": \"caf\xC3\xA9 \\\"x\\\"\\n\\u0001\",\n  \"values\": [1, 2.0, 0.1],\n  \"nested\": [\n    [],\n    {}\n  ]\n}");
  CHECK(to_text(Json(object), 0) == "{\"name\":\"caf\xC3\xA9 \\\"x\\\"\\n\\u0001\",\"values\":[1,2.0,0.1],\"nested\":[[],{}]}");
}

TEST_CASE("to_text: numbers keep their kind and every bit") {
  for (const double value : {1.0, -0.0, 0.1, 1e22, 1e-7, 1.7976931348623157e308, 5e-324, 123456789.125}) {
    const Json back = parse(to_text(Json(value)));
    REQUIRE(back.as_number() != nullptr);
    CHECK(std::bit_cast<std::uint64_t>(*back.as_number()) == std::bit_cast<std::uint64_t>(value));
  }
  CHECK(to_text(Json(std::numeric_limits<std::int64_t>::max())) == "9223372036854775807");
}

TEST_CASE("to_text: refuses what the reader would refuse") {
  CHECK_THROWS_WITH_AS(static_cast<void>(to_text(Json(std::nan("")))), "[to_text] JSON number: expected a finite number, got nan",
                       sinew::Error);
  CHECK_THROWS_AS(static_cast<void>(to_text(Json(HUGE_VAL))), sinew::Error);
  CHECK_THROWS_WITH_AS(static_cast<void>(to_text(Json("a\xFF"))), "[to_text] JSON text: expected well-formed UTF-8, got 'a\\xff'",
                       sinew::Error);
  CHECK_THROWS_AS(static_cast<void>(to_text(Json(Json::Object{{"a", 1}, {"a", 2}}))), sinew::Error);
  Json deep;
  for (int i = 0; i < 32; ++i) deep = Json(Json::Array{deep});
  CHECK(parse(to_text(deep)) == deep);
  deep = Json(Json::Array{deep});
  CHECK_THROWS_AS(static_cast<void>(to_text(deep)), sinew::Error);
}

TEST_CASE("to_text: parse undoes it, compact and indented") {
  sinew::testing::Random random(2);
  for (int i = 0; i < 2000; ++i) {
    const Json value = random_json(random, 5);
    CAPTURE(to_text(value));
    CHECK(parse(to_text(value)) == value);
    CHECK(parse(to_text(value, 0)) == value);
    CHECK(to_text(parse(to_text(value))) == to_text(value));
  }
}

TEST_CASE("read_file: the file's path begins the message") {
  const auto path =
      std::filesystem::temp_directory_path() / ("sinew_json_test_" + std::to_string(sinew::testing::Random(9).bits()) + ".json");
  {
    std::ofstream(path) << "{\"a\": [1, 2\n, oops]}";
    try {
      static_cast<void>(Json::read_file(path));
      FAIL("accepted");
    } catch (const sinew::Error& error) {
      CHECK(error.code() == sinew::ErrorCode::parse);
      CHECK(std::string(error.what()).starts_with('[' + path.string() + ":2:3] JSON syntax: invalid literal"));
    }
  }
  std::filesystem::remove(path);
  try {
    static_cast<void>(Json::read_file(path));
    FAIL("accepted");
  } catch (const sinew::Error& error) {
    CHECK(error.code() == sinew::ErrorCode::not_found);
  }
  CHECK_THROWS_AS(static_cast<void>(Json::read_file(std::filesystem::temp_directory_path())), sinew::Error);
}
