// SPDX-License-Identifier: Apache-2.0
#include "sinew/nn/heads/flow_inputs.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "sinew/core/error.hpp"
#include "sinew/core/random.hpp"

namespace sinew::nn {

RealtimeConfig RealtimeConfig::parse(const JsonCursor& document) {
  constexpr PrefixMode kModes[] = {PrefixMode::guided, PrefixMode::jacobian, PrefixMode::overwrite};
  document.only_keys({"mode", "schedule", "max_weight", "suffix"});
  RealtimeConfig config{.mode = kModes[document.at("mode").one_of({"guided", "pigdm", "simulated_delay"})]};
  constexpr PrefixSchedule kSchedules[] = {PrefixSchedule::zeros, PrefixSchedule::ones, PrefixSchedule::linear, PrefixSchedule::exp};
  config.schedule = kSchedules[document.at("schedule").one_of({"zeros", "ones", "linear", "exp"})];
  const JsonCursor weight = document.at("max_weight"), suffix = document.at("suffix");
  config.max_weight = weight.number();
  if (!(config.max_weight > 0)) weight.refuse("a number above 0");
  config.suffix = suffix.is_null() ? -1 : suffix.integer(0, 4096);
  return config;
}

FlowInputs::FlowInputs(std::string_view head, const Sizes& sizes, const TensorSpecs& offered, const RealtimeConfig& realtime)
    : head_(head),
      sizes_(sizes),
      realtime_(realtime),
      buffers_(sizes.horizon, sizes.action_dim),
      noise_(static_cast<std::size_t>(sizes.horizon * sizes.action_dim)) {
  const TensorSpec* const state = find_spec(offered, "state");
  if (state == nullptr || sizes.state_dim == 0) return;
  const std::size_t rank = state->capacity.rank();
  if (state->dtype != DType::f32 || rank == 0 || rank > 2 || state->capacity[rank - 1] != sizes.state_dim)
    fail(ErrorCode::invalid_argument, {head_, "input 'state'", fmt::format("f32 [{}]", sizes.state_dim), to_string(*state), ""});
  state_ = *state;
}

TensorSpecs FlowInputs::inputs() const { return state_ ? TensorSpecs{*state_} : TensorSpecs{}; }

TensorSpecs FlowInputs::optional_inputs() const {
  const Shape chunk{sizes_.horizon, sizes_.action_dim};
  return {
      {"noise", DType::f32, chunk}, {"seed", DType::i64, Shape{1}}, {"prefix", DType::f32, chunk}, {"prefix_delay", DType::i64, Shape{1}}};
}

std::span<const float> FlowInputs::state(const TensorMap& in) const {
  if (!state_) return {};
  const Shape& shape = in["state"].shape();
  if (shape[shape.rank() - 1] != sizes_.state_dim)
    fail(ErrorCode::invalid_argument, {head_, "input 'state'", fmt::format("rows of {}", sizes_.state_dim), to_string(shape), ""});
  return in["state"].as<float>();
}

std::span<const float> FlowInputs::noise(const TensorMap& in) {
  const std::uint64_t call = calls_++;
  if (present(in, "noise")) return in["noise"].as<float>();
  Random(present(in, "seed") ? static_cast<std::uint64_t>(in["seed"].as<std::int64_t>()[0]) : call).normal(noise_);
  return noise_;
}

std::optional<FlowPrefix> FlowInputs::prefix(const TensorMap& in) {
  if (!present(in, "prefix")) return std::nullopt;
  const auto& prefix = in["prefix"];
  FlowPrefix read{.chunk = {prefix.as<float>(), static_cast<int>(prefix.shape()[0]), static_cast<int>(prefix.shape()[1])},
                  .mode = realtime_.mode,
                  .schedule = realtime_.schedule,
                  .max_weight = realtime_.max_weight};
  if (present(in, "prefix_delay"))
    read.delay = static_cast<int>(std::clamp<std::int64_t>(in["prefix_delay"].as<std::int64_t>()[0], 0, read.chunk.rows));
  const std::int64_t end = sizes_.horizon - (realtime_.suffix < 0 ? read.delay : realtime_.suffix);
  if (read.mode != PrefixMode::overwrite && end <= 0) return std::nullopt;
  read.end = static_cast<int>(std::max<std::int64_t>(end, 0));
  buffers_.fill(read);
  return read;
}

}  // namespace sinew::nn
