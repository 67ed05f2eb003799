// SPDX-License-Identifier: Apache-2.0
// What CpuOps computes with: views of f32 activations, and owned weights.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>

#include "sinew/core/dtype.hpp"
#include "sinew/core/shape.hpp"
#include "sinew/nn/tensor_ops.hpp"

namespace sinew {

/// A view of f32 numbers in the arena, in a parameter or in the caller's memory. Rank 1 to 4.
class CpuTensor {
 public:
  static constexpr std::size_t kMaxRank = 4;

  CpuTensor() = default;

  [[nodiscard]] std::size_t rank() const noexcept { return rank_; }
  [[nodiscard]] std::int64_t size(std::int64_t axis) const noexcept { return sizes_[static_cast<std::size_t>(axis)]; }
  /// Floats from one entry along the axis to the next.
  [[nodiscard]] std::int64_t stride(std::int64_t axis) const noexcept { return strides_[static_cast<std::size_t>(axis)]; }
  [[nodiscard]] Shape shape() const { return Shape(std::span<const std::int64_t>(sizes_.data(), rank_)); }
  [[nodiscard]] std::int64_t count() const noexcept;
  /// Size of the last axis.
  [[nodiscard]] std::int64_t width() const noexcept { return sizes_[rank_ - 1]; }
  /// Product of the others.
  [[nodiscard]] std::int64_t rows() const noexcept { return width() == 0 ? 0 : count() / width(); }
  [[nodiscard]] bool dense() const noexcept;
  /// Floats from row to row when all rows lie at equal distances, else -1; the last axis is dense.
  [[nodiscard]] std::int64_t row_stride() const noexcept;
  [[nodiscard]] const float* data() const noexcept { return data_; }

 private:
  friend class CpuOps;

  float* data_ = nullptr;
  std::array<std::int64_t, kMaxRank> sizes_{};
  std::array<std::int64_t, kMaxRank> strides_{};
  std::uint8_t rank_ = 0;
  bool writable_ = false;
  std::uint32_t place_ = 0;   // in the arena's list of allocations
  std::uint64_t serial_ = 0;  // of that allocation; 0: not in the arena
};

/// Uninitialised memory, 64-byte aligned; in huge pages where it fills some and the system has them.
class CpuBuffer {
 public:
  CpuBuffer() = default;
  /// Throws std::bad_alloc.
  explicit CpuBuffer(std::size_t bytes);
  [[nodiscard]] std::byte* data() const noexcept { return data_.get(); }

 private:
  struct Free {
    std::align_val_t alignment;
    void operator()(std::byte* data) const noexcept;
  };
  std::unique_ptr<std::byte, Free> data_;
};

/// Weight of a linear layer, `[outputs, inputs]`, in panels (src/backend/cpu/kernels/matrix.hpp).
struct CpuMatrix {
  CpuBuffer panels;
  DType dtype = DType::f32;  ///< or bf16
  std::int64_t outputs = 0;
  std::int64_t inputs = 0;
};

/// Weights of a convolution: a matrix of `[outputs, size * size * padded]`.
struct CpuFilter {
  CpuMatrix matrix;
  nn::Window window{};
  std::int64_t channels = 0;
  std::int64_t padded = 0;  ///< channels as they are computed with: an even number for brain floats
};

/// A small constant tensor.
struct CpuParameter {
  CpuBuffer values;
  Shape shape;
};

/// Keys or values of a running sequence, `[capacity, heads, dim]`.
struct CpuCache {
  CpuBuffer values;
  std::int64_t capacity = 0;
  std::int64_t heads = 0;
  std::int64_t dim = 0;
  std::int64_t length = 0;
};

/// What a recurrence remembers of a running sequence.
struct CpuState {
  CpuBuffer values;
  Shape shape;
};

}  // namespace sinew
