// SPDX-License-Identifier: Apache-2.0
#include "sentencepiece.hpp"

#include <sentencepiece_processor.h>

#include <exception>

#include "sentencepiece_model.hpp"
#include "sinew/core/error.hpp"
#include "sinew/io/text.hpp"

namespace sinew::tokenizer {

namespace {

/// What the library says of a call, empty for nothing. It throws from its depths too: exceptions of a trie that nobody catches there.
template <class Call>
std::string problem_of(const Call& call) {
  try {
    const sentencepiece::util::Status status = call();
    if (status.ok()) return {};
    return status.error_message()[0] == '\0' ? "no reason given" : printable(status.error_message(), 256);
  } catch (const std::exception& exception) {
    return printable(exception.what(), 256);
  }
}

}  // namespace

SentencePieceTokenizer::SentencePieceTokenizer(std::string_view serialized_model, const std::string& where) {
  // The library loads an empty text as a model of nothing, whose every call fails.
  if (serialized_model.empty()) fail(ErrorCode::parse, {where, "SentencePiece model", "one", "no bytes", ""});
  check_sentencepiece_model(serialized_model, where);
  auto processor = std::make_shared<sentencepiece::SentencePieceProcessor>();
  if (const auto problem = problem_of([&] { return processor->LoadFromSerializedProto(serialized_model); }); !problem.empty())
    fail(ErrorCode::parse, {where, "SentencePiece model", "one that the sentencepiece library loads", problem, ""});
  if (processor->bos_id() >= 0) prefix_.push_back(processor->bos_id());
  processor_ = std::move(processor);
}

bool SentencePieceTokenizer::encode(std::string_view text, std::vector<int>& pieces, IdSink& sink) const noexcept {
  if (text.empty()) return true;
  try {
    if (!processor_->Encode(text, &pieces).ok()) return false;
  } catch (const std::exception&) {
    return false;
  }
  for (const int piece : pieces) sink.add(piece);
  return true;
}

std::string SentencePieceTokenizer::decode(std::span<const TokenId> ids) const {
  for (const TokenId id : ids)
    if (id < 0 || id >= processor_->GetPieceSize())
      fail(ErrorCode::invalid_argument,
           {"Tokenizer::decode", "token id", "0 to " + std::to_string(processor_->GetPieceSize() - 1), std::to_string(id), ""});
  std::string text;
  const std::vector<int> copy(ids.begin(), ids.end());
  if (const auto problem = problem_of([&] { return processor_->Decode(copy, &text); }); !problem.empty())
    fail(ErrorCode::failed, {"Tokenizer::decode", "SentencePiece", "a text", problem, ""});
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
