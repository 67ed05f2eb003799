// SPDX-License-Identifier: Apache-2.0
// Text tokenizers: byte-level BPE as `tokenizers` (Hugging Face) computes it, and SentencePiece.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sinew/core/status.hpp"

namespace sinew {

using TokenId = std::int32_t;  ///< place in a vocabulary, from 0

/// What one thread needs to encode; grown by the longest text so far and reused. Valid for any tokenizer.
class TokenizerScratch {
 public:
  TokenizerScratch();
  ~TokenizerScratch();
  TokenizerScratch(TokenizerScratch&&) noexcept;
  TokenizerScratch& operator=(TokenizerScratch&&) noexcept;

  struct Buffers;  // of the implementation

 private:
  friend class Tokenizer;
  std::unique_ptr<Buffers> buffers_;
};

/// A text tokenizer. Immutable after loading; copies share its tables; shared by threads.
///
/// From tokenizer.json it takes byte-level BPE whose ids equal those of `tokenizers` 0.23.3: NFC or no normalizer; the
/// pre-tokenizers of GPT-2, Llama 3, Qwen2 to Qwen3, Qwen3.5, or ByteLevel without a regex; added tokens. Anything else
/// (another model, regex, normalizer, a flag such as single_word) is refused by name. `truncation` and `padding` of the
/// file are not used: see pad_or_truncate. SentencePiece models are read with the sentencepiece library.
///
/// Text that is not UTF-8: each maximal part of a broken sequence counts as U+FFFD, as Python's errors="replace" does.
class Tokenizer {
 public:
  static constexpr std::size_t kMaxText = std::size_t{64} << 20;  ///< bytes of one text

  /// Reads tokenizer.json, a folder that holds it or else tokenizer.model, or a SentencePiece file (".model"). Throws Error.
  [[nodiscard]] static Tokenizer from_file(const std::filesystem::path& path);
  /// Reads the text of a tokenizer.json. Throws Error whose text begins with "[where".
  [[nodiscard]] static Tokenizer from_json(std::string_view text, std::string_view where = "tokenizer.json");
  /// Reads the bytes of a SentencePiece model. Throws Error.
  [[nodiscard]] static Tokenizer from_sentencepiece(std::string_view serialized_model, std::string_view where = "tokenizer.model");

  /// Writes the ids of `text` and their number, without special tokens around them. `over_capacity` when `ids` is too
  /// short: `count` is then what was needed. `out_of_range`: more than kMaxText bytes. No heap call once the scratch has
  /// seen a text of this length; the sentencepiece library makes its own.
  [[nodiscard]] Status encode(std::string_view text, TokenizerScratch& scratch, std::span<TokenId> ids, std::size_t& count) const noexcept;
  /// The ids of `text`; with `add_special_tokens` between those of prefix() and suffix(). Throws Error for text over kMaxText.
  [[nodiscard]] std::vector<TokenId> encode(std::string_view text, bool add_special_tokens = false) const;

  /// The text of `ids`, bytes that are not UTF-8 replaced by U+FFFD. BPE leaves out unknown ids, as `tokenizers` does;
  /// SentencePiece throws Error(invalid_argument) for them. `skip_special_tokens` leaves out added tokens marked special
  /// (SentencePiece prints no control symbols either way).
  [[nodiscard]] std::string decode(std::span<const TokenId> ids, bool skip_special_tokens = false) const;

  /// Number of tokens, added ones included.
  [[nodiscard]] std::size_t vocab_size() const noexcept;
  /// The token with exactly this content, as the file spells it ("Ġthe", "▁the", "<|im_end|>").
  [[nodiscard]] std::optional<TokenId> id_of(std::string_view token) const noexcept;
  /// The content of a token as the file spells it, empty for ids that do not exist. Lives as long as the tokenizer.
  [[nodiscard]] std::string_view token_of(TokenId id) const noexcept;

  /// What add_special_tokens puts around a text: from the file's TemplateProcessing; for SentencePiece its BOS, nothing after.
  [[nodiscard]] std::span<const TokenId> prefix() const noexcept;
  [[nodiscard]] std::span<const TokenId> suffix() const noexcept;
  /// Begin, end and padding of a SentencePiece model; none for tokenizer.json, which does not say.
  [[nodiscard]] std::optional<TokenId> bos_id() const noexcept;
  [[nodiscard]] std::optional<TokenId> eos_id() const noexcept;
  [[nodiscard]] std::optional<TokenId> pad_id() const noexcept;

 private:
  struct Model;
  Status encode_text(std::string_view text, TokenizerScratch& scratch, std::span<TokenId> ids, std::size_t& count) const;
  explicit Tokenizer(std::shared_ptr<const Model> model) noexcept : model_(std::move(model)) {}

  std::shared_ptr<const Model> model_;
};

/// Which end of a sequence is cut or filled.
enum class TokenSide : std::uint8_t { left, right };

/// How pad_or_truncate makes every sequence as long as its output.
struct PaddingOptions {
  TokenId pad_id = 0;
  TokenSide pad = TokenSide::right;
  TokenSide truncate = TokenSide::right;
};

/// Cuts or fills `ids` to the length of `padded`, and marks in `mask` tokens with 1 and padding with 0. `mask` may be
/// shorter than `padded`, or empty when it is not wanted. Returns how many ids were kept.
std::size_t pad_or_truncate(std::span<const TokenId> ids, const PaddingOptions& options, std::span<TokenId> padded,
                            std::span<std::uint8_t> mask) noexcept;

}  // namespace sinew
