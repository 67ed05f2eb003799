// SPDX-License-Identifier: Apache-2.0
// Texts that the grammar lets through are chunks, whatever is chosen; texts that FAST writes are let through.
#include "sinew/nn/heads/fast_grammar.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "golden.hpp"
#include "sinew/action/fast_tokenizer.hpp"
#include "sinew/core/error.hpp"
#include "sinew/core/random.hpp"
#include "sinew/nn/heads/fast_config.hpp"
#include "temporary_directory.hpp"
#include "test_seed.hpp"

using namespace sinew;

namespace {

std::filesystem::path folder() { return sinew::testing::golden_directory() / "fast" / "tokenizer"; }

}  // namespace

TEST_CASE("fast grammar: any walk ends in a chunk that the strict decoder takes") {
  const FastTokenizer tokenizer = FastTokenizer::from_pretrained(folder());
  FastScratch scratch;
  Random random(sinew::testing::seed());
  CAPTURE(sinew::testing::seed());
  for (const auto& [horizon, dim] : {std::pair{1, 1}, std::pair{8, 7}, std::pair{16, 14}, std::pair{3, 5}}) {
    nn::FastGrammar grammar(folder() / "tokenizer.json", horizon * dim);
    CHECK(grammar.tokens() == static_cast<std::int64_t>(tokenizer.vocab_size()));
    std::vector<float> rows(static_cast<std::size_t>(horizon * dim));
    for (int walk = 0; walk < 5; ++walk) {
      grammar.reset();
      std::vector<TokenId> ids;
      while (!grammar.complete()) {
        REQUIRE(ids.size() < 4 * rows.size() + 4);
        std::vector<TokenId> next;
        for (TokenId id = 0; id < grammar.tokens(); ++id)
          if (grammar.allows(id)) next.push_back(id);
        REQUIRE_FALSE(next.empty());
        ids.push_back(next[std::min(next.size() - 1, static_cast<std::size_t>(random.uniform(0, static_cast<double>(next.size()))))]);
        grammar.take(ids.back());
      }
      int more = 0;
      for (TokenId id = 0; id < grammar.tokens(); ++id) more += grammar.allows(id) ? 1 : 0;
      CHECK(more == 0);
      CHECK(tokenizer.decode(ids, {}, scratch, {rows, static_cast<std::size_t>(dim)}) == Status::ok);
    }
  }
}

TEST_CASE("fast grammar: of the recorded texts those are let through that the strict decoder takes, for each number of coefficients") {
  const auto golden = sinew::testing::read_golden_case("fast", "cases");
  const FastTokenizer tokenizer = FastTokenizer::from_pretrained(folder());
  FastScratch scratch;
  int texts = 0, chunks = 0;
  for (const auto& each : golden.json().at("encode_cases").elements()) {
    const auto shape = each.at("shape").numbers();
    if (shape.size() != 2) continue;
    const auto size = static_cast<std::int64_t>(shape[0] * shape[1]);
    const auto batch = each.at("ids").elements();
    const auto ids = batch[0].elements();
    CAPTURE(each.at("case").text());
    std::vector<TokenId> text;
    for (const auto& id : ids) text.push_back(static_cast<TokenId>(id.integer()));
    for (const std::int64_t off : {-1, 0, 1}) {  // a vocabulary without some byte loses coefficients
      std::vector<float> rows(static_cast<std::size_t>(std::max<std::int64_t>(size + off, 0)));
      if (rows.empty() || rows.size() > FastTokenizer::kMaxHorizon) continue;
      const bool decodes = tokenizer.decode(text, {}, scratch, {rows, 1}) == Status::ok;
      nn::FastGrammar grammar(folder() / "tokenizer.json", size + off);
      bool taken = true;
      for (const TokenId id : text) {
        taken = taken && grammar.allows(id);
        if (taken) grammar.take(id);
      }
      CHECK((taken && grammar.complete()) == decodes);
      chunks += decodes ? 1 : 0;
    }
    ++texts;
  }
  CHECK(texts >= 5);
  CHECK(chunks >= 3);
}

TEST_CASE("fast grammar: broken characters, unknown tokens and files without any text are refused") {
  nn::FastGrammar grammar(folder() / "tokenizer.json", 1);
  CHECK_FALSE(grammar.allows(-1));
  CHECK_FALSE(grammar.allows(grammar.tokens()));
  const sinew::testing::TemporaryDirectory empty;
  CHECK_THROWS_AS(nn::FastGrammar(empty.path() / "tokenizer.json", 4), Error);
}

TEST_CASE("fast: configurations") {
  const auto parse = [](const std::string& folder_name, const std::string& rest) {
    const Json document = Json::parse(R"({"type": "fast", "max_tokens": 64, "constrained": true, "stop": [], "horizon": 4, "action_dim": 7,
      "model_ids": true, "tokenizer": ")" +
                                          folder_name + "\", " + rest + "}",
                                      "config.json");
    return nn::FastConfig::parse(JsonCursor(document, "config.json"));
  };
  CHECK(parse("fast", R"("first": 151669, "count": 2048)").new_tokens() == 64);
  for (const char* bad : {"..", "a/b", "/etc", "a\\\\b"}) CHECK_THROWS_AS((void)parse(bad, R"("first": 0, "count": 2048)"), Error);
  for (const char* bad : {R"("first": -1, "count": 2048)", R"("first": 0, "count": 0)", R"("first": 0, "counts": 2)", R"("first": 0)"})
    CHECK_THROWS_AS((void)parse("", bad), Error);
}
