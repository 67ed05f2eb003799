// SPDX-License-Identifier: Apache-2.0
// Arithmetic on action chunks that samplers, decoders and timelines share: real-time chunking on spans `[horizon, dim]`.
// "RTC" is real-time chunking (Black et al., arXiv 2506.07339); its reference is Physical-Intelligence/real-time-chunking-kinetix
// @ cc6c5f5 src/model.py, LeRobot's port is huggingface/lerobot @ 7427f31 src/lerobot/policies/rtc/modeling_rtc.py.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "sinew/core/status.hpp"

namespace sinew {

/// How the weight of the previous chunk falls from the steps that are executed anyway to those that are free.
enum class PrefixSchedule : std::uint8_t { zeros, ones, linear, exp };

[[nodiscard]] std::string_view to_string(PrefixSchedule schedule) noexcept;
/// The schedule of that name; throws Error that lists the names.
[[nodiscard]] PrefixSchedule prefix_schedule(std::string_view name);

/// Writes the weight of every step of a chunk, `weights` `[horizon]`: 1 for `i < start` (the inference delay, cut to `end`), 0 for
/// `i >= end`, between them 0 (zeros), 1 (ones), `w = (end - i) / (end - start + 1)` (linear) or `w (e^w - 1) / (e - 1)` (exp).
/// The ramp runs to `end` even beyond the horizon, as the reference has it; LeRobot cuts `end` to the rows of the previous chunk first,
/// without which missing rows pull towards 0.
/// `out_of_range` for a negative `start` or `end`, nothing is written then.
template <class Scalar>
[[nodiscard]] Status rtc_prefix_weights(int start, int end, PrefixSchedule schedule, std::span<Scalar> weights) noexcept {
  if (start < 0 || end < 0) return Status::out_of_range;
  start = std::min(start, end);
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const double step = static_cast<double>(i);
    double w = 0;
    if (step < start) {
      w = 1;
    } else if (step < end) {
      w = (end - step) / (static_cast<double>(end) - start + 1);
      if (schedule == PrefixSchedule::zeros) w = 0;
      if (schedule == PrefixSchedule::ones) w = 1;
      if (schedule == PrefixSchedule::exp) w *= std::expm1(w) / std::expm1(1.0);
    }
    weights[i] = static_cast<Scalar>(w);
  }
  return Status::ok;
}

/// At which end of its time a flow has the noise.
enum class FlowDirection : std::uint8_t {
  noise_at_zero,  ///< x = (1 - t) noise + t action, v = action - noise: RTC's reference, StarVLA, GR00T, RobotManip
  noise_at_one    ///< x = t noise + (1 - t) action, v = noise - action: openpi, LeRobot, Qwen-VLA
};

/// How strongly a step is guided at time `t` of a flow: `min(((1-s)^2 + s^2) / (s (1-s)), most)`, s = t or 1 - t measured from the
/// noise; `most` at s = 0, 0 at s = 1, where nothing is left to guide. A `t` outside 0 .. 1 is taken to the nearer end.
[[nodiscard]] inline double rtc_guidance_weight(double t, FlowDirection direction, double most) noexcept {
  const double s = direction == FlowDirection::noise_at_zero ? t : 1 - t;
  if (!(s > 0)) return most;
  if (s >= 1) return 0;
  return std::min(((1 - s) * (1 - s) + s * s) / (s * (1 - s)), most);
}

/// What is left of the previous chunk, in the policy's normalised space, its first row due now: `[rows, columns]`, row-major.
/// What a chunk has beyond it counts as 0.
template <class Scalar>
struct ChunkPrefix {
  std::span<const Scalar> values;
  int rows = 0;
  int columns = 0;
};

/// A moment of a flow.
struct FlowMoment {
  double t = 0;
  FlowDirection direction = FlowDirection::noise_at_zero;
};

namespace detail {

template <class Scalar>
[[nodiscard]] bool fits(std::size_t size, std::span<const Scalar> weights, const ChunkPrefix<Scalar>& prefix) noexcept {
  if (weights.empty() || size % weights.size() != 0 || prefix.rows < 0 || prefix.columns < 0) return false;
  const std::size_t dim = size / weights.size();
  return prefix.values.size() == static_cast<std::size_t>(prefix.rows) * static_cast<std::size_t>(prefix.columns) &&
         static_cast<std::size_t>(prefix.rows) <= weights.size() && static_cast<std::size_t>(prefix.columns) <= dim;
}

/// Calls `row(i, width)` for each step: `width` columns of the prefix reach it, the others count as 0.
template <class Scalar, class Function>
void for_each_row(std::size_t horizon, const ChunkPrefix<Scalar>& prefix, Function&& row) noexcept {
  for (std::size_t i = 0; i < horizon; ++i)
    row(i, i < static_cast<std::size_t>(prefix.rows) ? static_cast<std::size_t>(prefix.columns) : std::size_t{0});
}

}  // namespace detail

