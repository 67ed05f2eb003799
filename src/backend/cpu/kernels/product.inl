// SPDX-License-Identifier: Apache-2.0
// Products with weights in f32. (First, plain version.)
void transpose(const std::uint32_t* from, Index stride, Index rows, Index columns, std::uint32_t* panel) {
  for (Index i = 0; i < columns; ++i)
    for (Index j = 0; j < kPanel; ++j) panel[i * kPanel + j] = j < rows ? from[j * stride + i] : 0;
}
template <class Weight>
void product_plain(const MatrixProduct& p, const float* rows, Index row_stride, Weight weight) {
  for (Index r = 0; r < p.count; ++r)
    for (Index j = p.first * kPanel; j < p.last * kPanel && j < p.weight.outputs; ++j) {
      float sum = p.bias ? p.bias[j] : 0;
      for (Index i = 0; i < p.weight.inputs; ++i) sum += rows[r * row_stride + i] * weight(j, i);
      float& out = p.out[r * p.out_stride + j];
      out = p.accumulate ? out + sum : sum;
    }
}
void product_f32(const MatrixProduct& p) {
  const auto* data = static_cast<const float*>(p.weight.data);
  product_plain(p, p.rows, p.row_stride, [&](Index j, Index i) { return data[(j / kPanel * p.weight.inputs + i) * kPanel + j % kPanel]; });
}
