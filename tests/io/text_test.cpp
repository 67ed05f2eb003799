// SPDX-License-Identifier: Apache-2.0
// UTF-8 validity, exhaustively for one code point, and safe display.
#include "sinew/io/text.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <string>

namespace {

/// Decodes by arithmetic instead of a table: the code point, or a negative number where `text` is no single one.
std::int64_t decode(const std::string& text) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(text[i])); };
  const std::size_t size = text.size();
  const std::uint32_t lead = byte(0);
  const std::size_t needed = lead < 0x80 ? 1 : lead >> 5 == 6 ? 2 : lead >> 4 == 14 ? 3 : lead >> 3 == 30 ? 4 : 0;
  if (needed != size) return -1;
  std::uint32_t value = size == 1 ? lead : lead & (0x7FU >> size);
  for (std::size_t i = 1; i < size; ++i) {
    if (byte(i) >> 6 != 2) return -2;
    value = value << 6 | (byte(i) & 0x3F);
  }
  constexpr std::uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  if (value < kLeast[size] || value > 0x10FFFF || (value >= 0xD800 && value < 0xE000)) return -3;
  return value;
}

}  // namespace

TEST_CASE("utf8: two and three bytes, every combination, agree with decoding by arithmetic") {
  std::size_t valid = 0;
  for (std::uint32_t bits = 0; bits < 1U << 24; ++bits) {
    const std::string three{static_cast<char>(bits >> 16), static_cast<char>(bits >> 8), static_cast<char>(bits)};
    const unsigned lead = bits >> 16;
    if (lead < 0xE0 && (bits & 0xFF) != 0) continue;  // of shorter ones, the first two bytes say it all
    const std::string text = lead < 0xE0 ? three.substr(0, 2) : three;
    if (lead < 0x80) continue;
    const bool expected = decode(text) >= 0;
    valid += expected;
    if (sinew::is_utf8(text) != expected) FAIL("differs at " << bits);
  }
  CHECK(valid == 0x800 - 0x80 + 0x10000 - 0x800 - 0x800);
}

TEST_CASE("utf8: four bytes agree at every lead, second byte and edge of the rest") {
  std::size_t valid = 0;
  for (unsigned lead = 0xF0; lead < 0x100; ++lead)
    for (unsigned second = 0; second < 0x100; ++second)
      for (const unsigned third : {0x00U, 0x7FU, 0x80U, 0xBFU, 0xC0U, 0xFFU})
        for (const unsigned fourth : {0x00U, 0x7FU, 0x80U, 0xBFU, 0xC0U, 0xFFU}) {
          const std::string text{static_cast<char>(lead), static_cast<char>(second), static_cast<char>(third), static_cast<char>(fourth)};
          valid += decode(text) >= 0;
          if (sinew::is_utf8(text) != (decode(text) >= 0)) FAIL("differs at " << lead << ' ' << second << ' ' << third << ' ' << fourth);
        }
  CHECK(valid == (0x110 - 0x10) * 4);
}

TEST_CASE("utf8_prefix: stops before the first broken byte, and at a cut") {
  CHECK(sinew::utf8_prefix("") == 0);
  CHECK(sinew::utf8_prefix("abc") == 3);
  CHECK(sinew::utf8_prefix("a\xC3\xA9\xFFz") == 3);
  CHECK(sinew::utf8_prefix("a\xE2\x82") == 1);
  CHECK(sinew::utf8_prefix("\xF0\x9F\xA4") == 0);
  CHECK(sinew::utf8_prefix(std::string("a\0b", 3)) == 3);
}

TEST_CASE("printable: nothing that drives a terminal gets through, and long texts are cut") {
  CHECK(sinew::printable("caf\xC3\xA9") == "caf\xC3\xA9");
  CHECK(sinew::printable("\x1b[2J\n\x7f\xff") == "\\x1b[2J\\x0a\\x7f\\xff");
  CHECK(sinew::printable("\xC2\x9B") == "\\xc2\\x9b");  // CSI as one C1 character
  CHECK(sinew::printable("abcdef", 3) == "abc...");
  CHECK(sinew::printable("abc", 3) == "abc");
  CHECK(sinew::quote("x") == "'x'");
}
