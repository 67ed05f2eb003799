// SPDX-License-Identifier: Apache-2.0
#include "sinew/nn/models/qwen2_5_vl_config.hpp"

#include <fmt/format.h>

#include "qwen_config.hpp"

namespace sinew::nn {

namespace {

using namespace detail;

// The default of rms_norm_eps is that of transformers' class; published files have one of their own.
constexpr TextForm kTextForm{.sections = SectionLayout::chunked, .qkv_bias = true, .qk_norm = false, .default_eps = 1e-5F};

Qwen2_5VlConfig::Vision parse_windowed_vision(const JsonCursor& at) {
  Qwen2_5VlConfig::Vision vision{.depth = size(at, "depth", kMostLayers),
                                 .hidden = size(at, "hidden_size", kMostWidth),
                                 .intermediate = size(at, "intermediate_size", kMostWidth),
                                 .heads = size(at, "num_heads", kMostWidth),
                                 .out_hidden = size(at, "out_hidden_size", kMostWidth),
                                 .patch = size(at, "patch_size", 256),
                                 .temporal_patch = size_or(at, "temporal_patch_size", 2, 16),
                                 .merge = size_or(at, "spatial_merge_size", 2, 16),
                                 .window = 0,
                                 .full_attention = {}};
  require_text(at, "hidden_act", "silu");
  for (const char* key : {"in_channels", "in_chans"})
    if (const auto channels = at.optional(key); channels && channels->integer() != 3) channels->refuse("3", "nothing else is implemented");
  if (const auto rope = at.optional("rope_parameters"); rope && !rope->is_null()) {
    require_text(*rope, "rope_type", "axial");
    if (const auto theta = rope->optional("rope_theta"); theta && theta->number() != 10000)
      theta->refuse("10000", "nothing else is implemented");
  }
  require_vision_heads(at, vision.hidden, vision.heads);
  const JsonCursor window = at.at("window_size");  // pixels
  vision.window = window.integer(1, kMostWidth) / vision.merge / vision.patch;
  if (vision.window < 1) window.refuse(fmt::format("at least the {} pixels of a token", vision.merge * vision.patch));
  for (const auto& block : at.at("fullatt_block_indexes").elements()) vision.full_attention.push_back(block.integer(0, kMostLayers));
  return vision;
}

TextConfig parse_biased_text(const JsonCursor& at) {
  TextConfig text = parse_text(at, kTextForm);
  if (text.heads * text.head_dim != text.hidden) at.at("num_attention_heads").refuse("a divisor of hidden_size that leaves head_dim");
  parse_rope(at, text.head_dim, text);
  require_flag(at, "use_sliding_window", false);
  if (const auto types = at.optional("layer_types"); types && !types->is_null())
    for (const auto& type : types->elements())
      if (type.text() != "full_attention") type.refuse("\"full_attention\"", "nothing else is implemented");
  return text;
}

}  // namespace

Qwen2_5VlConfig Qwen2_5VlConfig::parse(const JsonCursor& document) {
  require_text(document, "model_type", "qwen2_5_vl");
  const auto nested = document.optional("text_config");
  const JsonCursor text = nested ? *nested : document;
  Qwen2_5VlConfig config{.vision = parse_windowed_vision(document.at("vision_config")), .text = parse_biased_text(text), .image_token = 0};
  // Either flag ties, as in transformers.
  for (const auto& at : {document, text})
    if (const auto tied = at.optional("tie_word_embeddings")) config.text.tied = config.text.tied || tied->boolean();
  config.image_token = parse_image_token(document, config.vision, config.text);
  return config;
}

std::vector<NameRule> qwen2_5_vl_names() {
  std::vector<NameRule> rules;
  for (const char* prefix : {"qwen_vl_interface.model.", ""}) {
    const auto add = [&](std::string_view stored, const char* runtime) { rules.push_back({fmt::format("{}{}", prefix, stored), runtime}); };
    add("model.language_model.", "language_model.");
    add("model.visual.", "visual.");
    add("model.", "language_model.");  // transformers' files: layers, embed_tokens and norm stand there
  }
  rules.insert(rules.begin() + 3, {"qwen_vl_interface.model.", ""});
  return rules;
}

}  // namespace sinew::nn
