// SPDX-License-Identifier: Apache-2.0
// What the reader and the writer of safetensors files share: the types of the format and the sizes of tensors.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "sinew/core/dtype.hpp"
#include "sinew/core/shape.hpp"

namespace sinew::safetensors {

inline constexpr std::size_t kLengthBytes = 8;
inline constexpr std::string_view kMetadata = "__metadata__";
inline constexpr std::size_t kMaxRank = Shape::kMaxRank;

/// Types of the format, in the order in which the reference library sorts tensors (src/tensor.rs, enum Dtype), with bits per element.
struct Kind {
  std::string_view name;
  unsigned bits;
  std::optional<DType> dtype;
};
inline constexpr std::array<Kind, 20> kKinds{{
    {"BOOL", 8, DType::boolean},
    {"F4", 4, {}},
    {"F6_E2M3", 6, {}},
    {"F6_E3M2", 6, {}},
    {"U8", 8, DType::u8},
    {"I8", 8, DType::i8},
    {"F8_E5M2", 8, {}},
    {"F8_E4M3", 8, {}},
    {"F8_E8M0", 8, {}},
    {"I16", 16, {}},
    {"U16", 16, {}},
    {"F16", 16, DType::f16},
    {"BF16", 16, DType::bf16},
    {"I32", 32, DType::i32},
    {"U32", 32, {}},
    {"F32", 32, DType::f32},
    {"C64", 64, {}},
    {"F64", 64, DType::f64},
    {"I64", 64, DType::i64},
    {"U64", 64, {}},
}};

[[nodiscard]] inline const Kind* find_kind(std::string_view name) noexcept {
  const auto found = std::ranges::find(kKinds, name, &Kind::name);
  return found == kKinds.end() ? nullptr : &*found;
}

[[nodiscard]] inline const Kind& kind_of(DType dtype) noexcept { return *std::ranges::find(kKinds, std::optional(dtype), &Kind::dtype); }

/// Elements of a shape, or nothing when they do not fit 63 bits: a dimension of 0 does not hide that.
[[nodiscard]] inline std::optional<std::int64_t> elements(std::span<const std::int64_t> shape) noexcept {
  std::int64_t count = 1;
  for (const std::int64_t size : shape)
    if (size < 0 || (size > 0 && __builtin_mul_overflow(count, size, &count))) return {};
  return std::ranges::find(shape, 0) == shape.end() ? count : 0;
}

/// Bytes that a shape of this type needs, or nothing.
[[nodiscard]] inline std::optional<std::uint64_t> bytes_of(std::span<const std::int64_t> shape, const Kind& kind) noexcept {
  const auto count = elements(shape);
  std::uint64_t bits = 0;
  if (!count || __builtin_mul_overflow(static_cast<std::uint64_t>(*count), std::uint64_t{kind.bits}, &bits)) return {};
  return bits % 8 == 0 ? std::optional(bits / 8) : std::nullopt;
}

}  // namespace sinew::safetensors
