// SPDX-License-Identifier: Apache-2.0
// Tokenizers: a file from a stranger is refused or gives a tokenizer that holds together; any text is encoded by a good one.
#include <string>
#include <string_view>
#include <vector>

#include "fuzz.hpp"
#include "sinew/core/error.hpp"
#include "sinew/io/text.hpp"
#include "sinew/io/tokenizer.hpp"
#include "small_tokenizer.hpp"

namespace {

using sinew::TokenId;
using sinew::Tokenizer;
using sinew::testing::law;

/// Every byte, some merges, Qwen's cuts.
sinew::testing::SmallTokenizer good(bool nfc, bool ordered) {
  sinew::testing::SmallTokenizer parts;
  parts.normalizer = nfc ? R"({"type": "NFC"})" : "null";
  parts.pre_tokenizer = sinew::testing::split_by(nfc ? sinew::testing::kQwen2Regex : sinew::testing::kQwen35Regex);
  parts.added_tokens = R"([{"id": 261, "content": "<s>", "special": true, "lstrip": true}, {"id": 262, "content": "<s><"}])";
  parts.tokens = R"(, "ab": 256, "abab": 257, "Ã©": 258, "Ġa": 259, "aa": 260)";
  const std::string low = R"(["a", "b"], ["Ã", "©"], ["Ġ", "a"], ["a", "a"])";
  parts.merges = ordered ? "[" + low + R"(, ["ab", "ab"]])" : R"([["ab", "ab"], )" + low + "]";
  return parts;
}

// Made before the first input, whose heap is measured.
const Tokenizer kComposing = Tokenizer::from_json(small_tokenizer_json(good(true, true)));
const Tokenizer kPlain = Tokenizer::from_json(small_tokenizer_json(good(false, false)));

/// `text` with what is broken replaced, by way of the decoder: every byte is a token here.
std::string well_formed(std::string_view text) {
  std::vector<TokenId> bytes;
  for (const char c : text) bytes.push_back(static_cast<unsigned char>(c));
  return kPlain.decode(bytes);
}

void check_text(const Tokenizer& tokenizer, std::string_view text) {
  const auto ids = tokenizer.encode(text);
  for (const TokenId id : ids) law(!tokenizer.token_of(id).empty(), "every id is that of a token");
  sinew::TokenizerScratch scratch;
  std::vector<TokenId> few(ids.size() / 2);
  std::size_t count = 0;
  const auto status = tokenizer.encode(text, scratch, few, count);
  law(count == ids.size() && (status == sinew::Status::ok) == (few.size() == ids.size()), "the count is known where the room is short");
  law(std::equal(few.begin(), few.end(), ids.begin()), "what fits is the same");
  law(sinew::is_utf8(tokenizer.decode(ids)), "decoded text is UTF-8");
}

void check_file(std::string_view json, std::string_view text) {
  sinew::testing::accept_or_refuse("[fuzz", [&] { check_text(Tokenizer::from_json(json, "fuzz"), text); });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  check_text(kComposing, input);
  check_text(kPlain, input);
  const std::string plain = well_formed(input);
  // lstrip takes white space with it.
  if (plain.find("<s>") == std::string::npos) law(kPlain.decode(kPlain.encode(input)) == plain, "decode undoes encode");
  check_file(input, "ab abab  e\xCC\x81 12'S<s>\r\n" + std::string(50, 'a'));
  return 0;
}
