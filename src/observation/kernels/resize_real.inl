// SPDX-License-Identifier: Apache-2.0
// Float passes, and how floats become bytes again. Loops that the compiler turns into vectors.

void widen(const std::uint8_t* in, std::size_t count, float* out) {
  for (std::size_t i = 0; i < count; ++i) out[i] = static_cast<float>(in[i]);
}

using Four = float __attribute__((vector_size(16), aligned(4)));

template <int Channels>
void real_rows(const RealHorizontal& pass) {
  const float* weights = pass.weights;
  float* out = pass.out;
  for (int x = 0; x < pass.width; ++x, weights += pass.taps, out += Channels) {
    const float* pixel = pass.in + static_cast<std::ptrdiff_t>(pass.first[x]) * Channels;
    if constexpr (Channels >= 3) {
      // Four floats at once; what lies behind the third channel is overwritten by the next pixel.
      Four sum = {};
      for (int tap = 0; tap < pass.taps; ++tap, pixel += Channels) sum += weights[tap] * *reinterpret_cast<const Four*>(pixel);
      *reinterpret_cast<Four*>(out) = sum;
    } else {
      float sums[Channels] = {};
      for (int tap = 0; tap < pass.taps; ++tap)
        for (int c = 0; c < Channels; ++c) sums[c] += weights[tap] * *pixel++;
      for (int c = 0; c < Channels; ++c) out[c] = sums[c];
    }
  }
}

void real_horizontal(const RealHorizontal& pass) {
  switch (pass.channels) {
    case 1: return real_rows<1>(pass);
    case 2: return real_rows<2>(pass);
    case 3: return real_rows<3>(pass);
    default: return real_rows<4>(pass);
  }
}

void real_vertical(const RealVertical& pass) {
  constexpr std::size_t kBlock = 512;
  float sums[kBlock];
  for (std::size_t at = 0; at < pass.count; at += kBlock) {
    const std::size_t size = pass.count - at < kBlock ? pass.count - at : kBlock;
    for (std::size_t i = 0; i < size; ++i) sums[i] = pass.weights[0] * pass.in[0][at + i];
    for (int tap = 1; tap < pass.taps; ++tap) {
      const float* row = pass.in[tap] + at;
      const float weight = pass.weights[tap];
      for (std::size_t i = 0; i < size; ++i) sums[i] += weight * row[i];
    }
    __builtin_memcpy(pass.out + at, sums, size * sizeof(float));
  }
}

inline float clipped(float value) { return value < 0 ? 0.0F : value > 255 ? 255.0F : value; }

void round_half_even(const float* in, std::size_t count, std::uint8_t* out) {
  constexpr float kShift = 12582912;  // 1.5 * 2^23: adding it leaves no fractional bits, and the addition rounds halves to even
  for (std::size_t i = 0; i < count; ++i) out[i] = static_cast<std::uint8_t>((clipped(in[i]) + kShift) - kShift);
}

void round_half_up(const float* in, std::size_t count, std::uint8_t* out) {
  for (std::size_t i = 0; i < count; ++i) out[i] = static_cast<std::uint8_t>(clipped(in[i]) + 0.5F);
}

void opencv_linear(const float* const in[2], const float weights[2], std::size_t count, std::uint8_t* out) {
  const auto first = static_cast<std::int32_t>(weights[0]), second = static_cast<std::int32_t>(weights[1]);
  for (std::size_t i = 0; i < count; ++i) {
    const std::int32_t a = static_cast<std::int32_t>(in[0][i]) >> 4, b = static_cast<std::int32_t>(in[1][i]) >> 4;
    out[i] = static_cast<std::uint8_t>((((first * a) >> 16) + ((second * b) >> 16) + 2) >> 2);
  }
}
