// SPDX-License-Identifier: Apache-2.0
// Reads tokenizer.json: vocabulary and merges straight from the text into their tables, everything else as Json.
#pragma once

#include <string>
#include <string_view>

#include "merges.hpp"
#include "sinew/io/json.hpp"

namespace sinew::tokenizer {

inline constexpr std::size_t kMaxDocument = std::size_t{128} << 20;  // bytes
inline constexpr std::size_t kMaxTokenBytes = std::size_t{1} << 16;

/// Reads `model.vocab` and `model.merges` of `text` into `bpe` and returns the document with both empty. The whole is as
/// strict as Json::parse: what is read here is cut out of the text, and the rest, which is well-formed exactly when the
/// whole is, goes through it. Throws Error whose text begins with "[where:line:column" or "[where".
[[nodiscard]] Json read_document(std::string_view text, const std::string& where, ByteBpe& bpe);

}  // namespace sinew::tokenizer
