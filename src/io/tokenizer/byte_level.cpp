// SPDX-License-Identifier: Apache-2.0
#include "byte_level.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "byte_map.hpp"
#include "document.hpp"
#include "sinew/core/error.hpp"
#include "sinew/io/text.hpp"

namespace sinew::tokenizer {

ByteLevelTokenizer::ByteLevelTokenizer(std::string_view json, const std::string& where)
    : config_(bind_config(read_document(json, where, bpe_), where)) {
  bpe_.ignore_merges = config_.ignore_merges;
  if (config_.needs_every_byte && !bpe_.has_every_byte())
    fail(ErrorCode::unsupported,
         {where + " /model", *config_.needs_every_byte, "a vocabulary with all 256 bytes, which never needs it", "one without some", ""});
  check_added(where);
  make_matchers();
  check_template(where);
}

/// An added token keeps the id of the vocabulary, or takes the next one (tokenizers, added_vocabulary.rs, add_tokens).
void ByteLevelTokenizer::check_added(const std::string& where) {
  const Vocabulary& vocabulary = bpe_.vocabulary;
  size_ = vocabulary.size();
  TokenId next = static_cast<TokenId>(vocabulary.size());
  std::vector<AddedToken> kept;
  for (AddedToken& token : config_.added) {
    if (std::any_of(kept.begin(), kept.end(), [&](const AddedToken& other) { return other.content == token.content; }))
      fail(ErrorCode::parse, {where + " /added_tokens", "token " + quote(token.content), "each token once", "it twice", ""});
    const TokenId known = vocabulary.find(token.content);
    const TokenId expected = known != kNoToken ? known : next;
    if (token.id != expected || (known == kNoToken && vocabulary.has(token.id)))
      fail(ErrorCode::unsupported, {where + " /added_tokens", "id of token " + quote(token.content),
                                    fmt::format("{}, which tokenizers gives it", expected), std::to_string(token.id), ""});
    if (known == kNoToken) ++size_;
    if (token.id >= next) next = token.id + 1;
    kept.push_back(std::move(token));
  }
  std::sort(kept.begin(), kept.end(), [](const AddedToken& a, const AddedToken& b) { return a.id < b.id; });
  config_.added = std::move(kept);
}

void ByteLevelTokenizer::check_template(const std::string& where) const {
  for (const auto& around : {prefix(), suffix()})
    for (const TokenId id : around)
      if (token_of(id).empty())
        fail(ErrorCode::parse, {where + " /post_processor", fmt::format("special token id {}", id), "a token", "none", ""});
}

void ByteLevelTokenizer::make_matchers() {
  std::vector<AddedTokenMatcher::Entry> raw, normalized;
  NfcBuffers buffers;
  for (AddedToken& token : config_.added) {
    if (token.normalized && config_.nfc)
      append_nfc(token.shown, token.content, table_, buffers);
    else
      token.shown = token.content;
    (token.normalized ? normalized : raw).push_back({token.shown, token.id, token.lstrip, token.rstrip});
  }
  raw_ = AddedTokenMatcher(std::move(raw));
  normalized_ = AddedTokenMatcher(std::move(normalized));
}

void ByteLevelTokenizer::encode(std::string_view text, EncodeBuffers& buffers, IdSink& sink) const noexcept {
  const bool normalize = config_.nfc && !is_ascii(text) && !is_inert(text, table_);
  const auto take_token = [&](TokenId id) { sink.add(id); };
  raw_.split(
      text, table_,
      [&](std::string_view stretch) {
        if (normalize) {
          buffers.normalized.clear();
          append_nfc(buffers.normalized, stretch, table_, buffers.nfc);
          stretch = buffers.normalized;
        }
        normalized_.split(stretch, table_, [&](std::string_view part) { encode_stretch(part, buffers, sink); }, take_token);
      },
      take_token);
}

void ByteLevelTokenizer::encode_stretch(std::string_view text, EncodeBuffers& buffers, IdSink& sink) const noexcept {
  for_each_word(text, buffers.spaced, [&](std::string_view piece) { bpe_.encode(piece, buffers.merges, sink); });
}

const AddedToken* ByteLevelTokenizer::added(TokenId id) const noexcept {
  const auto found = std::lower_bound(config_.added.begin(), config_.added.end(), id,
                                      [](const AddedToken& token, TokenId value) { return token.id < value; });
  return found != config_.added.end() && found->id == id ? &*found : nullptr;
}

std::string ByteLevelTokenizer::decode(std::span<const TokenId> ids, bool skip_special_tokens) const {
  std::string bytes;
  bool first = true;
  for (const TokenId id : ids) {
    const AddedToken* const token = added(id);
    if (token == nullptr && !bpe_.vocabulary.has(id)) continue;
    // By content: what normalization changed is not known as special any more.
    if (token != nullptr && token->special && skip_special_tokens && token->shown == token->content) continue;
    if (!config_.byte_level_decoder) {
      if (!first) bytes += ' ';
      bytes += token_of(id);
    } else if (token == nullptr) {
      bytes += bpe_.vocabulary.bytes_of(id);
    } else if (!append_spelled_bytes(bytes, token->shown)) {
      bytes += token->shown;
    }
    first = false;
  }
  if (is_utf8(bytes)) return bytes;
  std::string text;
  append_well_formed(text, bytes);
  return text;
}

TokenId ByteLevelTokenizer::id_of(std::string_view token) const noexcept {
  for (const AddedToken& candidate : config_.added)
    if (candidate.content == token) return candidate.id;
  return bpe_.vocabulary.find(token);
}

std::string_view ByteLevelTokenizer::token_of(TokenId id) const noexcept {
  if (const AddedToken* token = added(id)) return token->shown;
  return bpe_.vocabulary.has(id) ? bpe_.vocabulary.content_of(id) : std::string_view{};
}

}  // namespace sinew::tokenizer
