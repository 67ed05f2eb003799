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

#include "sinew/core/image.hpp"
#include "sinew/core/status.hpp"
#include "sinew/observation/resize.hpp"

namespace sinew {

/// Height and width in pixels.
struct ImageSize {
  int height = 0;
  int width = 0;
  friend bool operator==(const ImageSize&, const ImageSize&) = default;
};

/// Patches of one image: rows of `pixel_values` = temporal * height * width.
struct PatchGrid {
  int temporal = 0;
  int height = 0;  ///< patches
  int width = 0;   ///< patches
  [[nodiscard]] std::size_t patches() const noexcept {
    return static_cast<std::size_t>(temporal) * static_cast<std::size_t>(height) * static_cast<std::size_t>(width);
  }
  friend bool operator==(const PatchGrid&, const PatchGrid&) = default;
};

/// What `preprocessor_config.json` says; the defaults are Qwen3-VL's.
struct Qwen3VlOptions {
  int patch_size = 16;                     ///< pixels
  int merge_size = 2;                      ///< patches per side that the tower merges
  int temporal_patch_size = 2;             ///< frames per patch; a single image is repeated
  std::int64_t min_pixels = 65536;         ///< smaller images grow
  std::int64_t max_pixels = 16777216;      ///< larger ones shrink
  double rescale_factor = 1.0 / 255;       ///< applied in double, then rounded to float
  std::array<double, 3> mean{.5, .5, .5};  ///< R, G, B, of the rescaled values
  std::array<double, 3> std{.5, .5, .5};
  ResizeRule rule = ResizeRule::pil_bicubic;
};

/// Reads a Hugging Face preprocessor_config.json of Qwen2-VL to Qwen3.5: the path of the file or of its folder, or the JSON
/// text itself (recognised by its brace). `resample` says whose resize to reproduce: "pil12" or "pil13". Throws Error for another
/// processor type, steps switched off, missing or unknown keys, bounds that contradict each other.
[[nodiscard]] Qwen3VlOptions qwen3_vl_options_from_pretrained(const std::string& directory_or_json, std::string_view resample = "pil12");

/// The size that Qwen's processors give an image: multiples of patch * merge within the pixel bounds, keeping the aspect.
/// Double arithmetic and half-to-even rounding in the reference's order, which decides sizes like 239 x 239
/// (huggingface/transformers, image_processing_qwen2_vl.py, smart_resize). Empty when a side is not positive or the ratio of
/// the sides exceeds 200.
[[nodiscard]] std::optional<ImageSize> smart_resize(ImageSize image, const Qwen3VlOptions& options) noexcept;

/// Qwen3-VL's image processor for single images (transformers 5, Qwen2VLImageProcessorPil: shared by Qwen2-VL to Qwen3.5):
/// smart resize, rescale, normalise, patches in blocks of merge x merge, each row `[3][temporal][patch][patch]`.
/// `process` does not throw and allocates nothing after the first image of a size. One object per thread.
class Qwen3VlProcessor {
 public:
  /// Throws Error for a size, factor, bound or deviation that is not positive and finite.
  explicit Qwen3VlProcessor(const Qwen3VlOptions& options = {});

  [[nodiscard]] const Qwen3VlOptions& options() const noexcept { return options_; }
  /// Floats per patch: 3 * temporal * patch * patch (1536 for Qwen3-VL).
  [[nodiscard]] std::size_t row_length() const noexcept { return row_length_; }
  /// The patches that an image of this size becomes; empty when `process` would refuse it for its size.
  [[nodiscard]] std::optional<PatchGrid> grid(ImageSize image) const noexcept;
  /// Writes `pixel_values [grid.patches(), row_length()]` of an RGB image. `bad_shape` when `image` has not three channels, its
  /// size is refused or `pixel_values` has another length; `over_capacity` when memory is short.
  [[nodiscard]] Status process(const ImageView& image, std::span<float> pixel_values) noexcept;

 private:
  void write_patches(const ImageView& image, float* out) const noexcept;

  Qwen3VlOptions options_;
  std::size_t row_length_ = 0;
  std::array<std::array<float, 256>, 3> levels_{};  // normalised value of each 8-bit level, per channel
  Resizer resizer_;
  Image resized_;
};

}  // namespace sinew
