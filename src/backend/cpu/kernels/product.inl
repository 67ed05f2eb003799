// SPDX-License-Identifier: Apache-2.0
// Products with weights in f32: rows are packed on the stack, a part of their inputs at a time.

inline void pack_few(const float* rows, Index stride, Index count, Index inputs, float* packed) {
  const Index step = few_step(count);
  for (Index i = 0; i < inputs; ++i)
    for (Index r = 0; r < count; ++r) packed[i * step + r] = rows[r * stride + i];
}

/// Packs inputs of the blocks [first, end), a unit every `unit_stride` floats.
inline void pack_blocks(const MatrixProduct& p, const PackedRows& packed, float* to) {
  for (Index b = packed.first_block; b < packed.end_block; b += kUnitBlocks, to += packed.unit_stride) {
    const Index end = b + kUnitBlocks < packed.end_block ? b + kUnitBlocks : packed.end_block;
    const Index row = block_start(p.count, b), rows = block_start(p.count, end) - row;
    const float* from = p.rows + row * p.row_stride + packed.from;
    transpose(reinterpret_cast<const std::uint32_t*>(from), p.row_stride, rows, packed.depth, reinterpret_cast<std::uint32_t*>(to));
  }
}

inline void product_of_few(const MatrixProduct& p) {
  if (p.count == 1) return multiply_few<FloatWeights>(p, {.data = p.rows, .from = 0, .depth = p.weight.inputs});
  alignas(64) float packed[kPackedFloats];
  const Index part = depth_part(p.weight.inputs, kPackedFloats / kFewRows);
  Index from = 0;
  do {  // once even without inputs: there is a bias
    const Index left = p.weight.inputs - from, depth = left < part ? left : part;
    pack_few(p.rows + from, p.row_stride, p.count, depth, packed);
    multiply_few<FloatWeights>(p, {.data = packed, .from = from, .depth = depth});
    from += part;
  } while (from < p.weight.inputs);
}

void product_f32(const MatrixProduct& p) {
#if defined(__AMX_BF16__)
  if (p.count >= kSplitRows && p.weight.inputs > 0) return product_split(p);
#endif
  if (p.count <= kFewRows) return p.count > 0 ? product_of_few(p) : void();
  alignas(64) float packed[kPackedFloats];
  const Index part = depth_part(p.weight.inputs, kDepth), blocks = block_count(p.count);
  Index from = 0;
  do {
    const Index left = p.weight.inputs - from, depth = left < part ? left : part;
    for (Index b = 0; b < blocks; b += kGroupUnits * kUnitBlocks) {
      const Index end = b + kGroupUnits * kUnitBlocks;
      const PackedRows rows = {packed, depth * kPanel, b, end < blocks ? end : blocks, from, depth};
      pack_blocks(p, rows, packed);
      multiply_packed<FloatWeights>(p, rows);
    }
    from += part;
  } while (from < p.weight.inputs);
}
