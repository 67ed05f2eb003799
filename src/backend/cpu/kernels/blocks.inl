// SPDX-License-Identifier: Apache-2.0
// Blocks of rows and panels whose sums stay in registers. Every sum runs over the inputs in ascending order in one lane, so that no result
// depends on how rows and panels are divided into blocks.

/// Bit by bit: a word of packed rows need not be one number.
SINEW_INLINE FloatLanes every_lane(float word) {
#if defined(__AVX512F__)
  return (FloatLanes)_mm512_set1_ps(word);
#elif defined(__AVX2__)
  return (FloatLanes)_mm256_set1_ps(word);
#else
  return word - FloatLanes{};
#endif
}

/// Rows and panels of one block, as the registers allow; a panel is kVectors vectors wide.
#if defined(__AVX512F__)
constexpr int kBlockRows = 14, kBlockPanels = 2, kFewSums = 16;
#elif defined(__AVX2__)
constexpr int kBlockRows = 6, kBlockPanels = 1, kFewSums = 8;
#elif defined(__aarch64__)
constexpr int kBlockRows = 5, kBlockPanels = 1, kFewSums = 16;
#else
constexpr int kBlockRows = 3, kBlockPanels = 1, kFewSums = 12;
#endif
constexpr int kVectors = static_cast<int>(kPanel) / kLanes<float>;
constexpr int kFewRows = kBlockRows < 4 ? kBlockRows : 4;            // up to here the weights' way from memory is all that counts
constexpr Index kUnitBlocks = kPanel / kBlockRows;                   // blocks whose rows lie beside each other in sixteen lanes: a unit
constexpr Index kDepth = 256;                                        // inputs at a time: the panels of a block stay in the first cache
constexpr Index kGroupUnits = 8;                                     // units at a time: they stay in the second
constexpr Index kLine = kPanel * static_cast<Index>(sizeof(float));  // bytes of one step
constexpr Index kFewAhead = 64 * kLine;
constexpr Index kPackedFloats = kGroupUnits * kDepth * kPanel;

/// What a block multiplies, and where it goes.
struct Block {
  const float* rows;  ///< row r, word i at `rows[i * InputStep + r * RowStep]`
  const void* panel;  ///< the first of neighbouring panels, at the first input
  Index panel_stride;
  Index step;        ///< elements from one step of a panel to the next
  Index depth;       ///< inputs
  Index ahead;       ///< bytes from the panels to what is fetched meanwhile, and
  Index ahead_step;  ///< its bytes per step
  const float* bias;
  bool accumulate;
  float* out;
  Index out_stride;
  Index columns;  ///< outputs that exist, at most those of the panels
};

/// Weights in f32. A step takes kInputs inputs of a panel and kWords words of each packed row.
struct FloatWeights {
  using Element = float;
  static constexpr int kInputs = 1, kWords = 1;
  static Index padded(Index inputs) { return inputs; }
  static SINEW_INLINE void load(const float* from, FloatLanes (&lanes)[kWords][kVectors]) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) lanes[0][v] = Part<true>{}.get(from + v * kLanes<float>);
  }
  static SINEW_INLINE FloatLanes multiply(FloatLanes row, FloatLanes weight, FloatLanes sum) { return fused(row, weight, sum); }
};

template <int Rows, int Across>
SINEW_INLINE void finish_block(const Block& block, const FloatLanes (&sums)[Rows][Across]) {
#pragma GCC unroll 16
  for (int v = 0; v < Across; ++v) {
    const Index at = v * kLanes<float>, left = block.columns - at;
    if (left <= 0) return;
    const int count = left < kLanes<float> ? static_cast<int>(left) : kLanes<float>;
    const FloatLanes bias = block.bias ? load(block.bias + at, count) : FloatLanes{};
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r) {
      float* out = block.out + r * block.out_stride + at;
      const FloatLanes sum = sums[r][v] + bias;
      store(out, block.accumulate ? load(out, count) + sum : sum, count);
    }
  }
}

template <class Weights, int Rows, int Panels, Index RowStep, Index InputStep>
void multiply_block(const Block& block) {
  constexpr int kAcross = Panels * kVectors;
  FloatLanes sums[Rows][kAcross] = {};
  const float* rows = block.rows;
  const auto* panel = static_cast<const typename Weights::Element*>(block.panel);
  const char* ahead = static_cast<const char*>(block.panel) + block.ahead;
  for (Index i = 0; i < block.depth; i += Weights::kInputs) {
    FloatLanes weights[Panels][Weights::kWords][kVectors];
#pragma GCC unroll 4
    for (int p = 0; p < Panels; ++p) {
      Weights::load(panel + p * block.panel_stride, weights[p]);
      __builtin_prefetch(ahead + p * block.panel_stride * static_cast<Index>(sizeof(*panel)), 0, 2);
    }
#pragma GCC unroll 2
    for (int k = 0; k < Weights::kWords; ++k)
#pragma GCC unroll 16
      for (int r = 0; r < Rows; ++r) {
        const FloatLanes row = every_lane(rows[k * InputStep + r * RowStep]);
#pragma GCC unroll 16
        for (int v = 0; v < kAcross; ++v) sums[r][v] = Weights::multiply(row, weights[v / kVectors][k][v % kVectors], sums[r][v]);
      }
    rows += Weights::kWords * InputStep;
    panel += block.step;
    ahead += block.ahead_step;
  }
  finish_block<Rows, kAcross>(block, sums);
}

