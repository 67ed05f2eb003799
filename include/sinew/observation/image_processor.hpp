// SPDX-License-Identifier: Apache-2.0
// Image processors: camera pixels to the patches that a vision tower reads, equal to the reference's bits.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sinew/core/image.hpp"
#include "sinew/core/isa.hpp"
#include "sinew/core/patch_grid.hpp"
#include "sinew/core/status.hpp"
#include "sinew/observation/resize.hpp"

namespace sinew {

namespace detail {
struct Levels;
}

/// Height and width in pixels.
struct ImageSize {
  int height = 0;
  int width = 0;
  friend bool operator==(const ImageSize&, const ImageSize&) = default;
};

/// Whose normalisation to reproduce; they differ in the last bits.
enum class QwenNormalization : std::uint8_t {
  pillow,  ///< float(double(level) * rescale_factor), then (x - mean) / std: transformers' PIL backend
  torch    ///< (level - mean / rescale_factor) / (std / rescale_factor) in float: its torchvision backend
};

/// How a row of `pixel_values` is laid out.
enum class PatchLayout : std::uint8_t {
  hugging_face,  ///< `[3][temporal][patch][patch]`; the temporal copies of a single image are identical
  single_frame   ///< `[3][patch][patch]`: one copy, for a patch embedding whose temporal weight slices were added at load
};

/// What the pixel bounds of a video count.
enum class VideoBounds : std::uint8_t {
  frame,  ///< pixels of one frame: Qwen2-VL, Qwen2.5-VL
  clip    ///< pixels of all frames: Qwen3-VL, Qwen3.5
};

/// What `preprocessor_config.json` says; the defaults are Qwen3-VL's.
struct QwenVlOptions {
  int patch_size = 16;                     ///< pixels
  int merge_size = 2;                      ///< patches per side that the tower merges
  int temporal_patch_size = 2;             ///< frames per patch; a single image is repeated
  std::int64_t min_pixels = 65536;         ///< smaller images grow
  std::int64_t max_pixels = 16777216;      ///< larger ones shrink
  double rescale_factor = 1.0 / 255;       ///< applied in double, then rounded to float
  std::array<double, 3> mean{.5, .5, .5};  ///< R, G, B, of the rescaled values
  std::array<double, 3> std{.5, .5, .5};
  ResizeRule rule = ResizeRule::pil_bicubic;
  QwenNormalization normalization = QwenNormalization::pillow;
  PatchLayout layout = PatchLayout::hugging_face;
  VideoBounds video_bounds = VideoBounds::clip;
};

/// Options of a generation by name: "qwen2_vl" and "qwen2_5_vl" (patch 14, CLIP statistics, 3136 to 1003520 pixels), "qwen3_vl" and
/// "qwen3_5" (patch 16, mean and std 0.5, 65536 to 16777216 pixels). Throws Error that names the nearest.
[[nodiscard]] QwenVlOptions qwen_vl_options(std::string_view generation);

/// Reads a Hugging Face preprocessor_config.json of Qwen2-VL to Qwen3.5: the path of the file or of its folder, or the JSON
/// text itself (recognised by its brace). `resample` says whose resize to reproduce: "pil12", "pil13" or "torch" (what transformers does
/// where torchvision is installed, its normalisation included). Throws Error for another processor type, steps switched off, missing
/// or unknown keys, bounds that contradict each other.
[[nodiscard]] QwenVlOptions qwen_vl_options_from_pretrained(const std::string& directory_or_json, std::string_view resample = "pil12");

/// The size that Qwen's processors give an image: multiples of patch * merge within the pixel bounds, keeping the aspect.
/// Double arithmetic and half-to-even rounding in the reference's order, which decides sizes like 239 x 239
/// (huggingface/transformers, image_processing_qwen2_vl.py, smart_resize). Empty when a side is not positive or the ratio of
/// the sides exceeds 200.
[[nodiscard]] std::optional<ImageSize> smart_resize(ImageSize image, const QwenVlOptions& options) noexcept;

/// The size that every frame of a video is given, by options.video_bounds. `frames` >= 1. Clips: the bounds count the pixels of all
/// frames (video_processing_qwen3_vl.py, smart_resize; frames smaller than the factor grow to it first).
[[nodiscard]] std::optional<ImageSize> smart_resize_video(int frames, ImageSize frame, const QwenVlOptions& options) noexcept;

/// The processor of Qwen2-VL, Qwen2.5-VL, Qwen3-VL and Qwen3.5 (transformers 5.23, Qwen2VLImageProcessor and the video processors):
/// smart resize, rescale, normalise, patches in blocks of merge x merge, rows as options.layout says. Resize, normalisation and
/// layout run in bands of one block, so pixels between the steps stay in the cache. Nothing throws, and nothing is allocated after the
/// first image of a size. One object per thread.
class QwenVlProcessor {
 public:
  /// Throws Error for a size, factor, bound or deviation that is not positive and finite.
  explicit QwenVlProcessor(const QwenVlOptions& options = {});

  [[nodiscard]] const QwenVlOptions& options() const noexcept { return options_; }
  /// Floats per patch: 3 * temporal * patch * patch (1536 for Qwen3-VL), or 3 * patch * patch.
  [[nodiscard]] std::size_t row_length() const noexcept { return row_length_; }
  /// The patches that an image of this size becomes; empty when `process` would refuse it for its size.
  [[nodiscard]] std::optional<PatchGrid> grid(ImageSize image) const noexcept;
  [[nodiscard]] std::optional<PatchGrid> video_grid(int frames, ImageSize frame) const noexcept;
  /// Writes `pixel_values [grid.patches(), row_length()]` of an RGB image. `bad_shape` when `image` has not three channels, its
  /// size is refused or `pixel_values` has another length; `over_capacity` when memory is short.
  [[nodiscard]] Status process(const ImageView& image, std::span<float> pixel_values) noexcept;
  /// The same for several images, one behind the other.
  [[nodiscard]] Status process(std::span<const ImageView> images, std::span<float> pixel_values) noexcept;
  /// The same for the frames of one video, all of one size; the last is repeated until the temporal patches are full. Needs the layout
  /// hugging_face. `bad_shape` also for frames of different sizes and for none.
  [[nodiscard]] Status process_video(std::span<const ImageView> frames, std::span<float> pixel_values) noexcept;

 private:
  void build_levels();
  [[nodiscard]] detail::Levels kernel_levels() const noexcept;
  void write_band(std::span<const ImageView> frames, float* out) const noexcept;
  [[nodiscard]] std::optional<PatchGrid> grid_of(const std::optional<ImageSize>& size, int temporal) const noexcept;

  QwenVlOptions options_;
  std::size_t row_length_ = 0;
  int copies_ = 0;                                  // temporal slots of a row
  std::array<std::array<float, 256>, 3> levels_{};  // normalised value of each 8-bit level, per channel
  std::array<float, 2> factor_{};                   // the rescaling as a sum of two floats
  std::array<float, 3> mean_{};
  std::array<float, 3> deviation_{};
  std::array<bool, kIsaCount> arithmetic_{};  // by Isa: the kernel's arithmetic gives levels_ exactly
  Resizer resizer_;
  std::vector<Image> resized_;  // the frames of one temporal patch
};

}  // namespace sinew
