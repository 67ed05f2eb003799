// SPDX-License-Identifier: Apache-2.0
// Attention. Keys are taken kKeyBlock at a time: those that anybody may see become panels, their values too, and blocks of rows are
// multiplied with both. Between blocks of keys a row keeps its largest score and the sum of its exponentials, as FlashAttention does.
constexpr Index kKeyBlock = 512;
constexpr Index kScoreStride = kKeyBlock + kPanel;  // rows of scores start in different sets of the first cache
constexpr int kDirectRows = 2;                      // so few rows read keys where they lie

inline Index whole_panels(Index count) { return (count + kPanel - 1) / kPanel * kPanel; }

/// Where everything lies in the scratch, in floats.
struct AttentionPlaces {
  Index keys, values, scores, queries, most, sum, seen, end;

  AttentionPlaces(Index rows, Index all_keys, Index dim) {
    const Index block = whole_panels(all_keys < kKeyBlock ? all_keys : kKeyBlock);
    keys = 0;
    values = keys + block * dim;
    scores = values + block * whole_panels(dim);
    queries = scores + kBlockRows * kScoreStride;
    most = queries + dim * kPanel;
    sum = most + whole_panels(rows);
    seen = sum + whole_panels(rows);
    end = seen + kKeyBlock;
  }
};

std::size_t attention_scratch(Index heads, Index queries, Index keys, Index dim) {
  return static_cast<std::size_t>(AttentionPlaces(heads * queries, keys, dim).end) * sizeof(float);
}

/// The keys of one block that anybody sees, and the scratch.
struct KeyBlock {
  Index first;         ///< key
  Index count;         ///< of those seen
  bool packed;         ///< keys are panels; else they are read where they lie
  const float* value;  ///< panels
  Index value_stride, value_step;
  float *keys, *values, *scores, *queries, *most, *sum;
  std::int32_t* seen;  ///< their numbers
};

/// Rows that share what they see, or see one key more each.
struct QueryRows {
  const float* q;
  float* out;
  Index q_stride, out_stride;
  Index count;
  Index query;       ///< of the first
  Index query_step;  ///< 0 or 1
  Index place;       ///< of the first in `most` and `sum`
};

inline void pack_keys(const AttentionHead& a, const KeyBlock& block) {
  for (Index j = 0; j < block.count; j += kPanel) {
    const std::uint32_t* row[kPanel];
    const Index left = block.count - j, rows = left < kPanel ? left : kPanel;
    for (Index r = 0; r < kPanel; ++r)
      row[r] = reinterpret_cast<const std::uint32_t*>(a.k + block.seen[j + (r < rows ? r : 0)] * a.k_stride);
    transpose_rows(row, rows, a.dim, reinterpret_cast<std::uint32_t*>(block.keys + j * a.dim));
  }
}

inline void pack_values(const AttentionHead& a, const KeyBlock& block) {
  for (Index j = 0; j < block.count; ++j) {
    const float* from = a.v + block.seen[j] * a.v_stride;
    for_parts(a.dim, [&](Index d, auto part) {
      Part<true>{}.put(block.values + d / kPanel * block.value_stride + j * kPanel + d % kPanel, part.get(from + d));
    });
  }
}