/// The block of so many rows, at most Rows.
template <class Weights, int Panels, int Rows = kBlockRows>
inline void run_block(Index rows, const Block& block) {
  if constexpr (Rows > 1)
    if (rows < Rows) return run_block<Weights, Panels, Rows - 1>(rows, block);
  multiply_block<Weights, Rows, Panels, 1, kPanel>(block);
}

/// Rows that have been packed, inputs [from, from + depth) of them: units of kUnitBlocks blocks, [depth][16] each.
struct PackedRows {
  const float* data;
  Index unit_stride;
  Index first_block, end_block;
  Index from, depth;
};

/// Rows are spread evenly over as few blocks as possible.
inline Index block_count(Index rows) { return (rows + kBlockRows - 1) / kBlockRows; }
inline Index block_start(Index rows, Index block) { return block * rows / block_count(rows); }

/// The block of `p` at a panel and a row; the first inputs bring the bias along, the others are added to it.
template <class Weights>
SINEW_INLINE Block block_at(const MatrixProduct& p, Index panel, Index row, const PackedRows& packed) {
  const Index stride = Weights::padded(p.weight.inputs) * kPanel, column = panel * kPanel;
  const auto* weights = static_cast<const typename Weights::Element*>(p.weight.data);
  return {.rows = packed.data,
          .panel = weights + panel * stride + packed.from * kPanel,
          .panel_stride = stride,
          .step = Weights::kInputs * kPanel,
          .depth = packed.depth,
          .ahead = kFewAhead,
          .ahead_step = kLine,
          .bias = p.bias && packed.from == 0 ? p.bias + column : nullptr,
          .accumulate = p.accumulate || packed.from != 0,
          .out = p.out + row * p.out_stride + column,
          .out_stride = p.out_stride,
          .columns = p.weight.outputs - column};
}

template <class Weights>
void multiply_packed(const MatrixProduct& p, const PackedRows& packed) {
  for (Index panel = p.first; panel < p.last; panel += kBlockPanels)
    for (Index b = packed.first_block; b < packed.end_block; ++b) {
      const Index row = block_start(p.count, b), rows = block_start(p.count, b + 1) - row;
      Block block = block_at<Weights>(p, panel, row, packed);
      block.rows += (b - packed.first_block) / kUnitBlocks * packed.unit_stride + row - block_start(p.count, b / kUnitBlocks * kUnitBlocks);
      block.ahead_step = kLine / (packed.end_block - packed.first_block);
      block.ahead = kBlockPanels * block.panel_stride * static_cast<Index>(sizeof(typename Weights::Element)) +
                    (b - packed.first_block) * packed.depth / Weights::kInputs * block.ahead_step;
      if (panel + kBlockPanels <= p.last)
        run_block<Weights, kBlockPanels>(rows, block);
      else
        run_block<Weights, 1>(rows, block);
    }
}

/// At most kFewRows rows, packed as [depth][few_step(Rows)].
constexpr int few_step(Index rows) { return rows == 1 ? 1 : 4; }
template <class Weights, int Rows = kFewRows>
void multiply_few(const MatrixProduct& p, const PackedRows& packed) {
  if constexpr (Rows > 1)
    if (p.count < Rows) return multiply_few<Weights, Rows - 1>(p, packed);
  constexpr int kFit = kFewSums / (Rows * kVectors), kPanels = kFit < 1 ? 1 : kFit > 4 ? 4 : kFit;
  Index panel = p.first;
  for (; panel + kPanels <= p.last; panel += kPanels)
    multiply_block<Weights, Rows, kPanels, 1, few_step(Rows)>(block_at<Weights>(p, panel, 0, packed));
  for (; panel < p.last; ++panel) multiply_block<Weights, Rows, 1, 1, few_step(Rows)>(block_at<Weights>(p, panel, 0, packed));
}

/// Inputs are taken in equal parts of at most `most`, each a multiple of four but for the last.
inline Index depth_part(Index inputs, Index most) {
  const Index parts = (inputs + most - 1) / most;
  return parts < 2 ? inputs : ((inputs + parts - 1) / parts + 3) / 4 * 4;
}

/// Rows whose `inputs` inputs have all been packed before.
template <class Weights>
void multiply_prepared(const MatrixProduct& p, Index inputs) {
  const auto* rows = static_cast<const float*>(p.prepared);
  if (p.count <= kFewRows) return p.count > 0 ? multiply_few<Weights>(p, {.data = rows, .from = 0, .depth = inputs}) : void();
  const auto floats = [](Index depth) { return depth / Weights::kInputs * Weights::kWords * kPanel; };
  const Index part = depth_part(inputs, kDepth * Weights::kInputs), blocks = block_count(p.count);
  Index from = 0;
  do {  // once even without inputs: there is a bias
    const Index depth = inputs - from < part ? inputs - from : part;
    for (Index b = 0; b < blocks; b += kGroupUnits * kUnitBlocks) {
      const Index end = b + kGroupUnits * kUnitBlocks;
      const float* data = rows + b / kUnitBlocks * floats(inputs) + floats(from);
      multiply_packed<Weights>(p, {data, floats(inputs), b, end < blocks ? end : blocks, from, depth});
    }
    from += part;
  } while (from < inputs);
}
