// SPDX-License-Identifier: Apache-2.0
// What happens to pixels besides resizing: crops by named rounding, padding, turning, channel order, layout, and conversion between
// levels and floats. Nothing here allocates or throws; outputs are the caller's, tightly packed, and must not overlap the input.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "sinew/core/image.hpp"
#include "sinew/core/status.hpp"

namespace sinew {

/// A part of an image, in pixels.
struct CropBox {
  int top = 0;
  int left = 0;
  int height = 0;
  int width = 0;

  friend bool operator==(const CropBox&, const CropBox&) = default;
};

/// Where a centred box begins when the margin is odd.
enum class CropRounding : std::uint8_t {
  floor,       ///< margin / 2, rounded down: GR00T, albumentations
  torchvision  ///< margin / 2, halves to even: torchvision.transforms.functional.center_crop
};

/// The centred box of `height` x `width` in an image of `in_height` x `in_width`; empty (height 0) when it does not fit.
[[nodiscard]] CropBox centre_box(int in_height, int in_width, int height, int width, CropRounding rounding) noexcept;

/// A fraction of a side in whole pixels, at least 1.
enum class SideRounding : std::uint8_t {
  truncate,  ///< int(side * fraction): GR00T's albumentations path
  round      ///< round(side * fraction), halves to even: GR00T N1.7's torch path in LeRobot
};
/// That fraction of `side`.
[[nodiscard]] int side_fraction(int side, double fraction, SideRounding rounding) noexcept;

/// The part of `in` that the box names, as a view; empty when the box is empty or does not lie inside.
template <class Value>
[[nodiscard]] BasicImageView<Value> crop(const BasicImageView<Value>& in, const CropBox& box) noexcept {
  const bool inside = box.height > 0 && box.width > 0 && box.top >= 0 && box.left >= 0 && box.height <= in.height() - box.top &&
                      box.width <= in.width() - box.left;
  return inside && !in.empty() ? in.crop(box.top, box.left, box.height, box.width) : BasicImageView<Value>();
}

/// Size of a canvas and where the image's first pixel comes to lie on it.
struct Placement {
  int height = 0;
  int width = 0;
  int top = 0;
  int left = 0;
};

/// Writes the canvas `[height, width, channels]`: the image at its place, `value` around it. `bad_shape`: the image sticks out, or
/// another size of `out`.
[[nodiscard]] Status pad(const ImageView& in, const Placement& canvas, std::uint8_t value, std::span<std::uint8_t> out) noexcept;
[[nodiscard]] Status pad(const FloatImageView& in, const Placement& canvas, float value, std::span<float> out) noexcept;

/// Half a turn: both axes reversed, as LIBERO's cameras need. `bad_shape`: an empty image or another size of `out`.
[[nodiscard]] Status turn_180(const ImageView& in, std::span<std::uint8_t> out) noexcept;
[[nodiscard]] Status turn_180(const FloatImageView& in, std::span<float> out) noexcept;

/// BGR to RGB and back; a fourth channel stays. `bad_shape`: fewer than 3 channels, more than 4, or another size of `out`.
[[nodiscard]] Status swap_red_blue(const ImageView& in, std::span<std::uint8_t> out) noexcept;

/// `[height, width, channels]` to `[channels, height, width]`. `bad_shape`: an empty image or another size of `out`.
[[nodiscard]] Status to_planes(const ImageView& in, std::span<std::uint8_t> out) noexcept;
[[nodiscard]] Status to_planes(const FloatImageView& in, std::span<float> out) noexcept;

/// Levels to [0, 1]: `x / 255` in float, as NumPy, PyTorch and torchvision's to_tensor do it. Statuses as above.
[[nodiscard]] Status to_unit(const ImageView& in, std::span<float> out) noexcept;

/// Whose conversion from [0, 1] to levels.
enum class LevelRule : std::uint8_t {
  truncate,      ///< trunc(255 x): openpi (openpi_client.image_tools.convert_to_uint8, server policies), LeRobot's GR00T
  round_half_up  ///< trunc(255 x + 0.5), x clipped to [0, 1] first: StarVLA's server (to_pil_preserve)
};
[[nodiscard]] std::string_view to_string(LevelRule rule) noexcept;

/// Floats on [0, 1] to levels. What lies outside becomes 0 or 255 under both rules (openpi leaves it to C, where it wraps around);
/// a NaN becomes 0. `bad_shape` as above.
[[nodiscard]] Status to_levels(const FloatImageView& in, LevelRule rule, std::span<std::uint8_t> out) noexcept;

/// OpenVLA's centre crop: the central box of `area` of the image, sampled bilinearly (no antialias) to `height` x `width`. With area
/// 0.9 each side is sqrt(0.9) of the image's. Arithmetic of TensorFlow's crop_and_resize on floats, back to levels by truncating
/// 255.5 x (openvla-oft 213c5ff, experiments/robot/openvla_utils.py, crop_and_resize and center_crop_image).
/// `bad_shape`: an empty image or another size of `out`; `out_of_range`: an area outside (0, 1].
[[nodiscard]] Status crop_and_resize(const ImageView& in, double area, int height, int width, std::span<std::uint8_t> out) noexcept;

}  // namespace sinew
