// SPDX-License-Identifier: Apache-2.0
#include "sinew/action/action_token_map.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>
#include <limits>
#include <string>

#include "sinew/core/error.hpp"
#include "sinew/io/text.hpp"

namespace sinew {

namespace {

constexpr std::string_view kPrefix = "Action: ";
constexpr std::string_view kSpace = " \t\n\v\f\r\x1c\x1d\x1e\x1f";  // of Python's str.strip, below U+0080
constexpr TokenId kStarVlaTokens = 2048;

struct NamedMap {
  std::string_view name;
  ActionTokenMap map;
};
const std::array<NamedMap, 6> kMaps = {{{"none", {}},
                                        {"paligemma_openpi", paligemma_token_map()},
                                        {"paligemma_lerobot", paligemma_token_map()},
                                        {"starvla_qwen2_5_vl", {.first = 151665, .count = kStarVlaTokens}},
                                        {"starvla_qwen3_vl", {.first = 151669, .count = kStarVlaTokens}},
                                        {"starvla_qwen3_5", {.first = 248077, .count = kStarVlaTokens}}}};

std::string_view strip(std::string_view text) {
  const auto begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

/// The reference maps whatever it finds; what is out of range then, the action tokenizer does not know.
std::vector<TokenId> mapped(std::span<const TokenId> ids, const ActionTokenMap& map) {
  std::vector<TokenId> actions;
  actions.reserve(ids.size());
  for (const TokenId id : ids) {
    const std::int64_t action = map.descending ? std::int64_t{map.first} - id : std::int64_t{id} - map.first;
    actions.push_back(static_cast<TokenId>(std::clamp<std::int64_t>(action, -1, std::numeric_limits<TokenId>::max())));
  }
  return actions;
}

}  // namespace

std::optional<TokenId> ActionTokenMap::to_action(TokenId model) const noexcept {
  const std::int64_t action = descending ? std::int64_t{first} - model : std::int64_t{model} - first;
  if (action < 0 || action >= count) return std::nullopt;
  return static_cast<TokenId>(action);
}

ActionTokenMap paligemma_token_map(TokenId vocab_size, TokenId skipped) noexcept {
  const TokenId first = vocab_size - 1 - skipped;
  return {.first = first, .descending = true, .count = first + 1};
}

ActionTokenMap action_token_map(std::string_view name) {
  std::array<std::string_view, std::size(kMaps)> names;
  std::ranges::transform(kMaps, names.begin(), &NamedMap::name);
  return kMaps[find_name(name, names, "action_token_map", "name")].map;
}

std::size_t collect_action_ids(std::span<const TokenId> generated, const ActionTokenMap& map, std::span<TokenId> actions) noexcept {
  std::size_t count = 0;
  for (const TokenId id : generated) {
    const auto action = map.to_action(id);
    if (!action) continue;
    if (count < actions.size()) actions[count] = *action;
    ++count;
  }
  return count;
}

std::optional<std::vector<TokenId>> openpi_action_ids(std::span<const TokenId> generated, const Tokenizer& text,
                                                      const ActionTokenMap& map) {
  const std::string decoded = text.decode(generated);
  const auto prefix = decoded.find(kPrefix);
  if (prefix == std::string::npos) return std::nullopt;
  std::string_view part = std::string_view(decoded).substr(prefix + kPrefix.size());
  part = part.substr(0, part.find(kPrefix));
  return mapped(text.encode(strip(part.substr(0, part.find('|')))), map);
}

std::vector<TokenId> lerobot_action_ids(std::span<const TokenId> generated, const Tokenizer& text, const ActionTokenMap& map) {
  std::vector<TokenId> kept;
  const std::vector<TokenId> prefix = text.encode(kPrefix);
  const auto end = text.id_of("|");
  generated = generated.first(static_cast<std::size_t>(
      std::find_if(generated.begin(), generated.end(), [&](TokenId id) { return end && id == *end; }) - generated.begin()));
  for (std::size_t at = 0; at < generated.size();) {
    const auto rest = generated.subspan(at);
    if (!prefix.empty() && rest.size() >= prefix.size() && std::equal(prefix.begin(), prefix.end(), rest.begin()))
      at += prefix.size();
    else
      kept.push_back(generated[at++]);
  }
  return mapped(kept, map);
}

}  // namespace sinew
