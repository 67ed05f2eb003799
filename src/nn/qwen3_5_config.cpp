// SPDX-License-Identifier: Apache-2.0
#include "sinew/nn/models/qwen3_5_config.hpp"

#include <fmt/format.h>

#include <cmath>

#include "qwen_config.hpp"

namespace sinew::nn {

namespace {

using namespace detail;

constexpr std::int64_t kMostTaps = 16;  // of TensorOps::causal_conv

Qwen35Config::Linear parse_linear(const JsonCursor& at) {
  const Qwen35Config::Linear linear{.key_heads = size(at, "linear_num_key_heads", kMostWidth),
                                    .heads = size(at, "linear_num_value_heads", kMostWidth),
                                    .key_dim = size(at, "linear_key_head_dim", kMostWidth),
                                    .dim = size(at, "linear_value_head_dim", kMostWidth),
                                    .taps = at.at("linear_conv_kernel_dim").integer(2, kMostTaps)};
  if (linear.heads % linear.key_heads != 0) at.at("linear_num_value_heads").refuse("a multiple of linear_num_key_heads");
  return linear;
}

/// `layer_types`, or full attention in every `full_attention_interval`-th layer, as transformers fills it in.
std::vector<std::uint8_t> parse_layers(const JsonCursor& at, std::int64_t layers) {
  std::vector<std::uint8_t> attends;
  if (const auto types = at.optional("layer_types"); types && !types->is_null()) {
    for (const auto& type : types->elements())
      attends.push_back(static_cast<std::uint8_t>(type.one_of({"linear_attention", "full_attention"})));
    if (static_cast<std::int64_t>(attends.size()) != layers) types->refuse(fmt::format("the types of {} layers", layers));
    return attends;
  }
  const std::int64_t interval = size_or(at, "full_attention_interval", 4, kMostLayers);
  for (std::int64_t i = 1; i <= layers; ++i) attends.push_back(i % interval == 0 ? 1 : 0);
  return attends;
}

/// The share of a head that turns: beside the other rotary parameters, before transformers 5 with the text model; 0.25 where none says so.
std::int64_t parse_rotary(const JsonCursor& at, std::int64_t head_dim) {
  for (const auto& place : {rope_place(at), at})
    if (const auto factor = place.optional("partial_rotary_factor"); factor && !factor->is_null()) {
      const double share = factor->number();
      if (!(share > 0 && share <= 1)) factor->refuse("a number above 0, up to 1");
      const auto rotary = static_cast<std::int64_t>(static_cast<double>(head_dim) * share);
      if (rotary < 2 || rotary % 2 != 0) factor->refuse(fmt::format("a share of head_dim {} that is an even number", head_dim));
      return rotary;
    }
  if (head_dim % 8 != 0) at.at("head_dim").refuse("a multiple of 8", "a quarter of it turns");
  return head_dim / 4;
}

}  // namespace

Qwen35Config Qwen35Config::parse(const JsonCursor& document) {
  require_text(document, "model_type", "qwen3_5");
  const JsonCursor at = document.at("text_config");
  Qwen35Config config{.vision = parse_vision(document.at("vision_config")),
                      .text = parse_text(at),
                      .rotary = 0,
                      .linear = parse_linear(at),
                      .attends = {},
                      .image_token = 0};
  if (!config.vision.deepstack.empty())
    document.at("vision_config").at("deepstack_visual_indexes").refuse("no blocks", "Qwen3.5 has no deepstack");
  if (const auto gate = at.optional("attn_output_gate"); gate && !gate->boolean())
    gate->refuse("true", "attention without a gate is not implemented");
  config.text.head_dim = size(at, "head_dim", kMostWidth);  // no default: transformers' does not follow from the other sizes
  config.attends = parse_layers(at, config.text.layers);
  config.rotary = parse_rotary(at, config.text.head_dim);
  parse_rope(at, config.rotary, config.text);
  config.text.tied = parse_tied(document);
  config.image_token = parse_image_token(document, config.vision, config.text);
  return config;
}

}  // namespace sinew::nn
