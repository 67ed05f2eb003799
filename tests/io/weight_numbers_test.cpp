// SPDX-License-Identifier: Apache-2.0
// Numbers of weights from type to type, against rounding by comparison with both neighbours, on every instruction set.
#include <doctest/doctest.h>

#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "sinew/core/error.hpp"
#include "sinew/core/isa.hpp"
#include "sinew/io/safetensors.hpp"
#include "sinew/io/weights.hpp"
#include "temporary_directory.hpp"
#include "test_seed.hpp"

using namespace sinew;

namespace {

/// What the file has, as its own type, and what each number should be.
template <class Stored>
struct Numbers {
  DType dtype;
  std::vector<Stored> stored;
  std::vector<double> values;
};

double value_of_half(std::uint16_t bits) {
  const int exponent = bits >> 10 & 0x1F, fraction = bits & 0x3FF;
  const double magnitude = exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25);
  return bits & 0x8000 ? -magnitude : magnitude;
}

float value_of_brain(std::uint32_t bits) { return std::bit_cast<float>(bits << 16); }

/// The nearest brain float, found by halving the interval and comparing the distances to both neighbours.
std::uint16_t nearest_brain(double value) {
  const auto magnitude = static_cast<long double>(std::abs(value));
  const auto at = [](std::uint32_t bits) { return bits == 0x7F80 ? 0x1p128L : static_cast<long double>(value_of_brain(bits)); };
  std::uint32_t low = 0, high = 0x7F80;
  while (high - low > 1) (at((low + high) / 2) <= magnitude ? low : high) = (low + high) / 2;
  const long double below = magnitude - at(low), above = at(high) - magnitude;
  const std::uint32_t nearest = below < above || (below == above && low % 2 == 0) ? low : high;
  return static_cast<std::uint16_t>(nearest | (std::signbit(value) ? 0x8000U : 0U));
}

/// Not write_safetensors, which waits for the disk.
Weights model_of(const sinew::testing::TemporaryDirectory& folder, const SafetensorsTensor& tensor) {
  const auto bytes = to_safetensors(std::span(&tensor, 1));
  folder.write("model.safetensors", {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  return Weights::open(folder.path());
}

template <class Stored>
void check(const Numbers<Stored>& numbers) {
  const sinew::testing::TemporaryDirectory folder;
  const auto count = static_cast<std::int64_t>(numbers.stored.size());
  Weights weights = model_of(folder, {"a", numbers.dtype, {count}, std::as_bytes(std::span(numbers.stored))});
  const RowSource source = weights.rows("a", count, 1);
  std::vector<float> floats(numbers.stored.size());
  std::vector<std::uint16_t> brains(numbers.stored.size());
  for (const Isa isa : available_isas()) {
    select_isa(isa);
    CAPTURE(to_string(isa));
    source.read(0, count, DType::f32, reinterpret_cast<std::byte*>(floats.data()));
    source.read(0, count, DType::bf16, reinterpret_cast<std::byte*>(brains.data()));
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < floats.size(); ++i) {
      const auto expected = static_cast<float>(numbers.values[i]);
      wrong += std::bit_cast<std::uint32_t>(floats[i]) != std::bit_cast<std::uint32_t>(expected);
      wrong += brains[i] != nearest_brain(numbers.values[i]);
    }
    CHECK(wrong == 0);
  }
  select_isa(available_isas().back());
}

/// Finite numbers from random bits, and those next to the middle between two brain floats.
template <class Value, class Bits>
Numbers<Value> numbers_of(DType dtype) {
  sinew::testing::Random random;
  Numbers<Value> numbers{dtype, {}, {}};
  const auto add = [&](Value value) {
    if (!(std::abs(static_cast<double>(value)) < 3.38e38)) return;  // of finite floats all have a finite neighbour
    numbers.stored.push_back(value);
    numbers.values.push_back(value);
  };
  for (int i = 0; i < 20'000; ++i) {
    add(std::bit_cast<Value>(static_cast<Bits>(random.bits())));
    const auto brain = static_cast<std::uint32_t>(random.below(0x10000));
    const auto middle = static_cast<Value>(std::bit_cast<float>(brain << 16 | 0x8000U));
    if (!std::isfinite(middle)) continue;
    add(middle);
    add(std::nextafter(middle, Value{0}));
    add(std::nextafter(middle, 2 * middle));
    add(static_cast<Value>(value_of_brain(brain)));
  }
  return numbers;
}

}  // namespace

