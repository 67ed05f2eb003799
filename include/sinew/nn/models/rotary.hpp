// SPDX-License-Identifier: Apache-2.0
// Tables of rotary embeddings. Angles are products of f32 numbers rounded to f32, as the reference forms them; sine and cosine of those are
// exact to rounding.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace sinew::nn {

/// Cosines and sines `[n, width]`, the second half a copy of the first.
struct RotaryTable {
  std::vector<float> cos;
  std::vector<float> sin;
  std::int64_t width = 0;

  void resize(std::int64_t rows);
  [[nodiscard]] std::int64_t rows() const noexcept { return width == 0 ? 0 : static_cast<std::int64_t>(cos.size()) / width; }
};

/// `theta^(-2 j / width)` for j < width / 2, in f32.
[[nodiscard]] std::vector<float> rotary_frequencies(std::int64_t width, double theta);

/// How the frequencies of a head are shared out among time, height and width.
enum class SectionLayout : std::uint8_t {
  interleaved,  ///< Qwen3-VL (transformers 5.23 `modeling_qwen3_vl.py`): frequency j turns by the height for j = 1, 4, 7, ... < 3
                ///< sections[1], by the width for j = 2, 5, 8, ... < 3 sections[2], else by the time
  chunked,      ///< Qwen2-VL, Qwen2.5-VL (`modeling_qwen2_5_vl.py`): sections[0] turn by the time, the next sections[1] by the height,
                ///< the rest by the width
};

/// Multi-section rotary embedding: every frequency turns by one of three positions.
class SectionedRotary {
 public:
  /// `width` is the head dimension. Tables are made for positions below `capacity`; larger ones are computed when they come.
  SectionedRotary(std::int64_t width, double theta, std::span<const std::int64_t> sections, SectionLayout layout, std::int64_t capacity);
  /// `positions [3, n]`: time, height, width of each token. Writes n rows; allocates when `table` has held fewer before.
  void fill(std::span<const std::int64_t> positions, RotaryTable& table) const;

 private:
  std::vector<float> frequencies_;
  std::vector<std::uint8_t> axes_;  // of each frequency
  std::int64_t capacity_;
  std::vector<float> cos_;  // [capacity, width / 2]
  std::vector<float> sin_;
};

/// Rotary embedding of patches by row and column (Qwen2-VL to 3.5, theta 1e4): the first quarter of a head turns by the row, the second by
/// the column. `places [n, 2]`; `width` is the head dimension.
void fill_patch_rotary(std::span<const std::int64_t> places, std::int64_t width, RotaryTable& table);

}  // namespace sinew::nn
