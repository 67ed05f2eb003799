// SPDX-License-Identifier: Apache-2.0
#include "models/work.hpp"

#include <algorithm>
#include <chrono>
#include <vector>

#include "bench.hpp"
#include "sinew/backend/cpu/cpu_ops.hpp"

namespace sinew::bench {

double backbone_operations(const nn::Qwen3VlConfig& config, const nn::VisionLanguageInput& input) {
  const auto& v = config.vision;
  const auto& t = config.text;
  double patches = 0;
  for (const auto& grid : input.grids) patches += static_cast<double>(grid.patches());
  const auto product = [](double rows, std::int64_t outputs, std::int64_t inputs) {
    return 2 * rows * static_cast<double>(outputs) * static_cast<double>(inputs);
  };
  const std::int64_t merged = v.hidden * v.merge * v.merge;
  const double tokens = static_cast<double>(input.ids.size()), image_tokens = patches / static_cast<double>(v.merge * v.merge);
  const double merger = product(image_tokens, merged, merged) + product(image_tokens, v.out_hidden, merged);
  const double vision_layer = product(patches, 4 * v.hidden, v.hidden) + product(patches, 2 * v.intermediate, v.hidden);
  const double text_layer =
      product(tokens, 2 * (t.heads + t.kv_heads) * t.head_dim, t.hidden) + product(tokens, 3 * t.intermediate, t.hidden);
  return product(patches, v.hidden, 3 * v.patch * v.patch) + static_cast<double>(v.depth) * vision_layer +
         static_cast<double>(1 + v.deepstack.size()) * merger + static_cast<double>(t.layers) * text_layer;
}

double head_operations(const nn::FlowDitConfig& c, double tokens) {
  const auto product = [](double rows, std::int64_t outputs, std::int64_t inputs) {
    return 2 * rows * static_cast<double>(outputs) * static_cast<double>(inputs);
  };
  const double actions = static_cast<double>(c.horizon), rows = actions + static_cast<double>(c.future_tokens) + (c.state_dim > 0 ? 1 : 0);
  double once = 0, step = product(actions, c.width, c.action_dim + 2 * c.width) + product(actions, c.output_width, c.width) +
                          product(actions, c.mlp_width, c.output_width) + product(actions, c.action_dim, c.mlp_width);
  for (std::int64_t i = 0; i < c.layers; ++i) {
    const bool context = !c.interleave_self_attention || i % 2 == 0;
    if (context) once += product(tokens, 2 * c.width, c.context_width);
    step += product(rows, (context ? 2 : 4) * c.width, c.width) + product(rows, 8 * c.width, c.width);
  }
  return once + static_cast<double>(c.steps) * step;
}

double best_product_rate() {
  constexpr std::int64_t kRows = 48, kInputs = 512,
                         kOutputs = 1024;  // few enough for fused multiply-adds, where larger ones may take tiles
  CpuOps ops;
  const std::vector<float> values(kRows * kInputs, 0.5F);
  const auto matrix =
      ops.matrix({.rows = kOutputs, .columns = kInputs, .read = [](std::int64_t, std::int64_t count, DType, std::byte* out) {
                    std::fill_n(reinterpret_cast<float*>(out), count * kInputs, 0.25F);
                  }});
  double best = 0;
  for (int i = 0; i < 200; ++i) {
    auto scope = ops.scope();
    const auto x = ops.upload(values, Shape{kRows, kInputs});
    const auto start = std::chrono::steady_clock::now();
    keep(ops.linear(x, matrix, nullptr));
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    best = std::max(best, 2.0 * kRows * kInputs * kOutputs / seconds.count());
  }
  return best;
}

}  // namespace sinew::bench
