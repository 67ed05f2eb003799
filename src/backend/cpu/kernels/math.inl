// SPDX-License-Identifier: Apache-2.0
// Functions of a vector or a Pack of floats. Errors are in units of the last place, over all floats; NaN stays NaN.

/// Horner's rule, the highest coefficient first.
template <class V, int kCount>
SINEW_INLINE V polynomial(const V& x, const float (&coefficients)[kCount]) {
  V sum = broadcast<V>(coefficients[0]);
  for (int i = 1; i < kCount; ++i) sum = fused(sum, x, broadcast<V>(coefficients[i]));
  return sum;
}

/// x = turns ln 2 + rest with |rest| <= ln 2 / 2; `turns + kBias` are the lowest bits of `shifted`. The first part of ln 2 has ten bits:
/// its product with turns is exact, fused or not.
template <int kBias, class V>
struct Reduced {
  V shifted, turns, rest;

  SINEW_INLINE explicit Reduced(const V& x) {
    const V magic = broadcast<V>(12582912.0F + kBias);  // 1.5 * 2^23: adding it rounds to an integer
    shifted = fused(x, broadcast<V>(1.44269504F), magic);
    turns = shifted - magic;
    rest = fused(turns, broadcast<V>(2.12194440e-4F), fused(turns, broadcast<V>(-0.693359375F), x));
  }
};

/// (e^x - 1 - x) / x^2 for |x| <= ln 2 / 2: degree 4; makes a relative error of 3.1e-9 in e^x.
template <class V>
SINEW_INLINE V exp_tail(const V& x) {
  constexpr float kTail[] = {1.381448936e-3F, 8.368706331e-3F, 4.166838899e-2F, 1.666652113e-1F, 4.999999404e-1F};
  return polynomial(x, kTail);
}

/// power * 2^turns, rounded once. Two factors: one alone would overflow before the result does.
SINEW_INLINE FloatLanes scaled(FloatLanes power, FloatLanes turns, FloatLanes shifted) {
#if defined(__AVX512F__)
  (void)shifted;
  return (FloatLanes)_mm512_scalef_ps((__m512)power, (__m512)turns);
#else
  (void)turns;
  const IntLanes both = (IntLanes)shifted, half = both >> 1;
  return power * power_of_two(half) * power_of_two(both - half);
#endif
}
template <int kCount>
SINEW_INLINE Pack<kCount> scaled(const Pack<kCount>& power, const Pack<kCount>& turns, const Pack<kCount>& shifted) {
  return lanewise([](FloatLanes x, FloatLanes y, FloatLanes z) { return scaled(x, y, z); }, power, turns, shifted);
}

/// e^x, off by at most 1.2, by 0.9 where sums are fused; infinity from 88.73, 0 from -104.
template <class V>
SINEW_INLINE V exp_lanes(const V& x) {
  const Reduced<254, V> reduced(lesser(89, greater(-104, x)));
  const V one = broadcast<V>(1);
  return scaled(fused(fused(exp_tail(reduced.rest), reduced.rest, one), reduced.rest, one), reduced.turns, reduced.shifted);
}

/// x / (1 + e^-a). With x = 1 off by at most 2.5 where it is at least 1.2e-38; 0 from a = -88.73.
template <class V>
SINEW_INLINE V gated(const V& x, const V& a) {
  return x / (broadcast<V>(1) + exp_lanes(-a));
}

/// d / (d + 2), where d = e^(2 |x|) - 1 loses nothing near 0; off by at most 2.7.
template <class V>
SINEW_INLINE V tanh_lanes(const V& x) {
  const V size = magnitude(x), one = broadcast<V>(1);
  const Reduced<127, V> reduced(lesser(18.1F, size + size));  // 1 in floats from 9.02
  const V power = power_of_two(reduced.shifted);
  const V less = fused(exp_tail(reduced.rest) * reduced.rest, reduced.rest, reduced.rest);
  const V d = fused(power, less, power - one);
  return with_sign(d / (d + broadcast<V>(2)), x);
}

/// erfc(x / sqrt 2) for x >= 0 as e^(-x p(x)); p has degree 9, was fitted on [0, 6.5] and grows beyond, so that the result falls to 0.
/// x times the result is off by at most 8e-8, of which the polynomial makes 5e-9.
template <class V>
SINEW_INLINE V gaussian_tail_lanes(const V& x) {
  constexpr float kSlope[] = {2.713597880e-8F,  -7.503915640e-7F, 8.952411008e-6F, -5.908347157e-5F, 2.090931375e-4F,
                              -2.106627107e-5F, -4.800433293e-3F, 3.634553775e-2F, 3.183074296e-1F,  7.978847623e-1F};
  return exp_lanes(-x * polynomial(x, kSlope));
}

inline void widen_bf16(const std::uint16_t* x, std::size_t count, float* out) {
  for_parts(static_cast<Index>(count),
            [&](Index i, auto part) { part.put(out + i, (FloatLanes)(__builtin_convertvector(part.get(x + i), IntLanes) << 16)); });
}
