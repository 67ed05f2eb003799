// SPDX-License-Identifier: Apache-2.0
// Resizing of 8-bit images exactly as the libraries that policies were trained with do it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "sinew/core/image.hpp"
#include "sinew/core/status.hpp"

namespace sinew {

/// Whose arithmetic a resize reproduces, byte for byte. The generations differ in which pass comes first, which shows because values
/// are rounded to 8 bits in between. `pil_*`: Pillow 12.2 and 12.3, horizontal first but for strips (h > 100 w and h > H; Pillow up
/// to 12.1 knows no exception). `pil13_*`: Pillow 13, vertical first where that saves work (h > H and h - H > 2 (w - W)).
enum class ResizeRule : std::uint8_t {
  pil_nearest,
  pil_box,
  pil_bilinear,
  pil_bicubic,  ///< a = -0.5
  pil_lanczos,  ///< three lobes
  pil13_nearest,
  pil13_box,
  pil13_bilinear,
  pil13_bicubic,
  pil13_lanczos
};

/// "pil_bicubic", "pil13_box", ...
[[nodiscard]] std::string_view to_string(ResizeRule rule) noexcept;
/// Inverse of `to_string`. Throws Error that names the nearest rule; `where` begins the message.
[[nodiscard]] ResizeRule resize_rule_from_string(std::string_view name, std::string_view where);

/// Resizes 8-bit images of 1 to 4 channels and 1 to 8192 pixels a side with one rule. Channels are independent: alpha is not
/// premultiplied (Pillow does that for modes LA and RGBA only). Down-sampling filters with the widened kernel (antialias).
///
/// Two passes with 8-bit values between them, weights in fixed point with 22 fractional bits. Weights are kept for the last
/// eight axis lengths, so after the first frame of a geometry nothing is allocated. One object per thread.
class Resizer {
 public:
  static constexpr int kMaxSide = 8192;

  explicit Resizer(ResizeRule rule = ResizeRule::pil_bicubic) noexcept : rule_(rule) {}
  [[nodiscard]] ResizeRule rule() const noexcept { return rule_; }

  /// Writes `[height, width, in.channels()]`, tightly packed; rows of `in` may be padded. `out` must not overlap `in`.
  /// `bad_shape`: an empty image, a size or channel count outside the range, or another size of `out`; `over_capacity`: no
  /// memory for the weights or the rows between the passes.
  [[nodiscard]] Status resize(const ImageView& in, int height, int width, std::span<std::uint8_t> out) noexcept;
  /// The same into an owned image, which keeps its memory when that suffices.
  [[nodiscard]] Status resize(const ImageView& in, int height, int width, Image& out) noexcept;

 private:
  /// Where each output sample of one axis reads, and with which weights.
  struct Axis {
    int in = 0;
    int out = 0;
    int stride = 0;                     // weights per output sample
    std::vector<int> first;             // [out]
    std::vector<int> count;             // [out]
    std::vector<std::int32_t> weights;  // [out, stride], 22 fractional bits; empty for nearest
  };

  const Axis& axis(int in, int out, const Axis* keep);
  void run(const ImageView& in, int height, int width, std::uint8_t* out);
  static void build(Axis& axis, ResizeRule filter, int in, int out);

  ResizeRule rule_;
  std::array<Axis, 8> axes_;
  std::size_t next_ = 0;               // the axis to replace
  std::vector<std::uint8_t> between_;  // rows between the passes
};

}  // namespace sinew
