// SPDX-License-Identifier: Apache-2.0
// JsonText, read back by the strict reader of io/.
#include "json_text.hpp"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "sinew/io/json.hpp"
#include "test_seed.hpp"

using sinew::Json;
using sinew::detail::JsonText;

TEST_CASE("json text: any double that is finite reads back to the same bits") {
  sinew::testing::Random random(2);
  std::string text;
  const auto same = [&](double number) {
    JsonText(text).value(number);
    CAPTURE(text);
    const Json json = Json::parse(text, "test");
    REQUIRE(json.as_number() != nullptr);
    CHECK(std::bit_cast<std::uint64_t>(*json.as_number()) == std::bit_cast<std::uint64_t>(number));
  };
  for (const double number :
       {0.0, -0.0, 1.0, -3.0, 1e22, 1e300, 0.1, std::numeric_limits<double>::denorm_min(), std::numeric_limits<double>::max()})
    same(number);
  for (int i = 0; i < 2000; ++i) {
    const auto number = std::bit_cast<double>(random.bits());
    if (std::isfinite(number)) same(number);
  }
}

TEST_CASE("json text: what is no number becomes null") {
  std::string text;
  const double numbers[] = {std::nan(""), 2.5, -std::numeric_limits<double>::infinity()};
  JsonText(text).value(std::span<const double>(numbers));
  CHECK(text == "[null,2.5,null]");
}

TEST_CASE("json text: strings are escaped, and broken UTF-8 is replaced") {
  std::string text;
  JsonText(text).begin_object().member("a\"\\\n\x01", std::string_view("grün \xF0\x9F\xA4\x96 \xC3 \xED\xA0\x80.")).end_object();
  const Json json = Json::parse(text, "test");
  const Json* value = json.find("a\"\\\n\x01");
  REQUIRE(value != nullptr);
  CHECK(*value->as_text() == "grün \xF0\x9F\xA4\x96 \xEF\xBF\xBD \xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD.");
}

TEST_CASE("json text: commas stand between members and elements, on every level") {
  std::string text = "something old";
  JsonText json(text);
  json.begin_object().key("a").begin_array().value(1).begin_array().end_array().value(2).end_array();
  json.key("b").begin_object().end_object().member("c", std::uint64_t{18446744073709551615U}).end_object();
  CHECK(text == R"({"a":[1,[],2],"b":{},"c":18446744073709551615})");
}
