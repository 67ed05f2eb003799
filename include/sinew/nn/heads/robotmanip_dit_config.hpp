// SPDX-License-Identifier: Apache-2.0
// Sizes of the DiT of Qwen-RobotManip, as "action_head" of config.json gives them.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "sinew/io/json_cursor.hpp"

namespace sinew::nn {

/// Keys of the JSON object are the names of the members; "type" is "robotmanip_dit".
struct RobotManipConfig {
  // Of the canonical vector (action/canonical.hpp): two tokens, one for each end effector.
  static constexpr std::int64_t kDim = 80, kToken = 40, kArm = 29, kSpare = 11;
  static constexpr std::int64_t kEndEffectors = 5;  ///< single_arm, dual_left, dual_right, egocentric_head, mobile_base

  std::int64_t width = 0;  ///< 768 in the report; what follows: 12 heads, 10 layers, 16 actions, 4 steps
  std::int64_t heads = 0;
  std::int64_t layers = 0;
  std::int64_t context_width = 0;  ///< of the vision-language model's hidden states
  std::int64_t mlp_width = 0;      ///< of SwiGLU
  std::int64_t queries = 0;        ///< learned tokens behind the actions
  std::int64_t horizon = 0;
  std::int64_t steps = 0;                           ///< of the sampler
  std::int64_t camera_dims = 0;                     ///< of each head, a multiple of four: 32 of 64 in the report; the others turn with time
  double rope_theta = 0;                            ///< of those
  bool rotate_values = true;                        ///< the time turns values and outputs too, not queries and keys alone
  bool gates = true;                                ///< each sub-layer's output is scaled by the condition (adaLN-zero)
  bool state = true;                                ///< state tokens
  std::vector<std::int64_t> state_columns{};        ///< canonical column of each of the encoder's numbers; empty: they are the 80
  std::vector<std::int64_t> columns{};              ///< that count where no input `mask` says so; empty: all 80
  std::array<std::int64_t, 2> end_effectors{};      ///< codes of the left and right token, where no input says so
  std::array<std::int64_t, 2> reference_cameras{};  ///< of them, the same
  std::int64_t context_chunks = 0;                  ///< earlier chunks that it can be given; 0: none
  std::int64_t context_steps = 0;                   ///< actions of each
  std::int64_t context_tokens = 0;                  ///< that these become

  /// Throws Error at the place of the document.
  static RobotManipConfig parse(const JsonCursor& document);

  /// The canonical column at a place of a token: 29 of the arm, then 11 spare ones.
  [[nodiscard]] static constexpr std::int64_t column(std::int64_t token, std::int64_t place) noexcept {
    return place < kArm ? token * kArm + place : 2 * kArm + token * kSpare + place - kArm;
  }
};

}  // namespace sinew::nn
