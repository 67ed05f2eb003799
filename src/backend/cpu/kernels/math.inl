// SPDX-License-Identifier: Apache-2.0
// Functions of vectors. (First, plain version.)
using Index = std::ptrdiff_t;

inline float exp1(float x) { return __builtin_expf(x); }

inline void widen_bf16(const std::uint16_t* x, std::size_t n, float* out) {
  for (std::size_t i = 0; i < n; ++i) {
    const std::uint32_t bits = std::uint32_t{x[i]} << 16;
    __builtin_memcpy(out + i, &bits, 4);
  }
}
