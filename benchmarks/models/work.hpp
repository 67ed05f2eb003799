// SPDX-License-Identifier: Apache-2.0
// How much arithmetic a model is, and how fast this machine's products are.
#pragma once

#include "sinew/nn/heads/flow_dit_config.hpp"
#include "sinew/nn/models/qwen3_vl_config.hpp"
#include "sinew/nn/models/vision_language.hpp"

namespace sinew::bench {

/// Multiplications and additions of the linear layers of a prompt, without output layer; attention is not counted.
[[nodiscard]] double backbone_operations(const nn::Qwen3VlConfig& config, const nn::VisionLanguageInput& input);
/// The same of a head's sampling with `tokens` of context; what depends on the time alone is not counted.
[[nodiscard]] double head_operations(const nn::FlowDitConfig& config, double tokens);
/// Operations per second of the CPU backend's f32 products by fused multiply-adds, at a size that suits them: the best of several.
[[nodiscard]] double best_product_rate();

}  // namespace sinew::bench
