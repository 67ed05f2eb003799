// SPDX-License-Identifier: Apache-2.0
// Products with weights in brain floats by AMX. A panel's 32 inputs are one tile as they lie; sixteen rows and 32 inputs, rounded to
// brain floats, are another. Up to four panels are multiplied by one tile of rows at a time.
constexpr Index kTilePanels = 4;
constexpr Index kTileDepth = 8;     // blocks of inputs at a time: four panels stay in the first cache
constexpr Index kTileGroup = 16;    // tiles of rows at a time: their sums stay in the second
constexpr Index kTileAhead = 4096;  // bytes, for a single tile of rows

std::size_t prepared_bytes(Index count, Index inputs) {
  return static_cast<std::size_t>(tile_count(count) * pair_blocks(inputs) * kTileBytes);
}

/// 32 values, of which `count` exist, as brain floats.
SINEW_INLINE __m512i rounded(const float* from, Index count) {
  const auto part = [&](Index first) {
    const Index left = count - first;
    return _mm512_maskz_loadu_ps(static_cast<__mmask16>(left >= 16 ? 0xffffU : left <= 0 ? 0U : (1U << left) - 1U), from + first);
  };
  return (__m512i)_mm512_cvtne2ps_pbh(part(16), part(0));
}

/// Tile t, block of inputs b at `(t * blocks + b) * kTileBytes`.
void prepare_rows(const float* rows, Index stride, Index count, Index inputs, void* prepared) {
  const Index blocks = pair_blocks(inputs), height = tile_height(count), places = tile_count(count) * height;
  for (Index place = 0; place < places; ++place) {
    char* to = static_cast<char*>(prepared) + place / height * blocks * kTileBytes + place % height * 64;
    for (Index b = 0; b < blocks; ++b, to += kTileBytes)
      _mm512_store_si512(to, place < count ? rounded(rows + place * stride + b * kPairBlock, inputs - b * kPairBlock) : __m512i{});
  }
}

/// One tile of rows times neighbouring panels, a part of the inputs.
struct TileBlock {
  const char* rows;
  const char* panel;
  Index panel_bytes;
  Index blocks;       ///< of inputs
  const char* ahead;  ///< fetched meanwhile: so many lines of each panel for every block
  Index lines;
  char* sums;  ///< of other parts, a tile for each panel
  bool first, last;
  const float* bias;
  bool accumulate;
  float* out;
  Index out_stride;
  Index height;   ///< rows of a tile
  Index rows_in;  ///< those that exist
  Index columns;  ///< outputs that exist
};

/// The sums of a panel can be started from memory and go there as they are.
SINEW_INLINE bool direct(const TileBlock& block, Index column) {
  return block.columns - column >= kPanel && block.rows_in == block.height && !(block.bias && block.accumulate);
}

template <class Panel>
SINEW_INLINE void start_tile(const TileBlock& block, Panel panel) {
  constexpr Index kColumn = Panel::value * kPanel;
  if (!block.first) return load_tile(panel, block.sums + Panel::value * kTileBytes, 64);
  if (direct(block, kColumn) && block.bias) return load_tile(panel, block.bias + kColumn, 0);
  if (direct(block, kColumn) && block.accumulate) return load_tile(panel, block.out + kColumn, block.out_stride * 4);
  zero_tile(panel);
}

template <class Panel>
SINEW_INLINE void finish_tile(const TileBlock& block, Panel panel) {
  constexpr Index kColumn = Panel::value * kPanel;
  char* sums = block.sums + Panel::value * kTileBytes;
  if (block.last && direct(block, kColumn)) return store_tile(panel, block.out + kColumn, block.out_stride * 4);
  store_tile(panel, sums, 64);
  if (!block.last) return;
  const Index left = block.columns - kColumn;
  const int count = static_cast<int>(left < kPanel ? left : kPanel);
  for (Index r = 0; r < block.rows_in; ++r) {
    float* out = block.out + r * block.out_stride + kColumn;
    FloatLanes sum;
    __builtin_memcpy(&sum, sums + r * 64, sizeof(sum));
    if (block.bias) sum += load(block.bias + kColumn, count);
    if (block.accumulate) sum += load(out, count);
    store(out, sum, count);
  }
}

