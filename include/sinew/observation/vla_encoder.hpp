// SPDX-License-Identifier: Apache-2.0
// The encoder that a policy card describes: cameras, instruction and state to the tensors that the policy was trained on.
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "sinew/core/card.hpp"
#include "sinew/core/fixed_text.hpp"
#include "sinew/core/normalizer.hpp"
#include "sinew/io/tokenizer.hpp"
#include "sinew/observation/camera_encoder.hpp"
#include "sinew/observation/encoder.hpp"
#include "sinew/observation/history.hpp"
#include "sinew/observation/image_processor.hpp"
#include "sinew/observation/text_encoder.hpp"

namespace sinew {

/// What an encoder needs beside the card.
struct VlaEncoderOptions {
  std::optional<Tokenizer> tokenizer;              ///< needed by a card with `text`
  std::optional<QwenVlOptions> preprocessor;       ///< of the policy's preprocessor_config.json; absent: the generation's own
  PatchLayout layout = PatchLayout::hugging_face;  ///< of pixel_values
};

/// Reads what the card names from the policy directory: the tokenizer, and preprocessor_config.json where there is one and a camera has a
/// Qwen processor. Throws Error.
[[nodiscard]] VlaEncoderOptions read_vla_encoder_options(const std::filesystem::path& directory, const PolicyCard& card);

/// Writes, in the order of the card:
/// - `pixel_values f32 [patches, floats]` and `image_grid_thw i64 [images, 3]`: all cameras with a Qwen processor, one after the other;
/// - `image.<name>`: each other camera, u8 or f32, in its processor's layout;
/// - `prompt u8 [n]` or `input_ids`, `attention_mask`, `position_ids`: see TextEncoder;
/// - `state f32 [dim]`: the channels, concatenated and normalised.
/// With a history the images of all moments follow each other, oldest first and the cameras in order within each; `image.<name>` and
/// `state` get a dimension of moments in front when there is more than one.
///
/// The history keeps every sample that reaches back to the oldest moment (at most 60 s): for cameras at up to 60 calls of `encode` a
/// second with a new frame, for channels at up to 200 or the card's rate. Beyond that `encode` gives `not_ready`.
///
/// `encode` gives `missing` (camera, channel or tensor that is not there), `bad_shape` (channels of a frame, number or unit
/// of a channel's values, dtype of a tensor), `not_finite` (a channel's value), `over_capacity` (prompt or tensor), `stale` and
/// `not_ready` (history: HistoryCard's bounds, or no sample that is old enough yet); last_error() names the culprit. Nothing is allocated
/// after the first observation of the same frame sizes. One object per thread.
class VlaEncoder {
 public:
  /// Throws Error for a card that `validate` refuses, an unknown resize rule, prompt template or statistics key, a missing tokenizer,
  /// Qwen generations that differ between cameras or from the chat, patches without slots in a tokenized prompt.
  VlaEncoder(const PolicyCard& card, const Statistics& statistics, VlaEncoderOptions options = {});

  [[nodiscard]] const TensorSpecs& spec() const noexcept { return specs_; }
  [[nodiscard]] Status encode(const Observation& observation, TensorMap& out) noexcept;
  [[nodiscard]] std::string_view last_error() const noexcept { return error_.view(); }
  /// How old each camera and channel was at the last `encode`, in the order of the card; filled only with a history.
  [[nodiscard]] std::span<const SourceAge> camera_ages() const noexcept { return camera_view_.camera_ages; }
  [[nodiscard]] std::span<const SourceAge> channel_ages() const noexcept { return state_view_.channel_ages; }
  /// Forgets the history, for a new episode.
  void reset() noexcept;

 private:
  void add_cameras(const PolicyCard& card, const VlaEncoderOptions& options);
  void add_history(const PolicyCard& card);
  void check_prompt(const PolicyCard& card) const;
  Tensor* prepare(TensorMap& out, const TensorSpec& spec, Status& status) noexcept;
  Status gather(const Observation& observation) noexcept;
  Status gather_history(const Observation& observation) noexcept;
  Status encode_cameras(TensorMap& out) noexcept;
  Status encode_state(TensorMap& out) noexcept;
  Status read_channel(const SensorCard& expected, const Channel& channel, std::span<double> values) noexcept;
  Status encode_text(const Observation& observation, TensorMap& out) noexcept;

  TensorSpecs specs_;
  std::vector<CameraEncoder> cameras_;
  std::vector<TensorSpec> image_specs_;  // of each camera, with its moments; unused for patches
  std::vector<SensorCard> channels_;
  std::size_t camera_moments_ = 1;
  std::size_t state_moments_ = 1;
  std::vector<ImageView> frames_;        // [moments, cameras]
  std::vector<const Channel*> samples_;  // [moments, channels]
  std::vector<PatchGrid> grids_;         // of all images with patches, in order
  std::vector<PromptImage> images_;      // of the prompt
  std::optional<ObservationHistory> camera_history_;
  std::optional<ObservationHistory> state_history_;
  HistorySpec camera_spec_;
  HistorySpec state_spec_;
  HistoryView camera_view_;
  HistoryView state_view_;
  std::optional<TextEncoder> text_;
  Normalizer normalizer_;
  std::vector<double> state_;         // raw
  std::vector<double> prompt_state_;  // normalised, of the newest moment
  FixedText error_;
};

static_assert(Encoder<VlaEncoder>);

}  // namespace sinew
