// SPDX-License-Identifier: Apache-2.0
#include "sinew/nn/models/qwen3_vl_config.hpp"

#include <fmt/format.h>

#include "qwen_config.hpp"

namespace sinew::nn {

namespace detail {

Qwen3VlConfig::Vision parse_vision(const JsonCursor& at) {
  Qwen3VlConfig::Vision vision{.depth = size(at, "depth", kMostLayers),
                               .hidden = size(at, "hidden_size", kMostWidth),
                               .intermediate = size(at, "intermediate_size", kMostWidth),
                               .heads = size(at, "num_heads", kMostWidth),
                               .out_hidden = size(at, "out_hidden_size", kMostWidth),
                               .patch = size(at, "patch_size", 256),
                               .temporal_patch = size_or(at, "temporal_patch_size", 2, 16),
                               .merge = size_or(at, "spatial_merge_size", 2, 16),
                               .positions = size(at, "num_position_embeddings", kMostVocab),
                               .deepstack = {}};
  require_text(at, "hidden_act", "gelu_pytorch_tanh");
  require_vision_heads(at, vision.hidden, vision.heads);
  std::int64_t side = 1;
  while (side * side < vision.positions) ++side;
  if (side * side != vision.positions) at.at("num_position_embeddings").refuse("a square number");
  if (const auto layers = at.optional("deepstack_visual_indexes"))
    for (const auto& layer : layers->elements()) {
      vision.deepstack.push_back(layer.integer(0, vision.depth - 1));
      if (vision.deepstack.size() > 1 && vision.deepstack.back() <= vision.deepstack[vision.deepstack.size() - 2])
        layer.refuse("ascending blocks");
    }
  return vision;
}

void require_vision_heads(const JsonCursor& at, std::int64_t hidden, std::int64_t heads) {
  if (hidden % heads != 0 || hidden / heads % 4 != 0)
    at.at("num_heads").refuse("a divisor of hidden_size that leaves heads of a multiple of 4");
}

bool parse_tied(const JsonCursor& document) {
  for (const auto& at : {document, document.at("text_config")})
    if (const auto tied = at.optional("tie_word_embeddings")) return tied->boolean();
  return false;
}

}  // namespace detail

Qwen3VlConfig Qwen3VlConfig::parse(const JsonCursor& document) {
  using namespace detail;
  require_text(document, "model_type", "qwen3_vl");
  Qwen3VlConfig config{
      .vision = parse_vision(document.at("vision_config")), .text = parse_text(document.at("text_config")), .image_token = 0};
  parse_rope(document.at("text_config"), config.text.head_dim, config.text);
  config.text.tied = parse_tied(document);
  config.image_token = parse_image_token(document, config.vision, config.text);
  if (static_cast<std::int64_t>(config.vision.deepstack.size()) > config.text.layers)
    document.at("vision_config").at("deepstack_visual_indexes").refuse("no more than the text model has layers");
  return config;
}

std::vector<NameRule> qwen3_vl_names() {
  return {{"qwen_vl_interface.model.model.", ""},
          {"qwen_vl_interface.model.", ""},
          {"model.language_model.", "language_model."},
          {"model.visual.", "visual."}};
}

}  // namespace sinew::nn
