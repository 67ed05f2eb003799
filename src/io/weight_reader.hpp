// SPDX-License-Identifier: Apache-2.0
// Reads numbers of one tensor of an open file, in bands that stay in the cache while they are converted and checked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "sinew/core/dtype.hpp"
#include "sinew/io/file.hpp"

namespace sinew::detail {

/// f64, f32, f16 and bf16 are what weights may be stored as.
[[nodiscard]] constexpr bool is_float(DType dtype) noexcept {
  return dtype == DType::f64 || dtype == DType::f32 || dtype == DType::f16 || dtype == DType::bf16;
}

/// A tensor of floating-point numbers in a file. Const members may be called from several threads at once.
class WeightReader {
 public:
  WeightReader(std::shared_ptr<const RandomAccessFile> file, std::string name, std::size_t offset, DType stored)
      : file_(std::move(file)), name_(std::move(name)), offset_(offset), stored_(stored) {}

  /// Writes numbers `first` to `first + count`, which the tensor has, as `as` (f32 or bf16). Throws Error for one that is not finite.
  void read(std::size_t first, std::size_t count, DType as, std::byte* out) const;

  [[nodiscard]] const std::string& where() const noexcept { return file_->where(); }
  [[nodiscard]] const std::string& name() const noexcept { return name_; }

 private:
  /// Names the number of `values` that is not finite; `first` is the place of the first in the tensor.
  [[noreturn]] void refuse(const std::byte* values, DType dtype, std::size_t first) const;

  std::shared_ptr<const RandomAccessFile> file_;
  std::string name_;
  std::size_t offset_;
  DType stored_;
};

}  // namespace sinew::detail
