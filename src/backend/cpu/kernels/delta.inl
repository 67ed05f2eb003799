// SPDX-License-Identifier: Apache-2.0
// The gated delta rule, kDeltaTokens tokens at a time. With D_i the decay from before a group to its token i, E_ij from j to i, and S the
// state before the group,
//   delta_i = beta_i (v_i - D_i S^T k_i - sum_{j<i} E_ij (k_i . k_j) delta_j),
//   out_i = D_i S^T q_i + sum_{j<=i} E_ij (q_i . k_j) delta_j,   S = D_last S + sum_j E_last,j k_j delta_j^T.
// The columns of S know nothing of each other: a few of them stay in the first cache while all tokens of a chunk pass. Larger groups save
// no arithmetic, three multiplications and additions for each element of S and token, only loads; four are enough to hide those.

constexpr int kDeltaTokens = 4, kDeltaChunk = 64;  // tokens of a group, and of what is prepared at once
#if defined(__AVX512F__) || defined(__aarch64__)
constexpr int kDeltaAcross = 2;  // vectors of columns at a time: 2 * kDeltaTokens sums each
#else
constexpr int kDeltaAcross = 1;
#endif
constexpr int kDeltaStep = 4;  // of a single token

/// Of one group and value head; [i][j] with j up to i.
struct DeltaFactors {
  float decay[kDeltaTokens], beta[kDeltaTokens];  ///< D_i
  float by_key[kDeltaTokens][kDeltaTokens];       ///< beta_i E_ij (k_i . k_j)
  float by_query[kDeltaTokens][kDeltaTokens];     ///< E_ij (q_i . k_j)
  float to_end[kDeltaTokens];                     ///< E_last,j
};
/// Of one group and key head.
struct DeltaProducts {
  float key_key[kDeltaTokens][kDeltaTokens], query_key[kDeltaTokens][kDeltaTokens];
};
/// In the scratch: of a chunk and key head, its keys and queries, of each group [key_dim][keys, queries]; of a value head the factors.
struct DeltaChunk {
  DeltaProducts products[kDeltaChunk / kDeltaTokens];
  DeltaFactors factors[kDeltaChunk / kDeltaTokens];
  alignas(64) float packed[1];
};

std::size_t delta_scratch(Index key_dim) {
  return sizeof(DeltaChunk) + static_cast<std::size_t>(2 * kDeltaChunk * key_dim) * sizeof(float);
}

inline float dot(const float* x, const float* y, Index width) {
  FloatLanes sums[4] = {};
  for_four_parts(width, [&](Index i, auto part, int k) { sums[k] = fused(part.get(x + i), part.get(y + i), sums[k]); });
  return sum_of_four(sums);
}

/// Tokens [first, first + count) of the key head.
inline void prepare_keys(const DeltaHeads& d, Index first, Index count, DeltaChunk& chunk) {
  float* packed = chunk.packed;
  for (Index g = 0; g < count; g += kDeltaTokens) {
    const int tokens = count - g < kDeltaTokens ? static_cast<int>(count - g) : kDeltaTokens;
    const float *k = d.k + (first + g) * d.k_stride, *q = d.q + (first + g) * d.q_stride;
    for (Index r = 0; r < d.key_dim; ++r, packed += 2 * tokens)
      for (int i = 0; i < tokens; ++i) {
        packed[i] = k[i * d.k_stride + r];
        packed[tokens + i] = q[i * d.q_stride + r];
      }
    DeltaProducts& products = chunk.products[g / kDeltaTokens];
    for (int i = 0; i < tokens; ++i)
      for (int j = 0; j <= i; ++j) {
        products.key_key[i][j] = j < i ? dot(k + i * d.k_stride, k + j * d.k_stride, d.key_dim) : 0;
        products.query_key[i][j] = dot(q + i * d.q_stride, k + j * d.k_stride, d.key_dim);
      }
  }
}

/// The gates of value head h. Decays within a group are products: differences of sums of logarithms would cancel.
inline void prepare_factors(const DeltaHeads& d, Index h, Index first, Index count, DeltaChunk& chunk) {
  constexpr Index kWidth = kLanes<float>;
  alignas(64) float decay[kDeltaChunk];
  for (Index i = 0; i < kDeltaChunk; ++i) decay[i] = i < count ? d.decay[(first + i) * d.decay_stride + h] : 0;
  for (Index i = 0; i < count; i += kWidth) Part<true>{}.put(decay + i, exp_lanes(Part<true>{}.get(decay + i)));
  for (Index g = 0; g < count; g += kDeltaTokens) {
    const int tokens = count - g < kDeltaTokens ? static_cast<int>(count - g) : kDeltaTokens;
    const DeltaProducts& products = chunk.products[g / kDeltaTokens];
    DeltaFactors& f = chunk.factors[g / kDeltaTokens];
    for (int i = 0; i < tokens; ++i) {
      f.decay[i] = decay[g + i] * (i > 0 ? f.decay[i - 1] : 1);
      f.beta[i] = d.beta[(first + g + i) * d.beta_stride + h];
      float between = 1;
      for (int j = i; j >= 0; --j) {
        f.by_key[i][j] = f.beta[i] * between * products.key_key[i][j];
        f.by_query[i][j] = between * products.query_key[i][j];
        if (i == tokens - 1) f.to_end[j] = between;
        between *= decay[g + j];
      }
    }
  }
}

/// Columns of one group: their values, results and state at the first of them.
struct DeltaColumns {
  const float* packed;
  const DeltaFactors* factors;
  const float* v;
  float* out;
  float* state;
  Index v_stride, out_stride, key_dim, dim;
};

