// SPDX-License-Identifier: Apache-2.0
// Memory of one inference: taken in order, given back in the opposite order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "sinew/core/tensor.hpp"

namespace sinew {

/// A stack of memory. It grows while the first call of a shape runs; once it is empty again, one block holds all that was needed, and the
/// next call of that shape takes nothing from the heap.
class Arena {
 public:
  static constexpr std::size_t kAlignment = Tensor::kAlignment;

  struct Mark {
    std::size_t block = 0;
    std::size_t used = 0;      ///< bytes of that block
    std::size_t in_total = 0;  ///< bytes in use before
    std::uint32_t live = 0;    ///< allocations before
  };

  /// 64-byte aligned, uninitialised. Throws std::bad_alloc.
  [[nodiscard]] std::byte* allocate(std::size_t bytes);
  [[nodiscard]] Mark mark() const noexcept { return {block_, used_, total_, live_}; }
  /// Gives back what was allocated since; its bytes stay as they are until the next allocation.
  void release(const Mark& mark) noexcept;
  /// Makes one block of several when nothing is in use.
  void merge_blocks() noexcept;

  /// Serial number of the last allocation; `is_live` is false once a release has passed it, whatever was allocated since.
  [[nodiscard]] std::uint64_t serial() const noexcept { return serial_; }
  [[nodiscard]] bool is_live(std::uint32_t place, std::uint64_t serial) const noexcept {
    return place < live_ && serials_[place] == serial;
  }
  [[nodiscard]] std::uint32_t live() const noexcept { return live_; }

  [[nodiscard]] std::size_t used() const noexcept { return total_; }
  [[nodiscard]] std::size_t peak() const noexcept { return peak_; }  ///< most bytes that were in use at once

 private:
  std::vector<Tensor> blocks_;  // of bytes; empty ones have rank 0
  std::size_t block_ = 0;       // that allocations come from
  std::size_t used_ = 0;
  std::size_t total_ = 0;
  std::size_t peak_ = 0;
  std::uint64_t serial_ = 0;
  std::uint32_t live_ = 0;
  std::vector<std::uint64_t> serials_;  // of the live allocations
};

}  // namespace sinew
