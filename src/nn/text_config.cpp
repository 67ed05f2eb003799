// SPDX-License-Identifier: Apache-2.0
#include "sinew/nn/models/text_config.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "config_values.hpp"

namespace sinew::nn {

namespace {

using namespace detail;

/// Where transformers keep the rotary parameters: since 5 in rope_parameters, before in rope_scaling beside rope_theta.
void parse_rope(const JsonCursor& at, TextConfig& text) {
  const auto fresh = at.optional("rope_parameters");
  const JsonCursor rope = fresh ? *fresh : at.at("rope_scaling");
  const JsonCursor theta = fresh ? rope.at("rope_theta") : at.at("rope_theta");
  text.rope_theta = theta.number();
  if (!(text.rope_theta > 1 && text.rope_theta < 1e12)) theta.refuse("a number above 1");
  for (const char* key : {"rope_type", "type"})
    if (const auto type = rope.optional(key); type && type->text() != "default" && type->text() != "mrope")
      type->refuse("\"default\"", "nothing else is implemented");
  require_flag(rope, "mrope_interleaved", text.form.sections == SectionLayout::interleaved);
  const JsonCursor sections = rope.at("mrope_section");
  for (const auto& section : sections.elements()) text.rope_sections.push_back(section.integer(0, text.head_dim / 2));
  if (text.rope_sections.size() != 3 || std::reduce(text.rope_sections.begin(), text.rope_sections.end()) != text.head_dim / 2)
    sections.refuse(fmt::format("three sections of together {} frequencies", text.head_dim / 2));
}

float parse_eps(const JsonCursor& at, const TextForm& form) {
  const auto found = at.optional("rms_norm_eps");
  if (!found && form.default_eps) return *form.default_eps;
  const JsonCursor eps = at.at("rms_norm_eps");
  const auto value = static_cast<float>(eps.number());
  if (!(value > 0 && value < 1)) eps.refuse("a number between 0 and 1");
  return value;
}

}  // namespace

TextConfig TextConfig::parse(const JsonCursor& at, const TextForm& form) {
  TextConfig text{.layers = size(at, "num_hidden_layers", kMostLayers),
                  .hidden = size(at, "hidden_size", kMostWidth),
                  .intermediate = size(at, "intermediate_size", kMostWidth),
                  .heads = size(at, "num_attention_heads", kMostWidth),
                  .kv_heads = 0,
                  .head_dim = 0,
                  .vocab = size(at, "vocab_size", kMostVocab),
                  .eps = parse_eps(at, form),
                  .rope_theta = 0,
                  .rope_sections = {},
                  .tied = false,
                  .form = form};
  text.kv_heads = size_or(at, "num_key_value_heads", text.heads, text.heads);
  if (text.heads % text.kv_heads != 0) at.at("num_key_value_heads").refuse("a divisor of num_attention_heads");
  text.head_dim = size_or(at, "head_dim", std::max<std::int64_t>(text.hidden / text.heads, 1), kMostWidth);
  if (text.head_dim % 2 != 0) at.refuse("an even head_dim");
  require_text(at, "hidden_act", "silu");
  if (!form.qkv_bias) require_flag(at, "attention_bias", false);
  parse_rope(at, text);
  return text;
}

}  // namespace sinew::nn