template <int Tokens, int Across, class Where>
void delta_columns(const DeltaColumns& c, Where part) {
  constexpr Index kWidth = kLanes<float>;
  const DeltaFactors& f = *c.factors;
  FloatLanes by_key[Tokens][Across] = {}, by_query[Tokens][Across] = {};
  const float* packed = c.packed;
  const float* from = c.state;
  for (Index r = 0; r < c.key_dim; ++r, from += c.dim, packed += 2 * Tokens) {
    FloatLanes row[Across];
#pragma GCC unroll 4
    for (int a = 0; a < Across; ++a) row[a] = part.get(from + a * kWidth);
#pragma GCC unroll 4
    for (int i = 0; i < Tokens; ++i) {
      const FloatLanes key = every_lane(packed[i]), query = every_lane(packed[Tokens + i]);
#pragma GCC unroll 4
      for (int a = 0; a < Across; ++a) {
        by_key[i][a] = fused(key, row[a], by_key[i][a]);
        by_query[i][a] = fused(query, row[a], by_query[i][a]);
      }
    }
  }
  FloatLanes delta[Tokens][Across];
#pragma GCC unroll 4
  for (int i = 0; i < Tokens; ++i)
#pragma GCC unroll 4
    for (int a = 0; a < Across; ++a) {
      FloatLanes change = f.beta[i] * fused(every_lane(-f.decay[i]), by_key[i][a], part.get(c.v + i * c.v_stride + a * kWidth));
      FloatLanes result = f.decay[i] * by_query[i][a];
#pragma GCC unroll 4
      for (int j = 0; j < i; ++j) {
        change = fused(every_lane(-f.by_key[i][j]), delta[j][a], change);
        result = fused(every_lane(f.by_query[i][j]), delta[j][a], result);
      }
      delta[i][a] = change;
      part.put(c.out + i * c.out_stride + a * kWidth, fused(every_lane(f.by_query[i][i]), change, result));
    }
#pragma GCC unroll 4
  for (int i = 0; i < Tokens; ++i)
#pragma GCC unroll 4
    for (int a = 0; a < Across; ++a) delta[i][a] *= f.to_end[i];
  const FloatLanes decay = every_lane(f.decay[Tokens - 1]);
  float* to = c.state;
  packed = c.packed;
  for (Index r = 0; r < c.key_dim; ++r, to += c.dim, packed += 2 * Tokens)
#pragma GCC unroll 4
    for (int a = 0; a < Across; ++a) {
      FloatLanes sum = decay * part.get(to + a * kWidth);
#pragma GCC unroll 4
      for (int i = 0; i < Tokens; ++i) sum = fused(every_lane(packed[i]), delta[i][a], sum);
      part.put(to + a * kWidth, sum);
    }
}

/// All tokens of a chunk over some columns of a value head, group after group.
template <int Across, class Where>
void delta_groups(DeltaColumns c, Index count, Where part) {
  for (; count >= kDeltaTokens; count -= kDeltaTokens) {
    delta_columns<kDeltaTokens, Across>(c, part);
    c.packed += 2 * kDeltaTokens * c.key_dim;
    c.v += kDeltaTokens * c.v_stride;
    c.out += kDeltaTokens * c.out_stride;
    ++c.factors;
  }
  switch (count) {
    case 3: return delta_columns<3, Across>(c, part);
    case 2: return delta_columns<2, Across>(c, part);
    case 1: return delta_columns<1, Across>(c, part);
    default: return;
  }
}

inline void delta_head(const DeltaHeads& d, Index h, Index first, Index count, const DeltaChunk& chunk) {
  constexpr Index kWidth = kLanes<float>;
  const DeltaColumns head = {.packed = chunk.packed,
                             .factors = chunk.factors,
                             .v = d.v + first * d.v_stride + h * d.v_head_stride,
                             .out = d.out + first * d.out_stride + h * d.dim,
                             .state = d.state + h * d.key_dim * d.dim,
                             .v_stride = d.v_stride,
                             .out_stride = d.out_stride,
                             .key_dim = d.key_dim,
                             .dim = d.dim};
  const auto from = [&](Index column) {
    DeltaColumns columns = head;
    columns.v += column;
    columns.out += column;
    columns.state += column;
    return columns;
  };
  Index column = 0;
  if (count == 1)
    for (; column + kDeltaStep * kWidth <= d.dim; column += kDeltaStep * kWidth) delta_columns<1, kDeltaStep>(from(column), Part<true>{});
  for (; column + kDeltaAcross * kWidth <= d.dim; column += kDeltaAcross * kWidth)
    delta_groups<kDeltaAcross>(from(column), count, Part<true>{});
  for (; column + kWidth <= d.dim; column += kWidth) delta_groups<1>(from(column), count, Part<true>{});
  if (column < d.dim) delta_groups<1>(from(column), count, Part<false>{static_cast<int>(d.dim - column)});
}

void delta_rule(const DeltaHeads& d) {
  auto& chunk = *static_cast<DeltaChunk*>(d.scratch);
  for (Index first = 0; first < d.tokens; first += kDeltaChunk) {
    const Index count = d.tokens - first < kDeltaChunk ? d.tokens - first : kDeltaChunk;
    prepare_keys(d, first, count, chunk);
    for (Index h = 0; h < d.heads; ++h) {
      prepare_factors(d, h, first, count, chunk);
      delta_head(d, h, first, count, chunk);
    }
  }
}
