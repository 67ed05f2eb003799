// SPDX-License-Identifier: Apache-2.0
// Products of pairs of brain floats by AVX-512 BF16: rows are rounded to brain floats, and a word of them is a pair of neighbouring inputs.

struct PairProducts {
  using Element = std::uint16_t;
  static constexpr int kInputs = 2, kWords = 1;
  static Index padded(Index inputs) { return (inputs + kPairBlock - 1) / kPairBlock * kPairBlock; }
  static SINEW_INLINE void load(const std::uint16_t* from, FloatLanes (&lanes)[kWords][kVectors]) {
    __builtin_memcpy(&lanes[0][0], from, 64);
  }
  static SINEW_INLINE FloatLanes multiply(FloatLanes row, FloatLanes weight, FloatLanes sum) {
    return (FloatLanes)_mm512_dpbf16_ps((__m512)sum, (__m512bh)(__m512)row, (__m512bh)(__m512)weight);
  }
};
