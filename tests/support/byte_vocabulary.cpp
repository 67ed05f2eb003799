// SPDX-License-Identifier: Apache-2.0
#include "byte_vocabulary.hpp"

#include <cstdint>

#include "sinew/io/json.hpp"

namespace sinew::testing {

namespace {

/// GPT-2 spells a byte that does not print as one of the characters from U+0100 on.
std::string spelling(int byte, int& unprinted) {
  const bool prints = (byte > 32 && byte < 127) || (byte > 160 && byte != 173);
  const int point = prints ? byte : 256 + unprinted++;
  if (point < 128) return {static_cast<char>(point)};
  return {static_cast<char>(0xC0 | point >> 6), static_cast<char>(0x80 | (point & 63))};
}

}  // namespace

std::string byte_vocabulary(std::span<const char* const> special) {
  Json::Object tokens;
  int unprinted = 0;
  for (int byte = 0; byte < 256; ++byte) tokens.emplace_back(spelling(byte, unprinted), byte);
  Json::Array added;
  int id = 256;
  for (const char* content : special)
    added.emplace_back(Json::Object{{"id", id++},
                                    {"content", content},
                                    {"single_word", false},
                                    {"lstrip", false},
                                    {"rstrip", false},
                                    {"normalized", false},
                                    {"special", true}});
  const Json bytes(Json::Object{{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", true}});
  const Json model(Json::Object{{"type", "BPE"}, {"vocab", std::move(tokens)}, {"merges", Json::Array{}}});
  return to_text(Json(Json::Object{{"version", "1.0"},
                                   {"added_tokens", std::move(added)},
                                   {"normalizer", nullptr},
                                   {"pre_tokenizer", bytes},
                                   {"post_processor", nullptr},
                                   {"decoder", bytes},
                                   {"model", model}}));
}

}  // namespace sinew::testing
