// SPDX-License-Identifier: Apache-2.0
// Dimensions of a tensor, held in place (rank <= 8), with an overflow-checked element count.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>

namespace sinew {

/// Dimensions of a row-major tensor. Rank 0 is a scalar.
class Shape {
 public:
  static constexpr std::size_t kMaxRank = 8;

  Shape() = default;
  Shape(std::initializer_list<std::int64_t> dims) : Shape(std::span(dims.begin(), dims.size())) {}
  /// Throws Error when there are more than eight dimensions or one is negative.
  explicit Shape(std::span<const std::int64_t> dims);

  [[nodiscard]] std::size_t rank() const noexcept { return rank_; }
  /// Size along `axis` < rank().
  [[nodiscard]] std::int64_t operator[](std::size_t axis) const noexcept { return dims_[axis]; }
  [[nodiscard]] std::span<const std::int64_t> dims() const noexcept { return {dims_.data(), rank_}; }
  /// Product of the dimensions, or empty when it does not fit into 63 bits. Zero dimensions do not hide an overflow.
  [[nodiscard]] std::optional<std::int64_t> checked_count() const noexcept;
  /// Product of the dimensions of a shape that was checked before.
  [[nodiscard]] std::size_t count() const noexcept { return static_cast<std::size_t>(checked_count().value_or(0)); }
  /// Same rank and every dimension at most that of `capacity`.
  [[nodiscard]] bool fits_in(const Shape& capacity) const noexcept;

  friend bool operator==(const Shape& a, const Shape& b) noexcept = default;

 private:
  std::array<std::int64_t, kMaxRank> dims_{};
  std::uint8_t rank_ = 0;
};

/// "[16, 8]".
[[nodiscard]] std::string to_string(const Shape& shape);

}  // namespace sinew
