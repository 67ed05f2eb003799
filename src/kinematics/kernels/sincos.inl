// SPDX-License-Identifier: Apache-2.0
// Sine and cosine of a vector: reduction by multiples of pi/2 in two or three parts (Cody and Waite), then the polynomials of FreeBSD's
// msun (k_sin.c, k_cos.c: coefficients only). Largest error 1.2e-16 in double; beyond kReducible the C library's functions take over.

template <class Scalar>
struct SincosConstants;

template <>
struct SincosConstants<double> {
  static constexpr double kReducible = 1e6;  // k below 2^20: k times a part of 33 bits is exact without fused multiply-add
  static constexpr double kMagic = 6755399441055744.0;  // 1.5 * 2^52: adding it rounds to an integer, kept in the lowest bits
  static constexpr double kTwoOverPi = 0.63661977236758134308;
  static constexpr double kFused1 = 1.57079632679489655800e+00, kFused2 = 6.12323399573676603587e-17;
  static constexpr double kSplit1 = 1.57079632673412561417e+00, kSplit2 = 6.07710050630396597660e-11, kSplit3 = 2.02226624879595063154e-21;
  static constexpr int kSignShift = 62;
};

template <>
struct SincosConstants<float> {
  static constexpr float kReducible = 4e3f;
  static constexpr float kMagic = 12582912.0f;
  static constexpr float kTwoOverPi = 0.636619772f;
  static constexpr float kFused1 = 1.57079637050628662109375f, kFused2 = -4.37113900018624283e-8f;
  static constexpr float kSplit1 = 1.5703125f, kSplit2 = 4.837512969970703125e-4f, kSplit3 = 7.549789948768648e-8f;
  static constexpr int kSignShift = 30;
};

template <class V>
SINEW_INLINE V horner(V z, const ScalarOf<V>* coefficients, int count) {
  V sum = broadcast<V>(coefficients[0]);
  for (int i = 1; i < count; ++i) sum = fma(sum, z, broadcast<V>(coefficients[i]));
  return sum;
}

/// The lanes that the fast path cannot reduce, one by one: far angles, infinities, NaN.
template <class V>
__attribute__((noinline, cold)) void sincos_far(const V& x, V& sine, V& cosine) {
  for (int i = 0; i < kWidth<V>; ++i) {
    if (x[i] >= -SincosConstants<ScalarOf<V>>::kReducible && x[i] <= SincosConstants<ScalarOf<V>>::kReducible) continue;
    if constexpr (sizeof(ScalarOf<V>) == 8) {
      sine[i] = __builtin_sin(x[i]);
      cosine[i] = __builtin_cos(x[i]);
    } else {
      sine[i] = __builtin_sinf(x[i]);
      cosine[i] = __builtin_cosf(x[i]);
    }
  }
}

template <class V>
SINEW_INLINE void sincos(V x, V& sine, V& cosine) {
  using Scalar = ScalarOf<V>;
  using Integer = IntegerOf<V>;
  using C = SincosConstants<Scalar>;
  constexpr bool kDouble = sizeof(Scalar) == 8;
  const V shifted = fma(x, broadcast<V>(C::kTwoOverPi), broadcast<V>(C::kMagic));
  const Integer quadrant = bits<Integer>(shifted);
  const V k = shifted - broadcast<V>(C::kMagic);
  V r;
  if constexpr (kFused) {
    r = fma(-k, broadcast<V>(C::kFused1), x);
    r = fma(-k, broadcast<V>(C::kFused2), r);
  } else {
    r = x - k * C::kSplit1;
    r = r - k * C::kSplit2;
    r = r - k * C::kSplit3;
  }
  const V z = r * r;
  V s, c;
  if constexpr (kDouble) {
    constexpr double kSine[] = {1.58969099521155010221e-10, -2.50507602534068634195e-8, 2.75573137070700676789e-6,
                                -1.98412698298579493134e-4, 8.33333333332248946124e-3,  -1.66666666666666324348e-1};
    constexpr double kCosine[] = {-1.13596475577881948265e-11, 2.08757232129817482790e-9, -2.75573143513906633035e-7,
                                  2.48015872894767294178e-5,   -1.38888888888741095749e-3, 4.16666666666666019037e-2};
    s = fma(r * z, horner(z, kSine, 6), r);
    c = fma(z * z, horner(z, kCosine, 6), fma(z, broadcast<V>(-0.5), broadcast<V>(1.0)));
  } else {
    constexpr float kSine[] = {-1.9515295891e-4f, 8.3321608736e-3f, -1.6666654611e-1f};
    constexpr float kCosine[] = {2.443315711809948e-5f, -1.388731625493765e-3f, 4.166664568298827e-2f};
    s = fma(r * z, horner(z, kSine, 3), r);
    c = fma(z * z, horner(z, kCosine, 3), fma(z, broadcast<V>(-0.5f), broadcast<V>(1.0f)));
  }
  const Integer odd = (quadrant & 1) != 0;
  const Integer sine_sign = (quadrant & 2) << C::kSignShift;
  const Integer cosine_sign = ((quadrant + 1) & 2) << C::kSignShift;
  sine = bits<V>(bits<Integer>(odd ? c : s) ^ sine_sign);
  cosine = bits<V>(bits<Integer>(odd ? s : c) ^ cosine_sign);
  const V size = x < 0 ? -x : x;
  if (__builtin_expect(mask_bits(size <= broadcast<V>(C::kReducible)) != (1u << kWidth<V>) - 1u, 0)) sincos_far(x, sine, cosine);
}
