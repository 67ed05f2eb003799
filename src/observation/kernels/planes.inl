// SPDX-License-Identifier: Apache-2.0
// Interleaved RGB to three planes.

#if defined(__SSE4_1__)
/// Where the bytes of one channel lie in the three registers of 16 RGB pixels.
inline __m128i plane_of(__m128i a, __m128i b, __m128i c, int channel) {
  alignas(16) static constexpr std::int8_t kNo = -1,
                                           kPlaces[3][3][16] = {{{0, 3, 6, 9, 12, 15, kNo, kNo, kNo, kNo, kNo, kNo, kNo, kNo, kNo, kNo},
                                                                 {kNo, kNo, kNo, kNo, kNo, kNo, 2, 5, 8, 11, 14, kNo, kNo, kNo, kNo, kNo},
                                                                 {kNo, kNo, kNo, kNo, kNo, kNo, kNo, kNo, kNo, kNo, kNo, 1, 4, 7, 10, 13}},
                                                                {{1, 4, 7, 10, 13, kNo, kNo, kNo, kNo, kNo, kNo, kNo, kNo, kNo, kNo, kNo},
                                                                 {kNo, kNo, kNo, kNo, kNo, 0, 3, 6, 9, 12, 15, kNo, kNo, kNo, kNo, kNo},
                                                                 {kNo, kNo, kNo, kNo, kNo, kNo, kNo, kNo, kNo, kNo, kNo, 2, 5, 8, 11, 14}},
                                                                {{2, 5, 8, 11, 14, kNo, kNo, kNo, kNo, kNo, kNo, kNo, kNo, kNo, kNo, kNo},
                                                                 {kNo, kNo, kNo, kNo, kNo, 1, 4, 7, 10, 13, kNo, kNo, kNo, kNo, kNo, kNo},
                                                                 {kNo, kNo, kNo, kNo, kNo, kNo, kNo, kNo, kNo, kNo, 0, 3, 6, 9, 12, 15}}};
  const auto places = [channel](int i) { return _mm_load_si128(reinterpret_cast<const __m128i*>(kPlaces[channel][i])); };
  return _mm_or_si128(_mm_or_si128(_mm_shuffle_epi8(a, places(0)), _mm_shuffle_epi8(b, places(1))), _mm_shuffle_epi8(c, places(2)));
}
#endif

#if defined(__AVX512VBMI__)
/// Where the bytes of one channel lie in the three registers of 64 RGB pixels, and which of them in the last.
struct WidePlaces {
  std::uint8_t at[64];
  std::uint64_t last = 0;
  explicit constexpr WidePlaces(int channel) : at{} {
    for (int i = 0; i < 64; ++i) {
      at[i] = static_cast<std::uint8_t>((3 * i + channel) % 128);
      if (3 * i + channel >= 128) last |= std::uint64_t{1} << i;
    }
  }
};

inline void wide_planes(const std::uint8_t* in, std::ptrdiff_t plane, std::uint8_t* out) {
  static constexpr WidePlaces kPlaces[3] = {WidePlaces(0), WidePlaces(1), WidePlaces(2)};
  const __m512i a = _mm512_loadu_si512(in), b = _mm512_loadu_si512(in + 64), c = _mm512_loadu_si512(in + 128);
  for (int channel = 0; channel < 3; ++channel) {
    const __m512i places = _mm512_loadu_si512(kPlaces[channel].at);
    const __m512i first = _mm512_permutex2var_epi8(a, places, b);
    _mm512_storeu_si512(out + channel * plane, _mm512_mask_permutexvar_epi8(first, kPlaces[channel].last, places, c));
  }
}
#endif

void planes(const PlaneBand& band) {
  const std::uint8_t* in = band.in;
  std::uint8_t* out = band.out;
  for (int y = 0; y < band.height; ++y, in += band.stride, out += band.width) {
    int x = 0;
#if defined(__AVX512VBMI__)
    for (; x + 64 <= band.width; x += 64) wide_planes(in + 3 * x, band.plane, out + x);
#endif
#if defined(__SSE4_1__)
    for (; x + 16 <= band.width; x += 16) {
      const auto lane = [&](int i) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(in + 3 * x + 16 * i)); };
      const __m128i a = lane(0), b = lane(1), c = lane(2);
      for (int channel = 0; channel < 3; ++channel)
        _mm_storeu_si128(reinterpret_cast<__m128i*>(out + channel * band.plane + x), plane_of(a, b, c, channel));
    }
#endif
    for (; x < band.width; ++x)
      for (int channel = 0; channel < 3; ++channel) out[channel * band.plane + x] = in[3 * x + channel];
  }
}
