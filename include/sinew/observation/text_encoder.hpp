// SPDX-License-Identifier: Apache-2.0
// A prompt as tokens: the text of a card's template, its images' slots widened, padded and numbered as the model reads it.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sinew/core/card.hpp"
#include "sinew/core/fixed_text.hpp"
#include "sinew/core/status.hpp"
#include "sinew/core/tensor_spec.hpp"
#include "sinew/io/tokenizer.hpp"
#include "sinew/observation/image_processor.hpp"
#include "sinew/observation/prompt.hpp"

namespace sinew {

/// Writes the prompt, either as `prompt u8 [bytes]` (UTF-8; a card without `text`) or as tokens:
/// - `input_ids i64 [n]`, each slot's image token repeated once per merged patch of its image;
/// - `attention_mask i64 [n]`, 1 for tokens, 0 for padding;
/// - `position_ids i64 [3, n]` where the card asks for them (position_ids.hpp).
/// n is max_tokens with padding, else the number of tokens. A prompt that is longer is refused, never cut: where a reference would
/// truncate, the end of the instruction would be lost without a word. Nothing is allocated after the first prompt. One object per thread.
class TextEncoder {
 public:
  /// `merge` is the patches per side that the vision tower merges. Throws Error for a prompt, tokenizer or padding that do not fit the
  /// card or each other.
  TextEncoder(const PromptCard& prompt, const std::optional<TextCard>& text, std::optional<Tokenizer> tokenizer, int merge);

  [[nodiscard]] const TensorSpecs& spec() const noexcept { return specs_; }
  [[nodiscard]] const Prompt& prompt() const noexcept { return prompt_; }
  /// `grids` are those of input.images, in their order; empty when the images do not become patches. `missing` (tensor, or what the
  /// template needs), `bad_shape`, `over_capacity`, `out_of_range`: last_error() says what.
  [[nodiscard]] Status encode(const PromptInput& input, std::span<const PatchGrid> grids, TensorMap& out) noexcept;
  [[nodiscard]] std::string_view last_error() const noexcept { return error_.view(); }

 private:
  Status render(const PromptInput& input, std::span<char> out, std::size_t& size) noexcept;
  Status tokenize(const PromptInput& input, std::span<const PatchGrid> grids) noexcept;
  Status write_tokens(std::span<const PatchGrid> grids, TensorMap& out) noexcept;
  Tensor* prepare(TensorMap& out, std::string_view name, DType dtype, const Shape& shape, Status& status) noexcept;

  Prompt prompt_;
  int max_bytes_ = 0;
  std::optional<TextCard> text_;
  std::optional<Tokenizer> tokenizer_;
  TokenizerScratch scratch_;
  TokenId image_token_ = -1;  // none
  int merge_ = 1;
  TensorSpecs specs_;
  std::vector<char> bytes_;
  std::vector<TokenId> ids_;       // as the tokenizer gives them
  std::vector<TokenId> expanded_;  // with special tokens and every image token
  FixedText error_;
};

}  // namespace sinew
