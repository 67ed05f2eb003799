// SPDX-License-Identifier: Apache-2.0
// Interleaved 8-bit RGB to the planar float patches of Qwen's vision towers.

constexpr int kStepPixels = 16;  // per step along a row of a patch

#if defined(__FMA__) && defined(__AVX2__)

#if defined(__AVX512BW__)
using Floats = __m512;
inline Floats repeat(float value) { return _mm512_set1_ps(value); }
inline Floats floats_of(__m128i bytes, int) { return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(bytes)); }
inline Floats multiply(Floats a, Floats b) { return _mm512_mul_ps(a, b); }
inline Floats subtract(Floats a, Floats b) { return _mm512_sub_ps(a, b); }
inline Floats multiply_add(Floats a, Floats b, Floats c) { return _mm512_fmadd_ps(a, b, c); }
inline Floats multiply_from(Floats a, Floats b, Floats c) { return _mm512_fnmadd_ps(a, b, c); }
inline void stream(float* to, Floats v) { _mm512_stream_ps(to, v); }
inline Floats load_floats(const float* from) { return _mm512_loadu_ps(from); }
inline void store_first(float* to, Floats v, int count) { _mm512_mask_storeu_ps(to, static_cast<__mmask16>((1U << count) - 1), v); }
constexpr int kFloats = 16;
#else
using Floats = __m256;
inline Floats repeat(float value) { return _mm256_set1_ps(value); }
inline Floats floats_of(__m128i bytes, int half) {
  return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(half == 0 ? bytes : _mm_srli_si128(bytes, 8)));
}
inline Floats multiply(Floats a, Floats b) { return _mm256_mul_ps(a, b); }
inline Floats subtract(Floats a, Floats b) { return _mm256_sub_ps(a, b); }
inline Floats multiply_add(Floats a, Floats b, Floats c) { return _mm256_fmadd_ps(a, b, c); }
inline Floats multiply_from(Floats a, Floats b, Floats c) { return _mm256_fnmadd_ps(a, b, c); }
inline void stream(float* to, Floats v) { _mm256_stream_ps(to, v); }
inline Floats load_floats(const float* from) { return _mm256_loadu_ps(from); }
alignas(32) constexpr std::int32_t kMasks[16] = {-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0};
inline void store_first(float* to, Floats v, int count) {
  if (count >= 8) return _mm256_storeu_ps(to, v);
  _mm256_maskstore_ps(to, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(kMasks + 8 - count)), v);
}
constexpr int kFloats = 8;
#endif

/// The quotient (rescaled - mean) / deviation without a division: one Newton step on the product with the reciprocal rounds as the
/// division does for all levels, which the caller has checked.
struct Normalizer {
  Floats factor_high, factor_low, mean, deviation, reciprocal;
  Normalizer(const Levels& levels, int channel)
      : factor_high(repeat(levels.factor[0])),
        factor_low(repeat(levels.factor[1])),
        mean(repeat(levels.mean[channel])),
        deviation(repeat(levels.deviation[channel])),
        reciprocal(repeat(levels.reciprocal[channel])) {}
  Floats operator()(__m128i bytes, int part) const {
    const Floats level = floats_of(bytes, part);
    const Floats shifted = subtract(multiply_add(level, factor_high, multiply(level, factor_low)), mean);
    const Floats quotient = multiply(shifted, reciprocal);
    return multiply_add(multiply_from(quotient, deviation, shifted), reciprocal, quotient);
  }
};

bool normalize(const Levels& levels, int channel, float* out) {
  const Normalizer normalizer(levels, channel);
  for (int level = 0; level < 256; level += kStepPixels) {
    std::uint8_t bytes[kStepPixels];
    for (int i = 0; i < kStepPixels; ++i) bytes[i] = static_cast<std::uint8_t>(level + i);
    for (int part = 0; part < kStepPixels / kFloats; ++part)
      store_first(out + level + part * kFloats, normalizer(_mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes)), part), kFloats);
  }
  return true;
}

/// `count` <= 16 pixels of one row into the rows of the three planes, `copies` times each. With `Stream` past the caches, 16 at a time.
template <bool Stream>
inline void normalize_step(const std::uint8_t* pixels, int count, const Normalizer* normalizers, float* out, std::ptrdiff_t plane,
                           int copies, int temporal) {
  const auto lane = [pixels](int i) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(pixels + 16 * i)); };
  const __m128i a = lane(0), b = lane(1), c = lane(2);
  for (int channel = 0; channel < 3; ++channel) {
    const __m128i bytes = plane_of(a, b, c, channel);
    for (int part = 0; part < kStepPixels / kFloats; ++part) {
      const int left = count - part * kFloats < kFloats ? count - part * kFloats : kFloats;
      if (left <= 0) break;
      const Floats values = normalizers[channel](bytes, part);
      for (int copy = 0; copy < copies; ++copy) {
        float* to = out + (channel * temporal + copy) * plane + part * kFloats;
        Stream ? stream(to, values) : store_first(to, values, left);
      }
    }
  }
}

