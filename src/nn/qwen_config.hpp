// SPDX-License-Identifier: Apache-2.0
// What the configurations of the Qwen-VL generations have in common. Every function throws Error at the place of the document.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string_view>

#include "sinew/nn/models/qwen3_vl_config.hpp"
#include "sinew/nn/models/text_config.hpp"

namespace sinew::nn::detail {

// Beyond what any model has; products of two of them fit into 63 bits.
inline constexpr std::int64_t kMostLayers = 1024, kMostWidth = 1 << 20, kMostVocab = 1 << 24;

[[nodiscard]] std::int64_t size(const JsonCursor& at, std::string_view key, std::int64_t most);
[[nodiscard]] std::int64_t size_or(const JsonCursor& at, std::string_view key, std::int64_t otherwise, std::int64_t most);
/// An entry that may be absent, or that text; that flag, or null.
void require_text(const JsonCursor& at, std::string_view key, std::string_view expected);
void require_flag(const JsonCursor& at, std::string_view key, bool expected);

/// All but the rotary parameters and `tied`.
[[nodiscard]] TextConfig parse_text(const JsonCursor& at, const TextForm& form = {.qk_norm = true});
/// Where transformers keeps the rotary parameters: since 5 in rope_parameters, before in rope_scaling beside rope_theta.
[[nodiscard]] JsonCursor rope_place(const JsonCursor& at);
/// Of `rotary` values of a head.
void parse_rope(const JsonCursor& at, std::int64_t rotary, TextConfig& text);

/// The vision tower of Qwen3-VL and its successors.
[[nodiscard]] Qwen3VlConfig::Vision parse_vision(const JsonCursor& at);
/// Refuses heads that patch rotary embeddings do not fit.
void require_vision_heads(const JsonCursor& at, std::int64_t hidden, std::int64_t heads);
/// What stands beside both halves. The flag of the document counts before that of the text model, where old files have it.
[[nodiscard]] bool parse_tied(const JsonCursor& document);
template <class Vision>
[[nodiscard]] std::int64_t parse_image_token(const JsonCursor& document, const Vision& vision, const TextConfig& text) {
  const std::int64_t token = document.at("image_token_id").integer(0, text.vocab - 1);
  if (vision.out_hidden != text.hidden)
    document.at("vision_config").at("out_hidden_size").refuse(fmt::format("the text model's {}", text.hidden));
  return token;
}

}  // namespace sinew::nn::detail
