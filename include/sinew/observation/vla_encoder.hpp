// SPDX-License-Identifier: Apache-2.0
// The encoder that a policy card describes: cameras, instruction and state to the tensors that the policy was trained on.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sinew/core/card.hpp"
#include "sinew/core/fixed_text.hpp"
#include "sinew/core/normalizer.hpp"
#include "sinew/observation/encoder.hpp"
#include "sinew/observation/image_processor.hpp"
#include "sinew/observation/prompt.hpp"
#include "sinew/observation/resize.hpp"

namespace sinew {

/// Writes, in the order of the card:
/// - `pixel_values f32 [patches, 1536]` and `image_grid_thw i64 [cameras, 3]`: all cameras with processor qwen3_vl, one after
///   the other (absent when there are none);
/// - `image.<name> u8 [height, width, 3]`: each camera with processor raw;
/// - `prompt u8 [n]`: UTF-8, n up to the card's max_bytes;
/// - `state f32 [dim]`: the channels, concatenated and normalised.
///
/// A frame is turned first when the card says so, then resized to the card's size when it has another one, then processed.
/// `encode` gives `missing` (camera, channel or tensor that is not there), `bad_shape` (channels of a frame, number or unit
/// of a channel's values, dtype of a tensor), `not_finite` (a channel's value), `over_capacity` (prompt or tensor); last_error()
/// names the culprit. Nothing is allocated after the first observation of the same frame sizes. One object per thread.
class VlaEncoder {
 public:
  /// Throws Error for a card that `validate` refuses, an unknown resize rule, prompt template or statistics key.
  VlaEncoder(const PolicyCard& card, const Statistics& statistics);

  [[nodiscard]] const TensorSpecs& spec() const noexcept { return specs_; }
  [[nodiscard]] Status encode(const Observation& observation, TensorMap& out) noexcept;
  [[nodiscard]] std::string_view last_error() const noexcept { return error_.view(); }

 private:
  struct Camera {
    CameraCard card;
    std::string tensor;  // of a raw camera
    PatchGrid grid;      // of a qwen3_vl camera
    std::optional<QwenVlProcessor> processor;
    Resizer resizer;
    Image turned;
    Image sized;
  };

  Tensor* prepare(TensorMap& out, std::string_view name, DType dtype, const Shape& shape, Status& status) noexcept;
  Status encode_cameras(const Observation& observation, TensorMap& out) noexcept;
  Status encode_patches(Camera& camera, const ImageView& frame, std::span<float> pixel_values) noexcept;
  Status encode_raw(Camera& camera, const ImageView& frame, TensorMap& out) noexcept;
  Status encode_prompt(const Observation& observation, TensorMap& out) noexcept;
  Status encode_state(const Observation& observation, TensorMap& out) noexcept;

  TensorSpecs specs_;
  std::vector<Camera> cameras_;
  std::size_t patches_ = 0;      // of all qwen3_vl cameras
  std::int64_t grids_ = 0;       // number of qwen3_vl cameras
  std::int64_t row_length_ = 0;  // floats per patch
  Prompt prompt_;
  std::int64_t prompt_capacity_ = 0;
  std::vector<SensorCard> channels_;
  Normalizer normalizer_;
  std::vector<double> state_;
  FixedText error_;
};

static_assert(Encoder<VlaEncoder>);

}  // namespace sinew
