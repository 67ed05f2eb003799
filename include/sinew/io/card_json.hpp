// SPDX-License-Identifier: Apache-2.0
// The policy card as sinew.json. Every field is described in docs/policy_card.md.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "sinew/core/card.hpp"
#include "sinew/io/json.hpp"

namespace sinew {

/// Newest format that is read, and the one that is written. Older minors are read too.
inline constexpr std::string_view kCardFormatVersion = "1.2";
/// Name of the card in a policy directory.
inline constexpr std::string_view kCardFile = "sinew.json";

/// Binds and validates a card. Every field is required, unknown keys are refused with the nearest valid one. Throws Error
/// whose text begins with "[where /pointer]"; `unsupported` for a format that is newer than ours. What is returned has the
/// newest format version.
[[nodiscard]] PolicyCard card_from_json(const Json& json, const std::string& where);
/// Reads a card from a file, or from the file "sinew.json" of a directory. Throws Error.
[[nodiscard]] PolicyCard read_card(const std::filesystem::path& path);

/// The card in the newest format. Throws Error for a card that `validate` refuses.
[[nodiscard]] Json card_to_json(const PolicyCard& card);
/// Writes the card whole or not at all. `read_card` gives it back equal.
void write_card(const PolicyCard& card, const std::filesystem::path& path);

}  // namespace sinew
