// SPDX-License-Identifier: Apache-2.0
// Which instruction set the vector kernels use: the best that processor and build have, unless a test says otherwise.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

// Value-changing optimisation folds the argument reduction of the kernels away: wrong poses that agree with themselves.
#if defined(__FAST_MATH__) || defined(__ASSOCIATIVE_MATH__) || (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__)
#error "Sinew must not be compiled with -ffast-math, -fassociative-math or -ffinite-math-only: its limits and its kernels rely on IEEE 754."
#endif

namespace sinew {

/// Instruction sets that kernels are compiled for, each a superset of those before it. On processors other than x86-64 only `portable`.
enum class Isa : std::uint8_t {
  portable,  ///< what the compiler assumes for the target
  v2,        ///< x86-64-v2: SSE4.2
  v3,        ///< x86-64-v3: AVX2 and fused multiply-add
  v4,        ///< x86-64-v4: AVX-512 F, BW, CD, DQ, VL
  v4_vnni,   ///< v4 with AVX-512 VNNI and VBMI: sums of products of bytes
  v4_bf16,   ///< v4_vnni with AVX-512 BF16: sums of products of brain floats
  v4_amx     ///< v4_bf16 with AMX tiles of brain floats
};

inline constexpr std::size_t kIsaCount = 7;

/// Name of the enumerator, e.g. "v3".
[[nodiscard]] std::string_view to_string(Isa isa) noexcept;

/// What this processor can run, in ascending order; never empty.
[[nodiscard]] std::span<const Isa> available_isas() noexcept;

/// What the kernels use now; the last of available_isas() unless select_isa() chose another.
[[nodiscard]] Isa active_isa() noexcept;

/// Makes all kernels of the process use `isa`, for tests and benchmarks; not while another thread computes. Throws Error when this
/// processor cannot run it.
void select_isa(Isa isa);

}  // namespace sinew