template <class Step>
SINEW_INLINE void for_panels(Index panels, Step step) {
  step(Number<0>{});
  if (panels > 1) step(Number<1>{});
  if (panels > 2) step(Number<2>{});
  if (panels > 3) step(Number<3>{});
}

template <int Panels>
void multiply_tiles(const TileBlock& block) {
  for_panels(Panels, [&](auto panel) { start_tile(block, panel); });
  const char *rows = block.rows, *weights = block.panel, *ahead = block.ahead;
  for (Index b = 0; b < block.blocks; ++b, rows += kTileBytes, weights += kTileBytes, ahead += block.lines * 64) {
    _tile_loadd(4, rows, 64);
    for_panels(Panels, [&](auto panel) {
      multiply_tile(panel, weights + panel.value * block.panel_bytes);
      for (Index line = 0; line < block.lines; ++line) __builtin_prefetch(ahead + panel.value * block.panel_bytes + line * 64, 0, 2);
    });
  }
  for_panels(Panels, [&](auto panel) { finish_tile(block, panel); });
}

/// Panels from `panel` on, blocks of inputs [from, from + depth), tiles of rows [first, end).
struct TileRange {
  Index panel, from, depth, first, end;
};

/// Fetches the next panels while it multiplies these.
inline void multiply_range(const MatrixProduct& p, const TileRange& range, char* sums) {
  const Index blocks = pair_blocks(p.weight.inputs), height = tile_height(p.count), bytes = blocks * kTileBytes;
  const Index tiles = range.end - range.first, lines = (kTileRows + tiles - 1) / tiles, column = range.panel * kPanel;
  const char* weights = static_cast<const char*>(p.weight.data) + range.panel * bytes + range.from * kTileBytes;
  TileBlock block = {.panel = weights,
                     .panel_bytes = bytes,
                     .blocks = range.depth,
                     .first = range.from == 0,
                     .last = range.from + range.depth == blocks,
                     .bias = p.bias ? p.bias + column : nullptr,
                     .accumulate = p.accumulate,
                     .out_stride = p.out_stride,
                     .height = height,
                     .columns = p.weight.outputs - column};
  for (Index t = range.first; t < range.end; ++t) {
    block.lines = range.first == 0 && t * lines < kTileRows ? lines : 0;
    block.rows = static_cast<const char*>(p.prepared) + (t * blocks + range.from) * kTileBytes;
    block.ahead = tiles == 1 ? weights + kTileAhead : weights + kTilePanels * bytes + (t - range.first) * range.depth * block.lines * 64;
    block.sums = sums + (t - range.first) * kTilePanels * kTileBytes;
    block.rows_in = p.count - t * height < height ? p.count - t * height : height;
    block.out = p.out + t * height * p.out_stride + column;
    switch (p.last - range.panel) {
      case 1: multiply_tiles<1>(block); break;
      case 2: multiply_tiles<2>(block); break;
      case 3: multiply_tiles<3>(block); break;
      default: multiply_tiles<4>(block);
    }
  }
}

void product_bf16(const MatrixProduct& p) {
  if (p.count == 0) return;
  alignas(64) char sums[kTileGroup * kTilePanels * kTileBytes];
  const Index blocks = pair_blocks(p.weight.inputs), tiles = tile_count(p.count);
  const Index part = tiles == 1 ? blocks : depth_part(blocks, kTileDepth), groups = (tiles + kTileGroup - 1) / kTileGroup;
  configure_tiles(tile_height(p.count));
  for (Index panel = p.first; panel < p.last; panel += kTilePanels)
    for (Index group = 0; group < groups; ++group) {
      Index from = 0;
      do {  // once even without inputs: there is a bias
        const Index depth = blocks - from < part ? blocks - from : part;
        multiply_range(p, {panel, from, depth, group * tiles / groups, (group + 1) * tiles / groups}, sums);
        from += depth;
      } while (from < blocks);
    }
  _tile_release();
}
