// SPDX-License-Identifier: Apache-2.0
#include "sinew/action/action_tokens.hpp"

#include <array>
#include <string_view>

#include "sinew/core/error.hpp"

namespace sinew {

namespace {

constexpr const char* kWhere = "ActionTokens";

BinTokenizerOptions bin_options(const ActionTokensCard& card) {
  constexpr std::array<std::string_view, 2> kMappings = {"openvla", "uniform"};
  if (find_name(card.mapping, kMappings, kWhere, "mapping of bins") == 0)
    return {.rule = BinRule::openvla, .vocab_size = card.vocab_size, .bins = card.bins, .low = {}, .high = {}};
  // RT-style: bins of equal width over [-1, 1] behind the vocabulary of the text.
  return {.rule = BinRule::uniform, .bins = card.bins, .low = {-1}, .high = {1}, .offset = card.vocab_size};
}

}  // namespace

ActionTokens::ActionTokens(const std::filesystem::path& directory, const PolicyCard& card) {
  (void)directory;
  if (!card.action.tokens) return;
  const ActionTokensCard& tokens = *card.action.tokens;
  relaxed_ = tokens.relaxed;
  ids_.resize(static_cast<std::size_t>(tokens.max_tokens));
  bins_.emplace(bin_options(tokens));
}

Status ActionTokens::decode(std::span<const std::int64_t> ids, int horizon, int dim, std::span<float> rows, FixedText& error) noexcept {
  if (ids.size() > ids_.size()) return Status::over_capacity;
  const auto expected = static_cast<std::size_t>(horizon) * static_cast<std::size_t>(dim);
  if (ids.size() != expected) {
    error.format("expected {} action ids, {} steps of {}, got {}", expected, horizon, dim, ids.size());
    return Status::bad_shape;
  }
  for (std::size_t i = 0; i < ids.size(); ++i) {
    ids_[i] = static_cast<TokenId>(ids[i]);
    if (ids_[i] == ids[i]) continue;
    error.format("id {} is no token", ids[i]);
    return Status::out_of_range;
  }
  const Status status = bins_->decode(std::span(ids_).first(ids.size()), rows, relaxed_ ? UnknownIds::clip : UnknownIds::refuse);
  if (status != Status::ok) error.format("an id is not one of the action ids {} to {}", bins_->first_id(), bins_->last_id());
  return status;
}

}  // namespace sinew
