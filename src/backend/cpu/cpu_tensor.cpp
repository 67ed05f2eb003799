// SPDX-License-Identifier: Apache-2.0
#include "sinew/backend/cpu/cpu_tensor.hpp"

#include <sys/mman.h>

#include <new>

#include "sinew/core/tensor.hpp"

namespace sinew {

std::int64_t CpuTensor::count() const noexcept {
  std::int64_t count = 1;
  for (std::size_t axis = 0; axis < rank_; ++axis) count *= sizes_[axis];
  return count;
}

bool CpuTensor::dense() const noexcept {
  if (count() == 0) return true;
  std::int64_t expected = 1;
  for (std::size_t axis = rank_; axis-- > 0;) {
    if (sizes_[axis] != 1 && strides_[axis] != expected) return false;
    expected *= sizes_[axis];
  }
  return true;
}

std::int64_t CpuTensor::row_stride() const noexcept {
  if (width() > 1 && strides_[rank_ - 1] != 1) return -1;
  // The innermost axis with more than one entry sets the distance; those outside must continue it.
  std::int64_t stride = -1, expected = -1;
  for (std::size_t axis = rank_ - 1; axis-- > 0;) {
    if (sizes_[axis] == 1) continue;
    if (stride < 0)
      stride = strides_[axis];
    else if (strides_[axis] != expected)
      return -1;
    expected = strides_[axis] * sizes_[axis];
  }
  return stride < 0 ? width() : stride;
}

namespace {

constexpr std::size_t kHugePage = std::size_t{2} << 20;

/// Large memory begins at a huge page: a fault for each 4 KiB costs more than reading the weights, and so do the misses of address
/// translation whenever they are used.
std::align_val_t alignment_of(std::size_t bytes) noexcept { return std::align_val_t{bytes < kHugePage ? Tensor::kAlignment : kHugePage}; }

}  // namespace

CpuBuffer::CpuBuffer(std::size_t bytes)
    : data_(static_cast<std::byte*>(::operator new(bytes == 0 ? 1 : bytes, alignment_of(bytes))), Free{alignment_of(bytes)}) {
#if defined(MADV_HUGEPAGE)
  const std::size_t whole = bytes / kHugePage * kHugePage;    // the rest stays in small pages: nothing is held that is not used
  if (whole > 0) madvise(data_.get(), whole, MADV_HUGEPAGE);  // a hint: without it all is as it was
#endif
}

void CpuBuffer::Free::operator()(std::byte* data) const noexcept { ::operator delete(data, alignment); }

}  // namespace sinew
