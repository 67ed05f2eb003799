// SPDX-License-Identifier: Apache-2.0
// Element types of tensors, with the two 16-bit floats that models use.
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace sinew {

/// Brain float: the upper half of an IEEE binary32. Storage only; compute in float.
struct BFloat16 {
  std::uint16_t bits = 0;
  BFloat16() = default;
  explicit BFloat16(float value) noexcept;  ///< rounds to nearest, ties to even; NaN stays NaN
  explicit operator float() const noexcept { return std::bit_cast<float>(std::uint32_t{bits} << 16); }
  friend bool operator==(BFloat16 a, BFloat16 b) noexcept { return float(a) == float(b); }
};

/// IEEE binary16. Storage only; compute in float.
struct Float16 {
  std::uint16_t bits = 0;
  Float16() = default;
  explicit Float16(float value) noexcept;  ///< rounds to nearest, ties to even; overflow gives infinity
  explicit operator float() const noexcept;
  friend bool operator==(Float16 a, Float16 b) noexcept { return float(a) == float(b); }
};

/// Element type of a tensor.
enum class DType : std::uint8_t { boolean, u8, i8, i32, i64, f16, bf16, f32, f64 };

/// Bytes of one element.
[[nodiscard]] constexpr std::size_t size_of(DType dtype) noexcept {
  switch (dtype) {
    case DType::boolean:
    case DType::u8:
    case DType::i8: return 1;
    case DType::f16:
    case DType::bf16: return 2;
    case DType::i32:
    case DType::f32: return 4;
    case DType::i64:
    case DType::f64: return 8;
  }
  return 0;
}

/// "bool", "u8", "i8", "i32", "i64", "f16", "bf16", "f32" or "f64".
[[nodiscard]] std::string_view to_string(DType dtype) noexcept;
/// Inverse of `to_string`; empty for an unknown name.
[[nodiscard]] std::optional<DType> dtype_from_string(std::string_view name) noexcept;

namespace detail {
template <class T>
struct dtype_of;
template <>
struct dtype_of<bool> {
  static constexpr DType value = DType::boolean;
};
template <>
struct dtype_of<std::uint8_t> {
  static constexpr DType value = DType::u8;
};
template <>
struct dtype_of<std::int8_t> {
  static constexpr DType value = DType::i8;
};
template <>
struct dtype_of<std::int32_t> {
  static constexpr DType value = DType::i32;
};
template <>
struct dtype_of<std::int64_t> {
  static constexpr DType value = DType::i64;
};
template <>
struct dtype_of<Float16> {
  static constexpr DType value = DType::f16;
};
template <>
struct dtype_of<BFloat16> {
  static constexpr DType value = DType::bf16;
};
template <>
struct dtype_of<float> {
  static constexpr DType value = DType::f32;
};
template <>
struct dtype_of<double> {
  static constexpr DType value = DType::f64;
};
}  // namespace detail

/// A C++ type that a tensor can hold.
template <class T>
concept Element = requires { detail::dtype_of<T>::value; };

/// The DType of a C++ type.
template <Element T>
inline constexpr DType dtype_v = detail::dtype_of<T>::value;

}  // namespace sinew
