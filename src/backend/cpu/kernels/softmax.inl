// SPDX-License-Identifier: Apache-2.0
// The exponentials of a row of scores.

SINEW_INLINE FloatLanes larger(FloatLanes a, FloatLanes b) {
#if defined(__AVX512F__)
  return (FloatLanes)_mm512_max_ps((__m512)a, (__m512)b);
#elif defined(__AVX2__)
  return (FloatLanes)_mm256_max_ps((__m256)a, (__m256)b);
#elif defined(__x86_64__)
  return (FloatLanes)_mm_max_ps((__m128)a, (__m128)b);
#else
  return a > b ? a : b;
#endif
}

constexpr float kLowest = -__FLT_MAX__;

/// Multiplies the first `count` scores by `scale` and returns the largest. What follows them in their last vector becomes -infinity.
inline float scale_scores(float* scores, Index count, float scale) {
  constexpr Index kWidth = kLanes<float>;
  FloatLanes most[4] = {kLowest - FloatLanes{}, kLowest - FloatLanes{}, kLowest - FloatLanes{}, kLowest - FloatLanes{}};
  Index i = 0;
  const auto take = [&](Index at, FloatLanes& into) {
    const FloatLanes scaled_scores = Part<true>{}.get(scores + at) * scale;
    __builtin_memcpy(scores + at, &scaled_scores, sizeof(scaled_scores));
    into = larger(scaled_scores, into);
  };
  for (; i + 4 * kWidth <= count; i += 4 * kWidth)
    for (int k = 0; k < 4; ++k) take(i + k * kWidth, most[k]);
  for (; i + kWidth <= count; i += kWidth) take(i, most[0]);
  if (i < count) {
    for (Index j = count; j < i + kWidth; ++j) scores[j] = 0;
    take(i, most[0]);
    for (Index j = count; j < i + kWidth; ++j) scores[j] = -__builtin_inff();
  }
  const FloatLanes all = larger(larger(most[0], most[1]), larger(most[2], most[3]));
  float result = kLowest;
  for (int lane = 0; lane < kWidth; ++lane) result = all[lane] > result ? all[lane] : result;
  return result;
}

/// Replaces scores, whole vectors of them, by e^(score - most) and returns the sum.
inline float exponentials(float* scores, Index count, float most) {
  constexpr Index kWidth = kLanes<float>, kStep = kTogether * kWidth;
  FloatLanes sum = {};
  Index i = 0;
  for (; i + kStep <= count; i += kStep) {
    const auto pack = exp_lanes(PackPart{}.get(scores + i) - broadcast<Pack<kTogether>>(most));
    PackPart{}.put(scores + i, pack);
    for (int k = 0; k < kTogether; k += 2) sum += pack.at[k] + pack.at[k + 1];
  }
  for (; i < count; i += kWidth) {
    const FloatLanes lanes = exp_lanes(Part<true>{}.get(scores + i) - most);
    Part<true>{}.put(scores + i, lanes);
    sum += lanes;
  }
  return sum_of_lanes(sum);
}
