// SPDX-License-Identifier: Apache-2.0
// What the configurations of Qwen3-VL and its successors have in common. Every function throws Error at the place of the document.
#pragma once

#include <cstdint>
#include <string_view>

#include "sinew/nn/models/qwen3_vl_config.hpp"

namespace sinew::nn::detail {

// Beyond what any model has; products of two of them fit into 63 bits.
inline constexpr std::int64_t kMostLayers = 1024, kMostWidth = 1 << 20, kMostVocab = 1 << 24;

[[nodiscard]] std::int64_t size(const JsonCursor& at, std::string_view key, std::int64_t most);
[[nodiscard]] std::int64_t size_or(const JsonCursor& at, std::string_view key, std::int64_t otherwise, std::int64_t most);
/// An entry that may be absent, or that text.
void require_text(const JsonCursor& at, std::string_view key, std::string_view expected);

[[nodiscard]] Qwen3VlConfig::Vision parse_vision(const JsonCursor& at);
/// All but the rotary parameters and `tied`.
[[nodiscard]] Qwen3VlConfig::Text parse_text(const JsonCursor& at);
/// Where transformers keeps the rotary parameters: since 5 in rope_parameters, before in rope_scaling beside rope_theta.
[[nodiscard]] JsonCursor rope_place(const JsonCursor& at);
/// Of `rotary` values of a head.
void parse_rope(const JsonCursor& at, std::int64_t rotary, Qwen3VlConfig::Text& text);
/// What stands beside both halves.
[[nodiscard]] bool parse_tied(const JsonCursor& document);
[[nodiscard]] std::int64_t parse_image_token(const JsonCursor& document, const Qwen3VlConfig::Vision& vision,
                                             const Qwen3VlConfig::Text& text);

}  // namespace sinew::nn::detail
