// SPDX-License-Identifier: Apache-2.0
#include "sinew/action/action_tokens.hpp"

#include <array>
#include <string>
#include <string_view>
#include <utility>

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
  if (!card.action.tokens) return;
  const ActionTokensCard& tokens = *card.action.tokens;
  relaxed_ = tokens.relaxed;
  generated_.resize(static_cast<std::size_t>(tokens.max_tokens));
  ids_.resize(generated_.size());
  if (tokens.language == "bins") {
    bins_.emplace(bin_options(tokens));
    return;
  }
  map_ = action_token_map(tokens.mapping);
  lerobot_ = tokens.mapping == "paligemma_lerobot";
  if (tokens.mapping.starts_with("paligemma")) {
    if (!card.text)
      fail(ErrorCode::invalid_argument,
           {kWhere, "/text", "a tokenizer, because mapping '" + tokens.mapping + "' finds actions in text", "none", ""});
    text_.emplace(Tokenizer::from_file(directory / card.text->tokenizer));
    if (tokens.vocab_size != 0 && tokens.vocab_size < 4096)
      fail(ErrorCode::invalid_argument,
           {kWhere, "/action/tokens/vocab_size", "0 for PaliGemma's 257152, or 4096 and more", std::to_string(tokens.vocab_size), ""});
    if (tokens.vocab_size > 0) map_ = paligemma_token_map(tokens.vocab_size);
  }
  fast_.emplace(FastTokenizer::from_pretrained(tokens.folder.empty() ? directory : directory / tokens.folder));
}

Status ActionTokens::decode(std::span<const std::int64_t> ids, int horizon, int dim, std::span<float> rows, FixedText& error) noexcept {
  if (rows.size() != static_cast<std::size_t>(horizon) * static_cast<std::size_t>(dim)) return Status::bad_shape;
  if (ids.size() > generated_.size()) {
    error.format("expected at most {} ids, got {}", generated_.size(), ids.size());
    return Status::over_capacity;
  }
  for (std::size_t i = 0; i < ids.size(); ++i) {
    generated_[i] = static_cast<TokenId>(ids[i]);
    if (generated_[i] == ids[i]) continue;
    error.format("id {} is no token", ids[i]);
    return Status::out_of_range;
  }
  const auto generated = std::span<const TokenId>(generated_).first(ids.size());
  return bins_ ? decode_bins(generated, rows, error) : decode_fast(generated, dim, rows, error);
}

Status ActionTokens::decode_bins(std::span<const TokenId> ids, std::span<float> rows, FixedText& error) noexcept {
  if (ids.size() != rows.size()) {
    error.format("expected {} action ids, one per value, got {}", rows.size(), ids.size());
    return Status::bad_shape;
  }
  const Status status = bins_->decode(ids, rows, relaxed_ ? UnknownIds::clip : UnknownIds::refuse);
  if (status != Status::ok) error.format("an id is not one of the action ids {} to {}", bins_->first_id(), bins_->last_id());
  return status;
}

Status ActionTokens::decode_fast(std::span<const TokenId> ids, int dim, std::span<float> rows, FixedText& error) noexcept {
  std::span<const TokenId> actions;
  std::vector<TokenId> found;
  if (text_) {
    try {
      auto extracted = lerobot_ ? std::optional(lerobot_action_ids(ids, *text_, map_)) : openpi_action_ids(ids, *text_, map_);
      if (!extracted) {
        error.format("no \"Action: \" in what the model generated");
        return Status::out_of_range;
      }
      found = std::move(*extracted);
    } catch (const std::exception& refused) {
      error.format("{}", refused.what());
      return Status::out_of_range;
    }
    actions = found;
  } else {
    // collect_action_ids skips what is no action; where the model speaks FAST itself, such an id is an error to be seen.
    const bool own = map_.first == 0 && !map_.descending;
    const std::size_t count = own ? ids.size() : collect_action_ids(ids, map_, ids_);
    actions = own ? ids : std::span<const TokenId>(ids_).first(count);
  }
  const FastDecodeOptions options = relaxed_ ? FastDecodeOptions::lerobot() : FastDecodeOptions{};
  const Status status = fast_->decode(actions, options, scratch_, {rows, static_cast<std::size_t>(dim)});
  if (status != Status::ok) error.format("{}", scratch_.last_error());
  return status;
}

}  // namespace sinew
