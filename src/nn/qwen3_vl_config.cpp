// SPDX-License-Identifier: Apache-2.0
#include "sinew/nn/models/qwen3_vl_config.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <optional>

#include "qwen3_config.hpp"

namespace sinew::nn {

namespace detail {

std::int64_t size(const JsonCursor& at, std::string_view key, std::int64_t most) { return at.at(key).integer(1, most); }

std::int64_t size_or(const JsonCursor& at, std::string_view key, std::int64_t otherwise, std::int64_t most) {
  const auto found = at.optional(key);
  return found && !found->is_null() ? found->integer(1, most) : otherwise;
}

void require_text(const JsonCursor& at, std::string_view key, std::string_view expected) {
  const auto found = at.optional(key);
  if (found && found->text() != expected) found->refuse(fmt::format("\"{}\"", expected), "nothing else is implemented");
}

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
  if (vision.hidden % vision.heads != 0 || vision.hidden / vision.heads % 4 != 0)
    at.at("num_heads").refuse("a divisor of hidden_size that leaves heads of a multiple of 4");
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

JsonCursor rope_place(const JsonCursor& at) {
  const auto fresh = at.optional("rope_parameters");
  return fresh ? *fresh : at.at("rope_scaling");
}

void parse_rope(const JsonCursor& at, std::int64_t rotary, Qwen3VlConfig::Text& text) {
  const JsonCursor rope = rope_place(at);
  const JsonCursor theta = at.optional("rope_parameters") ? rope.at("rope_theta") : at.at("rope_theta");
  text.rope_theta = theta.number();
  if (!(text.rope_theta > 1 && text.rope_theta < 1e12)) theta.refuse("a number above 1");
  for (const char* key : {"rope_type", "type"})
    if (const auto type = rope.optional(key); type && type->text() != "default" && type->text() != "mrope")
      type->refuse("\"default\"", "nothing else is implemented");
  if (const auto interleaved = rope.optional("mrope_interleaved"); interleaved && !interleaved->boolean())
    interleaved->refuse("true", "nothing else is implemented");
  const JsonCursor sections = rope.at("mrope_section");
  for (const auto& section : sections.elements()) text.rope_sections.push_back(section.integer(0, rotary / 2));
  if (text.rope_sections.size() != 3 || std::reduce(text.rope_sections.begin(), text.rope_sections.end()) != rotary / 2)
    sections.refuse(fmt::format("three sections of together {} frequencies", rotary / 2));
}

Qwen3VlConfig::Text parse_text(const JsonCursor& at) {
  Qwen3VlConfig::Text text{.layers = size(at, "num_hidden_layers", kMostLayers),
                           .hidden = size(at, "hidden_size", kMostWidth),
                           .intermediate = size(at, "intermediate_size", kMostWidth),
                           .heads = size(at, "num_attention_heads", kMostWidth),
                           .kv_heads = 0,
                           .head_dim = 0,
                           .vocab = size(at, "vocab_size", kMostVocab),
                           .eps = 1e-6F,
                           .rope_theta = 0,
                           .rope_sections = {},
                           .tied = false};
  text.kv_heads = size_or(at, "num_key_value_heads", text.heads, text.heads);
  if (text.heads % text.kv_heads != 0) at.at("num_key_value_heads").refuse("a divisor of num_attention_heads");
  text.head_dim = size_or(at, "head_dim", std::max<std::int64_t>(text.hidden / text.heads, 1), kMostWidth);
  if (text.head_dim % 2 != 0) at.refuse("an even head_dim");
  const JsonCursor eps = at.at("rms_norm_eps");
  text.eps = static_cast<float>(eps.number());
  if (!(text.eps > 0 && text.eps < 1)) eps.refuse("a number between 0 and 1");
  require_text(at, "hidden_act", "silu");
  if (const auto bias = at.optional("attention_bias"); bias && bias->boolean()) bias->refuse("false", "nothing else is implemented");
  return text;
}

bool parse_tied(const JsonCursor& document) {
  // In old files the flag stands with the text model.
  for (const auto& at : {document, document.at("text_config")})
    if (const auto tied = at.optional("tie_word_embeddings")) return tied->boolean();
  return false;
}

std::int64_t parse_image_token(const JsonCursor& document, const Qwen3VlConfig::Vision& vision, const Qwen3VlConfig::Text& text) {
  const std::int64_t token = document.at("image_token_id").integer(0, text.vocab - 1);
  if (vision.out_hidden != text.hidden)
    document.at("vision_config").at("out_hidden_size").refuse(fmt::format("the text model's {}", text.hidden));
  return token;
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
