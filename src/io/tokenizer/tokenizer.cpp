// SPDX-License-Identifier: Apache-2.0
#include "sinew/io/tokenizer.hpp"

#include <algorithm>
#include <variant>

#include "byte_level.hpp"
#include "document.hpp"
#include "sentencepiece.hpp"
#include "sinew/core/error.hpp"
#include "sinew/io/file.hpp"
#include "sinew/io/text.hpp"

namespace sinew {

struct TokenizerScratch::Buffers : tokenizer::EncodeBuffers {
  std::vector<int> pieces;  // of SentencePiece
};

TokenizerScratch::TokenizerScratch() : buffers_(std::make_unique<Buffers>()) {}
TokenizerScratch::~TokenizerScratch() = default;
TokenizerScratch::TokenizerScratch(TokenizerScratch&&) noexcept = default;
TokenizerScratch& TokenizerScratch::operator=(TokenizerScratch&&) noexcept = default;

struct Tokenizer::Model {
  std::variant<tokenizer::ByteLevelTokenizer, tokenizer::SentencePieceTokenizer> either;

  template <class Kind>
  Model(std::in_place_type_t<Kind> kind, std::string_view data, const std::string& where) : either(kind, data, where) {}

  [[nodiscard]] const tokenizer::SentencePieceTokenizer* sentencepiece() const noexcept { return std::get_if<1>(&either); }
  [[nodiscard]] const tokenizer::ByteLevelTokenizer& byte_level() const noexcept { return *std::get_if<0>(&either); }

