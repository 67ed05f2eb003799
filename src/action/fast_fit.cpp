// SPDX-License-Identifier: Apache-2.0
// Learning a FAST vocabulary, and the two files that hold it.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "../io/tokenizer/bpe_trainer.hpp"
#include "fast_model.hpp"
#include "sinew/core/error.hpp"
#include "sinew/io/json.hpp"

namespace sinew {

namespace {

constexpr const char* kWhere = "FastTokenizer::fit";
constexpr std::size_t kMaxVocabulary = 50'000;  // below the first code point that UTF-8 lacks

/// The coefficients of all chunks, and their range.
struct Coefficients {
  std::vector<std::vector<std::int32_t>> chunks;
  std::int32_t least = std::numeric_limits<std::int32_t>::max(), most = std::numeric_limits<std::int32_t>::min();
};

template <class Value>
Coefficients transform_all(std::span<const FastChunk<const Value>> chunks, double scale) {
  Coefficients all;
  FastScratch::Buffers buffers;
  for (const auto& chunk : chunks) {
    const std::string which = fmt::format("chunk {}", all.chunks.size());
    if (check_fast_shape(chunk.values.size(), chunk.dim, buffers.error) != Status::ok)
      fail(ErrorCode::invalid_argument, {kWhere, which, "", buffers.error.view(), ""});
    auto& whole = all.chunks.emplace_back(chunk.values.size());
    if (!buffers.transform(chunk.values.size() / chunk.dim, scale).quantise(chunk.values, static_cast<int>(chunk.dim), whole))
      fail(ErrorCode::invalid_argument, {kWhere, which, "finite values", "others", ""});
    all.least = std::min(all.least, *std::min_element(whole.begin(), whole.end()));
    all.most = std::max(all.most, *std::max_element(whole.begin(), whole.end()));
  }
  return all;
}

tokenizer::TrainedBpe learn(const Coefficients& all, std::size_t vocab_size) {
  tokenizer::BpeTrainer trainer;
  std::string text;
  for (const auto& chunk : all.chunks) {
    text.clear();
    for (const std::int32_t whole : chunk) tokenizer::append_utf8(text, static_cast<char32_t>(whole - all.least));
    tokenizer::for_each_piece<tokenizer::Cut::gpt2>(text, tokenizer::CharacterTable::instance(),
                                                    [&](std::string_view word) { trainer.count(word); });
  }
  return trainer.train({.vocab_size = vocab_size, .alphabet = static_cast<char32_t>(all.most - all.least + 1)});
}

/// tokenizer.json with the members, in the order, of ByteLevelBPETokenizer().
std::string tokenizer_json(const tokenizer::TrainedBpe& trained) {
  const auto quoted = [&](TokenId id) { return to_text(Json(trained.tokens[static_cast<std::size_t>(id)]), 0); };
  std::string vocabulary, merges;
  for (std::size_t id = 0; id < trained.tokens.size(); ++id)
    vocabulary += fmt::format("{}\n      {}: {}", id == 0 ? "" : ",", quoted(static_cast<TokenId>(id)), id);
  for (const auto& [left, right] : trained.merges)
    merges += fmt::format("{}\n      [\n        {},\n        {}\n      ]", merges.empty() ? "" : ",", quoted(left), quoted(right));
  const auto byte_level = [](bool prefix_space, bool trim) {
    return fmt::format(
        "{{\n    \"type\": \"ByteLevel\",\n    \"add_prefix_space\": {},\n    \"trim_offsets\": {},\n    \"use_regex\": true\n  }}",
        prefix_space, trim);
  };
  return fmt::format(R"({{
  "version": "1.0",
  "truncation": null,
  "padding": null,
  "added_tokens": [],
  "normalizer": null,
  "pre_tokenizer": {},
  "post_processor": {},
  "decoder": {},
  "model": {{
    "type": "BPE",
    "dropout": null,
    "unk_token": null,
    "continuing_subword_prefix": null,
    "end_of_word_suffix": null,
    "fuse_unk": false,
    "byte_fallback": false,
    "ignore_merges": false,
    "vocab": {{{}
    }},
    "merges": [{}{}]
  }}
}})",
                     byte_level(false, true), byte_level(true, false), byte_level(true, true), vocabulary, merges,
                     merges.empty() ? "" : "\n    ");
}

std::string processor_config(const FastFitOptions& options, std::int32_t min_token) {
  const bool whole = options.scale == std::floor(options.scale) && options.scale < 1e15;
  return to_text(Json(Json::Object{{"processor_class", "UniversalActionProcessor"},
                                   {"scale", whole ? Json(static_cast<std::int64_t>(options.scale)) : Json(options.scale)},
                                   {"vocab_size", static_cast<std::int64_t>(options.vocab_size)},
                                   {"min_token", min_token},
                                   {"action_dim", nullptr},
                                   {"time_horizon", nullptr}}));
}

/// The texts of both files.
template <class Value>
std::pair<std::string, std::string> fit_texts(std::span<const FastChunk<const Value>> chunks, const FastFitOptions& options) {
  if (chunks.empty()) fail(ErrorCode::invalid_argument, {kWhere, "chunks", "at least one", "none", ""});
  if (!(options.scale >= 1e-3 && options.scale <= 1e6))
    fail(ErrorCode::invalid_argument, {kWhere, "scale", "0.001 to 1000000", fmt::format("{}", options.scale), ""});
  if (options.vocab_size < 1 || options.vocab_size > kMaxVocabulary)
    fail(ErrorCode::invalid_argument,
         {kWhere, "vocab_size", fmt::format("1 to {}", kMaxVocabulary), std::to_string(options.vocab_size), ""});
  const Coefficients all = transform_all(chunks, options.scale);
  const auto range = std::int64_t{all.most} - all.least;
  if (range > static_cast<std::int64_t>(options.vocab_size))
    fail(ErrorCode::invalid_argument, {kWhere, "coefficients", fmt::format("a range of at most {} (vocab_size)", options.vocab_size),
                                       fmt::format("{} to {}", all.least, all.most), "normalise the chunks, or choose a smaller scale"});
  return {tokenizer_json(learn(all, options.vocab_size)), processor_config(options, all.least)};
}

}  // namespace

FastTokenizer FastTokenizer::fit(std::span<const FastChunk<const float>> chunks, const FastFitOptions& options) {
  const auto [tokenizer, processor] = fit_texts(chunks, options);
  return from_json(tokenizer, processor, kWhere);
}

FastTokenizer FastTokenizer::fit(std::span<const FastChunk<const double>> chunks, const FastFitOptions& options) {
  const auto [tokenizer, processor] = fit_texts(chunks, options);
  return from_json(tokenizer, processor, kWhere);
}

}  // namespace sinew
