// SPDX-License-Identifier: Apache-2.0
// A museum of hostile JSON: each exhibit with the refusal it must get, place included.
#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <vector>

#include "sinew/core/error.hpp"
#include "sinew/io/json.hpp"

using namespace std::string_literals;
using sinew::ErrorCode;
using sinew::Json;

namespace {

struct Exhibit {
  const char* name;
  std::string text;
  ErrorCode code;
  std::string message;  // how the text of the error begins
};

std::string repeated(const std::string& piece, std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += piece;
  return text;
}

const std::vector<Exhibit>& exhibits() {
  static const std::vector<Exhibit> all{
      {"33 levels", repeated("[", 33) + repeated("]", 33), ErrorCode::limit, "[m:1:33] JSON nesting: expected at most 32 levels, got more"},
      {"half a million levels", repeated("[", 500000), ErrorCode::limit, "[m:1:33] JSON nesting: expected at most 32 levels, got more"},
      {"half a million levels of objects", repeated("{\"a\":", 200000), ErrorCode::limit,
       "[m:1:161] JSON nesting: expected at most 32 levels, got more"},
      {"duplicate key", "{\"a\": 1,\n \"a\": 2}", ErrorCode::parse, "[m:2:4] JSON key '/a': expected each key once, got it twice"},
      {"duplicate key by escape", R"({"x":[0,{"name":1,"n\u0061me":2}]})", ErrorCode::parse,
       "[m:1:29] JSON key '/x/1/name': expected each key once, got it twice"},
      {"duplicate empty key", R"({"":1,"":2})", ErrorCode::parse, "[m:1:8] JSON key '/': expected each key once, got it twice"},
      {"1e400", "[1e400]", ErrorCode::parse, "[m:1:6] JSON number: expected one that a double can hold, got one beyond 1.8e308"},
      {"-1e400", "-1e400", ErrorCode::parse, "[m:1:6] JSON number: expected one that a double can hold"},
      {"1e-400", "[1e-400]", ErrorCode::parse, "[m:1:7] JSON number: expected a number that a double can hold, got 1e-400"},
      {"2^63", "[9223372036854775808]", ErrorCode::parse,
       "[m:1:20] JSON number: expected an integer of 64 bits with sign, got 9223372036854775808"},
      {"-2^63-1", "[-9223372036854775809]", ErrorCode::parse,
       "[m:1:21] JSON number: expected an integer of 64 bits with sign, got -9223372036854775809"},
      {"a hundred thousand digits", repeated("[", 1) + repeated("1", 100000) + "]", ErrorCode::parse,
       "[m:1:100001] JSON number: expected "},
      {"lone high surrogate", R"(["\ud800"])", ErrorCode::parse,
       "[m:1:9] JSON syntax: invalid string: surrogate U+D800..U+DBFF must be followed by U+DC00..U+DFFF"},
      {"high surrogate and a letter", R"(["\ud800\u0041"])", ErrorCode::parse, "[m:1:14] JSON syntax: invalid string: surrogate"},
      {"lone low surrogate", R"(["\udc00"])", ErrorCode::parse,
       "[m:1:8] JSON syntax: invalid string: surrogate U+DC00..U+DFFF must follow U+D800..U+DBFF"},
      {"surrogate in UTF-8", "[\"\xED\xA0\x80\"]", ErrorCode::parse,
       "[m:1:3] JSON text: expected well-formed UTF-8, got byte 0xed at offset 2"},
      {"overlong slash", "[\"\xC0\xAF\"]", ErrorCode::parse, "[m:1:3] JSON text: expected well-formed UTF-8, got byte 0xc0 at offset 2"},
      {"overlong of three", "[\"\xE0\x80\xAF\"]", ErrorCode::parse, "[m:1:3] JSON text: expected well-formed UTF-8, got byte 0xe0"},
      {"above U+10FFFF", "[\"\xF4\x90\x80\x80\"]", ErrorCode::parse, "[m:1:3] JSON text: expected well-formed UTF-8, got byte 0xf4"},
      {"sequence cut short", "[\"\xE2\x82", ErrorCode::parse, "[m:1:3] JSON text: expected well-formed UTF-8, got byte 0xe2"},
      {"0xff", "\xFF", ErrorCode::parse, "[m:1:1] JSON text: expected well-formed UTF-8, got byte 0xff at offset 0"},
      {"byte order mark", "\xEF\xBB\xBF{}", ErrorCode::parse, "[m:1:1] JSON text: expected no byte order mark, got one"},
      {"UTF-16", "{\0}\0"s, ErrorCode::parse, "[m:1:2] JSON text: expected control characters as escapes, got byte 0x00"},
      {"NUL and a second document", "{}\0{}"s, ErrorCode::parse,
       "[m:1:3] JSON text: expected control characters as escapes, got byte 0x00"},
      {"NUL in a text", "[\"a\0b\"]"s, ErrorCode::parse, "[m:1:4] JSON text: expected control characters as escapes, got byte 0x00"},
      {"raw line break in a text", "[\"a\nb\"]", ErrorCode::parse,
       "[m:1:4] JSON syntax: invalid string: control character U+000A (LF) must be escaped"},
      {"escape sequence for terminals", "[\"\x1b[2J\"]", ErrorCode::parse,
       "[m:1:3] JSON text: expected control characters as escapes, got byte 0x1b"},
      {"nothing", "", ErrorCode::parse, "[m:1:1] JSON syntax: unexpected end of input"},
      {"white space", " \n ", ErrorCode::parse, "[m:2:2] JSON syntax: unexpected end of input"},
      {"truncated object", "{\"a\": 1", ErrorCode::parse, "[m:1:8] JSON syntax: unexpected end of input; expected '}'"},
      {"truncated text", "[\"abc", ErrorCode::parse, "[m:1:6] JSON syntax: invalid string: missing closing quote"},
      {"second document", "{} {}", ErrorCode::parse, "[m:1:4] JSON syntax: unexpected '{'; expected end of input"},
      {"trailing bracket", "[]]", ErrorCode::parse, "[m:1:3] JSON syntax: unexpected ']'; expected end of input"},
      {"trailing comma", "[1,]", ErrorCode::parse, "[m:1:4] JSON syntax: unexpected ']'"},
      {"trailing comma in an object", "{\"a\":1,}", ErrorCode::parse, "[m:1:8] JSON syntax: unexpected '}'"},
      {"comment", "[1, // one\n2]", ErrorCode::parse, "[m:1:5] JSON syntax: invalid literal"},
      {"single quotes", "{'a':1}", ErrorCode::parse, "[m:1:2] JSON syntax: invalid literal"},
      {"key without quotes", "{a:1}", ErrorCode::parse, "[m:1:2] JSON syntax: invalid literal"},
      {"NaN", "[NaN]", ErrorCode::parse, "[m:1:2] JSON syntax: invalid literal"},
      {"Infinity", "[-Infinity]", ErrorCode::parse, "[m:1:3] JSON syntax: invalid number"},
      {"hexadecimal", "[0x10]", ErrorCode::parse, "[m:1:3] JSON syntax: invalid literal"},
      {"leading zero", "[01]", ErrorCode::parse, "[m:1:3] JSON syntax: unexpected number literal"},
      {"leading plus", "[+1]", ErrorCode::parse, "[m:1:2] JSON syntax: invalid literal"},
      {"no digit after the point", "[1.]", ErrorCode::parse, "[m:1:4] JSON syntax: invalid number"},
      {"pickle", "\x80\x04\x95\x0b", ErrorCode::parse, "[m:1:1] JSON text: expected well-formed UTF-8, got byte 0x80"},
      {"ten megabytes", repeated(" ", 10'000'000) + "1", ErrorCode::limit, "[m] JSON text: expected at most 1048576 bytes, got 10000001"},
  };
  return all;
}

}  // namespace