  /// std::visit for calls that must not throw, even in theory.
  template <class Call>
  [[nodiscard]] auto visit(const Call& call) const noexcept {
    const auto* pieces = sentencepiece();
    return pieces != nullptr ? call(*pieces) : call(byte_level());
  }
};

namespace {

constexpr std::size_t kMaxModelFile = tokenizer::kMaxDocument;

std::optional<TokenId> known(TokenId id) noexcept { return id >= 0 ? std::optional(id) : std::nullopt; }

std::filesystem::path file_in(const std::filesystem::path& path) {
  std::error_code ignored;
  if (!std::filesystem::is_directory(path, ignored)) return path;
  for (const char* name : {"tokenizer.json", "tokenizer.model"})
    if (std::filesystem::exists(path / name, ignored)) return path / name;
  fail(ErrorCode::not_found, {printable(path.string(), 512), "folder", "tokenizer.json or tokenizer.model in it", "neither", ""});
}

}  // namespace

Tokenizer Tokenizer::from_file(const std::filesystem::path& path) {
  const auto file = file_in(path);
  const std::string content = read_text_file(file, kMaxModelFile);
  const std::string where = printable(file.string(), 512);
  return file.extension() == ".model" ? from_sentencepiece(content, where) : from_json(content, where);
}

Tokenizer Tokenizer::from_json(std::string_view text, std::string_view where) {
  return Tokenizer(std::make_shared<const Model>(std::in_place_type<tokenizer::ByteLevelTokenizer>, text, std::string(where)));
}

Tokenizer Tokenizer::from_sentencepiece(std::string_view serialized_model, std::string_view where) {
  return Tokenizer(
      std::make_shared<const Model>(std::in_place_type<tokenizer::SentencePieceTokenizer>, serialized_model, std::string(where)));
}

Status Tokenizer::encode(std::string_view text, TokenizerScratch& scratch, std::span<TokenId> ids, std::size_t& count) const noexcept {
  count = 0;
  if (text.size() > kMaxText) return Status::out_of_range;
  try {
    return encode_text(text, scratch, ids, count);
  } catch (const std::bad_alloc&) {
    return Status::backend_failed;
  }
}

Status Tokenizer::encode_text(std::string_view text, TokenizerScratch& scratch, std::span<TokenId> ids, std::size_t& count) const {
  auto& buffers = *scratch.buffers_;
  if (!tokenizer::is_ascii(text) && !is_utf8(text)) {
    buffers.well_formed.clear();
    tokenizer::append_well_formed(buffers.well_formed, text);
    text = buffers.well_formed;
  }
  tokenizer::IdSink sink(ids);
  if (const auto* sentencepiece = model_->sentencepiece()) {
    if (!sentencepiece->encode(text, buffers.pieces, sink)) return Status::backend_failed;
  } else {
    model_->byte_level().encode(text, buffers, sink);
  }
  count = sink.count();
  return sink.overflowed() ? Status::over_capacity : Status::ok;
}

std::vector<TokenId> Tokenizer::encode(std::string_view text, bool add_special_tokens) const {
  if (text.size() > kMaxText)
    fail(ErrorCode::limit,
         {"Tokenizer::encode", "text", "at most " + std::to_string(kMaxText) + " bytes", std::to_string(text.size()), ""});
  const auto before = add_special_tokens ? prefix() : std::span<const TokenId>{};
  const auto after = add_special_tokens ? suffix() : std::span<const TokenId>{};
  TokenizerScratch scratch;
  std::vector<TokenId> ids(before.size() + text.size() + 8);
  std::size_t count = 0;
  Status status = encode(text, scratch, std::span(ids).subspan(before.size()), count);
  if (status == Status::over_capacity) {  // NFC may lengthen a text
    ids.resize(before.size() + count);
    status = encode(text, scratch, std::span(ids).subspan(before.size()), count);
  }
  if (status != Status::ok) fail(ErrorCode::failed, {"Tokenizer::encode", "text", "ids", to_string(status), ""});
  std::copy(before.begin(), before.end(), ids.begin());
  ids.resize(before.size() + count);
  ids.insert(ids.end(), after.begin(), after.end());
  return ids;
}

std::string Tokenizer::decode(std::span<const TokenId> ids, bool skip_special_tokens) const {
  if (const auto* sentencepiece = model_->sentencepiece()) return sentencepiece->decode(ids);
  return model_->byte_level().decode(ids, skip_special_tokens);
}

std::size_t Tokenizer::vocab_size() const noexcept {
  return model_->visit([](const auto& model) { return model.vocab_size(); });
}

std::optional<TokenId> Tokenizer::id_of(std::string_view token) const noexcept {
  return known(model_->visit([&](const auto& model) { return model.id_of(token); }));
}

std::string_view Tokenizer::token_of(TokenId id) const noexcept {
  return model_->visit([&](const auto& model) { return model.token_of(id); });
}

std::span<const TokenId> Tokenizer::prefix() const noexcept {
  return model_->visit([](const auto& model) { return model.prefix(); });
}

std::span<const TokenId> Tokenizer::suffix() const noexcept {
  return model_->sentencepiece() != nullptr ? std::span<const TokenId>{} : model_->byte_level().suffix();
}

std::optional<TokenId> Tokenizer::bos_id() const noexcept {
  const auto* model = model_->sentencepiece();
  return model != nullptr ? known(model->bos()) : std::nullopt;
}

std::optional<TokenId> Tokenizer::eos_id() const noexcept {
  const auto* model = model_->sentencepiece();
  return model != nullptr ? known(model->eos()) : std::nullopt;
}

std::optional<TokenId> Tokenizer::pad_id() const noexcept {
  const auto* model = model_->sentencepiece();
  return model != nullptr ? known(model->pad()) : std::nullopt;
}

std::size_t pad_or_truncate(std::span<const TokenId> ids, const PaddingOptions& options, std::span<TokenId> padded,
                            std::span<std::uint8_t> mask) noexcept {
  const std::size_t kept = std::min(ids.size(), padded.size());
  const auto source = options.truncate == TokenSide::right ? ids.first(kept) : ids.last(kept);
  const std::size_t begin = options.pad == TokenSide::right ? 0 : padded.size() - kept;
  std::fill(padded.begin(), padded.end(), options.pad_id);
  std::copy(source.begin(), source.end(), padded.begin() + static_cast<std::ptrdiff_t>(begin));
  for (std::size_t i = 0; i < mask.size(); ++i) mask[i] = i >= begin && i < begin + kept ? 1 : 0;
  return kept;
}

}  // namespace sinew
