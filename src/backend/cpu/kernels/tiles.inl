// SPDX-License-Identifier: Apache-2.0
// Tiles of AMX: sixteen rows of 32 brain floats, or sixteen rows of sixteen sums.
constexpr Index kTileRows = 16, kTileBytes = 1024;

inline Index pair_blocks(Index inputs) { return (inputs + kPairBlock - 1) / kPairBlock; }
inline Index tile_count(Index rows) { return (rows + kTileRows - 1) / kTileRows; }
/// All tiles have as many rows, so that one configuration serves a product; what the last lacks is zeros.
inline Index tile_height(Index rows) { return rows > 0 ? (rows + tile_count(rows) - 1) / tile_count(rows) : 0; }

/// Numbers of tiles are part of the instructions. Sums of panel I of a block are in tile I.
template <int I>
struct Number {
  static constexpr Index value = I;
};
// clang-format off
SINEW_INLINE void zero_tile(Number<0>) { _tile_zero(0); }
SINEW_INLINE void zero_tile(Number<1>) { _tile_zero(1); }
SINEW_INLINE void zero_tile(Number<2>) { _tile_zero(2); }
SINEW_INLINE void zero_tile(Number<3>) { _tile_zero(3); }
SINEW_INLINE void load_tile(Number<0>, const void* from, Index bytes) { _tile_loadd(0, from, bytes); }
SINEW_INLINE void load_tile(Number<1>, const void* from, Index bytes) { _tile_loadd(1, from, bytes); }
SINEW_INLINE void load_tile(Number<2>, const void* from, Index bytes) { _tile_loadd(2, from, bytes); }
SINEW_INLINE void load_tile(Number<3>, const void* from, Index bytes) { _tile_loadd(3, from, bytes); }
SINEW_INLINE void store_tile(Number<0>, void* to, Index bytes) { _tile_stored(0, to, bytes); }
SINEW_INLINE void store_tile(Number<1>, void* to, Index bytes) { _tile_stored(1, to, bytes); }
SINEW_INLINE void store_tile(Number<2>, void* to, Index bytes) { _tile_stored(2, to, bytes); }
SINEW_INLINE void store_tile(Number<3>, void* to, Index bytes) { _tile_stored(3, to, bytes); }
SINEW_INLINE void multiply_tile(Number<0>, const char* weights) { _tile_loadd(5, weights, 64); _tile_dpbf16ps(0, 4, 5); }
SINEW_INLINE void multiply_tile(Number<1>, const char* weights) { _tile_loadd(6, weights, 64); _tile_dpbf16ps(1, 4, 6); }
SINEW_INLINE void multiply_tile(Number<2>, const char* weights) { _tile_loadd(7, weights, 64); _tile_dpbf16ps(2, 4, 7); }
SINEW_INLINE void multiply_tile(Number<3>, const char* weights) { _tile_loadd(5, weights, 64); _tile_dpbf16ps(3, 4, 5); }
// clang-format on
/// The compiler does not know what the instructions read: it must have written everything.
SINEW_INLINE void settle_memory() { __asm__ volatile("" ::: "memory"); }

struct alignas(64) TileShapes {
  std::uint8_t palette, start, reserved[14];
  std::uint16_t bytes[16];
  std::uint8_t rows[16];
};

/// Sums in tiles 0 to 3, rows in 4, weights in 5 to 7.
inline void configure_tiles(Index height) {
  TileShapes shapes = {.palette = 1};
  for (int tile = 0; tile < 8; ++tile) {
    shapes.bytes[tile] = 64;
    shapes.rows[tile] = static_cast<std::uint8_t>(tile < 5 ? height : kTileRows);
  }
  settle_memory();
  _tile_loadconfig(&shapes);
}
