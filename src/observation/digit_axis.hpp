// SPDX-License-Identifier: Apache-2.0
// A fixed-point axis for kernels that multiply bytes: each weight is a sum of signed digits to the base 256.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <vector>

#include "resample_axis.hpp"

namespace sinew::detail {

/// Memory on cache lines: a vector that straddles two costs two loads.
template <class Value>
struct LineAllocator {
  using value_type = Value;
  static constexpr std::align_val_t kLine{64};
  LineAllocator() = default;
  template <class Other>
  LineAllocator(const LineAllocator<Other>&) noexcept {}
  Value* allocate(std::size_t count) { return static_cast<Value*>(::operator new(count * sizeof(Value), kLine)); }
  void deallocate(Value* memory, std::size_t) noexcept { ::operator delete(memory, kLine); }
  friend bool operator==(const LineAllocator&, const LineAllocator&) { return true; }
};

/// The layout of DigitHorizontal. `digits` is 0 when the axis does not fit: a weight is too large, or a window too wide for one vector.
struct DigitColumns {
  int channels = 0;  ///< 0: not packed yet
  int digits = 0;
  int quads = 0;
  std::size_t reach = 0;  ///< bytes of a row that the kernel reads, from its beginning
  std::vector<std::int32_t> starts;
  std::vector<std::uint8_t, LineAllocator<std::uint8_t>> places;
  std::vector<std::int8_t, LineAllocator<std::int8_t>> weights;
};

/// The layout of DigitVertical for every output sample; `digits` as above.
struct DigitRows {
  int digits = 0;
  int quads = 0;
  std::vector<std::int32_t> weights;  ///< [out, quads, digits] four signed bytes each
};

void pack_digits(const ResampleAxis& axis, int channels, DigitColumns& out);
void pack_digits(const ResampleAxis& axis, DigitRows& out);

}  // namespace sinew::detail
