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

  /// Calls `take` with the pieces that text without added tokens is cut into; `spaced` is for a space before it.
  template <class Take>
  void for_each_word(std::string_view text, std::string& spaced, const Take& take) const noexcept {
    if (config_.prefix_space && text.front() != ' ') {
      spaced.assign(1, ' ');
      spaced.append(text);
      text = spaced;
    }
    switch (config_.cut) {
      case Cut::whole: return for_each_piece<Cut::whole>(text, table_, take);
      case Cut::gpt2: return for_each_piece<Cut::gpt2>(text, table_, take);
      case Cut::llama3: return for_each_piece<Cut::llama3>(text, table_, take);
      case Cut::qwen2: return for_each_piece<Cut::qwen2>(text, table_, take);
      case Cut::qwen35: return for_each_piece<Cut::qwen35>(text, table_, take);
    }
  }

  [[nodiscard]] std::size_t vocab_size() const noexcept { return size_; }
  [[nodiscard]] const ByteBpe& bpe() const noexcept { return bpe_; }
  [[nodiscard]] const Config& config() const noexcept { return config_; }
  [[nodiscard]] TokenId id_of(std::string_view token) const noexcept;
  [[nodiscard]] std::string_view token_of(TokenId id) const noexcept;
  [[nodiscard]] std::span<const TokenId> prefix() const noexcept { return config_.prefix; }
  [[nodiscard]] std::span<const TokenId> suffix() const noexcept { return config_.suffix; }

 private:
  void check_added(const std::string& where);
  void make_matchers();
  void check_template(const std::string& where) const;
  void encode_stretch(std::string_view text, EncodeBuffers& buffers, IdSink& sink) const noexcept;
  [[nodiscard]] const AddedToken* added(TokenId id) const noexcept;

  ByteBpe bpe_;
  Config config_;  // its added tokens sorted by id
  const CharacterTable& table_ = CharacterTable::instance();
  AddedTokenMatcher raw_, normalized_;
  std::size_t size_ = 0;
};

}  // namespace sinew::tokenizer
