// SPDX-License-Identifier: Apache-2.0
// Products with weights in brain floats, where the instruction set has no such products: the weights are widened, the rows stay as they
// are.

/// A pair of inputs of a panel at a time: neighbours share a word.
struct PairWeights {
  using Element = std::uint16_t;
  static constexpr int kInputs = 2, kWords = 2;
  static Index padded(Index inputs) { return (inputs + kPairBlock - 1) / kPairBlock * kPairBlock; }
  static SINEW_INLINE void load(const std::uint16_t* from, FloatLanes (&lanes)[kWords][kVectors]) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      IntLanes pairs;
      __builtin_memcpy(&pairs, from + v * kLanes<float> * 2, sizeof(pairs));
      lanes[0][v] = (FloatLanes)(pairs << 16);
      lanes[1][v] = (FloatLanes)(pairs & static_cast<std::int32_t>(0xffff0000U));
    }
  }
  static SINEW_INLINE FloatLanes multiply(FloatLanes row, FloatLanes weight, FloatLanes sum) { return fused(row, weight, sum); }
};

/// Prepared rows are packed rows of all inputs, padded with zeros to pairs.
inline Index prepared_depth(Index inputs) { return (inputs + 1) / 2 * 2; }

std::size_t prepared_bytes(Index count, Index inputs) {
  const Index lanes = count <= kFewRows ? few_step(count) : (block_count(count) + kUnitBlocks - 1) / kUnitBlocks * kPanel;
  return (static_cast<std::size_t>(prepared_depth(inputs) * lanes) * sizeof(float) + 63) / 64 * 64;
}

void prepare_rows(const float* rows, Index stride, Index count, Index inputs, void* prepared) {
  auto* to = static_cast<float*>(prepared);
  const Index depth = prepared_depth(inputs);
  if (count <= kFewRows) {
    for (Index i = inputs * few_step(count); i < depth * few_step(count); ++i) to[i] = 0;
    return pack_few(rows, stride, count, inputs, to);
  }
  const Index blocks = block_count(count);
  MatrixProduct p = {.rows = rows, .row_stride = stride, .count = count};
  pack_blocks(p, {to, depth * kPanel, 0, blocks, 0, inputs}, to);
  if (depth == inputs) return;
  for (Index b = 0; b < blocks; b += kUnitBlocks, to += depth * kPanel)
    for (Index lane = 0; lane < kPanel; ++lane) to[inputs * kPanel + lane] = 0;
}

void product_bf16(const MatrixProduct& p) { multiply_prepared<PairWeights>(p, prepared_depth(p.weight.inputs)); }
