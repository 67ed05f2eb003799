// SPDX-License-Identifier: Apache-2.0
// Between sinew::Tensor and at::Tensor: a view that shares memory, and a checked copy back. Needs the target sinew::torch.
#pragma once

#include <cstdint>

#include "sinew/core/dtype.hpp"
#include "sinew/core/status.hpp"
#include "sinew/core/tensor.hpp"

// Declared, not included: ATen's headers cost seconds per file, and only those who use the results need them.
namespace at {
class Tensor;
}
namespace c10 {
enum class ScalarType : std::int8_t;
}

namespace sinew {

/// The element type under PyTorch's name.
[[nodiscard]] c10::ScalarType to_torch(DType dtype) noexcept;

/// The element type under our name. Throws Error (`unsupported`) for those that a sinew::Tensor cannot hold: complex,
/// quantised, 8-bit float, 16-bit integer.
[[nodiscard]] DType from_torch(c10::ScalarType type);

/// `tensor` in its current shape as a contiguous CPU tensor that shares its memory: writing one writes the other.
/// Points into `tensor`; invalid once that is moved, assigned to or destroyed, and blind to a later `set_shape`.
/// 64-byte aligned. ATen allocates its own small header per call. Throws Error for a tensor without memory.
[[nodiscard]] at::Tensor as_torch(Tensor& tensor);

/// Copies `source` (any strides, any device) into `target` and sets its current shape.
/// `missing` when either has no memory, `bad_shape` for another dtype or rank, `over_capacity` when a dimension exceeds the
/// maximum of `target`, `backend_failed` when PyTorch could not copy; `target` is unchanged but for the last.
[[nodiscard]] Status copy_from_torch(const at::Tensor& source, Tensor& target) noexcept;

}  // namespace sinew
