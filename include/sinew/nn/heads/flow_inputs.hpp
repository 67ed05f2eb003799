// SPDX-License-Identifier: Apache-2.0
// What every flow-matching head is given beside the prompt: the state, noise, and the rest of the chunk before.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "sinew/core/tensor_map.hpp"
#include "sinew/core/tensor_spec.hpp"
#include "sinew/io/json_cursor.hpp"
#include "sinew/nn/parts.hpp"
#include "sinew/nn/sampler.hpp"

namespace sinew::nn {

/// Whether a caller gave an optional input.
[[nodiscard]] inline bool present(const TensorMap& in, std::string_view name) noexcept {
  const auto* const tensor = in.find(name);
  return tensor != nullptr && *tensor && tensor->shape()[0] > 0;
}

/// How a head ties a chunk to the one before it.
struct RealtimeConfig {
  PrefixMode mode = PrefixMode::guided;
  PrefixSchedule schedule = PrefixSchedule::linear;
  double max_weight = 10;
  std::int64_t suffix = 0;  ///< rows at the end of a chunk that are free; -1: as many as the delay

  /// Of an object with "mode" ("guided", "pigdm", "simulated_delay"), "schedule", "max_weight" and "suffix" (-1: null). Throws Error.
  static RealtimeConfig parse(const JsonCursor& document);
};

/// Inputs `state f32 [state_dim]` or `[moments, state_dim]` where the encoder offers it; `noise`, `seed`, `prefix` and `prefix_delay` of
/// ModelSpec. Without noise and seed, call k after a reset draws from seed k.
class FlowInputs {
 public:
  struct Sizes {
    std::int64_t horizon = 0;
    std::int64_t action_dim = 0;
    std::int64_t state_dim = 0;  ///< 0: the head reads no state
  };

  /// `head`: its name, for messages. Throws Error when the state that is offered is not what the head was trained on.
  FlowInputs(std::string_view head, const Sizes& sizes, const TensorSpecs& offered, const RealtimeConfig& realtime = {});

  [[nodiscard]] TensorSpecs inputs() const;
  [[nodiscard]] TensorSpecs optional_inputs() const;

  /// `[moments, state_dim]`, or empty. Throws Error for another width.
  [[nodiscard]] std::span<const float> state(const TensorMap& in) const;
  /// `[horizon, action_dim]`.
  [[nodiscard]] std::span<const float> noise(const TensorMap& in);
  /// Filled into buffers(); nothing when there is none, or nothing is to be guided. Throws Error.
  [[nodiscard]] std::optional<FlowPrefix> prefix(const TensorMap& in);
  [[nodiscard]] const PrefixBuffers& buffers() const noexcept { return buffers_; }
  void reset() noexcept { calls_ = 0; }

 private:
  std::string_view head_;  // a literal
  Sizes sizes_;
  RealtimeConfig realtime_;
  std::optional<TensorSpec> state_;
  PrefixBuffers buffers_;
  std::vector<float> noise_;
  std::uint64_t calls_ = 0;
};

}  // namespace sinew::nn
