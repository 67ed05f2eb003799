// SPDX-License-Identifier: Apache-2.0
#include "sinew/nn/sampler.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "sinew/core/error.hpp"

namespace sinew::nn {

FlowStep flow_step(std::int64_t k, std::int64_t steps, FlowDirection direction) noexcept {
  const double n = static_cast<double>(steps), done = static_cast<double>(k) / n;
  return direction == FlowDirection::noise_at_zero ? FlowStep{.t = done, .dt = 1 / n} : FlowStep{.t = 1 - done, .dt = -1 / n};
}

PrefixBuffers::PrefixBuffers(std::int64_t horizon, std::int64_t dim)
    : horizon_(horizon),
      dim_(dim),
      values_(static_cast<std::size_t>(horizon * dim)),
      weights_(values_.size()),
      row_weights_(static_cast<std::size_t>(horizon)) {}

void PrefixBuffers::fill(const FlowPrefix& prefix) {
  const auto& chunk = prefix.chunk;
  if (chunk.rows < 0 || chunk.rows > horizon_ || chunk.columns < 0 || chunk.columns > dim_ ||
      chunk.values.size() != static_cast<std::size_t>(chunk.rows) * static_cast<std::size_t>(chunk.columns))
    fail(ErrorCode::invalid_argument,
         {"sampler", "prefix", fmt::format("at most [{}, {}]", horizon_, dim_), fmt::format("[{}, {}]", chunk.rows, chunk.columns), ""});
  if (prefix.delay < 0 || (prefix.mode == PrefixMode::overwrite && prefix.delay > chunk.rows))
    fail(ErrorCode::invalid_argument,
         {"sampler", "prefix_delay", fmt::format("0 to the {} rows of the prefix", chunk.rows), fmt::format("{}", prefix.delay), ""});
  if (prefix.end < 0)
    fail(ErrorCode::invalid_argument, {"sampler", "end of the prefix", "0 or a positive number", fmt::format("{}", prefix.end), ""});
  std::ranges::fill(values_, 0.0F);
  for (int row = 0; row < chunk.rows; ++row)
    std::copy_n(chunk.values.begin() + row * chunk.columns, chunk.columns, values_.begin() + row * dim_);
  if (prefix.mode == PrefixMode::overwrite) return;
  const int end = prefix.end > 0 ? std::min(prefix.end, chunk.rows) : chunk.rows;
  if (rtc_prefix_weights<float>(prefix.delay, end, prefix.schedule, row_weights_) != Status::ok)
    fail(ErrorCode::internal, {"sampler", "prefix", "a delay and an end that are not negative", "others", ""});
  for (std::size_t i = 0; i < weights_.size(); ++i) weights_[i] = row_weights_[i / static_cast<std::size_t>(dim_)];
}

SdeStep sde_step(std::int64_t k, std::int64_t steps, FlowDirection direction, double level) {
  if (!(level > 0 && std::isfinite(level)))
    fail(ErrorCode::invalid_argument, {"sampler", "level of noise", "a positive number", fmt::format("{}", level), ""});
  const double n = static_cast<double>(steps), dt = -1 / n;
  const double s = 1 - static_cast<double>(k) / n;  // share of noise
  const double below_one = k > 0 ? s : steps > 1 ? 1 - 1 / n : 0.5;
  const double sigma_squared = level * level * s / (1 - below_one);
  const double drift = sigma_squared / (2 * s);
  // In the paper v is the derivative by s; where time runs the other way it has the other sign.
  const double sign = direction == FlowDirection::noise_at_one ? 1 : -1;
  return {.x_factor = 1 + drift * dt, .v_factor = sign * (1 + drift * (1 - s)) * dt, .deviation = std::sqrt(sigma_squared / n)};
}

double sde_log_probability(std::span<const float> next, std::span<const float> mean, double deviation) noexcept {
  double squares = 0;
  for (std::size_t i = 0; i < next.size(); ++i) {
    const double z = (static_cast<double>(next[i]) - static_cast<double>(mean[i])) / deviation;
    squares += z * z;
  }
  return -squares / 2 - static_cast<double>(next.size()) * (std::log(deviation) + std::log(2 * std::numbers::pi) / 2);
}

}  // namespace sinew::nn
