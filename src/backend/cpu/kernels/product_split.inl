// SPDX-License-Identifier: Apache-2.0
// Products with weights in f32 by AMX. A float is the sum of three brain floats: the first two are rounded, the third is what is left. Of
// the nine products of the parts of two floats six are taken, and what is left out is below 2^-23 of the product, as little as one
// rounding. The products of the first parts have sums of their own, so that these are rounded no more often than without parts.
constexpr Index kParts = 3;
constexpr Index kSplitRows = 64;   // from here on it is worth splitting the weights
constexpr Index kSplitDepth = 4;   // blocks of inputs at a time: the parts of two panels stay in the first cache
constexpr Index kSplitTiles = 16;  // tiles of rows at a time: their parts stay in the second
constexpr Index kSplitPanels = 2;
constexpr Index kSplitBlock = kParts * kTileBytes;

/// The upper halves of the words of two vectors: pairs of both, or one vector behind the other.
template <bool kPairs>
SINEW_INLINE __m512i upper_halves(__m512i low, __m512i high) {
  if constexpr (kPairs) {
    constexpr int kSelect = 0xe2;  // by the second operand: the first where it has ones, else the third
    return _mm512_ternarylogic_epi32(high, _mm512_set1_epi32(static_cast<int>(0xffff0000U)), _mm512_srli_epi32(low, 16), kSelect);
  } else {
    const __m512i order = _mm512_set_epi16(63, 61, 59, 57, 55, 53, 51, 49, 47, 45, 43, 41, 39, 37, 35, 33, 31, 29, 27, 25, 23, 21, 19, 17,
                                           15, 13, 11, 9, 7, 5, 3, 1);
    return _mm512_permutex2var_epi16(low, order, high);
  }
}

/// The parts of 32 floats, each in a tile of its own.
template <bool kPairs>
SINEW_INLINE void split(__m512 low, __m512 high, char* to) {
  const __m512i upper = _mm512_set1_epi32(static_cast<int>(0xffff0000U)), half = _mm512_set1_epi32(0x8000);
#pragma GCC unroll 2
  for (Index part = 0; part < kParts - 1; ++part) {
    const __m512i low_words = _mm512_add_epi32((__m512i)low, half), high_words = _mm512_add_epi32((__m512i)high, half);
    _mm512_store_si512(to + part * kTileBytes, upper_halves<kPairs>(low_words, high_words));
    low -= (__m512)_mm512_and_si512(low_words, upper);
    high -= (__m512)_mm512_and_si512(high_words, upper);
  }
  _mm512_store_si512(to + (kParts - 1) * kTileBytes, upper_halves<kPairs>((__m512i)low, (__m512i)high));
}

/// What is multiplied at a time.
struct SplitRange {
  Index from, depth;  ///< inputs
  Index first, end;   ///< tiles of rows
};

/// Tile t, block of inputs b at `((t - first) * kSplitDepth + b) * kSplitBlock`.
inline void split_rows(const MatrixProduct& p, const SplitRange& range, char* to) {
  const Index height = tile_height(p.count);
  for (Index t = range.first; t < range.end; ++t, to += kSplitDepth * kSplitBlock)
    for (Index r = 0; r < height; ++r) {
      const bool exists = t * height + r < p.count;
      const float* from = p.rows + (exists ? t * height + r : 0) * p.row_stride + range.from;
      for (Index i = 0; i < range.depth; i += kPairBlock) {
        const auto part = [&](Index at) {
          const Index left = exists ? range.depth - at : 0;
          return _mm512_maskz_loadu_ps(static_cast<__mmask16>(left >= 16 ? 0xffffU : left <= 0 ? 0U : (1U << left) - 1U), from + at);
        };
        split<false>(part(i), part(i + 16), to + i / kPairBlock * kSplitBlock + r * 64);
      }
    }
}

/// Splits two panels, a few pairs of inputs at a time. Block of inputs b, panel q at `(b * kSplitPanels + q) * kSplitBlock`.
struct WeightSplitter {
  static constexpr Index kInputs = 8;                                   // of a unit
  static constexpr Index kUnits = kSplitPanels * kPairBlock / kInputs;  // of a block

  const float* from;
  Index panel_stride;
  Index depth;
  char* to;
  Index at, end;  ///< units

