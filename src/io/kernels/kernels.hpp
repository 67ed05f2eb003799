// SPDX-License-Identifier: Apache-2.0
// What the vector kernels of io take and offer. Plain numbers and pointers only, as for kinematics (docs/architecture.md).
#pragma once

#include <cstddef>

#include "sinew/core/isa.hpp"

namespace sinew::detail {

/// Numbers of weights from one floating-point type to another: `count` of them, rounded once to nearest, ties to even; NaN stays NaN.
/// Memory need not be aligned. Returns false when a number of the result is NaN or infinite; all are written then too.
using FloatConversion = bool (*)(const std::byte* in, std::size_t count, std::byte* out);

struct IoKernels {
  FloatConversion f64_to_f32, f16_to_f32, bf16_to_f32;
  FloatConversion f64_to_bf16, f32_to_bf16, f16_to_bf16;
  bool (*finite_f32)(const std::byte* values, std::size_t count);  ///< none is NaN or infinite
  bool (*finite_bf16)(const std::byte* values, std::size_t count);
};

namespace portable {
extern const IoKernels kIoKernels;
}
namespace v2 {
extern const IoKernels kIoKernels;
}
namespace v3 {
extern const IoKernels kIoKernels;
}
namespace v4 {
extern const IoKernels kIoKernels;
}

/// The kernels of active_isa().
[[nodiscard]] const IoKernels& io_kernels() noexcept;

}  // namespace sinew::detail
