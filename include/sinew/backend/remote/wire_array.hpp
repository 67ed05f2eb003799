// SPDX-License-Identifier: Apache-2.0
// Arrays on the wire: numpy's names of element types, and a view of numbers that lie in a received message.
#pragma once

#include <cstddef>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>

#include "sinew/core/dtype.hpp"
#include "sinew/core/shape.hpp"
#include "sinew/core/status.hpp"
#include "sinew/core/tensor.hpp"

namespace sinew::remote {

/// Row-major numbers in bytes that someone else owns. They need not be aligned: read them with `copy_to`.
struct WireArray {
  DType dtype = DType::f32;
  Shape shape{0};
  std::span<const std::byte> bytes{};  ///< shape.count() elements

  /// Copies into a tensor, converting among f16, f32 and f64; other types must be equal. Sets the tensor's shape. `bad_shape`,
  /// `over_capacity`; then the tensor is as it was.
  [[nodiscard]] Status copy_to(Tensor& tensor) const noexcept;
};

/// "<f4", "|u1", ...: of the element types that a tensor has, but bf16, which numpy lacks (empty).
[[nodiscard]] std::string_view numpy_name(DType dtype) noexcept;
/// Inverse of `numpy_name`; empty for every other text: objects, strings, big-endian numbers, and widths that no tensor has.
[[nodiscard]] std::optional<DType> dtype_from_numpy(std::string_view name) noexcept;

/// A view of `bytes`, when they are as many as the shape says. Empty otherwise, and for a product of the dimensions that overflows.
[[nodiscard]] std::optional<WireArray> wire_array(DType dtype, const Shape& shape, std::span<const std::byte> bytes) noexcept;

}  // namespace sinew::remote
