// SPDX-License-Identifier: Apache-2.0
// Element types, and both 16-bit floats at every value and every rounding boundary.
#include "sinew/core/dtype.hpp"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>

#include "test_seed.hpp"

using namespace sinew;

#if defined(__aarch64__)
using CompilerHalf = __fp16;  // g++ 12 knows _Float16 in C++ on x86 only
#else
using CompilerHalf = _Float16;
#endif

namespace {

/// Value of a binary floating-point code by its definition: sign, exponent, fraction. `fraction` in bits.
double by_definition(std::uint32_t code, int exponent_bits, int fraction_bits) {
  const int bias = (1 << (exponent_bits - 1)) - 1;
  const auto exponent = static_cast<int>((code >> fraction_bits) & ((1U << exponent_bits) - 1));
  const double fraction = static_cast<double>(code & ((1U << fraction_bits) - 1)) / static_cast<double>(1U << fraction_bits);
  const double sign = (code >> (exponent_bits + fraction_bits)) != 0 ? -1.0 : 1.0;
  if (exponent == (1 << exponent_bits) - 1) return fraction != 0 ? std::numeric_limits<double>::quiet_NaN() : sign * HUGE_VAL;
  if (exponent == 0) return sign * std::ldexp(fraction, 1 - bias);
  return sign * std::ldexp(1 + fraction, exponent - bias);
}

/// Every rounding boundary of a 16-bit float: between neighbours, half-way goes to the even code, all else to the nearer.
/// Monotonicity in between follows because the codes are those of a sorted list and every boundary is tested from both sides.
template <class Half>
void check_rounding(std::uint16_t last_finite) {
  const auto code = [](float value) { return Half(value).bits; };
  const auto value = [](std::uint16_t bits) {
    Half half;
    half.bits = bits;
    return static_cast<float>(half);
  };
  for (std::uint16_t low = 0; low < last_finite; ++low) {
    const auto high = static_cast<std::uint16_t>(low + 1);
    const auto middle = static_cast<float>((static_cast<double>(value(low)) + static_cast<double>(value(high))) / 2);
    const auto even = static_cast<std::uint16_t>(low % 2 == 0 ? low : high);
    const bool good = code(value(low)) == low && code(middle) == even && code(std::nextafterf(middle, 0.0F)) == low &&
                      code(std::nextafterf(middle, HUGE_VALF)) == high && code(-middle) == (even | 0x8000U) &&
                      code(-std::nextafterf(middle, 0.0F)) == (low | 0x8000U);
    if (!good) FAIL("between codes " << low << " and " << high);
  }
}

}  // namespace

TEST_CASE("f16: all 65536 codes have the value that IEEE 754 defines, and come back") {
  for (std::uint32_t code = 0; code < 0x10000; ++code) {
    Float16 half;
    half.bits = static_cast<std::uint16_t>(code);
    const double expected = by_definition(code, 5, 10);
    const auto got = static_cast<float>(half);
    if (std::isnan(expected)) {
      if (!std::isnan(got) || !std::isnan(static_cast<float>(Float16(got)))) FAIL("NaN " << code);
    } else if (std::bit_cast<std::uint64_t>(static_cast<double>(got)) != std::bit_cast<std::uint64_t>(expected) ||
               Float16(got).bits != code) {
      FAIL("code " << code);
    }
  }
}

TEST_CASE("bf16: all 65536 codes have the value that the definition gives, and come back") {
  for (std::uint32_t code = 0; code < 0x10000; ++code) {
    BFloat16 half;
    half.bits = static_cast<std::uint16_t>(code);
    const double expected = by_definition(code, 8, 7);
    const auto got = static_cast<float>(half);
    if (std::isnan(expected)) {
      if (!std::isnan(got) || !std::isnan(static_cast<float>(BFloat16(got)))) FAIL("NaN " << code);
    } else if (std::bit_cast<std::uint64_t>(static_cast<double>(got)) != std::bit_cast<std::uint64_t>(expected) ||
               BFloat16(got).bits != code) {
      FAIL("code " << code);
    }
  }
}

TEST_CASE("f16: rounds to nearest, ties to even, at every boundary; overflow gives infinity") {
  check_rounding<Float16>(0x7BFF);
  CHECK(Float16(65519.996F).bits == 0x7BFF);
  CHECK(Float16(65520.0F).bits == 0x7C00);
  CHECK(Float16(-1e30F).bits == 0xFC00);
  CHECK(Float16(HUGE_VALF).bits == 0x7C00);
  CHECK(Float16(0x1p-25F).bits == 0);
  CHECK(Float16(std::nextafterf(0x1p-25F, 1.0F)).bits == 1);
  CHECK(Float16(-0.0F).bits == 0x8000);
}

TEST_CASE("bf16: rounds to nearest, ties to even, at every boundary; NaN stays NaN when its payload is cut off") {
  check_rounding<BFloat16>(0x7F7F);
  CHECK(BFloat16(std::numeric_limits<float>::max()).bits == 0x7F80);
  CHECK(BFloat16(HUGE_VALF).bits == 0x7F80);
  CHECK(std::isnan(static_cast<float>(BFloat16(std::bit_cast<float>(0x7F800001U)))));
  CHECK(std::isnan(static_cast<float>(BFloat16(std::bit_cast<float>(0xFFFFFFFFU)))));
}

#ifdef __FLT16_MAX__
TEST_CASE("f16: agrees with the compiler's own type on random floats") {
  sinew::testing::Random random(5);
  for (int i = 0; i < 4'000'000; ++i) {
    // Exponents around the range of f16; the rest of a float's range only overflows or vanishes.
    const auto bits = static_cast<std::uint32_t>(random.bits());
    const std::uint32_t word = i % 4 == 0 ? bits : (bits & 0x807FFFFFU) | (0x60U + (bits >> 8) % 0x34U) << 23;
    const auto value = std::bit_cast<float>(word);
    const auto expected = std::bit_cast<std::uint16_t>(static_cast<CompilerHalf>(value));
    if (std::isnan(value) ? !std::isnan(static_cast<float>(Float16(value))) : Float16(value).bits != expected) FAIL("float bits " << word);
  }
}
#endif

TEST_CASE("dtype: names are unique and go both ways, sizes are those of the types") {
  for (const auto dtype : {DType::boolean, DType::u8, DType::i8, DType::i32, DType::i64, DType::f16, DType::bf16, DType::f32, DType::f64}) {
    CHECK(dtype_from_string(to_string(dtype)) == dtype);
    CHECK(size_of(dtype) > 0);
  }
  CHECK_FALSE(dtype_from_string("float").has_value());
  CHECK_FALSE(dtype_from_string("").has_value());
  CHECK(to_string(static_cast<DType>(99)) == "unknown");
  CHECK(size_of(dtype_v<bool>) == sizeof(bool));
  CHECK(size_of(dtype_v<std::uint8_t>) == 1);
  CHECK(size_of(dtype_v<std::int8_t>) == 1);
  CHECK(size_of(dtype_v<std::int32_t>) == 4);
  CHECK(size_of(dtype_v<std::int64_t>) == 8);
  CHECK(size_of(dtype_v<Float16>) == sizeof(Float16));
  CHECK(size_of(dtype_v<BFloat16>) == sizeof(BFloat16));
  CHECK(size_of(dtype_v<float>) == 4);
  CHECK(size_of(dtype_v<double>) == 8);
  static_assert(!Element<int*> && !Element<std::uint16_t> && Element<Float16>);
}
