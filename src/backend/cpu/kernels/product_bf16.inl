// SPDX-License-Identifier: Apache-2.0
// Products with weights in brain floats. (First, plain version.)
std::size_t prepared_bytes(Index count, Index inputs) { return (static_cast<std::size_t>(count * inputs) * 4 + 63) / 64 * 64; }
void prepare_rows(const float* rows, Index stride, Index count, Index inputs, void* prepared) {
  for (Index r = 0; r < count; ++r)
    __builtin_memcpy(static_cast<float*>(prepared) + r * inputs, rows + r * stride, static_cast<std::size_t>(inputs) * 4);
}
void product_bf16(const MatrixProduct& p) {
  const auto* data = static_cast<const std::uint16_t*>(p.weight.data);
  const Index padded = (p.weight.inputs + kPairBlock - 1) / kPairBlock * kPairBlock;
  product_plain(p, static_cast<const float*>(p.prepared), p.weight.inputs, [&](Index j, Index i) {
    float value;
    widen_bf16(data + (j / kPanel * padded + i / 2 * 2) * kPanel + j % kPanel * 2 + i % 2, 1, &value);
    return value;
  });
}