  WeightSplitter(const MatrixProduct& p, Index panel, const SplitRange& range, char* parts)
      : from(static_cast<const float*>(p.weight.data) + (panel * p.weight.inputs + range.from) * kPanel),
        panel_stride(panel + 1 < p.last ? p.weight.inputs * kPanel : 0),
        depth(range.depth),
        to(parts),
        at(0),
        end(panel < p.last ? pair_blocks(depth) * kUnits : 0) {}

  /// Inputs from `input` on, of which `exist` are there.
  template <bool kWhole>
  SINEW_INLINE void unit(const float* input, Index exist, char* parts) const {
#pragma GCC unroll 4
    for (Index i = 0; i < kInputs; i += 2) {
      const __m512 low = kWhole || i < exist ? _mm512_loadu_ps(input + i * kPanel) : __m512{};
      const __m512 high = kWhole || i + 1 < exist ? _mm512_loadu_ps(input + (i + 1) * kPanel) : __m512{};
      split<true>(low, high, parts + i / 2 * 64);
      __builtin_prefetch(input + kSplitPanels * panel_stride + i * kPanel, 0, 2);
      __builtin_prefetch(input + kSplitPanels * panel_stride + (i + 1) * kPanel, 0, 2);
    }
  }
  SINEW_INLINE void take(Index count) {
    for (; count > 0 && at < end; --count, ++at) {
      const Index block = at / kUnits, q = at / (kUnits / kSplitPanels) % kSplitPanels, i = at % (kUnits / kSplitPanels) * kInputs;
      const Index first = block * kPairBlock + i;
      char* parts = to + (block * kSplitPanels + q) * kSplitBlock + i / 2 * 64;
      const float* input = from + q * panel_stride + first * kPanel;
      first + kInputs <= depth ? unit<true>(input, kInputs, parts) : unit<false>(input, depth - first, parts);
    }
  }
};

/// Sums of a tile of rows and two panels that are to be added to what earlier inputs, or bias and output, are.
struct PendingSums {
  const char* sums;
  const float* base;
  Index base_stride;
  float* out;
  Index out_stride;
  __mmask16 exist[kSplitPanels];  ///< outputs
  Index left;                     ///< rows

  SINEW_INLINE void take(Index count) {
    for (; count > 0 && left > 0; --count, --left, sums += 64, base += base_stride, out += out_stride)
#pragma GCC unroll 2
      for (Index q = 0; q < kSplitPanels; ++q) {
        const __m512 first = _mm512_load_ps(sums + q * kTileBytes), others = _mm512_load_ps(sums + (kSplitPanels + q) * kTileBytes);
        const __m512 before = _mm512_maskz_loadu_ps(exist[q], base + q * kPanel);
        _mm512_mask_storeu_ps(out + q * kPanel, exist[q], first + others + before);
      }
  }
};

/// What the vector units do while the tiles are multiplied.
struct Meanwhile {
  WeightSplitter weights;
  PendingSums sums;
  Index units, rows;  ///< a step
};

/// Sums of the first parts in tiles 0 and 1, of the others in 2 and 3, stored one after the other.
inline void multiply_split(const char* rows, const char* weights, Index blocks, Meanwhile& meanwhile, char* sums) {
  const auto others = [](const char* part) {
    _tile_loadd(5, part, 64);
    _tile_dpbf16ps(2, 4, 5);
    _tile_loadd(6, part + kSplitBlock, 64);
    _tile_dpbf16ps(3, 4, 6);
  };
  settle_memory();
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  for (Index b = 0; b < blocks; ++b, rows += kSplitBlock, weights += kSplitPanels * kSplitBlock) {
    _tile_loadd(4, rows, 64);
    _tile_loadd(5, weights, 64);
    _tile_dpbf16ps(0, 4, 5);
    _tile_loadd(6, weights + kSplitBlock, 64);
    _tile_dpbf16ps(1, 4, 6);
    others(weights + kTileBytes);
    others(weights + 2 * kTileBytes);
    meanwhile.sums.take(meanwhile.rows);
    _tile_loadd(4, rows + kTileBytes, 64);
    others(weights + kTileBytes);
    others(weights);
    meanwhile.weights.take(meanwhile.units);
    _tile_loadd(4, rows + 2 * kTileBytes, 64);
    others(weights);
  }
  meanwhile.sums.take(kTileRows);
  _tile_stored(0, sums, 64);
  _tile_stored(1, sums + kTileBytes, 64);
  _tile_stored(2, sums + 2 * kTileBytes, 64);
  _tile_stored(3, sums + 3 * kTileBytes, 64);
}

