// SPDX-License-Identifier: Apache-2.0
// One instruction set's kernels of io: loops over bits without branches, which the compiler makes vectors of. Everything but the table
// has internal linkage; all sets give the same bits.
#include "kernels.hpp"

namespace sinew::detail::SINEW_ISA {
namespace {

#define SINEW_INLINE inline __attribute__((always_inline))

#if defined(__AVX512F__)
#define SINEW_BYTES 64
#elif defined(__AVX2__)
#define SINEW_BYTES 32
#else
#define SINEW_BYTES 16
#endif

using Word = unsigned int;    // bits of a float
using Half = unsigned short;  // bits of a float of 16 bits

template <class T>
SINEW_INLINE T load(const std::byte* from, std::size_t i) {
  T value;
  __builtin_memcpy(&value, from + i * sizeof(T), sizeof(T));
  return value;
}

template <class T>
SINEW_INLINE void store(std::byte* to, std::size_t i, T value) {
  __builtin_memcpy(to + i * sizeof(T), &value, sizeof(T));
}

/// Has its first bit set when the exponent is all ones: adding one to it carries into the sign.
template <class Bits>
constexpr Bits kExponent = sizeof(Bits) == sizeof(Half) ? 0x7F80U : 0x7F800000U;
template <class Bits>
constexpr Bits kExponentOne = sizeof(Bits) == sizeof(Half) ? 0x0080U : 0x00800000U;
template <class Bits>
SINEW_INLINE Bits full_exponent(Bits bits) {
  return static_cast<Bits>((bits & kExponent<Bits>)+kExponentOne<Bits>);
}
template <class Bits>
SINEW_INLINE bool has_first_bit(Bits bits) {
  return bits >> (8 * sizeof(Bits) - 1) != 0;
}

SINEW_INLINE Word float_of_half(Half half) {
  const Word sign = (half & Word{0x8000U}) << 16, magnitude = half & Word{0x7FFFU};
  const Word small = __builtin_bit_cast(Word, static_cast<float>(static_cast<int>(magnitude)) * 0x1p-24F);
  const Word normal = (magnitude << 13) + (magnitude < 0x7C00U ? Word{112} << 23 : Word{224} << 23);
  const Word is_small = magnitude < 0x0400U ? ~Word{0} : 0;  // a choice by bits: a branch would keep the loop from becoming vectors
  return sign | (small & is_small) | (normal & ~is_small);
}

SINEW_INLINE Half brain_of_float(Word word) {
  const Word rounded = (word + 0x7FFFU + ((word >> 16) & 1U)) >> 16, nan = word >> 16 | 0x0040U;
  return static_cast<Half>((word & 0x7FFFFFFFU) > 0x7F800000U ? nan : rounded);
}

// The bits of the i-th number as a float.
struct F64 {
  static SINEW_INLINE Word read(const std::byte* in, std::size_t i) {
    return __builtin_bit_cast(Word, static_cast<float>(load<double>(in, i)));
  }
};
struct F64ToOdd {
  /// The float next to the double, towards zero, with its last bit set when digits were lost: rounding that once more to fewer digits
  /// gives what rounding the double would have given.
  static SINEW_INLINE Word read(const std::byte* in, std::size_t i) {
    const auto value = load<double>(in, i);
    const auto nearest = static_cast<float>(value);
    const auto back = static_cast<double>(nearest);
    const Word word = __builtin_bit_cast(Word, nearest);
    const Word away = __builtin_fabs(back) > __builtin_fabs(value) ? 1 : 0;
    const Word exact = value == back || value != value ? 1 : 0;
    return exact != 0 ? word : (word - away) | 1U;
  }
};
struct F32 {
  static SINEW_INLINE Word read(const std::byte* in, std::size_t i) { return load<Word>(in, i); }
};
struct F16 {
  static SINEW_INLINE Word read(const std::byte* in, std::size_t i) { return float_of_half(load<Half>(in, i)); }
};
struct BF16 {
  static SINEW_INLINE Word read(const std::byte* in, std::size_t i) { return Word{load<Half>(in, i)} << 16; }
};

template <class From>
bool to_f32(const std::byte* __restrict in, std::size_t count, std::byte* __restrict out) {
  Word full = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const Word word = From::read(in, i);
    store(out, i, word);
    full |= full_exponent(word);
  }
  return !has_first_bit(full);
}

template <class From>
bool to_bf16(const std::byte* __restrict in, std::size_t count, std::byte* __restrict out) {
  Word full = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const Half half = brain_of_float(From::read(in, i));
    store(out, i, half);
    full |= full_exponent(Word{half} << 16);
  }
  return !has_first_bit(full);
}

/// Several sums side by side: one alone would wait for itself in every step.
template <class Bits>
bool finite(const std::byte* values, std::size_t count) {
  typedef Bits Vector __attribute__((vector_size(SINEW_BYTES)));
  constexpr std::size_t kSums = 4, kStep = kSums * sizeof(Vector) / sizeof(Bits);
  const Vector exponent = Vector{} + kExponent<Bits>, one = Vector{} + kExponentOne<Bits>;
  Vector sums[kSums] = {};
  std::size_t i = 0;
  for (; i + kStep <= count; i += kStep)
    for (std::size_t k = 0; k < kSums; ++k) sums[k] |= (load<Vector>(values + i * sizeof(Bits), k) & exponent) + one;
  const Vector sum = (sums[0] | sums[1]) | (sums[2] | sums[3]);
  Bits full = 0;
  for (std::size_t lane = 0; lane < sizeof(Vector) / sizeof(Bits); ++lane) full = static_cast<Bits>(full | sum[lane]);
  for (; i < count; ++i) full = static_cast<Bits>(full | full_exponent(load<Bits>(values, i)));
  return !has_first_bit(full);
}

}  // namespace

const IoKernels kIoKernels = {.f64_to_f32 = to_f32<F64>,
                              .f16_to_f32 = to_f32<F16>,
                              .bf16_to_f32 = to_f32<BF16>,
                              .f64_to_bf16 = to_bf16<F64ToOdd>,
                              .f32_to_bf16 = to_bf16<F32>,
                              .f16_to_bf16 = to_bf16<F16>,
                              .finite_f32 = finite<Word>,
                              .finite_bf16 = finite<Half>};

}  // namespace sinew::detail::SINEW_ISA
