// SPDX-License-Identifier: Apache-2.0
// Fixed-point passes over bytes. A weight of up to 24 bits is split into two 16-bit parts, so that the multiply-add of 16-bit pairs does
// two taps at once and the sum is still exact.

inline std::uint8_t clipped(std::int32_t value) { return static_cast<std::uint8_t>(value < 0 ? 0 : value > 255 ? 255 : value); }

#if defined(__SSE4_1__)

constexpr std::size_t kVectorBytes = kGroup * 16;

/// The sums of up to kRowsAtOnce rows for one group of output pixels.
template <bool Split, int Rows>
inline void sum_group(const HorizontalPass& pass, const std::int32_t* offsets, const std::int16_t* packed, const Vector* places, int pairs,
                      Vector* sums) {
  Vector high[Rows], low[Rows];
  for (int r = 0; r < Rows; ++r) {
    high[r] = zero();
    low[r] = repeat32(1 << (pass.bits - 1));
  }
  const int step = 16 - (pass.channels == 3 ? 4 : 0);
  for (int l = 0, more = 0; l < pass.loads; ++l, more += step) {
    Vector bytes[Rows];
    for (int r = 0; r < Rows; ++r) bytes[r] = gather_lanes(pass.in[r], offsets, more);
    for (int p = 0; p < pairs; ++p) {
      Vector high_weights;
      if constexpr (Split) {
        high_weights = load(packed);
        packed += kGroup * 8;
      }
      const Vector low_weights = load(packed);
      packed += kGroup * 8;
      for (int r = 0; r < Rows; ++r) {
        const Vector values = shuffle(bytes[r], places[p]);
        if constexpr (Split) high[r] = add(high[r], multiply_pairs(values, high_weights));
        low[r] = add(low[r], multiply_pairs(values, low_weights));
      }
    }
  }
  for (int r = 0; r < Rows; ++r) sums[r] = shift_right(Split ? add(shift_left(high[r], kHighBits), low[r]) : low[r], pass.bits);
}

template <bool Split, int Rows>
void horizontal_rows(const HorizontalPass& pass) {
  const int channels = pass.channels;
  const int pairs = taps_per_load(channels) / 2;
  // Pair p of a load: channel c of pixels 2 p and 2 p + 1, as two 16-bit numbers.
  Vector places[8];
  for (int p = 0; p < pairs; ++p) {
    std::uint8_t lane[16];
    for (int i = 0; i < 16; ++i) lane[i] = 0x80;
    for (int c = 0; c < channels; ++c)
      for (int side = 0; side < 2; ++side) lane[4 * c + 2 * side] = static_cast<std::uint8_t>((2 * p + side) * channels + c);
    places[p] = repeat_lane(lane);
  }
  std::uint8_t lane[16];
  for (int i = 0; i < 16; ++i) lane[i] = static_cast<std::uint8_t>(i < kGroup * channels ? i / channels * 4 + i % channels : 0x80);
  const __m128i together = _mm_loadu_si128(reinterpret_cast<const __m128i*>(lane));

  const std::size_t weights_per_group = static_cast<std::size_t>(pass.loads * pairs * (Split ? 2 : 1)) * kGroup * 8;
  const std::int16_t* packed = pass.packed;
  const std::int32_t* offsets = pass.offsets;
  std::size_t at = 0;
  const std::size_t size = static_cast<std::size_t>(pass.width * channels);
  for (int x = 0; x < pass.width; x += kGroup, offsets += kGroup, packed += weights_per_group, at += kGroup * channels) {
    Vector sums[Rows];
    sum_group<Split, Rows>(pass, offsets, packed, places, pairs, sums);
    for (int r = 0; r < Rows; ++r) {
      const __m128i bytes = _mm_shuffle_epi8(lane_bytes(sums[r]), together);
      std::uint8_t* out = pass.out[r] + at;
      if (at + 16 <= size) {
        _mm_storeu_si128(reinterpret_cast<__m128i*>(out), bytes);
      } else {
        std::uint8_t last[16];
        _mm_storeu_si128(reinterpret_cast<__m128i*>(last), bytes);
        const std::size_t left = size - at;
        copy_bytes(last, left < std::size_t(kGroup * channels) ? left : std::size_t(kGroup * channels), out);
      }
    }
  }
}

template <bool Split>
void horizontal_split(const HorizontalPass& pass) {
  switch (pass.rows) {
    case 1: return horizontal_rows<Split, 1>(pass);
    case 2: return horizontal_rows<Split, 2>(pass);
    case 3: return horizontal_rows<Split, 3>(pass);
    default: return horizontal_rows<Split, 4>(pass);
  }
}

