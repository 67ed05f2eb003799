// SPDX-License-Identifier: Apache-2.0
// Cosine transforms along the rows of a chunk, a group of columns at a time.

/// DCT-II, orthonormal: `values` [length] are the samples; gives where the coefficients are.
template <class V, class S>
V* cosine(const CosinePlan<S>& plan, V* values, V* other) {
  constexpr S kRootOfTwo = S(1.414213562373095048801688724209698L);
  const int length = plan.length;
  values[0] *= S(2);
  if (length % 2 == 0) values[length - 1] *= S(2);
  for (int k = 1; k < length - 1; k += 2) {
    const V sum = values[k] + values[k + 1];
    values[k + 1] -= values[k];
    values[k] = sum;
  }
  V* const c = real_fourier(plan, values, other);
  for (int k = 0; k < length; ++k) c[k] = plan.norm * c[k];
  for (int k = 1, mirror = length - 1; k < (length + 1) / 2; ++k, --mirror) {
    const V t1 = plan.turn[k - 1] * c[mirror] + plan.turn[mirror - 1] * c[k];
    const V t2 = plan.turn[k - 1] * c[k] - plan.turn[mirror - 1] * c[mirror];
    c[k] = S(0.5) * (t1 + t2);
    c[mirror] = S(0.5) * (t1 - t2);
  }
  if (length % 2 == 0) c[length / 2] *= plan.turn[length / 2 - 1];
  c[0] *= kRootOfTwo * S(0.5);
  return c;
}

/// Rounds half to even into `out`; false when a value is not finite. Values beyond 32 bits become large ones.
template <class V, class S>
bool round_lanes(const V& values, int count, std::int32_t* out) {
  constexpr S kMost = S(2e9);
  constexpr int kCount = static_cast<int>(sizeof(V) / sizeof(S));
  std::int32_t rounded[kCount];
  bool finite = true;
  for (int i = 0; i < kCount; ++i) {
    const S value = values[i];
    finite &= value - value == S(0);
    const S bounded = value < -kMost ? -kMost : value > kMost ? kMost : value;
    rounded[i] = static_cast<std::int32_t>(sizeof(S) == 4 ? __builtin_rintf(static_cast<float>(bounded)) : __builtin_rint(bounded));
  }
  if (!finite) return false;
  for (int i = 0; i < count; ++i) out[i] = rounded[i];
  return true;
}

#if defined(__AVX512F__) && defined(__AVX512VL__)
template <>
bool round_lanes<FloatLanes, float>(const FloatLanes& values, int count, std::int32_t* out) {
  const __m512 all = (__m512)values;
  if (_mm512_cmp_ps_mask(_mm512_sub_ps(all, all), _mm512_setzero_ps(), _CMP_NEQ_UQ) != 0) return false;
  const __m512 bounded = _mm512_max_ps(_mm512_min_ps(all, _mm512_set1_ps(2e9F)), _mm512_set1_ps(-2e9F));
  store(out, (IntLanes)_mm512_cvtps_epi32(bounded), count);
  return true;
}
#elif defined(__AVX2__)
template <>
bool round_lanes<FloatLanes, float>(const FloatLanes& values, int count, std::int32_t* out) {
  const __m256 all = (__m256)values;
  if (_mm256_movemask_ps(_mm256_cmp_ps(_mm256_sub_ps(all, all), _mm256_setzero_ps(), _CMP_NEQ_UQ)) != 0) return false;
  const __m256 bounded = _mm256_max_ps(_mm256_min_ps(all, _mm256_set1_ps(2e9F)), _mm256_set1_ps(-2e9F));
  store(out, (IntLanes)_mm256_cvtps_epi32(bounded), count);
  return true;
}
#endif

template <class S>
bool quantise(const CosinePlan<S>& plan, const Quantising<S>& task) {
  using V = Lanes<S>;
  V* const work = reinterpret_cast<V*>(task.work);
  for (int first = 0; first < task.dim; first += kLanes<S>) {
    const int count = task.dim - first < kLanes<S> ? task.dim - first : kLanes<S>;
    for (int t = 0; t < plan.length; ++t) work[t] = load(task.in + static_cast<std::ptrdiff_t>(t) * task.dim + first, count);
    const V* const c = cosine(plan, work, work + plan.length);
    for (int k = 0; k < plan.length; ++k)
      if (!round_lanes<V, S>(c[k] * task.scale, count, task.out + static_cast<std::ptrdiff_t>(k) * task.dim + first)) return false;
  }
  return true;
}

/// Samples `first` to `first + kCount - 1` of a group of columns, and those that mirror them: even coefficients add to both, odd ones
/// to the first and from the second.
template <int kCount>
void inverse_samples(const InverseCosine& task, const FloatLanes* rows, int first, int column, int count) {
  const int half = (task.length + 1) / 2;
  FloatLanes even[kCount] = {}, odd[kCount] = {};
  for (int k = 0; k < task.rows; k += 2)
    for (int i = 0; i < kCount; ++i) even[i] += rows[k] * task.basis[k * half + first + i];
  for (int k = 1; k < task.rows; k += 2)
    for (int i = 0; i < kCount; ++i) odd[i] += rows[k] * task.basis[k * half + first + i];
  for (int i = 0; i < kCount; ++i) {
    const std::ptrdiff_t sample = first + i, mirror = task.length - 1 - sample;
    store(task.out + sample * task.dim + column, even[i] + odd[i], count);
    if (mirror != sample) store(task.out + mirror * task.dim + column, even[i] - odd[i], count);
  }
}

void inverse(const InverseCosine& task) {
  constexpr int kCount = kLanes<float>;
  constexpr int kTogether = 5;  // twice as many sums stay in registers
  FloatLanes* const rows = reinterpret_cast<FloatLanes*>(task.work);
  const int half = (task.length + 1) / 2;
  for (int column = 0; column < task.dim; column += kCount) {
    const int count = task.dim - column < kCount ? task.dim - column : kCount;
    for (int k = 0; k < task.rows; ++k)
      rows[k] = __builtin_convertvector(load(task.coefficients + static_cast<std::ptrdiff_t>(k) * task.dim + column, count), FloatLanes);
    int first = 0;
    for (; first + kTogether <= half; first += kTogether) inverse_samples<kTogether>(task, rows, first, column, count);
    for (; first < half; ++first) inverse_samples<1>(task, rows, first, column, count);
  }
}
