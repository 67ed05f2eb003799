// SPDX-License-Identifier: Apache-2.0
// Half-complex to real Fourier transform of columns, factor by factor (Swarztrauber's FFTPACK). Every sum is in the order of
// pocketfft, which scipy.fft runs, so that coefficients are the same to the bit and ties are rounded alike.

/// a = c + d, b = c - d.
template <class V>
inline void add_subtract(V& a, V& b, const V& c, const V& d) {
  const V sum = c + d;
  b = c - d;
  a = sum;
}

/// a = c e + d f, b = c f - d e.
template <class V, class C, class E>
inline void turn(V& a, V& b, const C& c, const C& d, const E& e, const E& f) {
  const V sum = c * e + d * f;
  b = c * f - d * e;
  a = sum;
}

/// Where a pass reads and writes: `in(a, b, c)` is [groups, factor, rest], `out(a, b, c)` is [factor, groups, rest].
template <class V, class S, int kFactor>
struct Pass {
  int rest, groups;
  const V* from;
  V* to;
  const S* twiddles;

  const V& in(int a, int b, int c) const { return from[a + rest * (b + kFactor * c)]; }
  V& out(int a, int b, int c) const { return to[a + rest * (b + groups * c)]; }
  S twiddle(int x, int i) const { return twiddles[i + x * (rest - 1)]; }
  /// Writes part `c` of the output, turned by its twiddle.
  void put(int i, int k, int c, const V& imaginary, const V& real) const {
    turn(out(i, k, c), out(i - 1, k, c), twiddle(c - 1, i - 2), twiddle(c - 1, i - 1), imaginary, real);
  }
};

template <class V, class S>
void pass2(const Pass<V, S, 2>& p) {
  const int rest = p.rest;
  for (int k = 0; k < p.groups; ++k) add_subtract(p.out(0, k, 0), p.out(0, k, 1), p.in(0, 0, k), p.in(rest - 1, 1, k));
  if (rest % 2 == 0)
    for (int k = 0; k < p.groups; ++k) {
      p.out(rest - 1, k, 0) = S(2) * p.in(rest - 1, 0, k);
      p.out(rest - 1, k, 1) = S(-2) * p.in(0, 1, k);
    }
  for (int k = 0; k < p.groups; ++k)
    for (int i = 2; i < rest; i += 2) {
      const int j = rest - i;
      V real, imaginary;
      add_subtract(p.out(i - 1, k, 0), real, p.in(i - 1, 0, k), p.in(j - 1, 1, k));
      add_subtract(imaginary, p.out(i, k, 0), p.in(i, 0, k), p.in(j, 1, k));
      p.put(i, k, 1, imaginary, real);
    }
}

template <class V, class S>
void pass3(const Pass<V, S, 3>& p) {
  constexpr S kReal = S(-0.5), kImaginary = S(0.86602540378443864676L);
  const int rest = p.rest;
  for (int k = 0; k < p.groups; ++k) {
    const V twice = S(2) * p.in(rest - 1, 1, k);
    const V c2 = p.in(0, 0, k) + kReal * twice;
    const V c3 = S(2) * (kImaginary * p.in(0, 2, k));
    p.out(0, k, 0) = p.in(0, 0, k) + twice;
    add_subtract(p.out(0, k, 2), p.out(0, k, 1), c2, c3);
  }
  for (int k = 0; k < p.groups; ++k)
    for (int i = 2; i < rest; i += 2) {
      const int j = rest - i;
      const V tr2 = p.in(i - 1, 2, k) + p.in(j - 1, 1, k), ti2 = p.in(i, 2, k) - p.in(j, 1, k);
      const V cr2 = p.in(i - 1, 0, k) + kReal * tr2, ci2 = p.in(i, 0, k) + kReal * ti2;
      p.out(i - 1, k, 0) = p.in(i - 1, 0, k) + tr2;
      p.out(i, k, 0) = p.in(i, 0, k) + ti2;
      const V cr3 = kImaginary * (p.in(i - 1, 2, k) - p.in(j - 1, 1, k)), ci3 = kImaginary * (p.in(i, 2, k) + p.in(j, 1, k));
      V dr2, dr3, di2, di3;
      add_subtract(dr3, dr2, cr2, ci3);
      add_subtract(di2, di3, ci2, cr3);
      p.put(i, k, 1, di2, dr2);
      p.put(i, k, 2, di3, dr3);
    }
}

