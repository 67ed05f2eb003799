// SPDX-License-Identifier: Apache-2.0
#include "sinew/nn/models/text_config.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "qwen_config.hpp"

namespace sinew::nn::detail {

std::int64_t size(const JsonCursor& at, std::string_view key, std::int64_t most) { return at.at(key).integer(1, most); }

std::int64_t size_or(const JsonCursor& at, std::string_view key, std::int64_t otherwise, std::int64_t most) {
  const auto found = at.optional(key);
  return found && !found->is_null() ? found->integer(1, most) : otherwise;
}

void require_text(const JsonCursor& at, std::string_view key, std::string_view expected) {
  const auto found = at.optional(key);
  if (found && found->text() != expected) found->refuse(fmt::format("\"{}\"", expected), "nothing else is implemented");
}

void require_flag(const JsonCursor& at, std::string_view key, bool expected) {
  const auto found = at.optional(key);
  if (found && !found->is_null() && found->boolean() != expected) found->refuse(expected ? "true" : "false", "nothing else is implemented");
}

JsonCursor rope_place(const JsonCursor& at) {
  const auto fresh = at.optional("rope_parameters");
  return fresh ? *fresh : at.at("rope_scaling");
}

void parse_rope(const JsonCursor& at, std::int64_t rotary, TextConfig& text) {
  const JsonCursor rope = rope_place(at);
  const JsonCursor theta = at.optional("rope_parameters") ? rope.at("rope_theta") : at.at("rope_theta");
  text.rope_theta = theta.number();
  if (!(text.rope_theta > 1 && text.rope_theta < 1e12)) theta.refuse("a number above 1");
  for (const char* key : {"rope_type", "type"})
    if (const auto type = rope.optional(key); type && type->text() != "default" && type->text() != "mrope")
      type->refuse("\"default\"", "nothing else is implemented");
  require_flag(rope, "mrope_interleaved", text.form.sections == SectionLayout::interleaved);
  const JsonCursor sections = rope.at("mrope_section");
  for (const auto& section : sections.elements()) text.rope_sections.push_back(section.integer(0, rotary / 2));
  if (text.rope_sections.size() != 3 || std::reduce(text.rope_sections.begin(), text.rope_sections.end()) != rotary / 2)
    sections.refuse(fmt::format("three sections of together {} frequencies", rotary / 2));
}

namespace {

float parse_eps(const JsonCursor& at, const TextForm& form) {
  const auto found = at.optional("rms_norm_eps");
  if (!found && form.default_eps) return *form.default_eps;
  const JsonCursor eps = at.at("rms_norm_eps");
  const auto value = static_cast<float>(eps.number());
  if (!(value > 0 && value < 1)) eps.refuse("a number between 0 and 1");
  return value;
}

}  // namespace

TextConfig parse_text(const JsonCursor& at, const TextForm& form) {
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
  if (text.head_dim % 2 != 0) (at.optional("head_dim") ? at.at("head_dim") : at.at("hidden_size")).refuse("heads of an even size");
  require_text(at, "hidden_act", "silu");
  if (!form.qkv_bias) require_flag(at, "attention_bias", false);
  return text;
}

}  // namespace sinew::nn::detail