TEST_CASE("weight numbers: f16, all that are finite") {
  Numbers<std::uint16_t> numbers{DType::f16, {}, {}};
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    if ((bits & 0x7C00U) == 0x7C00U) continue;
    numbers.stored.push_back(static_cast<std::uint16_t>(bits));
    numbers.values.push_back(value_of_half(static_cast<std::uint16_t>(bits)));
  }
  check(numbers);
}

TEST_CASE("weight numbers: bf16, all that are finite") {
  Numbers<std::uint16_t> numbers{DType::bf16, {}, {}};
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    if ((bits & 0x7F80U) == 0x7F80U) continue;
    numbers.stored.push_back(static_cast<std::uint16_t>(bits));
    numbers.values.push_back(value_of_brain(bits));
  }
  check(numbers);
}

TEST_CASE("weight numbers: f32") { check(numbers_of<float, std::uint32_t>(DType::f32)); }

TEST_CASE("weight numbers: f64, rounded once") { check(numbers_of<double, std::uint64_t>(DType::f64)); }

TEST_CASE("weight numbers: what is not finite, or too large for the type that is asked for, is refused in any lane") {
  const auto refuses = [](DType dtype, std::span<const std::byte> bytes, DType as) {
    const sinew::testing::TemporaryDirectory folder;
    const auto count = static_cast<std::int64_t>(bytes.size() / size_of(dtype));
    Weights weights = model_of(folder, {"a", dtype, {count}, bytes});
    std::vector<std::byte> out(static_cast<std::size_t>(count) * 4);
    try {
      weights.rows("a", count, 1).read(0, count, as, out.data());
    } catch (const Error&) {
      return true;
    }
    return false;
  };
  constexpr std::size_t kCount = 77;
  for (const Isa isa : available_isas()) {
    select_isa(isa);
    CAPTURE(to_string(isa));
    for (std::size_t place = 0; place < kCount; place += 19) {
      const auto with = [&]<class T>(T value) {
        std::vector<T> values(kCount);
        values[place] = value;
        return values;
      };
      const auto check_all = [&](DType dtype, const auto& values, bool as_float, bool as_brain) {
        CHECK(refuses(dtype, std::as_bytes(std::span(values)), DType::f32) == as_float);
        CHECK(refuses(dtype, std::as_bytes(std::span(values)), DType::bf16) == as_brain);
      };
      for (const auto bits : std::array<std::uint16_t, 4>{0x7F80, 0xFF80, 0x7FFF, 0xFF81}) check_all(DType::bf16, with(bits), true, true);
      for (const auto bits : std::array<std::uint16_t, 4>{0x7C00, 0xFC00, 0x7FFF, 0xFC01}) check_all(DType::f16, with(bits), true, true);
      for (const std::uint32_t bits : {0x7F800000U, 0xFF800000U, 0x7FFFFFFFU, 0xFF800001U}) check_all(DType::f32, with(bits), true, true);
      check_all(DType::f32, with(std::numeric_limits<float>::max()), false, true);
      check_all(DType::f64, with(std::numeric_limits<double>::quiet_NaN()), true, true);
      check_all(DType::f64, with(-1e39), true, true);
      check_all(DType::f64, with(3.4e38), false, true);
      check_all(DType::f64, with(3e38), false, false);
    }
  }
  select_isa(available_isas().back());
}
