// SPDX-License-Identifier: Apache-2.0
// What the vector kernels of core take and offer. Plain numbers and pointers only, as for kinematics (docs/architecture.md).
#pragma once

#include <cstddef>

#include "sinew/core/isa.hpp"

namespace sinew::detail {

inline constexpr std::size_t kMaxLanes = 16;  ///< of any kernel

/// `out = clip((clip(in) - offset) * factor + shift)`, each coefficient by place. Arrays repeat every `period` places and go on for
/// kMaxLanes behind that; `period` is at least kMaxLanes.
struct AffineMap {
  std::size_t period;
  std::size_t start;  ///< place of the first value, below `period`
  const double* offset;
  const double* factor;
  const double* shift;
  const float* offset_high;  ///< the offset as a sum of two floats: a difference of near numbers keeps its digits
  const float* offset_low;
  const float* factor_single;
  const float* shift_single;
  const float* low;  ///< bounds of the clip
  const float* high;
  bool clip_in;   ///< before, as the groot rule's inverse
  bool clip_out;  ///< after
  bool round_in;  ///< doubles are rounded to floats first, as the reference gets them
};

/// Each returns false when some value was not finite or left the range of its output before it was clipped; all are written then too.
struct CoreKernels {
  bool (*affine_narrow)(const AffineMap& map, const double* in, std::size_t count, float* out);
  bool (*affine_widen)(const AffineMap& map, const float* in, std::size_t count, double* out);
  bool (*affine_single)(const AffineMap& map, const float* in, std::size_t count, float* out);  ///< `in` may be `out`
};

namespace portable {
extern const CoreKernels kCoreKernels;
}
namespace v2 {
extern const CoreKernels kCoreKernels;
}
namespace v3 {
extern const CoreKernels kCoreKernels;
}
namespace v4 {
extern const CoreKernels kCoreKernels;
}

/// The kernels of active_isa().
[[nodiscard]] const CoreKernels& core_kernels() noexcept;

}  // namespace sinew::detail