void horizontal(const HorizontalPass& pass) { pass.split ? horizontal_split<true>(pass) : horizontal_split<false>(pass); }

/// One vector of an output row. Accumulators have names of their own: in arrays, g++ 12 keeps them in memory.
template <bool Split>
__attribute__((always_inline)) inline void vertical_vector(const VerticalPass& pass, std::size_t at) {
  const Vector none = zero(), half = repeat32(1 << (pass.bits - 1));
  Vector high0 = none, high1 = none, high2 = none, high3 = none, low0 = half, low1 = half, low2 = half, low3 = half;
  for (int p = 0; p < pass.pairs; ++p) {
    const Vector a = load(pass.in[2 * p] + at);
    const Vector b = load(pass.in[2 * p + 1] + at);
    const Vector high_weights = repeat32(pass.packed[2 * p]), low_weights = repeat32(pass.packed[2 * p + 1]);
    const Vector lower = interleave_low(a, b), upper = interleave_high(a, b);
    const Vector values0 = interleave_low(lower, none), values1 = interleave_high(lower, none);
    const Vector values2 = interleave_low(upper, none), values3 = interleave_high(upper, none);
    if constexpr (Split) {
      high0 = add(high0, multiply_pairs(values0, high_weights));
      high1 = add(high1, multiply_pairs(values1, high_weights));
      high2 = add(high2, multiply_pairs(values2, high_weights));
      high3 = add(high3, multiply_pairs(values3, high_weights));
    }
    low0 = add(low0, multiply_pairs(values0, low_weights));
    low1 = add(low1, multiply_pairs(values1, low_weights));
    low2 = add(low2, multiply_pairs(values2, low_weights));
    low3 = add(low3, multiply_pairs(values3, low_weights));
  }
  const auto whole = [&pass](Vector high, Vector low) {
    return shift_right(Split ? add(shift_left(high, kHighBits), low) : low, pass.bits);
  };
  store(pass.out + at, narrow(whole(high0, low0), whole(high1, low1), whole(high2, low2), whole(high3, low3)));
}

template <bool Split>
void vertical_row(const VerticalPass& pass) {
  std::size_t at = 0;
  for (; at + kVectorBytes <= pass.count; at += kVectorBytes) vertical_vector<Split>(pass, at);
  // The last vector overlaps the one before it; inputs are not written, so that does no harm.
  if (at < pass.count) vertical_vector<Split>(pass, pass.count - kVectorBytes);
}

#endif

inline void vertical_bytes(const VerticalPass& pass) {
  constexpr std::size_t kBlock = 256;
  std::int32_t sums[kBlock];
  for (std::size_t at = 0; at < pass.count; at += kBlock) {
    const std::size_t size = pass.count - at < kBlock ? pass.count - at : kBlock;
    for (std::size_t i = 0; i < size; ++i) sums[i] = 1 << (pass.bits - 1);
    for (int tap = 0; tap < 2 * pass.pairs; ++tap) {
      const std::uint8_t* row = pass.in[tap] + at;
      const std::int32_t weight = pass.weights[tap];
      for (std::size_t i = 0; i < size; ++i) sums[i] += weight * row[i];
    }
    for (std::size_t i = 0; i < size; ++i) pass.out[at + i] = clipped(sums[i] >> pass.bits);
  }
}

void vertical(const VerticalPass& pass) {
#if defined(__SSE4_1__)
  if (pass.count >= kVectorBytes) return pass.split ? vertical_row<true>(pass) : vertical_row<false>(pass);
#endif
  vertical_bytes(pass);
}

#if !defined(__SSE4_1__)

template <int Channels>
void horizontal_plain(const HorizontalPass& pass) {
  for (int r = 0; r < pass.rows; ++r) {
    const std::int32_t* weights = pass.weights;
    std::uint8_t* out = pass.out[r];
    for (int x = 0; x < pass.width; ++x, weights += pass.taps) {
      const std::uint8_t* pixel = pass.in[r] + pass.offsets[x];
      std::int32_t sums[Channels];
      for (std::int32_t& sum : sums) sum = 1 << (pass.bits - 1);
      for (int tap = 0; tap < pass.taps; ++tap)
        for (int c = 0; c < Channels; ++c) sums[c] += weights[tap] * *pixel++;
      for (const std::int32_t sum : sums) *out++ = clipped(sum >> pass.bits);
    }
  }
}

void horizontal(const HorizontalPass& pass) {
  switch (pass.channels) {
    case 1: return horizontal_plain<1>(pass);
    case 2: return horizontal_plain<2>(pass);
    case 3: return horizontal_plain<3>(pass);
    default: return horizontal_plain<4>(pass);
  }
}

#endif
