// SPDX-License-Identifier: Apache-2.0
#include "sinew/core/dtype.hpp"

#include <array>
#include <cmath>
#include <utility>

namespace sinew {

BFloat16::BFloat16(float value) noexcept {
  const auto word = std::bit_cast<std::uint32_t>(value);
  if (std::isnan(value)) {
    bits = static_cast<std::uint16_t>((word >> 16) | 0x0040U);  // keep it a NaN when the payload is cut off
    return;
  }
  bits = static_cast<std::uint16_t>((word + 0x7FFFU + ((word >> 16) & 1U)) >> 16);
}

Float16::Float16(float value) noexcept {
  const auto word = std::bit_cast<std::uint32_t>(value);
  const auto sign = static_cast<std::uint16_t>((word >> 16) & 0x8000U);
  const std::uint32_t magnitude = word & 0x7FFFFFFFU;
  if (magnitude > 0x7F800000U) {
    bits = sign | 0x7E00U;
  } else if (magnitude >= 0x477FF000U) {  // rounds to 65536 or more
    bits = sign | 0x7C00U;
  } else if (magnitude < 0x38800000U) {  // subnormal: the unit is 2^-24, and adding 0.5 rounds in hardware
    const float scaled = std::bit_cast<float>(magnitude) + 0.5F;
    bits = static_cast<std::uint16_t>(sign | (std::bit_cast<std::uint32_t>(scaled) - 0x3F000000U));
  } else {
    const std::uint32_t rounded = magnitude - 0x38000000U + 0x0FFFU + ((magnitude >> 13) & 1U);
    bits = static_cast<std::uint16_t>(sign | (rounded >> 13));
  }
}

Float16::operator float() const noexcept {
  const std::uint32_t sign = std::uint32_t{bits & 0x8000U} << 16;
  const std::uint32_t exponent = (bits >> 10) & 0x1FU;
  const std::uint32_t fraction = bits & 0x3FFU;
  if (exponent == 0x1F) return std::bit_cast<float>(sign | 0x7F800000U | (fraction << 13));
  if (exponent == 0) return std::copysign(static_cast<float>(fraction) * 0x1p-24F, std::bit_cast<float>(sign));
  return std::bit_cast<float>(sign | ((exponent + 112U) << 23) | (fraction << 13));
}

namespace {
constexpr std::array<std::pair<DType, std::string_view>, 9> kNames{{{DType::boolean, "bool"},
                                                                    {DType::u8, "u8"},
                                                                    {DType::i8, "i8"},
                                                                    {DType::i32, "i32"},
                                                                    {DType::i64, "i64"},
                                                                    {DType::f16, "f16"},
                                                                    {DType::bf16, "bf16"},
                                                                    {DType::f32, "f32"},
                                                                    {DType::f64, "f64"}}};
}  // namespace

std::string_view to_string(DType dtype) noexcept {
  for (const auto& [value, name] : kNames)
    if (value == dtype) return name;
  return "unknown";
}

std::optional<DType> dtype_from_string(std::string_view name) noexcept {
  for (const auto& [value, known] : kNames)
    if (known == name) return value;
  return std::nullopt;
}

}  // namespace sinew
