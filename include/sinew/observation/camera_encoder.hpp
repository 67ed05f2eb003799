// SPDX-License-Identifier: Apache-2.0
// One camera of a policy card: its frames to what the model reads of it.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "sinew/core/card.hpp"
#include "sinew/core/fixed_text.hpp"
#include "sinew/core/observation.hpp"
#include "sinew/core/tensor_spec.hpp"
#include "sinew/observation/frame_processor.hpp"
#include "sinew/observation/image_processor.hpp"
#include "sinew/observation/resize.hpp"

namespace sinew {

/// Turns a frame when the card says so, resizes it to the card's size when it has another one, then runs the card's processor. Nothing
/// is allocated after the first frame of a size. One object per thread.
class CameraEncoder {
 public:
  /// `qwen` overrides the options of the card's generation, from preprocessor_config.json. `place` begins messages, e.g.
  /// "VlaEncoder /cameras/0". Throws Error for an unknown resize rule or a size that the processor refuses.
  CameraEncoder(const CameraCard& card, const std::optional<QwenVlOptions>& qwen, PatchLayout layout, const std::string& place);

  [[nodiscard]] const CameraCard& card() const noexcept { return card_; }
  /// Patches of one frame for the Qwen processors; empty for the others.
  [[nodiscard]] const std::optional<PatchGrid>& grid() const noexcept { return grid_; }
  /// Dtype and shape of what one frame becomes: `[patches, floats per patch]`, or an image.
  [[nodiscard]] const TensorSpec& spec() const noexcept { return spec_; }
  /// Patches per side that the vision tower merges; 1 for processors without patches.
  [[nodiscard]] int merge() const noexcept;

  /// Writes one frame into `out`, spec() in bytes, aligned for its dtype. `bad_shape` for a frame that is not `[height, width, 3]`;
  /// last_error() names the camera.
  [[nodiscard]] Status encode(const ImageView& frame, std::span<std::byte> out) noexcept;
  [[nodiscard]] std::string_view last_error() const noexcept { return error_.view(); }

 private:
  Status process(ImageView frame, std::span<std::byte> out) noexcept;

  CameraCard card_;
  std::optional<PatchGrid> grid_;
  TensorSpec spec_;
  std::variant<std::monostate, QwenVlProcessor, FrameProcessor> processor_;
  Resizer resizer_;
  Image turned_;
  Image sized_;
  FixedText error_;
};

}  // namespace sinew
