// SPDX-License-Identifier: Apache-2.0
#include "vocabulary.hpp"

#include <algorithm>
#include <cstring>

#include "byte_map.hpp"
#include "sinew/io/text.hpp"
#include "unicode.hpp"

namespace sinew::tokenizer {

namespace {

template <class Word>
std::uint64_t load(const char* at) noexcept {
  Word word = 0;
  std::memcpy(&word, at, sizeof(word));
  return word;
}

std::uint64_t mix(std::uint64_t a, std::uint64_t b) noexcept {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

constexpr std::uint64_t kFirst = 0xA0761D6478BD642FU, kSecond = 0xE7037ED1A0B428DBU;

/// Up to 8 bytes as a number, the first in the lowest place, zeros above.
std::uint64_t pack(std::string_view bytes) noexcept {
  const char* const at = bytes.data();
  const std::size_t size = bytes.size();
  if (size == 8) return load<std::uint64_t>(at);
  if (size >= 4) return load<std::uint32_t>(at) | load<std::uint32_t>(at + size - 4) << (size - 4) * 8;
  if (size == 0) return 0;
  return load<std::uint8_t>(at) | load<std::uint8_t>(at + size / 2) << size / 2 * 8 | load<std::uint8_t>(at + size - 1) << (size - 1) * 8;
}

}  // namespace

std::uint64_t hash_bytes(std::string_view bytes) noexcept {
  const char* at = bytes.data();
  std::size_t left = bytes.size();
  std::uint64_t state = bytes.size() * kSecond;
  for (; left > 16; left -= 16, at += 16) state = mix(load<std::uint64_t>(at) ^ kFirst, load<std::uint64_t>(at + 8) ^ state);
  const std::uint64_t a = left >= 8 ? load<std::uint64_t>(at) : pack({at, left});
  const std::uint64_t b = left >= 8 ? load<std::uint64_t>(at + left - 8) : 0;
  return mix(kFirst ^ b, mix(a ^ kSecond, state ^ kFirst));
}

TokenIndex::Key::Key(std::string_view text) noexcept : size(static_cast<std::uint32_t>(text.size())) {
  if (size > sizeof(word)) {
    word = hash = hash_bytes(text);
    return;
  }
  word = pack(text);
  hash = mix(word ^ kFirst, size * kSecond ^ kFirst);
}

template <class Content>
std::optional<TokenId> TokenIndex::build(std::span<const TokenId> ids, const Content& content) {
  constexpr std::size_t kAhead = 16;  // the table is larger than a near cache: fetch before use
  std::size_t capacity = 1;
  while (capacity * 2 < ids.size() * 3 + 2) capacity *= 2;
  slots_.assign(capacity, {});
  mask_ = capacity - 1;
  std::vector<Key> keys;
  keys.reserve(ids.size());
  for (std::size_t i = 0; i < ids.size() + kAhead; ++i) {
    if (i < ids.size()) {
      keys.emplace_back(content(ids[i]));
      __builtin_prefetch(&slots_[keys[i].hash & mask_], 1);
    }
    if (i < kAhead) continue;
    const TokenId id = ids[i - kAhead];
    const Key& key = keys[i - kAhead];
    std::size_t at = key.hash & mask_;
    for (std::size_t probes = 0; slots_[at].id != kNoToken; at = (at + 1) & mask_)
      if (matches(slots_[at], key, content(id), content) || ++probes > kMaxProbes) return id;
    slots_[at] = {key.word, id, key.size};
  }
  return std::nullopt;
}

void Vocabulary::reserve(std::size_t count, std::size_t bytes) {
  tokens_.reserve(count);
  contents_.reserve(bytes);
  bytes_.reserve(bytes);
}

bool Vocabulary::add(std::string_view content, bool spelled, std::string_view bytes, TokenId id) {
  if (has(id)) return false;
  const auto place = static_cast<std::size_t>(id);
  if (place >= tokens_.size()) tokens_.resize(place + 1);
  if (!spelled) bytes = {};
  tokens_[place] = {{static_cast<std::uint32_t>(contents_.size()), static_cast<std::uint32_t>(content.size())},
                    {static_cast<std::uint32_t>(bytes_.size()), static_cast<std::uint32_t>(bytes.size())},
                    true,
                    spelled};
  contents_.append(content);
  bytes_.append(bytes);
  longest_ = std::max(longest_, bytes.size());
  ++size_;
  return true;
}

std::optional<TokenId> Vocabulary::finish() {
  contents_.shrink_to_fit();
  bytes_.shrink_to_fit();
  tokens_.shrink_to_fit();
  std::vector<TokenId> spelled, others;
  spelled.reserve(size_);
  for (TokenId id = 0; id < limit(); ++id)
    if (has(id)) (tokens_[static_cast<std::size_t>(id)].spelled ? spelled : others).push_back(id);
  const auto refused = by_bytes_.build(spelled, [this](TokenId id) { return bytes_of(id); });
  return refused ? refused : by_content_.build(others, [this](TokenId id) { return content_of(id); });
}

std::int32_t Vocabulary::leading_characters() const {
  constexpr std::int32_t kMaxCodePoint = 0x10FFFF, kSurrogates = 0xD800;
  std::int32_t count = 0;
  std::string character;
  for (; count < kSurrogates; ++count) {
    character.clear();
    append_utf8(character, static_cast<char32_t>(count));
    if (find(character) == kNoToken) break;
  }
  return count == 0 ? kMaxCodePoint + 1 : count;
}

TokenId Vocabulary::find(std::string_view content) const noexcept {
  if (!is_utf8(content)) return kNoToken;
  std::string bytes;
  return append_spelled_bytes(bytes, content) ? find_bytes(bytes) : find_unspelled(content);
}

}  // namespace sinew::tokenizer
