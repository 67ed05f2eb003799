// SPDX-License-Identifier: Apache-2.0
// What the head of Qwen-RobotManip is told beside the prompt, as the tables that its transformer reads.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "sinew/core/tensor_map.hpp"
#include "sinew/nn/heads/camera_encoding.hpp"
#include "sinew/nn/heads/robotmanip_dit_config.hpp"
#include "sinew/nn/models/vision_language.hpp"
#include "sinew/nn/parts.hpp"

namespace sinew::nn {

/// How tokens turn: cosines, sines and their negatives `[tokens, width]`, matrices `[tokens, 4, 4]`; what is empty turns nothing.
struct TurnTables {
  std::int64_t tokens = 0, width = 0;
  std::vector<float> cos, sin, back, query, pose, inverse;

  void clear();
};

/// Optional inputs; what is absent is as the configuration says:
/// - `mask f32 [80]`: 1 for each canonical column that the embodiment has, else 0;
/// - `end_effectors i64 [2]`: codes of left and right: 0 single_arm, 1 dual_left, 2 dual_right, 3 egocentric_head, 4 mobile_base;
/// - `extrinsics f32 [cameras, 4, 4]`: base_from_camera, row-major, m; first those of the prompt's images in order, others may follow.
///   Without them cameras count as unknown;
/// - `reference_cameras i64 [2]`: rows of the extrinsics whose axes left and right speak in;
/// - `intrinsics f32 [images, 4]`: fx / width, fy / height, cx / width, cy / height of the images;
/// - `image_times f32 [images]`: steps of the chunk, 0 now, negative before;
/// - `context_states f32 [chunks, 80]`, `context_actions f32 [chunks, context_steps, 80]`: earlier chunks, oldest first, normalised as
///   states and actions are.
/// Keeps its memory.
class RobotManipInputs {
 public:
  /// Throws Error when the state that is offered does not fit.
  RobotManipInputs(const RobotManipConfig& config, const HeadInputs& inputs);
  /// Appends the state to the inputs, the others to the optional ones.
  void declare(HeadSpec& spec) const;

  /// Throws Error for what does not fit.
  void read(const TensorMap& in, const VisionLanguageInput& prompt);
  /// Behind `read`, for tokens of these kinds (RobotManipNet::Kind): sequence() and seen().
  template <class Kind>
  void place_sequence(std::span<const Kind> kinds) {
    sequence_.clear();
    seen_.clear();
    for (std::size_t i = 0; i < kinds.size(); ++i) place_token(static_cast<std::int64_t>(i), static_cast<std::int64_t>(kinds[i]));
    finish(sequence_);
  }

  [[nodiscard]] std::int64_t moments() const noexcept { return moments_; }        ///< of the state; 0: no state tokens
  [[nodiscard]] std::span<const float> state() const noexcept { return state_; }  ///< [moments, 2, 40]
  [[nodiscard]] std::span<const float> mask() const noexcept { return mask_; }    ///< [horizon, 80]
  [[nodiscard]] const std::array<std::int64_t, 2>& end_effectors() const noexcept { return end_effectors_; }
  [[nodiscard]] bool cameras_known() const noexcept { return cameras_.count() > 0; }
  [[nodiscard]] std::span<const std::int64_t> image_rows() const noexcept { return image_rows_; }  ///< of the prompt's hidden states
  [[nodiscard]] std::span<const std::int64_t> word_rows() const noexcept { return word_rows_; }
  [[nodiscard]] std::span<const float> plane() const noexcept { return plane_; }  ///< [images' tokens, 2]; empty: not known
  [[nodiscard]] const TurnTables& images() const noexcept { return images_; }     ///< and tokens of earlier chunks behind them
  [[nodiscard]] const TurnTables& sequence() const noexcept { return sequence_; }
  [[nodiscard]] std::span<const std::uint8_t> seen() const noexcept { return seen_; }
  [[nodiscard]] std::int64_t chunks() const noexcept { return chunks_; }
  [[nodiscard]] std::span<const std::int64_t> chunk_ages() const noexcept { return ages_; }       ///< 0 of the newest, the last
  [[nodiscard]] std::span<const float> chunk_states() const noexcept { return chunk_states_; }    ///< [chunks, 80]
  [[nodiscard]] std::span<const float> chunk_actions() const noexcept { return chunk_actions_; }  ///< [chunks, context_steps, 80]

 private:
  void read_mask(const TensorMap& in);
  void read_state(const TensorMap& in);
  void read_cameras(const TensorMap& in);
  void read_images(const TensorMap& in, const VisionLanguageInput& prompt);
  void read_chunks(const TensorMap& in);
  void place_token(std::int64_t index, std::int64_t kind);
  void append_turn(TurnTables& tables, double time) const;
  void append_cameras(TurnTables& tables, std::int64_t camera) const;
  static void finish(TurnTables& tables);

  RobotManipConfig config_;
  std::int64_t image_token_, merge_;
  TensorSpecs state_spec_;
  std::vector<float> frequencies_;

  std::vector<float> columns_;  // [80]
  std::vector<float> mask_, state_, plane_, chunk_states_, chunk_actions_;
  std::int64_t moments_ = 0, chunks_ = 0;
  std::array<std::int64_t, 2> end_effectors_{}, references_{};
  RelativeCameras cameras_;
  std::vector<std::int64_t> image_rows_, word_rows_, ages_;
  TurnTables images_, sequence_;
  std::vector<std::uint8_t> seen_;
};

}  // namespace sinew::nn
