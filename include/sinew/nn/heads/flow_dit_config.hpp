// SPDX-License-Identifier: Apache-2.0
// Sizes of a flow-matching DiT head, as "action_head" of config.json gives them.
#pragma once

#include <cstdint>
#include <vector>

#include "sinew/io/json_cursor.hpp"
#include "sinew/io/weights.hpp"

namespace sinew::nn {

/// Keys of the JSON object are the names of the members; "type" is "flow_dit".
struct FlowDitConfig {
  std::int64_t width = 0;  ///< of the transformer
  std::int64_t heads = 0;
  std::int64_t layers = 0;
  std::int64_t context_width = 0;  ///< of the vision-language model's hidden states
  std::int64_t output_width = 0;   ///< of the transformer's last projection; 0, for other heads than "flow_dit": there is none
  std::int64_t mlp_width = 0;      ///< hidden width of the state encoder and the action decoder
  std::int64_t future_tokens = 0;  ///< learned, between state and actions
  std::int64_t horizon = 0;        ///< actions of a chunk
  std::int64_t action_dim = 0;
  std::int64_t state_dim = 0;             ///< 0: no state token
  std::int64_t positions = 0;             ///< entries of the actions' position table
  std::int64_t steps = 0;                 ///< of the sampler, by default
  std::int64_t buckets = 0;               ///< the transformer is told floor(time * buckets)
  bool interleave_self_attention = true;  ///< odd blocks attend to the sequence, even ones to the context; false: all to the context

  /// Throws Error at the place of the document.
  static FlowDitConfig parse(const JsonCursor& document);
  /// All but "type" and "output_width", for heads that share the transformer; other keys are not looked at.
  static FlowDitConfig shared(const JsonCursor& document);
};

/// floor(k / steps * buckets) in doubles, as the reference's int(): the time of each step.
[[nodiscard]] std::vector<std::int64_t> flow_buckets(std::int64_t steps, std::int64_t buckets);
/// diffusers' `Timesteps(width, flip_sin_to_cos=True, downscale_freq_shift=1)` of one number: cosines, then sines.
[[nodiscard]] std::vector<float> timestep_projection(double time, std::int64_t width);
/// Of timestep_projection, in every head.
inline constexpr std::int64_t kTimeWaves = 256;
/// The action encoder's: sines, then cosines, of `time * 10000^(-j / (width / 2))`.
[[nodiscard]] std::vector<float> sinusoid(double time, std::int64_t width);

}  // namespace sinew::nn
