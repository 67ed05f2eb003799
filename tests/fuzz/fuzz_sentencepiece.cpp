// SPDX-License-Identifier: Apache-2.0
// SentencePiece models: a file from a stranger is refused or gives a tokenizer that holds together, although another library reads it.
#include <string>
#include <string_view>
#include <vector>

#include "fuzz.hpp"
#include "sinew/io/text.hpp"
#include "sinew/io/tokenizer.hpp"

namespace {

using sinew::TokenId;
using sinew::Tokenizer;
using sinew::testing::law;

void check_text(const Tokenizer& tokenizer, std::string_view text) {
  const std::vector<TokenId> ids = tokenizer.encode(text);
  const auto size = static_cast<TokenId>(tokenizer.vocab_size());
  for (const TokenId id : ids) law(id >= 0 && id < size, "every id is that of a token");
  law(sinew::is_utf8(tokenizer.decode(ids)), "decoded text is UTF-8");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  sinew::testing::accept_or_refuse("[", [&] {
    const Tokenizer tokenizer = Tokenizer::from_sentencepiece(input, "fuzz");
    check_text(tokenizer, "move the red cube to the left  \xE2\x84\xAB\xEF\xBC\xA1\xE3\x8E\x8F a\xCC\x8A");
    check_text(tokenizer, input.substr(0, 64));
  });
  return 0;
}