/// One frame's share of one patch.
template <bool Stream>
inline void arithmetic_patch(const PatchBand& band, const Normalizer* normalizers, const std::uint8_t* pixels, int left, float* out,
                             int copies) {
  const std::ptrdiff_t plane = static_cast<std::ptrdiff_t>(band.patch) * band.patch;
  for (int y = 0; y < band.patch; ++y, pixels += band.stride, out += band.patch) {
    for (int x = 0; x < band.patch; x += kStepPixels) {
      const int count = band.patch - x < kStepPixels ? band.patch - x : kStepPixels;
      const std::uint8_t* step = pixels + 3 * x;
      std::uint8_t end[3 * kStepPixels];
      if (left + x + kStepPixels > band.width) {  // nothing behind the end of a row is read
        __builtin_memcpy(end, step, static_cast<std::size_t>(3 * count));
        step = end;
      }
      normalize_step<Stream>(step, count, normalizers, out + x, plane, copies, band.temporal);
    }
  }
}

#else
bool normalize(const Levels&, int, float*) { return false; }
#endif

inline void table_patch(const PatchBand& band, const std::uint8_t* pixels, float* out, int copies) {
  const std::ptrdiff_t plane = static_cast<std::ptrdiff_t>(band.patch) * band.patch;
  for (int channel = 0; channel < 3; ++channel) {
    const float* table = band.levels->table + 256 * channel;
    float* first = out + channel * band.temporal * plane;
    float* to = first;
    for (int y = 0; y < band.patch; ++y) {
      const std::uint8_t* pixel = pixels + y * band.stride + channel;
      for (int x = 0; x < band.patch; ++x, pixel += 3) *to++ = table[*pixel];
    }
    for (int copy = 1; copy < copies; ++copy)
      __builtin_memcpy(first + copy * plane, first, static_cast<std::size_t>(plane) * sizeof(float));
  }
}

template <class WritePatch>
inline void each_patch(const PatchBand& band, WritePatch write) {
  const int patch = band.patch, block = patch * band.merge;
  const std::ptrdiff_t plane = static_cast<std::ptrdiff_t>(patch) * patch;
  const int copies = band.frame_count == 1 ? band.temporal : 1;
  float* out = band.out;
  for (int block_left = 0; block_left < band.width; block_left += block)
    for (int top = 0; top < block; top += patch)
      for (int left = block_left; left < block_left + block; left += patch, out += 3 * band.temporal * plane)
        for (int frame = 0; frame < band.frame_count; ++frame)
          write(band.frames[frame] + top * band.stride + 3 * left, left, out + frame * plane, copies);
}

#if defined(__FMA__) && defined(__AVX2__)

inline bool aligned(const float* at, std::size_t bytes) { return reinterpret_cast<std::uintptr_t>(at) % bytes == 0; }

/// A patch that was put together in the cache, written past it: 4 floats at a time up to and from where whole registers fit.
inline void stream_patch(const float* staged, std::ptrdiff_t size, float* out) {
  std::ptrdiff_t i = 0;
  for (; i < size && !aligned(out + i, kFloats * sizeof(float)); i += 4) _mm_stream_ps(out + i, _mm_load_ps(staged + i));
  for (; i + kFloats <= size; i += kFloats) stream(out + i, load_floats(staged + i));
  for (; i < size; i += 4) _mm_stream_ps(out + i, _mm_load_ps(staged + i));
}

/// The output is larger than the caches that matter, and ordinary stores would read every line of it first. Streaming needs whole
/// vectors: directly where the rows of a patch are such, else by way of one patch on the stack.
void arithmetic_patches(const PatchBand& band, const Normalizer* normalizers) {
  constexpr std::ptrdiff_t kMostStaged = 2048;
  const std::ptrdiff_t size = std::ptrdiff_t{3} * band.temporal * band.patch * band.patch;
  if (band.patch % kStepPixels == 0 && aligned(band.out, 64)) {
    each_patch(band, [&](const std::uint8_t* pixels, int left, float* out, int copies) {
      arithmetic_patch<true>(band, normalizers, pixels, left, out, copies);
    });
    _mm_sfence();
  } else if (band.frame_count == 1 && size <= kMostStaged && size % 4 == 0 && aligned(band.out, 16)) {
    alignas(64) float staged[kMostStaged];
    each_patch(band, [&](const std::uint8_t* pixels, int left, float* out, int copies) {
      arithmetic_patch<false>(band, normalizers, pixels, left, staged, copies);
      stream_patch(staged, size, out);
    });
    _mm_sfence();
  } else {
    each_patch(band, [&](const std::uint8_t* pixels, int left, float* out, int copies) {
      arithmetic_patch<false>(band, normalizers, pixels, left, out, copies);
    });
  }
}

#endif

void patches(const PatchBand& band) {
#if defined(__FMA__) && defined(__AVX2__)
  if (band.levels->arithmetic) {
    const Normalizer normalizers[3] = {{*band.levels, 0}, {*band.levels, 1}, {*band.levels, 2}};
    return arithmetic_patches(band, normalizers);
  }
#endif
  each_patch(band, [&](const std::uint8_t* pixels, int, float* out, int copies) { table_patch(band, pixels, out, copies); });
}