struct SplitBuffers {
  alignas(64) char rows[kSplitTiles * kSplitDepth * kSplitBlock];
  alignas(64) char weights[2][kSplitDepth * kSplitPanels * kSplitBlock];
  alignas(64) char sums[2][2 * kSplitPanels * kTileBytes];
};

alignas(64) constexpr float kNothing[kSplitPanels * kPanel] = {};

inline PendingSums pending_sums(const MatrixProduct& p, Index panel, Index row, Index from, const char* sums) {
  const Index column = panel * kPanel, height = tile_height(p.count), left = p.count - row;
  const auto exist = [&](Index q) {
    const Index outputs = panel + q < p.last ? p.weight.outputs - column - q * kPanel : 0;
    return static_cast<__mmask16>(outputs >= kPanel ? 0xffffU : (1U << outputs) - 1U);
  };
  float* out = p.out + row * p.out_stride + column;
  const bool add = p.accumulate || from != 0;
  return {.sums = sums,
          .base = add      ? out
                  : p.bias ? p.bias + column
                           : kNothing,
          .base_stride = add ? p.out_stride : 0,
          .out = out,
          .out_stride = p.out_stride,
          .exist = {exist(0), exist(1)},
          .left = left < height ? left : height};
}

/// All panels with a range of rows and inputs.
inline void multiply_split_range(const MatrixProduct& p, const SplitRange& range, SplitBuffers& buffers) {
  const Index tiles = range.end - range.first, blocks = pair_blocks(range.depth), height = tile_height(p.count);
  split_rows(p, range, buffers.rows);
  Meanwhile meanwhile = {.weights = {p, p.first, range, buffers.weights[0]}, .sums = {.left = 0}};
  meanwhile.weights.take(meanwhile.weights.end);
  meanwhile.units = (meanwhile.weights.end + tiles * blocks - 1) / (tiles * blocks);
  meanwhile.rows = (height + blocks - 1) / blocks;
  Index turn = 0, tile_turn = 0;
  for (Index panel = p.first; panel < p.last; panel += kSplitPanels, turn ^= 1) {
    meanwhile.weights = {p, panel + kSplitPanels, range, buffers.weights[turn ^ 1]};
    for (Index t = range.first; t < range.end; ++t, tile_turn ^= 1) {
      const char* rows = buffers.rows + (t - range.first) * kSplitDepth * kSplitBlock;
      multiply_split(rows, buffers.weights[turn], blocks, meanwhile, buffers.sums[tile_turn]);
      meanwhile.sums = pending_sums(p, panel, t * height, range.from, buffers.sums[tile_turn]);
    }
    meanwhile.weights.take(meanwhile.weights.end);
  }
  meanwhile.sums.take(kTileRows);
}

/// When both are there: the output of the product is where the sums start.
inline void add_bias(const MatrixProduct& p) {
  const Index first = p.first * kPanel, last = p.last * kPanel < p.weight.outputs ? p.last * kPanel : p.weight.outputs;
  for (Index r = 0; r < p.count; ++r) {
    float* out = p.out + r * p.out_stride;
    for_parts(last - first,
              [&](Index j, auto part) { part.put(out + first + j, part.get(out + first + j) + part.get(p.bias + first + j)); });
  }
}

inline void product_split(const MatrixProduct& p) {
  SplitBuffers buffers;
  const Index tiles = tile_count(p.count), groups = (tiles + kSplitTiles - 1) / kSplitTiles, part = kSplitDepth * kPairBlock;
  if (p.bias && p.accumulate) add_bias(p);
  configure_tiles(tile_height(p.count));
  for (Index from = 0; from < p.weight.inputs; from += part)
    for (Index group = 0; group < groups; ++group) {
      const Index left = p.weight.inputs - from;
      multiply_split_range(p, {from, left < part ? left : part, group * tiles / groups, (group + 1) * tiles / groups}, buffers);
    }
  _tile_release();
}
