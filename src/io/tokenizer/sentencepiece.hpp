// SPDX-License-Identifier: Apache-2.0
// SentencePiece models through the sentencepiece library.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "merges.hpp"

namespace sentencepiece {
class SentencePieceProcessor;
}

namespace sinew::tokenizer {

class SentencePieceTokenizer {
 public:
  SentencePieceTokenizer(std::string_view serialized_model, const std::string& where);

  /// `text` must be well-formed. False when the library could not.
  [[nodiscard]] bool encode(std::string_view text, std::vector<int>& pieces, IdSink& sink) const noexcept;
  [[nodiscard]] std::string decode(std::span<const TokenId> ids) const;

  [[nodiscard]] std::size_t vocab_size() const noexcept;
  [[nodiscard]] TokenId id_of(std::string_view token) const noexcept;
  [[nodiscard]] std::string_view token_of(TokenId id) const noexcept;
  [[nodiscard]] std::span<const TokenId> prefix() const noexcept { return prefix_; }
  [[nodiscard]] TokenId bos() const noexcept;
  [[nodiscard]] TokenId eos() const noexcept;
  [[nodiscard]] TokenId pad() const noexcept;

 private:
  std::shared_ptr<const sentencepiece::SentencePieceProcessor> processor_;
  std::vector<TokenId> prefix_;
};

}  // namespace sinew::tokenizer
