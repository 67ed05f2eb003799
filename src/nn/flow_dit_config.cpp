// SPDX-License-Identifier: Apache-2.0
#include "sinew/nn/heads/flow_dit_config.hpp"

#include <fmt/format.h>

#include <cmath>
#include <utility>

namespace sinew::nn {

namespace {

constexpr std::int64_t kMost = 1 << 20;  // beyond what any head has; products of two fit into 63 bits

}  // namespace

FlowDitConfig FlowDitConfig::parse(const JsonCursor& document) {
  document.only_keys({"type", "width", "heads", "layers", "context_width", "output_width", "mlp_width", "future_tokens", "horizon",
                      "action_dim", "state_dim", "positions", "steps", "buckets", "interleave_self_attention"});
  if (document.at("type").text() != "flow_dit") document.at("type").refuse("\"flow_dit\"");
  FlowDitConfig config = shared(document);
  config.output_width = document.at("output_width").integer(1, kMost);
  return config;
}

FlowDitConfig FlowDitConfig::shared(const JsonCursor& document) {
  const auto size = [&](std::string_view key, std::int64_t least = 1, std::int64_t most = kMost) {
    return document.at(key).integer(least, most);
  };
  const FlowDitConfig config{.width = size("width"),
                             .heads = size("heads"),
                             .layers = size("layers", 1, 1024),
                             .context_width = size("context_width"),
                             .output_width = 0,
                             .mlp_width = size("mlp_width"),
                             .future_tokens = size("future_tokens", 0),
                             .horizon = size("horizon", 1, 4096),
                             .action_dim = size("action_dim", 1, 4096),
                             .state_dim = size("state_dim", 0, 4096),
                             .positions = size("positions"),
                             .steps = size("steps", 1, 1000),
                             .buckets = size("buckets"),
                             .interleave_self_attention = document.at("interleave_self_attention").boolean()};
  if (config.width % config.heads != 0) document.at("heads").refuse("a divisor of width");
  if (config.width % 2 != 0) document.at("width").refuse("an even number");
  if (config.positions < config.horizon) document.at("positions").refuse("at least the horizon");
  return config;
}

std::vector<std::int64_t> flow_buckets(std::int64_t steps, std::int64_t buckets) {
  std::vector<std::int64_t> out;
  for (std::int64_t k = 0; k < steps; ++k)
    out.push_back(static_cast<std::int64_t>(static_cast<double>(k) / static_cast<double>(steps) * static_cast<double>(buckets)));
  return out;
}

namespace {

/// Cosines and sines of `time * 1e4^(-j / divisor)` in two halves, the angles in f32 as torch computes them.
struct Waves {
  std::vector<float> cosines, sines;
};
Waves waves(double time, std::int64_t width, std::int64_t divisor) {
  Waves made;
  for (std::int64_t j = 0; j < width / 2; ++j) {
    const float exponent = static_cast<float>(-std::log(10000.0)) * static_cast<float>(j) / static_cast<float>(divisor);
    const double angle = static_cast<double>(static_cast<float>(time) * std::exp(exponent));
    made.cosines.push_back(static_cast<float>(std::cos(angle)));
    made.sines.push_back(static_cast<float>(std::sin(angle)));
  }
  return made;
}

std::vector<float> joined(std::vector<float> first, const std::vector<float>& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

}  // namespace

std::vector<float> timestep_projection(double time, std::int64_t width) {
  Waves made = waves(time, width, width / 2 - 1);
  return joined(std::move(made.cosines), made.sines);
}

std::vector<float> sinusoid(double time, std::int64_t width) {
  Waves made = waves(time, width, width / 2);
  return joined(std::move(made.sines), made.cosines);
}

}  // namespace sinew::nn
