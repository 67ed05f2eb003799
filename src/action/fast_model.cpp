// SPDX-License-Identifier: Apache-2.0
// Loading a FastTokenizer: two files, checked on their own and against each other.
#include "fast_model.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "sinew/core/error.hpp"
#include "sinew/io/file.hpp"
#include "sinew/io/json_cursor.hpp"
#include "sinew/io/text.hpp"

namespace sinew {

namespace {

constexpr std::size_t kMaxFile = std::size_t{16} << 20;
constexpr std::int32_t kMaxCodePoint = 0x10FFFF;
constexpr std::size_t kMaxTransforms = 64;

}  // namespace

FastTokenizer::Model::Model(std::string_view tokenizer_json, std::string_view processor_config, const std::string& where)
    : tokenizer_text(tokenizer_json), processor_text(processor_config), bytes(tokenizer_json, where + " tokenizer.json") {
  check_tokenizer(where + " tokenizer.json");
  bind_processor(where + " processor_config.json");
  find_range(where);
  prefixes = tokenizer::PrefixBpe::of(bytes.bpe());
  make_spans();
}

void FastTokenizer::Model::check_tokenizer(const std::string& where) const {
  const tokenizer::Config& config = bytes.config();
  const auto refuse = [&](std::string_view what, std::string_view expected, std::string_view got) {
    fail(ErrorCode::unsupported, {where, what, expected, got, ""});
  };
  if (config.nfc) refuse("normalizer", "none", "NFC, which would change coefficients");
  if (!config.byte_level_decoder) refuse("decoder", "ByteLevel", "none");
  if (!config.added.empty()) refuse("added_tokens", "none", std::to_string(config.added.size()));
  if (!config.prefix.empty() || !config.suffix.empty()) refuse("post_processor", "no special tokens", "some");
}

void FastTokenizer::Model::bind_processor(const std::string& where) {
  const Json document = Json::parse(processor_text, where, {.max_bytes = kMaxFile});
  const JsonCursor root(document, where);
  if (const auto name = root.optional("processor_class"); name && name->text() != "UniversalActionProcessor")
    name->refuse("'UniversalActionProcessor'");
  scale = root.at("scale").number();
  if (!(scale >= 1e-3 && scale <= 1e6)) root.at("scale").refuse("0.001 to 1000000");
  min_token = static_cast<std::int32_t>(root.at("min_token").integer(-kMaxCodePoint, kMaxCodePoint));
  token_limit = static_cast<std::size_t>(root.at("vocab_size").integer(1, tokenizer::kMaxTokens));
  const tokenizer::ByteBpe& bpe = bytes.bpe();
  // An alphabet that is larger than the vocabulary wanted is kept whole, and then nothing is merged.
  if (bytes.vocab_size() > token_limit && bpe.merges.size() > 0)
    root.at("vocab_size").refuse(fmt::format("at least the {} tokens of tokenizer.json", bytes.vocab_size()));
}

void FastTokenizer::Model::find_range(const std::string& where) {
  trained = bytes.bpe().vocabulary.leading_characters();
  if (min_token <= 0 && -min_token >= trained)
    fail(ErrorCode::parse,
         {where, "min_token", fmt::format("above -{}: tokenizer.json has characters for {} coefficients", trained, trained),
          std::to_string(min_token), "the two files belong to different tokenizers"});
}

void FastTokenizer::Model::make_spans() {
  const tokenizer::Vocabulary& vocabulary = bytes.bpe().vocabulary;
  spans.resize(static_cast<std::size_t>(vocabulary.limit()));
  for (TokenId id = 0; id < vocabulary.limit(); ++id) {
    if (!vocabulary.has(id)) continue;
    FastSpan& span = spans[static_cast<std::size_t>(id)];
    const std::string_view text = vocabulary.bytes_of(id);
    span.known = true;
    span.whole = is_utf8(text);
    span.in_range = span.whole;
    span.begin = static_cast<std::uint32_t>(points.size());
    for (const char* at = text.data(); span.whole && at < text.data() + text.size();) {
      points.push_back(static_cast<std::int32_t>(tokenizer::next_code_point(at)));
      span.in_range = span.in_range && points.back() < trained;
    }
    span.size = static_cast<std::uint32_t>(points.size()) - span.begin;
  }
}

void FastScratch::Buffers::reserve(std::size_t values) {
  const std::size_t most = 4 * values + 1;  // bytes
  whole.resize(values);
  if (text.capacity() >= most) return;
  for (std::string* each : {&text, &spaced, &filtered, &broken}) each->reserve(most);
  repaired.reserve(3 * most);  // a broken byte becomes three
  prefixes.ids.reserve(most);
  prefixes.closed.reserve(most);
}

detail::CosineTransform& FastScratch::Buffers::transform(std::size_t length, double scale) {
  const auto fits = [&](const detail::CosineTransform& candidate) {
    return candidate.length() == static_cast<int>(length) && candidate.scale() == scale;
  };
  if (last != nullptr && fits(*last)) return *last;
  for (const auto& candidate : transforms)
    if (fits(*candidate)) return *(last = candidate.get());
  if (transforms.size() == kMaxTransforms) transforms.erase(transforms.begin());
  transforms.push_back(std::make_unique<detail::CosineTransform>(static_cast<int>(length), scale));
  return *(last = transforms.back().get());
}

Status check_fast_shape(std::size_t values, std::size_t dim, FixedText& error) noexcept {
  error.clear();
  if (values > 0 && dim > 0 && dim <= FastTokenizer::kMaxDim && values % dim == 0 && values / dim <= FastTokenizer::kMaxHorizon &&
      values <= FastTokenizer::kMaxValues)
    return Status::ok;
  error.format("{} values in rows of {}: expected 1 to {} whole rows of 1 to {} values, {} at most", values, dim,
               FastTokenizer::kMaxHorizon, FastTokenizer::kMaxDim, FastTokenizer::kMaxValues);
  return Status::bad_shape;
}

FastTokenizer FastTokenizer::from_json(std::string_view tokenizer_json, std::string_view processor_config, std::string_view where) {
  return FastTokenizer(std::make_shared<const Model>(tokenizer_json, processor_config, std::string(where)));
}

FastTokenizer FastTokenizer::from_pretrained(const std::filesystem::path& directory) {
  const std::string processor = read_text_file(directory / "processor_config.json", kMaxFile);
  const std::string tokenizer = read_text_file(directory / "tokenizer.json", kMaxFile);
  return from_json(tokenizer, processor, printable(directory.string(), 512));
}

void FastTokenizer::save(const std::filesystem::path& directory) const {
  write_file(directory / "tokenizer.json", model_->tokenizer_text);
  write_file(directory / "processor_config.json", model_->processor_text);
}

std::size_t FastTokenizer::vocab_size() const noexcept { return model_->bytes.vocab_size(); }
double FastTokenizer::scale() const noexcept { return model_->scale; }
std::int32_t FastTokenizer::min_token() const noexcept { return model_->min_token; }
std::int32_t FastTokenizer::max_token() const noexcept { return model_->min_token + model_->trained - 1; }
std::size_t FastTokenizer::token_limit() const noexcept { return model_->token_limit; }

}  // namespace sinew
