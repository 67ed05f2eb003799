// SPDX-License-Identifier: Apache-2.0
#include "sentencepiece.hpp"

#include <sentencepiece_processor.h>

#include "sinew/core/error.hpp"
#include "sinew/io/text.hpp"

namespace sinew::tokenizer {

SentencePieceTokenizer::SentencePieceTokenizer(std::string_view serialized_model, const std::string& where) {
  // The library loads an empty text as a model of nothing, whose every call fails.
  if (serialized_model.empty()) fail(ErrorCode::parse, {where, "SentencePiece model", "one", "no bytes", ""});
  auto processor = std::make_shared<sentencepiece::SentencePieceProcessor>();
  const auto status = processor->LoadFromSerializedProto(serialized_model);
  if (!status.ok())
    fail(ErrorCode::parse,
         {where, "SentencePiece model", "one that the sentencepiece library loads", printable(status.error_message(), 256), ""});
  if (processor->bos_id() >= 0) prefix_.push_back(processor->bos_id());
  processor_ = std::move(processor);
}

bool SentencePieceTokenizer::encode(std::string_view text, std::vector<int>& pieces, IdSink& sink) const noexcept {
  if (text.empty()) return true;
  if (!processor_->Encode(text, &pieces).ok()) return false;
  for (const int piece : pieces) sink.add(piece);
  return true;
}

std::string SentencePieceTokenizer::decode(std::span<const TokenId> ids) const {
  for (const TokenId id : ids)
    if (id < 0 || id >= processor_->GetPieceSize())
      fail(ErrorCode::invalid_argument,
           {"Tokenizer::decode", "token id", "0 to " + std::to_string(processor_->GetPieceSize() - 1), std::to_string(id), ""});
  std::string text;
  const auto status = processor_->Decode(std::vector<int>(ids.begin(), ids.end()), &text);
  if (!status.ok()) fail(ErrorCode::failed, {"Tokenizer::decode", "SentencePiece", "a text", printable(status.error_message(), 256), ""});
  return text;
}

std::size_t SentencePieceTokenizer::vocab_size() const noexcept { return static_cast<std::size_t>(processor_->GetPieceSize()); }

TokenId SentencePieceTokenizer::id_of(std::string_view token) const noexcept {
  // The library gives the id of <unk> for what it does not know.
  const int id = processor_->PieceToId(token);
  return token_of(id) == token ? id : kNoToken;
}

std::string_view SentencePieceTokenizer::token_of(TokenId id) const noexcept {
  return id >= 0 && id < processor_->GetPieceSize() ? std::string_view(processor_->IdToPiece(id)) : std::string_view{};
}

TokenId SentencePieceTokenizer::bos() const noexcept { return processor_->bos_id(); }
TokenId SentencePieceTokenizer::eos() const noexcept { return processor_->eos_id(); }
TokenId SentencePieceTokenizer::pad() const noexcept { return processor_->pad_id(); }

}  // namespace sinew::tokenizer