template <class V, class S>
void pass4(const Pass<V, S, 4>& p) {
  constexpr S kRoot = S(1.414213562373095048801688724209698L);
  const int rest = p.rest;
  for (int k = 0; k < p.groups; ++k) {
    V tr1, tr2;
    add_subtract(tr2, tr1, p.in(0, 0, k), p.in(rest - 1, 3, k));
    const V tr3 = S(2) * p.in(rest - 1, 1, k), tr4 = S(2) * p.in(0, 2, k);
    add_subtract(p.out(0, k, 0), p.out(0, k, 2), tr2, tr3);
    add_subtract(p.out(0, k, 3), p.out(0, k, 1), tr1, tr4);
  }
  if (rest % 2 == 0)
    for (int k = 0; k < p.groups; ++k) {
      V tr1, tr2, ti1, ti2;
      add_subtract(ti1, ti2, p.in(0, 3, k), p.in(0, 1, k));
      add_subtract(tr2, tr1, p.in(rest - 1, 0, k), p.in(rest - 1, 2, k));
      p.out(rest - 1, k, 0) = tr2 + tr2;
      p.out(rest - 1, k, 1) = kRoot * (tr1 - ti1);
      p.out(rest - 1, k, 2) = ti2 + ti2;
      p.out(rest - 1, k, 3) = -kRoot * (tr1 + ti1);
    }
  for (int k = 0; k < p.groups; ++k)
    for (int i = 2; i < rest; i += 2) {
      const int j = rest - i;
      V cr2, cr3, cr4, ci2, ci3, ci4, tr1, tr2, tr3, tr4, ti1, ti2, ti3, ti4;
      add_subtract(tr2, tr1, p.in(i - 1, 0, k), p.in(j - 1, 3, k));
      add_subtract(ti1, ti2, p.in(i, 0, k), p.in(j, 3, k));
      add_subtract(tr4, ti3, p.in(i, 2, k), p.in(j, 1, k));
      add_subtract(tr3, ti4, p.in(i - 1, 2, k), p.in(j - 1, 1, k));
      add_subtract(p.out(i - 1, k, 0), cr3, tr2, tr3);
      add_subtract(p.out(i, k, 0), ci3, ti2, ti3);
      add_subtract(cr4, cr2, tr1, tr4);
      add_subtract(ci2, ci4, ti1, ti4);
      p.put(i, k, 1, ci2, cr2);
      p.put(i, k, 2, ci3, cr3);
      p.put(i, k, 3, ci4, cr4);
    }
}

template <class V, class S>
void pass5(const Pass<V, S, 5>& p) {
  constexpr S kReal1 = S(0.3090169943749474241022934171828191L), kImaginary1 = S(0.95105651629515357211643933337938L);
  constexpr S kReal2 = S(-0.8090169943749474241022934171828191L), kImaginary2 = S(0.58778525229247312916870595463907L);
  const int rest = p.rest;
  for (int k = 0; k < p.groups; ++k) {
    const V& first = p.in(0, 0, k);
    const V ti5 = p.in(0, 2, k) + p.in(0, 2, k), ti4 = p.in(0, 4, k) + p.in(0, 4, k);
    const V tr2 = p.in(rest - 1, 1, k) + p.in(rest - 1, 1, k), tr3 = p.in(rest - 1, 3, k) + p.in(rest - 1, 3, k);
    const V cr2 = first + kReal1 * tr2 + kReal2 * tr3, cr3 = first + kReal2 * tr2 + kReal1 * tr3;
    p.out(0, k, 0) = first + tr2 + tr3;
    V ci4, ci5;
    turn(ci5, ci4, ti5, ti4, kImaginary1, kImaginary2);
    add_subtract(p.out(0, k, 4), p.out(0, k, 1), cr2, ci5);
    add_subtract(p.out(0, k, 3), p.out(0, k, 2), cr3, ci4);
  }
  for (int k = 0; k < p.groups; ++k)
    for (int i = 2; i < rest; i += 2) {
      const int j = rest - i;
      const V &real = p.in(i - 1, 0, k), &imaginary = p.in(i, 0, k);
      V tr2, tr3, tr4, tr5, ti2, ti3, ti4, ti5, cr4, cr5, ci4, ci5, dr2, dr3, dr4, dr5, di2, di3, di4, di5;
      add_subtract(tr2, tr5, p.in(i - 1, 2, k), p.in(j - 1, 1, k));
      add_subtract(ti5, ti2, p.in(i, 2, k), p.in(j, 1, k));
      add_subtract(tr3, tr4, p.in(i - 1, 4, k), p.in(j - 1, 3, k));
      add_subtract(ti4, ti3, p.in(i, 4, k), p.in(j, 3, k));
      const V cr2 = real + kReal1 * tr2 + kReal2 * tr3, ci2 = imaginary + kReal1 * ti2 + kReal2 * ti3;
      const V cr3 = real + kReal2 * tr2 + kReal1 * tr3, ci3 = imaginary + kReal2 * ti2 + kReal1 * ti3;
      p.out(i - 1, k, 0) = real + tr2 + tr3;
      p.out(i, k, 0) = imaginary + ti2 + ti3;
      turn(cr5, cr4, tr5, tr4, kImaginary1, kImaginary2);
      turn(ci5, ci4, ti5, ti4, kImaginary1, kImaginary2);
      add_subtract(dr4, dr3, cr3, ci4);
      add_subtract(di3, di4, ci3, cr4);
      add_subtract(dr5, dr2, cr2, ci5);
      add_subtract(di2, di5, ci2, cr5);
      p.put(i, k, 1, di2, dr2);
      p.put(i, k, 2, di3, dr3);
      p.put(i, k, 3, di4, dr4);
      p.put(i, k, 4, di5, dr5);
    }
}

/// Transforms `values` [length] with `other` [length] beside it; gives the one that holds the result, without the norm.
template <class V, class S>
V* real_fourier(const CosinePlan<S>& plan, V* values, V* other) {
  int groups = 1;
  for (int at = 0; at < plan.factor_count; ++at) {
    const int factor = plan.factors[at];
    const int rest = plan.length / (groups * factor);
    const S* const twiddles = plan.twiddles[at];
    if (factor == 2) pass2(Pass<V, S, 2>{rest, groups, values, other, twiddles});
    if (factor == 3) pass3(Pass<V, S, 3>{rest, groups, values, other, twiddles});
    if (factor == 4) pass4(Pass<V, S, 4>{rest, groups, values, other, twiddles});
    if (factor == 5) pass5(Pass<V, S, 5>{rest, groups, values, other, twiddles});
    groups *= factor;
    V* const result = other;
    other = values;
    values = result;
  }
  return values;
}
