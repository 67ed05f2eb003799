// SPDX-License-Identifier: Apache-2.0
// All kernels for the instruction set that the including unit is compiled for; it names the namespace by SINEW_ISA. Everything but the
// table has internal linkage: no symbol of one unit can stand in for that of another.
#include <cstring>

#include "kernels.hpp"
#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#if defined(__GNUC__)
#pragma GCC diagnostic ignored "-Wpsabi"  // vectors wider than the target passes in registers: only between inlined functions
#endif

namespace sinew::detail::SINEW_ISA {
namespace {
// clang-format off: each needs those before it
#include "lanes.inl"
#include "sincos.inl"
#include "forward.inl"
#include "search.inl"
#include "pose_error.inl"
// clang-format on

template <class V>
void sincos_many(const ScalarOf<V>* angle, std::size_t count, ScalarOf<V>* sine, ScalarOf<V>* cosine) {
  for (std::size_t i = 0; i < count; i += kWidth<V>) {
    const std::size_t rest = count - i < kWidth<V> ? count - i : kWidth<V>;
    V x = {}, s, c;
    std::memcpy(&x, angle + i, rest * sizeof(ScalarOf<V>));
    sincos<1>(&x, &s, &c);
    std::memcpy(sine + i, &s, rest * sizeof(ScalarOf<V>));
    std::memcpy(cosine + i, &c, rest * sizeof(ScalarOf<V>));
  }
}
}  // namespace

const Kernels kKernels = {.forward = forward_one,
                          .jacobian = jacobian_one,
                          .frames = frames_one,
                          .forward_batch = forward_many<Doubles>,
                          .forward_batch_float = forward_many<Floats>,
                          .jacobian_batch = jacobian_many<Doubles>,
                          .jacobian_batch_float = jacobian_many<Floats>,
                          .search = search_step,
                          .pose_errors = pose_errors_many<Doubles>,
                          .sincos = sincos_many<Doubles>,
                          .sincos_float = sincos_many<Floats>};

}  // namespace sinew::detail::SINEW_ISA
