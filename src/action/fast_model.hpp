// SPDX-License-Identifier: Apache-2.0
// What a FastTokenizer keeps, and what a thread works in.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "../io/tokenizer/byte_level.hpp"
#include "../io/tokenizer/prefix_bpe.hpp"
#include "cosine_transform.hpp"
#include "sinew/action/fast_tokenizer.hpp"
#include "sinew/core/fixed_text.hpp"

namespace sinew {

/// Code points of one token, ready to be copied.
struct FastSpan {
  std::uint32_t begin = 0, size = 0;  // in Model::points
  bool known = false;
  bool whole = false;     // its bytes are characters, none cut
  bool in_range = false;  // all of them trained
};

struct FastTokenizer::Model {
  Model(std::string_view tokenizer_json, std::string_view processor_config, const std::string& where);

  std::string tokenizer_text, processor_text;  // what save() writes
  tokenizer::ByteLevelTokenizer bytes;
  std::optional<tokenizer::PrefixBpe> prefixes;
  double scale = 0;
  std::int32_t min_token = 0;
  std::int32_t trained = 0;  // code points below this have a character in the vocabulary
  std::size_t token_limit = 0;
  std::vector<std::int32_t> points;
  std::vector<FastSpan> spans;  // by id

 private:
  void check_tokenizer(const std::string& where) const;
  void bind_processor(const std::string& where);
  void find_range(const std::string& where);
  void make_spans();
};

struct FastScratch::Buffers {
  std::vector<std::unique_ptr<detail::CosineTransform>> transforms;
  detail::CosineTransform* last = nullptr;
  std::vector<std::int32_t> whole;  // coefficients
  std::string text, spaced, filtered, broken, repaired;
  tokenizer::PrefixBuffers prefixes;
  tokenizer::MergeBuffers merges;
  FixedText error;

  /// Room for any chunk of these many values, so that a later one of the same shape needs none. Throws std::bad_alloc.
  void reserve(std::size_t values);
  /// The transform of this length and scale, made when first asked for. Throws std::bad_alloc.
  detail::CosineTransform& transform(std::size_t length, double scale);
};

/// Reasons a shape is refused, into `error`.
[[nodiscard]] Status check_fast_shape(std::size_t values, std::size_t dim, FixedText& error) noexcept;

}  // namespace sinew
