// SPDX-License-Identifier: Apache-2.0
#include "vocabulary.hpp"

#include <algorithm>
#include <cstring>

#include "byte_map.hpp"
#include "sinew/io/text.hpp"

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

}  // namespace

std::uint64_t hash_bytes(std::string_view bytes) noexcept {
  constexpr std::uint64_t kFirst = 0xA0761D6478BD642FU, kSecond = 0xE7037ED1A0B428DBU;
  const char* at = bytes.data();
  std::size_t left = bytes.size();
  std::uint64_t state = bytes.size() * kSecond;
  for (; left > 16; left -= 16, at += 16) state = mix(load<std::uint64_t>(at) ^ kFirst, load<std::uint64_t>(at + 8) ^ state);
  std::uint64_t a = 0, b = 0;
  if (left >= 8) {
    a = load<std::uint64_t>(at);
    b = load<std::uint64_t>(at + left - 8);
  } else if (left >= 4) {
    a = load<std::uint32_t>(at);
    b = load<std::uint32_t>(at + left - 4);
  } else if (left > 0) {
    a = load<std::uint8_t>(at) << 16 | load<std::uint8_t>(at + left / 2) << 8 | load<std::uint8_t>(at + left - 1);
  }
  return mix(kFirst ^ b, mix(a ^ kSecond, state ^ kFirst));
}

void TokenIndex::reserve(std::size_t count) {
  std::size_t capacity = 64;
  while (capacity * 2 < count * 3) capacity *= 2;
  if (capacity > slots_.size()) rehash(capacity);
}

void TokenIndex::rehash(std::size_t capacity) {
  std::vector<Slot> old(capacity);
  old.swap(slots_);
  mask_ = capacity - 1;
  for (const Slot& slot : old) {
    if (slot.id == kNoToken) continue;
    std::size_t at = slot.low & mask_;
    while (slots_[at].id != kNoToken) at = (at + 1) & mask_;
    slots_[at] = slot;
  }
}

void Vocabulary::reserve(std::size_t count, std::size_t bytes) {
  by_bytes_.reserve(count);
  tokens_.reserve(count);
  contents_.reserve(bytes);
  bytes_.reserve(bytes);
}

Vocabulary::Added Vocabulary::add(std::string_view content, bool spelled, std::string_view bytes, TokenId id) {
  if (has(id)) return Added::duplicate_id;
  const auto place = static_cast<std::size_t>(id);
  const auto inserted = spelled ? by_bytes_.insert(bytes, id, [this](TokenId other) { return bytes_of(other); })
                                : by_content_.insert(content, id, [this](TokenId other) { return content_of(other); });
  if (inserted == TokenIndex::Inserted::present) return Added::duplicate_content;
  if (inserted == TokenIndex::Inserted::crowded) return Added::crowded;
  if (place >= tokens_.size()) tokens_.resize(place + 1);
  Token& token = tokens_[place];
  token = {{static_cast<std::uint32_t>(contents_.size()), static_cast<std::uint32_t>(content.size())},
           {static_cast<std::uint32_t>(bytes_.size()), static_cast<std::uint32_t>(bytes.size())},
           true,
           spelled};
  contents_.append(content);
  if (spelled) {
    bytes_.append(bytes);
    longest_ = std::max(longest_, bytes.size());
  } else {
    token.bytes.size = 0;
  }
  ++size_;
  return Added::ok;
}

void Vocabulary::finish() {
  contents_.shrink_to_fit();
  bytes_.shrink_to_fit();
  tokens_.shrink_to_fit();
}

TokenId Vocabulary::find(std::string_view content) const noexcept {
  if (!is_utf8(content)) return kNoToken;
  std::string bytes;
  return append_spelled_bytes(bytes, content) ? find_bytes(bytes) : find_unspelled(content);
}

}  // namespace sinew::tokenizer
