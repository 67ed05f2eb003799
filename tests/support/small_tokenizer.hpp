// SPDX-License-Identifier: Apache-2.0
// A tokenizer.json for tests: every byte, a few merges, and what a test puts in.
#pragma once

#include <string>
#include <string_view>

namespace sinew::testing {

/// GPT-2's character for a byte, as JSON text.
inline std::string spelled_byte(unsigned byte) {
  const auto prints = [](unsigned b) { return (b >= 0x21 && b <= 0x7E) || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE; };
  unsigned c = byte;
  if (!prints(byte)) {
    c = 0x100;
    for (unsigned before = 0; before < byte; ++before) c += prints(before) ? 0 : 1;
  }
  if (c == '"' || c == '\\') return {'\\', static_cast<char>(c)};
  if (c < 0x80) return {static_cast<char>(c)};
  return {static_cast<char>(0xC0 | c >> 6), static_cast<char>(0x80 | (c & 0x3F))};
}

/// Members of the document that differ from test to test, as JSON text.
struct SmallTokenizer {
  std::string pre_tokenizer = R"({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false})";
  std::string normalizer = "null";
  std::string added_tokens = "[]";
  std::string post_processor = "null";
  std::string tokens;         ///< after the 256 bytes: ", \"ab\": 256"
  std::string merges = "[]";  ///< of the model
};

/// The document: the id of a byte is the byte.
inline std::string small_tokenizer_json(const SmallTokenizer& parts = {}) {
  std::string vocabulary;
  for (unsigned byte = 0; byte < 256; ++byte)
    vocabulary += (byte == 0 ? "\"" : ", \"") + spelled_byte(byte) + "\": " + std::to_string(byte);
  return R"({"version": "1.0", "truncation": null, "padding": null, "added_tokens": )" + parts.added_tokens + R"(, "normalizer": )" +
         parts.normalizer + R"(, "pre_tokenizer": )" + parts.pre_tokenizer + R"(, "post_processor": )" + parts.post_processor +
         R"(, "decoder": {"type": "ByteLevel"}, "model": {"type": "BPE", "vocab": {)" + vocabulary + parts.tokens + R"(}, "merges": )" +
         parts.merges + "}}";
}

/// A Split with this regular expression, and the ByteLevel that goes with it.
inline std::string split_by(std::string_view regex_as_json) {
  return R"({"type": "Sequence", "pretokenizers": [{"type": "Split", "pattern": {"Regex": ")" + std::string(regex_as_json) +
         R"("}, "behavior": "Isolated", "invert": false}, {"type": "ByteLevel", "add_prefix_space": false, "use_regex": false}]})";
}

inline constexpr std::string_view kQwen2Regex =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+)";
inline constexpr std::string_view kQwen35Regex =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?[\\p{L}\\p{M}]+|\\p{N}| ?[^\\s\\p{L}\\p{M}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+)";
inline constexpr std::string_view kLlama3Regex =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+)";

}  // namespace sinew::testing
