// SPDX-License-Identifier: Apache-2.0
// One camera frame to the tensor that a policy family reads, following a recipe.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "sinew/core/dtype.hpp"
#include "sinew/core/image.hpp"
#include "sinew/core/shape.hpp"
#include "sinew/core/status.hpp"
#include "sinew/observation/frame_recipe.hpp"

namespace sinew {

/// Runs a FrameRecipe on RGB frames. After the first frame of a size nothing is allocated (but by libjpeg, for openvla_oft). One
/// object per thread.
class FrameProcessor {
 public:
  /// Throws Error for a recipe that cannot be run: sizes outside Resizer's range, steps that need levels on floats, mean_std without
  /// statistics or with a std of 0.
  explicit FrameProcessor(FrameRecipe recipe);
  FrameProcessor(FrameProcessor&&) noexcept = default;
  FrameProcessor& operator=(FrameProcessor&&) noexcept = default;

  [[nodiscard]] const FrameRecipe& recipe() const noexcept { return recipe_; }
  /// u8 for PixelScale::levels, else f32.
  [[nodiscard]] DType dtype() const noexcept { return recipe_.scale == PixelScale::levels ? DType::u8 : DType::f32; }
  /// Shape of the result for a frame of this size, in the recipe's layout; `{0, 0, 0}` when the frame cannot be processed.
  [[nodiscard]] Shape output_shape(int height, int width) const noexcept;

  /// Writes the result. `bad_shape`: a frame that is not `[height, width, 3]`, cannot be processed or makes another size than `out`,
  /// or the other dtype; `over_capacity`: no memory.
  [[nodiscard]] Status process(const ImageView& frame, std::span<float> out) noexcept;
  [[nodiscard]] Status process(const ImageView& frame, std::span<std::uint8_t> out) noexcept;

 private:
  /// What a step keeps between frames.
  struct Scratch {
    Resizer resizer;
    FitPad fit;
    Image image;
    std::vector<float> floats;
    Image decoded;  // of a JPEG round trip
    std::vector<std::byte> encoded;
  };

  /// The last step when its result can be converted in bands, else null.
  [[nodiscard]] const ResizeStep* last_resize() const noexcept;
  Status run_levels(const ImageView& frame, std::size_t count, ImageView& result);
  Status run_floats(const ImageView& frame, FloatImageView& result);
  /// How many steps from `first` on are one resize of `image`: a square before it, a centre crop behind it. 0: none.
  std::size_t join(std::size_t first, std::size_t count, const ImageView& image, ResizeRequest& request) const noexcept;
  static Status through_jpeg(int quality, Scratch& scratch, ImageView& image);
  Status apply(const FrameStep& step, Scratch& scratch, ImageView& image);
  Status apply(const FrameStep& step, Scratch& scratch, FloatImageView& image);
  Status convert(const ImageView& frame, std::span<float> out);
  void convert_rows(const ImageView& rows, int top, int height, float* out) const noexcept;
  void convert_rows(const FloatImageView& image, float* out) const noexcept;

  FrameRecipe recipe_;
  std::vector<Scratch> scratch_;                               // one per step
  std::vector<std::array<std::array<float, 256>, 3>> tables_;  // per copy and channel: what a level becomes
  std::vector<float> unit_;                                    // the frame as floats
};

}  // namespace sinew
