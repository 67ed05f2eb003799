// SPDX-License-Identifier: Apache-2.0
// crc32 against published check values and against the definition, bit by bit.
#include "sinew/record/crc32.hpp"

#include <doctest/doctest.h>

#include <string_view>
#include <vector>

#include "test_seed.hpp"

namespace {

using sinew::crc32;

std::uint32_t crc_of(std::string_view text) { return crc32({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}); }

/// The definition: long division by the polynomial, one bit at a time.
std::uint32_t divide(std::span<const std::uint8_t> bytes) {
  std::uint32_t remainder = 0xFFFFFFFF;
  for (const std::uint8_t byte : bytes) {
    for (int bit = 0; bit < 8; ++bit) {
      const bool carry = ((remainder ^ (static_cast<std::uint32_t>(byte) >> bit)) & 1U) != 0;
      remainder = (remainder >> 1) ^ (carry ? 0xEDB88320U : 0U);
    }
  }
  return ~remainder;
}

}  // namespace

TEST_CASE("crc32: gives the published check values") {
  CHECK(crc_of("123456789") == 0xCBF43926);
  CHECK(crc_of("") == 0);
  CHECK(crc_of("a") == 0xE8B7BE43);
  CHECK(crc_of("The quick brown fox jumps over the lazy dog") == 0x414FA339);
}

TEST_CASE("crc32: divides as its definition, at every length and however it is cut") {
  sinew::testing::Random random(1);
  for (std::size_t length = 0; length < 70; ++length) {
    std::vector<std::uint8_t> bytes(length);
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random.bits());
    const std::span<const std::uint8_t> all(bytes);
    CAPTURE(length);
    CHECK(crc32(all) == divide(all));
    const std::size_t cut = random.below(length + 1);
    CHECK(crc32(all.subspan(cut), crc32(all.first(cut))) == divide(all));
  }
}