/// How many of the block's keys a query sees: the first so many.
inline Index visible(const AttentionHead& a, const KeyBlock& block, Index query) {
  if (!a.causal) return block.count;
  Index low = 0, high = block.count;
  while (low < high) {
    const Index middle = (low + high) / 2;
    if (block.seen[middle] <= query + a.offset)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

/// Neighbouring panels for at most Rows rows: as many at a time as keep the arithmetic busy.
template <Index RowStep, Index InputStep, int Rows = kBlockRows>
void multiply_across(Index rows, Block block, Index panels) {
  if constexpr (Rows > 1)
    if (rows < Rows) return multiply_across<RowStep, InputStep, Rows - 1>(rows, block, panels);
  constexpr int kFit = kFewSums / (Rows * kVectors), kPanels = Rows > kFewRows ? kBlockPanels : kFit < 1 ? 1 : kFit > 4 ? 4 : kFit;
  const auto next = [&](Index count) {
    block.panel = static_cast<const float*>(block.panel) + count * block.panel_stride;
    block.out += count * kPanel;
    block.columns -= count * kPanel;
  };
  for (; panels >= kPanels; panels -= kPanels, next(kPanels)) multiply_block<FloatWeights, Rows, kPanels, RowStep, InputStep>(block);
  for (; panels > 0; --panels, next(1)) multiply_block<FloatWeights, Rows, 1, RowStep, InputStep>(block);
}

inline void score_packed(const AttentionHead& a, const KeyBlock& block, const QueryRows& rows, Index count) {
  transpose(reinterpret_cast<const std::uint32_t*>(rows.q), rows.q_stride, rows.count, a.dim,
            reinterpret_cast<std::uint32_t*>(block.queries));
  multiply_across<1, kPanel>(rows.count,
                             {.rows = block.queries,
                              .panel = block.keys,
                              .panel_stride = a.dim * kPanel,
                              .step = kPanel,
                              .depth = a.dim,
                              .ahead = kFewAhead,
                              .ahead_step = kLine,
                              .out = block.scores,
                              .out_stride = kScoreStride,
                              .columns = whole_panels(count)},
                             whole_panels(count) / kPanel);
}

inline void score_direct(const AttentionHead& a, const KeyBlock& block, const QueryRows& rows, Index count) {
  constexpr Index kAhead = 8;  // keys
  for (Index j = 0; j < count; ++j) {
    const float* key = a.k + block.seen[j] * a.k_stride;
    for (Index d = 0; d < a.dim; d += kPanel) __builtin_prefetch(key + kAhead * a.k_stride + d);
    for (Index r = 0; r < rows.count; ++r) {
      const float* q = rows.q + r * rows.q_stride;
      FloatLanes sum = {};
      for_parts(a.dim, [&](Index d, auto part) { sum = fused(part.get(q + d), part.get(key + d), sum); });
      block.scores[r * kScoreStride + j] = sum_of_lanes(sum);
    }
  }
}

/// Turns a row of scores into weights of values, zeros up to `end`, and keeps the row's state.
inline void weigh_row(const AttentionHead& a, const KeyBlock& block, const QueryRows& rows, Index r, Index end) {
  constexpr Index kWidth = kLanes<float>;
  float* scores = block.scores + r * kScoreStride;
  const Index count = visible(a, block, rows.query + r * rows.query_step), whole = (count + kWidth - 1) / kWidth * kWidth;
  for (Index j = whole; j < end; ++j) scores[j] = 0;
  if (count == 0) return;
  float &most = block.most[rows.place + r], &sum = block.sum[rows.place + r];
  const float here = scale_scores(scores, count, a.scale), before = most;
  most = here > before ? here : before;
  const float fresh = exponentials(scores, whole, most);
  if (before == kLowest || before == most) {
    sum += fresh;
    return;
  }
  const float factor = exp_lanes(before - most - FloatLanes{})[0];
  sum = sum * factor + fresh;
  float* out = rows.out + r * rows.out_stride;
  for_parts(a.dim, [&](Index d, auto part) { part.put(out + d, part.get(out + d) * factor); });
}

inline void attend_rows(const AttentionHead& a, const KeyBlock& block, const QueryRows& rows) {
  const Index count = visible(a, block, rows.query + (rows.count - 1) * rows.query_step);
  if (count == 0) return;
  block.packed ? score_packed(a, block, rows, count) : score_direct(a, block, rows, count);
  for (Index r = 0; r < rows.count; ++r) weigh_row(a, block, rows, r, count);
  multiply_across<kScoreStride, 1>(rows.count,
                                   {.rows = block.scores,
                                    .panel = block.value,
                                    .panel_stride = block.value_stride,
                                    .step = block.value_step,
                                    .depth = count,
                                    .ahead = 8 * block.value_step * 4,
                                    .ahead_step = block.value_step * 4,
                                    .accumulate = true,
                                    .out = rows.out,
                                    .out_stride = rows.out_stride,
                                    .columns = a.dim},
                                   whole_panels(a.dim) / kPanel);
}

/// step(rows) for blocks of rows: queries of a head, or the heads of a query when there are more of those.
template <class Step>
SINEW_INLINE void for_rows(const AttentionHead& a, Step step) {
  const bool by_head = a.queries >= a.heads;
  const Index outer = by_head ? a.heads : a.queries, inner = by_head ? a.queries : a.heads, blocks = block_count(inner);
  for (Index o = 0; o < outer; ++o)
    for (Index b = 0; b < blocks; ++b) {
      const Index start = block_start(inner, b), head = by_head ? o : start, query = by_head ? start : o;
      step({.q = a.q + head * a.q_head_stride + query * a.q_stride,
            .out = a.out + head * a.out_head_stride + query * a.out_stride,
            .q_stride = by_head ? a.q_stride : a.q_head_stride,
            .out_stride = by_head ? a.out_stride : a.out_head_stride,
            .count = block_start(inner, b + 1) - start,
            .query = query,
            .query_step = by_head ? 1 : 0,
            .place = o * inner + start});
    }
}

/// Gathers the keys [block.first, end) that anybody sees.
inline void gather_keys(const AttentionHead& a, KeyBlock& block, Index end) {
  block.count = 0;
  for (Index j = block.first; j < end; ++j) {
    block.seen[block.count] = static_cast<std::int32_t>(j);
    block.count += a.valid == nullptr || a.valid[j] != 0 ? 1 : 0;
  }
  const Index rows = a.heads * a.queries;
  block.packed = rows > kDirectRows;
  if (block.packed) pack_keys(a, block);
  block.value = block.values;
  block.value_step = kPanel;
  if (rows <= kBlockRows && a.dim % kPanel == 0 && block.count == end - block.first) {
    block.value = a.v + block.first * a.v_stride;
    block.value_stride = kPanel;
    block.value_step = a.v_stride;
  } else {
    pack_values(a, block);
  }
}

void attention(const AttentionHead& a) {
  const AttentionPlaces places(a.heads * a.queries, a.keys, a.dim);
  auto* scratch = static_cast<float*>(a.scratch);
  const Index most_keys = whole_panels(a.keys < kKeyBlock ? a.keys : kKeyBlock);
  KeyBlock block = {.keys = scratch + places.keys,
                    .values = scratch + places.values,
                    .scores = scratch + places.scores,
                    .queries = scratch + places.queries,
                    .most = scratch + places.most,
                    .sum = scratch + places.sum,
                    .seen = reinterpret_cast<std::int32_t*>(scratch + places.seen)};
  for_rows(a, [&](const QueryRows& rows) {
    for (Index r = 0; r < rows.count; ++r) {
      block.most[rows.place + r] = kLowest;
      block.sum[rows.place + r] = 0;
      for_parts(a.dim, [&](Index d, auto part) { part.put(rows.out + r * rows.out_stride + d, FloatLanes{}); });
    }
  });
  const Index last = a.causal && a.queries + a.offset < a.keys ? a.queries + a.offset : a.keys;
  for (; block.first < last; block.first += kKeyBlock) {
    block.value_stride = most_keys * kPanel;
    gather_keys(a, block, last - block.first < kKeyBlock ? last : block.first + kKeyBlock);
    for_rows(a, [&](const QueryRows& rows) { attend_rows(a, block, rows); });
  }
  for_rows(a, [&](const QueryRows& rows) {
    for (Index r = 0; r < rows.count; ++r) {
      float* out = rows.out + r * rows.out_stride;
      const float sum = block.sum[rows.place + r], factor = sum == 0 && block.most[rows.place + r] == kLowest ? 0 : 1 / sum;
      for_parts(a.dim, [&](Index d, auto part) { part.put(out + d, part.get(out + d) * factor); });
    }
  });
}
