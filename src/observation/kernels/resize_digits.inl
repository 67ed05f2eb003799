// SPDX-License-Identifier: Apache-2.0
// Fixed-point passes by products of bytes: four taps in one instruction, and no widening of pixels. A weight is a sum of signed digits
// to the base 256; each digit has a sum of its own, and shifted together they are the exact sum.

/// The whole sums of one vector, from the highest digit on, rounded; the lowest one began with the half.
template <int Digits>
inline Vector joined(const Vector* sums, Vector bits) {
  Vector whole = sums[Digits - 1];
  for (int digit = Digits - 2; digit >= 0; --digit) whole = add(_mm512_slli_epi32(whole, 8), sums[digit]);
  return _mm512_srav_epi32(whole, bits);  // by a vector: one instruction less than by a scalar
}

/// The sums of one group of output bytes in `Rows` rows.
template <int Digits, int Rows, int Quads>
__attribute__((always_inline)) inline void sum_digits(const DigitHorizontal& pass, std::ptrdiff_t quad, Vector* whole) {
  Vector sums[Rows][Digits];
  for (int r = 0; r < Rows; ++r) {
    sums[r][0] = repeat32(1 << (pass.bits - 1));
    for (int digit = 1; digit < Digits; ++digit) sums[r][digit] = zero();
  }
  const int quads = Quads > 0 ? Quads : pass.quads;
  for (int i = 0; i < quads; ++i, ++quad) {
    const Vector places = load(pass.places + quad * 64);
    Vector weights[Digits];
    for (int digit = 0; digit < Digits; ++digit) weights[digit] = load(pass.weights + (quad * Digits + digit) * 64);
    for (int r = 0; r < Rows; ++r) {
      const Vector taps = _mm512_permutexvar_epi8(places, load(pass.in[r] + pass.starts[quad]));
      for (int digit = 0; digit < Digits; ++digit) sums[r][digit] = _mm512_dpbusd_epi32(sums[r][digit], taps, weights[digit]);
    }
  }
  const Vector bits = repeat32(pass.bits);
  for (int r = 0; r < Rows; ++r) whole[r] = joined<Digits>(sums[r], bits);
}

template <int Digits, int Rows, int Quads>
void digit_rows(const DigitHorizontal& given) {
  const DigitHorizontal pass = given;  // a store of bytes may alias what is not local
  const __m512i together = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  std::ptrdiff_t quad = 0;
  for (std::size_t at = 0; at < pass.count; at += kDigitGroup, quad += pass.quads) {
    Vector sums[kRowsAtOnce] = {zero(), zero(), zero(), zero()};
    for (int r = 0; r < Rows; ++r) _mm_prefetch(reinterpret_cast<const char*>(pass.in[r] + pass.starts[quad] + pass.next), _MM_HINT_T0);
    sum_digits<Digits, Rows, Quads>(pass, quad, sums);
    const Vector bytes = _mm512_permutexvar_epi32(together, narrow(sums[0], sums[1], sums[2], sums[3]));
    const std::size_t left = pass.count - at;
    const auto mask = static_cast<__mmask16>(left < kDigitGroup ? (1U << left) - 1 : 0xFFFF);
    _mm_mask_storeu_epi8(pass.out[0] + at, mask, _mm512_castsi512_si128(bytes));
    if constexpr (Rows > 1) _mm_mask_storeu_epi8(pass.out[1] + at, mask, _mm512_extracti32x4_epi32(bytes, 1));
    if constexpr (Rows > 2) _mm_mask_storeu_epi8(pass.out[2] + at, mask, _mm512_extracti32x4_epi32(bytes, 2));
    if constexpr (Rows > 3) _mm_mask_storeu_epi8(pass.out[3] + at, mask, _mm512_extracti32x4_epi32(bytes, 3));
  }
}

template <int Digits>
void digit_rows(const DigitHorizontal& pass) {
  switch (pass.rows) {
    case 1: return digit_rows<Digits, 1, 0>(pass);
    case 2: return digit_rows<Digits, 2, 0>(pass);
    case 3: return digit_rows<Digits, 3, 0>(pass);
    default: break;
  }
  switch (pass.quads) {  // loops of known length, where nearly all the time goes
    case 1: return digit_rows<Digits, 4, 1>(pass);
    case 2: return digit_rows<Digits, 4, 2>(pass);
    case 3: return digit_rows<Digits, 4, 3>(pass);
    default: return digit_rows<Digits, 4, 0>(pass);
  }
}

void digit_horizontal(const DigitHorizontal& pass) { pass.digits == 2 ? digit_rows<2>(pass) : digit_rows<3>(pass); }

/// 64 bytes of an output row; `mask` says which of them exist.
template <int Digits, int Quads>
__attribute__((always_inline)) inline void digit_vector(const DigitVertical& pass, std::size_t at, __mmask64 mask) {
  Vector sums[4][Digits];
  for (auto& quarter : sums) {
    quarter[0] = repeat32(1 << (pass.bits - 1));
    for (int digit = 1; digit < Digits; ++digit) quarter[digit] = zero();
  }
  const int quads = Quads > 0 ? Quads : pass.quads;
  for (int quad = 0; quad < quads; ++quad) {
    const auto row = [&](int i) { return _mm512_maskz_loadu_epi8(mask, pass.in[4 * quad + i] + at); };
    const Vector a = row(0), b = row(1), c = row(2), d = row(3);
    const Vector low = interleave_low(a, b), low_next = interleave_low(c, d);
    const Vector high = interleave_high(a, b), high_next = interleave_high(c, d);
    const Vector taps[4] = {_mm512_unpacklo_epi16(low, low_next), _mm512_unpackhi_epi16(low, low_next),
                            _mm512_unpacklo_epi16(high, high_next), _mm512_unpackhi_epi16(high, high_next)};
    for (int digit = 0; digit < Digits; ++digit) {
      const Vector weights = repeat32(pass.weights[quad * Digits + digit]);
      for (int i = 0; i < 4; ++i) sums[i][digit] = _mm512_dpbusd_epi32(sums[i][digit], taps[i], weights);
    }
  }
  const Vector bits = repeat32(pass.bits);
  const Vector bytes =
      narrow(joined<Digits>(sums[0], bits), joined<Digits>(sums[1], bits), joined<Digits>(sums[2], bits), joined<Digits>(sums[3], bits));
  _mm512_mask_storeu_epi8(pass.out + at, mask, bytes);
}

template <int Digits, int Quads>
void digit_columns(const DigitVertical& given) {
  const DigitVertical pass = given;  // as above
  std::size_t at = 0;
  for (; at + 64 <= pass.count; at += 64) digit_vector<Digits, Quads>(pass, at, ~__mmask64{0});
  if (at < pass.count) digit_vector<Digits, Quads>(pass, at, (__mmask64{1} << (pass.count - at)) - 1);
}

template <int Digits>
void digit_columns(const DigitVertical& pass) {
  switch (pass.quads) {
    case 1: return digit_columns<Digits, 1>(pass);
    case 2: return digit_columns<Digits, 2>(pass);
    case 3: return digit_columns<Digits, 3>(pass);
    default: return digit_columns<Digits, 0>(pass);
  }
}

void digit_vertical(const DigitVertical& pass) { pass.digits == 2 ? digit_columns<2>(pass) : digit_columns<3>(pass); }