/// Writes `error = (prefix - x1) * weight`, x1 being the action that velocity `v` at `x` leads to. Its product with the Jacobian of
/// x1 by x is the correction of `rtc_apply_correction`. All `[horizon, dim]`, `weights` `[horizon]`. `bad_shape`.
template <class Scalar>
[[nodiscard]] Status rtc_weighted_error(std::span<const Scalar> x, std::span<const Scalar> v, const ChunkPrefix<Scalar>& prefix,
                                        std::span<const Scalar> weights, const FlowMoment& moment, std::span<Scalar> error) noexcept {
  if (x.size() != v.size() || x.size() != error.size() || !detail::fits<Scalar>(x.size(), weights, prefix)) return Status::bad_shape;
  const std::size_t dim = x.size() / weights.size();
  const auto way = static_cast<Scalar>(moment.direction == FlowDirection::noise_at_zero ? 1 - moment.t : -moment.t);
  detail::for_each_row(weights.size(), prefix, [&](std::size_t i, std::size_t width) {
    const Scalar w = weights[i];
    const std::size_t at = i * dim, from = i * static_cast<std::size_t>(prefix.columns);
    for (std::size_t j = 0; j < width; ++j) error[at + j] = (prefix.values[from + j] - (x[at + j] + way * v[at + j])) * w;
    for (std::size_t j = width; j < dim; ++j) error[at + j] = -(x[at + j] + way * v[at + j]) * w;
  });
  return Status::ok;
}

/// Turns `v` towards the prefix: `v + g correction` where time runs from the noise to the action, `v - g correction` where it runs
/// back, g = rtc_guidance_weight. `bad_shape`.
template <class Scalar>
[[nodiscard]] Status rtc_apply_correction(std::span<const Scalar> correction, const FlowMoment& moment, double most,
                                          std::span<Scalar> v) noexcept {
  if (correction.size() != v.size()) return Status::bad_shape;
  const double weight = rtc_guidance_weight(moment.t, moment.direction, most);
  const auto g = static_cast<Scalar>(moment.direction == FlowDirection::noise_at_zero ? weight : -weight);
  for (std::size_t i = 0; i < v.size(); ++i) v[i] += g * correction[i];
  return Status::ok;
}

/// Both in one pass with the Jacobian taken for the identity: no backward pass through the network. That is what LeRobot computes,
/// because it evaluates v before it asks for gradients; RTC's authors report it to work as well (kinetix issue 4). `bad_shape`.
template <class Scalar>
[[nodiscard]] Status rtc_guide(std::span<const Scalar> x, const ChunkPrefix<Scalar>& prefix, std::span<const Scalar> weights,
                               const FlowMoment& moment, double most, std::span<Scalar> v) noexcept {
  if (x.size() != v.size() || !detail::fits<Scalar>(x.size(), weights, prefix)) return Status::bad_shape;
  const std::size_t dim = x.size() / weights.size();
  const bool forward = moment.direction == FlowDirection::noise_at_zero;
  const auto way = static_cast<Scalar>(forward ? 1 - moment.t : -moment.t);
  const double weight = rtc_guidance_weight(moment.t, moment.direction, most);
  const auto g = static_cast<Scalar>(forward ? weight : -weight);
  detail::for_each_row(weights.size(), prefix, [&](std::size_t i, std::size_t width) {
    const Scalar w = weights[i];
    const std::size_t at = i * dim, from = i * static_cast<std::size_t>(prefix.columns);
    for (std::size_t j = 0; j < width; ++j) v[at + j] += g * ((prefix.values[from + j] - (x[at + j] + way * v[at + j])) * w);
    for (std::size_t j = width; j < dim; ++j) v[at + j] += g * (-(x[at + j] + way * v[at + j]) * w);
  });
  return Status::ok;
}

/// For models trained with a delay (pi0.5 in LeRobot, StarVLA's "simulated_delay"): the first `delay` rows of `x`
/// `[horizon, dim]` become those of the prefix, before and after every step of the sampler. `bad_shape` when the prefix is shorter
/// than the delay, or longer or wider than the chunk.
template <class Scalar>
[[nodiscard]] Status rtc_overwrite_prefix(const ChunkPrefix<Scalar>& prefix, int delay, int horizon, std::span<Scalar> x) noexcept {
  if (horizon <= 0 || x.size() % static_cast<std::size_t>(horizon) != 0 || delay < 0 || delay > prefix.rows || prefix.rows > horizon)
    return Status::bad_shape;
  const std::size_t dim = x.size() / static_cast<std::size_t>(horizon), columns = static_cast<std::size_t>(prefix.columns);
  if (prefix.columns < 0 || columns > dim || prefix.values.size() != static_cast<std::size_t>(prefix.rows) * columns)
    return Status::bad_shape;
  for (std::size_t i = 0; i < static_cast<std::size_t>(delay); ++i) {
    std::copy_n(prefix.values.begin() + static_cast<std::ptrdiff_t>(i * columns), columns,
                x.begin() + static_cast<std::ptrdiff_t>(i * dim));
    std::fill_n(x.begin() + static_cast<std::ptrdiff_t>(i * dim + columns), dim - columns, Scalar(0));
  }
  return Status::ok;
}

/// The time of each token for such a model: the `delay` first ones are finished actions, the others are at `moment.t`. StarVLA, which
/// counts in buckets of 1/1000, puts finished ones into bucket 999.
template <class Scalar>
void rtc_token_times(const FlowMoment& moment, int delay, std::span<Scalar> times) noexcept {
  const auto finished = static_cast<Scalar>(moment.direction == FlowDirection::noise_at_zero ? 1 : 0);
  for (std::size_t i = 0; i < times.size(); ++i)
    times[i] = static_cast<std::ptrdiff_t>(i) < delay ? finished : static_cast<Scalar>(moment.t);
}

}  // namespace sinew
