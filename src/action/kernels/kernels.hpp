// SPDX-License-Identifier: Apache-2.0
// What the vector kernels of actions take and offer. Plain numbers and pointers only, as for kinematics (docs/architecture.md): the
// kernels are compiled once per instruction set, and no inline function may be shared between such units.
#pragma once

#include <cstddef>
#include <cstdint>

#include "sinew/core/isa.hpp"

namespace sinew::detail {

inline constexpr int kMostLanes = 16;    ///< columns that a kernel computes together, at most
inline constexpr int kMostFactors = 16;  ///< of a length

/// A cosine transform of one length by way of a real Fourier transform, in factors of 2, 3, 4 and 5.
template <class Scalar>
struct CosinePlan {
  int length;
  int factor_count;
  int factors[kMostFactors];
  const Scalar* twiddles[kMostFactors];  ///< [factor - 1, rest - 1] for each factor
  const Scalar* turn;                    ///< [length] cos((i + 1) pi / (2 length))
  Scalar norm;                           ///< of the Fourier transform
};

/// A chunk [length, dim] to round(scale * DCT-II along length), half to even.
template <class Scalar>
struct Quantising {
  const Scalar* in;
  int dim;
  Scalar scale;
  Scalar* work;  ///< [2, length, kMostLanes], 64-byte aligned
  std::int32_t* out;
};

/// Whole coefficients [rows, dim] to a chunk [length, dim]; rows behind `rows` are zero.
struct InverseCosine {
  const std::int32_t* coefficients;
  int rows;
  int length;
  int dim;
  const float* basis;  ///< [length, (length + 1) / 2]: what a coefficient of 1 adds to the first half of the samples
  float* work;         ///< [rows, kMostLanes], 64-byte aligned
  float* out;
};

struct ActionKernels {
  /// False when a coefficient is not finite.
  bool (*quantise_float)(const CosinePlan<float>& plan, const Quantising<float>& task);
  bool (*quantise_double)(const CosinePlan<double>& plan, const Quantising<double>& task);
  void (*inverse)(const InverseCosine& task);
};

namespace portable {
extern const ActionKernels kActionKernels;
}
namespace v2 {
extern const ActionKernels kActionKernels;
}
namespace v3 {
extern const ActionKernels kActionKernels;
}
namespace v4 {
extern const ActionKernels kActionKernels;
}

/// The kernels of one instruction set, which the processor must have.
[[nodiscard]] const ActionKernels& action_kernels(Isa isa) noexcept;
/// The kernels of active_isa().
[[nodiscard]] const ActionKernels& action_kernels() noexcept;

}  // namespace sinew::detail
