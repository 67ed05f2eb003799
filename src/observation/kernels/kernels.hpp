// SPDX-License-Identifier: Apache-2.0
// What the vector kernels of observation take and offer. Plain numbers and pointers only, as for kinematics (docs/architecture.md):
// the kernels are compiled once per instruction set, and no inline function may be shared between such units.
#pragma once

#include <cstddef>
#include <cstdint>

#include "sinew/core/isa.hpp"

namespace sinew::detail {

inline constexpr int kRowsAtOnce = 4;         ///< rows that one horizontal pass computes together
inline constexpr std::size_t kRowSlack = 64;  ///< readable bytes that a row needs behind its end
inline constexpr int kHighBits = 11;          ///< weights are split into two 16-bit parts: high * 2^11 + low

/// Pixels whose 16-bit pairs one 16-byte load gives, by number of channels.
[[nodiscard]] constexpr int taps_per_load(int channels) noexcept { return channels == 1 ? 16 : channels == 2 ? 8 : 4; }

/// A fixed-point pass along rows. Weights are packed by pack_horizontal() for `group` output pixels at a time.
struct HorizontalPass {
  const std::uint8_t* in[kRowsAtOnce];
  std::uint8_t* out[kRowsAtOnce];
  int rows;                     ///< of `in` and `out` that are used
  int width;                    ///< output pixels
  int channels;                 ///< 1 to 4
  int bits;                     ///< fractional bits of the weights
  bool split;                   ///< weights have a high part
  const std::int32_t* offsets;  ///< [groups * group] byte offset of the first tap
  const std::int16_t* packed;   ///< [groups, loads, pairs, parts, group, 8]
  int loads;                    ///< 16-byte loads per output pixel
  const std::int32_t* weights;  ///< [width, taps], for units without packing
  int taps;
};

/// A fixed-point pass along columns: one output row.
struct VerticalPass {
  const std::uint8_t* const* in;  ///< [2 * pairs] input rows
  const std::int32_t* weights;    ///< [2 * pairs]; an odd number of taps ends with a weight of 0
  const std::int32_t* packed;     ///< [pairs, 2] high and low parts of two weights, 16 bits each
  int pairs;
  int bits;
  bool split;
  std::size_t count;  ///< bytes per row
  std::uint8_t* out;
};

inline constexpr int kLeastDigits = 2;  ///< to the base 256, of the weights of a pass by digits
inline constexpr int kMostDigits = 3;
inline constexpr int kDigitGroup = 16;  ///< output bytes that a horizontal pass by digits computes together

/// A fixed-point pass along rows whose weights are sums of signed digits. A quad is four taps of kDigitGroup output bytes, which lie within
/// 64 bytes of the row.
struct DigitHorizontal {
  const std::uint8_t* in[kRowsAtOnce];
  std::uint8_t* out[kRowsAtOnce];
  std::ptrdiff_t next;  ///< bytes from a row of `in` to the one that will be read in its place next, which is fetched meanwhile
  int rows;             ///< of `in` and `out` that are used
  std::size_t count;    ///< bytes per output row
  int bits;             ///< fractional bits of the weights
  int digits;
  int quads;                   ///< per group
  const std::int32_t* starts;  ///< [groups, quads] where the 64 bytes begin
  const std::uint8_t* places;  ///< [groups, quads, 64] the taps among them, those of one output byte side by side
  const std::int8_t* weights;  ///< [groups, quads, digits, 64] from the lowest digit on
};

/// A fixed-point pass along columns whose weights are sums of signed digits: one output row.
struct DigitVertical {
  const std::uint8_t* const* in;  ///< [4 * quads] input rows
  const std::int32_t* weights;    ///< [quads, digits] four signed bytes each, from the lowest digit on
  int quads;
  int digits;
  int bits;
  std::size_t count;  ///< bytes per row
  std::uint8_t* out;
};

/// A float pass along rows: one row.
struct RealHorizontal {
  const float* in;  ///< with 4 readable floats behind its end
  float* out;       ///< with 4 writable floats behind its end
  int width;        ///< output pixels
  int channels;
  const std::int32_t* first;  ///< [width]
  const float* weights;       ///< [width, taps]
  int taps;
};

/// A float pass along columns: one output row.
struct RealVertical {
  const float* const* in;  ///< [taps] input rows
  const float* weights;    ///< [taps]
  int taps;
  std::size_t count;  ///< floats per row
  float* out;
};

/// How the 256 levels of each channel become floats: (rescaled - mean) / deviation.
struct Levels {
  const float* table;  ///< [3, 256]
  float factor[2];     ///< the rescaling as a sum of two floats
  float mean[3];
  float deviation[3];
  float reciprocal[3];  ///< of the deviation
  bool arithmetic;      ///< `normalize` gave the values of `table` for every level
};

/// Patches of one band of an image: `height` is one row of blocks.
struct PatchBand {
  const std::uint8_t* const* frames;  ///< [temporal] first row of the band in each frame, RGB
  std::ptrdiff_t stride;              ///< bytes between rows
  int frame_count;                    ///< 1: the same frame for all temporal slots
  int width;                          ///< pixels, a multiple of patch * merge
  int patch;
  int merge;
  int temporal;  ///< slots per row of the output
  const Levels* levels;
  float* out;  ///< [width / patch * merge, 3, temporal, patch, patch]
};

/// Interleaved RGB rows to three planes.
struct PlaneBand {
  const std::uint8_t* in;  ///< [height, width, 3]
  std::ptrdiff_t stride;   ///< bytes between rows
  int height;
  int width;
  std::ptrdiff_t plane;  ///< bytes between planes
  std::uint8_t* out;     ///< the rows' first byte in the first plane
};

struct ObservationKernels {
  int group;  ///< output pixels per group of a horizontal pass; 0: takes `weights` instead of `packed`
  void (*horizontal)(const HorizontalPass& pass);
  void (*vertical)(const VerticalPass& pass);
  void (*digit_horizontal)(const DigitHorizontal& pass);  ///< null in units without products of bytes, as is the next
  void (*digit_vertical)(const DigitVertical& pass);
  void (*real_horizontal)(const RealHorizontal& pass);
  void (*real_vertical)(const RealVertical& pass);
  void (*widen)(const std::uint8_t* in, std::size_t count, float* out);            ///< levels as floats
  void (*round_half_even)(const float* in, std::size_t count, std::uint8_t* out);  ///< clipped
  void (*round_half_up)(const float* in, std::size_t count, std::uint8_t* out);
  /// OpenCV's end of a two-tap pass: `in` hold sums with 11 fractional bits.
  void (*opencv_linear)(const float* const in[2], const float weights[2], std::size_t count, std::uint8_t* out);
  void (*planes)(const PlaneBand& band);
  /// [256] normalised values of one channel by arithmetic, to be compared with the table; false when this unit has none.
  bool (*normalize)(const Levels& levels, int channel, float* out);
  void (*patches)(const PatchBand& band);
};

namespace portable {
extern const ObservationKernels kObservationKernels;
}
namespace v2 {
extern const ObservationKernels kObservationKernels;
}
namespace v3 {
extern const ObservationKernels kObservationKernels;
}
namespace v4 {
extern const ObservationKernels kObservationKernels;
}
namespace v4_vnni {
extern const ObservationKernels kObservationKernels;
}

/// The kernels of one instruction set, which the processor must have.
[[nodiscard]] const ObservationKernels& observation_kernels(Isa isa) noexcept;
/// The kernels of active_isa().
[[nodiscard]] const ObservationKernels& observation_kernels() noexcept;

}  // namespace sinew::detail
