// SPDX-License-Identifier: Apache-2.0
// Attention. (First, plain version.)
std::size_t attention_scratch(Index, Index, Index keys, Index) { return (static_cast<std::size_t>(keys) * 4 + 63) / 64 * 64; }
void attention(const AttentionHead& a) {
  auto* scores = static_cast<float*>(a.scratch);
  for (Index h = 0; h < a.heads; ++h)
    for (Index i = 0; i < a.queries; ++i) {
      const float* q = a.q + h * a.q_head_stride + i * a.q_stride;
      float* out = a.out + h * a.out_head_stride + i * a.out_stride;
      for (Index d = 0; d < a.dim; ++d) out[d] = 0;
      const auto seen = [&](Index j) { return (!a.causal || j <= i + a.offset) && (a.valid == nullptr || a.valid[j] != 0); };
      float most = -__builtin_inff(), sum = 0;
      for (Index j = 0; j < a.keys; ++j) {
        if (!seen(j)) continue;
        float dot = 0;
        for (Index d = 0; d < a.dim; ++d) dot += q[d] * a.k[j * a.k_stride + d];
        scores[j] = dot * a.scale;
        if (scores[j] > most) most = scores[j];
      }
      for (Index j = 0; j < a.keys; ++j)
        if (seen(j)) sum += scores[j] = exp1(scores[j] - most);
      for (Index j = 0; j < a.keys; ++j)
        if (seen(j))
          for (Index d = 0; d < a.dim; ++d) out[d] += scores[j] / sum * a.v[j * a.v_stride + d];
    }
}
