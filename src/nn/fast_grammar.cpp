// SPDX-License-Identifier: Apache-2.0
#include "sinew/nn/heads/fast_grammar.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "../io/tokenizer/byte_level.hpp"
#include "sinew/core/error.hpp"
#include "sinew/io/file.hpp"
#include "sinew/io/text.hpp"

namespace sinew::nn {

namespace {

constexpr std::size_t kMaxFile = std::size_t{16} << 20;

/// Bytes of the character that begins so; 0: none does.
int length_of(unsigned char lead) noexcept {
  return lead < 0x80 ? 1 : lead < 0xC2 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF5 ? 4 : 0;
}

/// The code point of `bytes`; -1 for a longer spelling than it needs.
std::int32_t code_point(const unsigned char* bytes, int size) noexcept {
  if (size == 1) return bytes[0];
  std::int32_t point = bytes[0] & (0xFF >> (size + 1));
  for (int i = 1; i < size; ++i) point = point << 6 | (bytes[i] & 0x3F);
  constexpr std::int32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  return point < kLeast[size] ? -1 : point;
}

}  // namespace

FastGrammar::FastGrammar(const std::filesystem::path& file, std::int64_t coefficients) : coefficients_(coefficients) {
  const std::string where = printable(file.string(), 512);
  const tokenizer::ByteLevelTokenizer read(read_text_file(file, kMaxFile), where);
  const auto& vocabulary = read.bpe().vocabulary;
  trained_ = vocabulary.leading_characters();
  spelled_.resize(static_cast<std::size_t>(vocabulary.limit()));
  for (TokenId id = 0; id < vocabulary.limit(); ++id)
    if (vocabulary.has(id)) spelled_[static_cast<std::size_t>(id)] = vocabulary.bytes_of(id);
  for (int byte = 0; byte < 256; ++byte) single_[static_cast<std::size_t>(byte)] = read.bpe().has_byte(static_cast<unsigned char>(byte));
  for (std::int64_t id = 0; id < tokens(); ++id)
    if (allows(id)) return;
  fail(ErrorCode::parse, {where, "vocabulary", "tokens that join to characters below " + std::to_string(trained_), "none", ""});
}

void FastGrammar::reset() noexcept {
  count_ = 0;
  cut_ = {};
}

bool FastGrammar::allows(std::int64_t id) const noexcept {
  if (id < 0 || id >= tokens() || spelled_[static_cast<std::size_t>(id)].empty()) return false;
  Cut cut = cut_;
  std::int64_t count = count_;
  if (!follow(spelled_[static_cast<std::size_t>(id)], cut, count)) return false;
  return cut.size == 0 ? count <= coefficients_ : count < coefficients_ && can_close(cut);
}

void FastGrammar::take(std::int64_t id) noexcept { follow(spelled_[static_cast<std::size_t>(id)], cut_, count_); }

bool FastGrammar::follow(std::string_view bytes, Cut& cut, std::int64_t& count) const noexcept {
  for (const char each : bytes) {
    const auto byte = static_cast<unsigned char>(each);
    if (cut.size > 0 && (byte & 0xC0) != 0x80) return false;
    cut.bytes[static_cast<std::size_t>(cut.size++)] = byte;
    const int length = length_of(cut.bytes[0]);
    if (length == 0) return false;
    if (cut.size < length) continue;
    const std::int32_t point = code_point(cut.bytes.data(), length);
    if (point < 0 || point >= trained_) return false;
    ++count;
    cut = {};
  }
  return true;
}

bool FastGrammar::can_close(const Cut& cut) const noexcept {
  for (int byte = 0x80; byte < 0xC0; ++byte) {
    if (!single_[static_cast<std::size_t>(byte)]) continue;
    Cut longer = cut;
    std::int64_t closed = 0;
    const char next = static_cast<char>(byte);
    if (follow({&next, 1}, longer, closed) && (longer.size == 0 || can_close(longer))) return true;
  }
  return false;
}

}  // namespace sinew::nn