TEST_CASE("museum: every exhibit is refused with its kind and its place") {
  for (const auto& exhibit : exhibits()) {
    CAPTURE(exhibit.name);
    try {
      static_cast<void>(Json::parse(exhibit.text, "m"));
      FAIL_CHECK("accepted");
    } catch (const sinew::Error& error) {
      CHECK(to_string(error.code()) == to_string(exhibit.code));
      const std::string text = error.what();
      CHECK_MESSAGE(text.starts_with(exhibit.message), text << "\n    should begin with: " << exhibit.message);
      CHECK(text.size() < 600);
    }
  }
}

TEST_CASE("museum: a limit of values holds across levels") {
  const sinew::JsonLimits limits{.max_nodes = 10};
  CHECK_NOTHROW(static_cast<void>(Json::parse("[1,2,3,4,5,6,7,8,9]", "m", limits)));
  CHECK_THROWS_WITH_AS(static_cast<void>(Json::parse("[[1,2,3],[4,5,6],[7,8,9]]", "m", limits)),
                       "[m:1:23] JSON values: expected at most 10, got more", sinew::Error);
}

TEST_CASE("museum: the largest documents that are allowed are read in linear time") {
  // A megabyte of distinct keys, one of arrays: a quadratic duplicate check would need 10^10 comparisons.
  std::string keys = "{";
  for (int i = 0; keys.size() < 1'000'000; ++i) keys += (i > 0 ? ",\"" : "\"") + std::to_string(i) + "\":0";
  keys += '}';
  const auto begin = std::chrono::steady_clock::now();
  CHECK(Json::parse(keys, "m").as_object()->size() > 50'000);
  CHECK(Json::parse(repeated("[", 1) + repeated("[],", 340'000) + "[]]", "m").as_array()->size() == 340'001);
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(10));
}
