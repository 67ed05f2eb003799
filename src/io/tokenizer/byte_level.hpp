// SPDX-License-Identifier: Apache-2.0
// A byte-level BPE tokenizer put together from tokenizer.json.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "added_tokens.hpp"
#include "config.hpp"
#include "merges.hpp"
#include "nfc.hpp"

namespace sinew::tokenizer {

/// What encoding works in.
struct EncodeBuffers {
  std::string well_formed, normalized, spaced;
  NfcBuffers nfc;
  MergeBuffers merges;
};

class ByteLevelTokenizer {
 public:
  ByteLevelTokenizer(std::string_view json, const std::string& where);

  /// `text` must be well-formed.
  void encode(std::string_view text, EncodeBuffers& buffers, IdSink& sink) const noexcept;
  [[nodiscard]] std::string decode(std::span<const TokenId> ids, bool skip_special_tokens) const;

  [[nodiscard]] std::size_t vocab_size() const noexcept { return size_; }
  [[nodiscard]] TokenId id_of(std::string_view token) const noexcept;
  [[nodiscard]] std::string_view token_of(TokenId id) const noexcept;
  [[nodiscard]] std::span<const TokenId> prefix() const noexcept { return config_.prefix; }
  [[nodiscard]] std::span<const TokenId> suffix() const noexcept { return config_.suffix; }

 private:
  void check_added(const std::string& where);
  void make_matchers();
  void check_template(const std::string& where) const;
  void encode_stretch(std::string_view text, EncodeBuffers& buffers, IdSink& sink) const noexcept;
  void encode_text(std::string_view text, EncodeBuffers& buffers, IdSink& sink) const noexcept;
  [[nodiscard]] const AddedToken* added(TokenId id) const noexcept;

  ByteBpe bpe_;
  Config config_;  // its added tokens sorted by id
  const CharacterTable& table_ = CharacterTable::instance();
  AddedTokenMatcher raw_, normalized_;
  std::size_t size_ = 0;
};

}  // namespace sinew::tokenizer
