// SPDX-License-Identifier: Apache-2.0
// The letterboxes of policy families: resized to fit with the aspect ratio kept, then padded. They differ in filter, place and value.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "sinew/core/image.hpp"
#include "sinew/core/status.hpp"
#include "sinew/observation/image_ops.hpp"
#include "sinew/observation/resize.hpp"

namespace sinew {

/// Whose letterbox. 8-bit images are padded with 0 (black) unless said otherwise.
enum class FitRule : std::uint8_t {
  /// openpi 15a9616, packages/openpi-client image_tools.resize_with_pad: Pillow's bilinear (antialiased), centred. Floats, which the
  /// original does not take: the same filter channel by channel, padded with 0.
  openpi,
  /// openpi 15a9616, src/openpi/shared/image_tools.py resize_with_pad: jax linear (antialiased), centred; floats on [-1, 1], clipped,
  /// padded with -1.
  openpi_jax,
  /// LeRobot 0.6 (7427f31, policies/common/vla_utils.py resize_with_pad_torch; pi0, pi0.5, pi0-FAST): torch bilinear without
  /// antialias, centred; floats on [0, 1], clipped, padded with 0.
  pi0,
  /// LeRobot 0.4, and openpi's resize_with_pad_torch: as pi0, but floats are clipped to [-1, 1] and padded with -1, which LeRobot 0.4
  /// does before it scales by 2 and subtracts 1: the model sees -3.
  pi0_lerobot04,
  /// LeRobot 0.6 (7427f31, policies/common/vla_utils.py resize_with_pad; SmolVLA, X-VLA): torch bilinear without antialias, all of the
  /// padding at the top and the left; floats neither clipped nor checked, padded with 0.
  smolvla,
  /// transformers 5.23 PI0ImageProcessor: torch bicubic (antialiased), all of the padding at the bottom and the right. It pads after
  /// normalising, with 0, which is grey: 0.5 for floats on [0, 1]; 128 for 8 bits, where 127.5 does not exist.
  hf_pi0
};

/// "openpi", "pi0_lerobot04", ...
[[nodiscard]] std::string_view to_string(FitRule rule) noexcept;
/// Inverse of `to_string`. Throws Error that names the nearest rule; `where` begins the message.
[[nodiscard]] FitRule fit_rule_from_string(std::string_view name, std::string_view where);

/// The filter of a rule.
[[nodiscard]] ResizeRule resize_rule(FitRule rule) noexcept;
/// The value around float images.
[[nodiscard]] float pad_value(FitRule rule) noexcept;

/// Where an image of `in_height` x `in_width` comes to lie in `height` x `width`; empty (height 0) when a side would become 0.
[[nodiscard]] CropBox fitted_box(FitRule rule, int in_height, int in_width, int height, int width) noexcept;

/// Letterboxes images of 1 to 4 channels. After the first image of a size nothing is allocated. One object per thread.
class FitPad {
 public:
  explicit FitPad(FitRule rule) noexcept : rule_(rule), resizer_(resize_rule(rule)) {}
  [[nodiscard]] FitRule rule() const noexcept { return rule_; }

  /// Writes `[height, width, in.channels()]`, tightly packed. `bad_shape`: an empty image, a size outside Resizer's range, a ratio of
  /// sides that leaves no pixel, or another size of `out`; `over_capacity`: no memory; `not_finite`: a NaN or infinity in `in`.
  [[nodiscard]] Status fit(const ImageView& in, int height, int width, std::span<std::uint8_t> out) noexcept;
  [[nodiscard]] Status fit(const FloatImageView& in, int height, int width, std::span<float> out) noexcept;

 private:
  template <class Value>
  Status fit_any(const BasicImageView<Value>& in, const Placement& canvas, Value value, std::span<Value> out,
                 std::vector<Value>& fitted) noexcept;

  FitRule rule_;
  Resizer resizer_;
  std::vector<std::uint8_t> levels_;  // the fitted image where it is narrower than the canvas
  std::vector<float> floats_;
};

}  // namespace sinew
