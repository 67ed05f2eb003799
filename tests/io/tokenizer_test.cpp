// SPDX-License-Identifier: Apache-2.0
// Tokenizer with vocabularies small enough to work out by hand; equality with other libraries is in python/tests/test_tokenizer.py.
#include "sinew/io/tokenizer.hpp"

#include <doctest/doctest.h>

#include <array>
#include <thread>

#include "sinew/core/error.hpp"
#include "sinew/testing/no_alloc.hpp"
#include "small_tokenizer.hpp"
#include "temporary_directory.hpp"
#include "test_seed.hpp"

using namespace sinew;
using namespace sinew::testing;
using Ids = std::vector<TokenId>;

namespace {

Tokenizer make(const SmallTokenizer& parts = {}) { return Tokenizer::from_json(small_tokenizer_json(parts)); }

Ids bytes_of(std::string_view text) {
  Ids ids;
  for (const char c : text) ids.push_back(static_cast<unsigned char>(c));
  return ids;
}

std::string error_of(const std::string& json) {
  try {
    static_cast<void>(Tokenizer::from_json(json, "here"));
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

/// One piece per digit, three digits, or all, depending on the pre-tokenizer; and a word with a mark.
SmallTokenizer digits_and_marks(std::string pre_tokenizer) {
  SmallTokenizer parts;
  parts.pre_tokenizer = std::move(pre_tokenizer);
  parts.tokens = R"(, "12": 256, "123": 257, "1234": 258, "eÌ": 259, "'M": 260, "Ġx": 261, "ĊĊ": 262)";
  parts.merges = R"([["1", "2"], ["12", "3"], ["123", "4"], ["e", "Ì"], ["'", "M"], ["Ġ", "x"], ["Ċ", "Ċ"]])";
  return parts;
}

std::string replaced(std::string_view text) {  // '?' stands for U+FFFD
  std::string out;
  for (const char c : text) out += c == '?' ? std::string("\xEF\xBF\xBD") : std::string(1, c);
  return out;
}

}  // namespace

TEST_CASE("tokenizer: the pair of the lowest rank is merged first, of equal ones the leftmost") {
  SmallTokenizer parts;
  parts.tokens = R"(, "bc": 256, "ab": 257, "abc": 258, "aa": 259)";
  parts.merges = R"([["b", "c"], ["a", "b"], ["ab", "c"], ["a", "a"]])";
  const Tokenizer tokenizer = make(parts);
  CHECK(tokenizer.encode("abc") == Ids{'a', 256});  // so the token abc is never reached
  CHECK(tokenizer.encode("abab") == Ids{257, 257});
  CHECK(tokenizer.encode("aaa") == Ids{259, 'a'});
  CHECK(tokenizer.encode("").empty());
  CHECK(tokenizer.encode("z\"\\") == bytes_of("z\"\\"));
  CHECK(tokenizer.vocab_size() == 260);
  CHECK(tokenizer.id_of("abc") == 258);
  CHECK(tokenizer.id_of("Ġ") == ' ');
  CHECK_FALSE(tokenizer.id_of(" ").has_value());
  CHECK_FALSE(tokenizer.id_of("\xFF").has_value());
  CHECK(tokenizer.token_of(258) == "abc");
  CHECK(tokenizer.token_of(260).empty());
}

TEST_CASE("tokenizer: ignore_merges takes a piece that is a token") {
  std::string json = small_tokenizer_json({.tokens = R"(, "bc": 256, "abc": 257)", .merges = R"([["b", "c"]])"});
  CHECK(Tokenizer::from_json(json).encode("abc") == Ids{'a', 256});
  json.replace(json.find("\"type\": \"BPE\""), 0, "\"ignore_merges\": true, ");
  CHECK(Tokenizer::from_json(json).encode("abc") == Ids{257});
}

TEST_CASE("tokenizer: each pre-tokenizer cuts where its regular expression does") {
  const std::string text = "1234 e\xCC\x81'M  x\n\n";
  const auto encode = [&](const std::string& pre_tokenizer) { return make(digits_and_marks(pre_tokenizer)).encode(text); };
  const Ids whole{258, ' ', 259, 0x81, 260, ' ', 261, 262};
  CHECK(make(digits_and_marks(SmallTokenizer{}.pre_tokenizer)).encode(text) == whole);
  // Qwen2: one digit a piece; a mark is no letter, and takes the symbols behind it.
  CHECK(encode(split_by(kQwen2Regex)) == Ids{'1', '2', '3', '4', ' ', 'e', 0xCC, 0x81, '\'', 'M', ' ', 261, 262});
  CHECK(encode(split_by(kQwen35Regex)) == Ids{'1', '2', '3', '4', ' ', 259, 0x81, 260, ' ', 261, 262});
  CHECK(encode(split_by(kLlama3Regex)) == Ids{257, '4', ' ', 'e', 0xCC, 0x81, '\'', 'M', ' ', 261, 262});
  CHECK(encode(R"({"type": "ByteLevel", "add_prefix_space": false, "use_regex": true})") ==
        Ids{258, ' ', 'e', 0xCC, 0x81, '\'', 'M', ' ', 261, 262});
}

TEST_CASE("tokenizer: a prefix space is put before every stretch that has none") {
  SmallTokenizer parts = digits_and_marks(R"({"type": "ByteLevel", "add_prefix_space": true, "use_regex": true})");
  parts.added_tokens = R"([{"id": 263, "content": "<s>", "normalized": false, "special": true}])";
  const Tokenizer tokenizer = make(parts);
  CHECK(tokenizer.encode("x<s>x<s> x") == Ids{261, 263, 261, 263, 261});
  CHECK(tokenizer.encode("").empty());
}

TEST_CASE("tokenizer: NFC comes before the vocabulary") {
  const Tokenizer composed = make({.normalizer = R"({"type": "NFC"})"});
  CHECK(composed.encode("e\xCC\x81") == bytes_of("\xC3\xA9"));
  CHECK(composed.encode("q\xCC\x81\xCC\xA3") == bytes_of("q\xCC\xA3\xCC\x81"));                  // marks in the order of their classes
  CHECK(composed.encode("\xE1\x84\x80\xE1\x85\xA1\xE1\x86\xA8!") == bytes_of("\xEA\xB0\x81!"));  // Hangul
  CHECK(composed.encode("\xE2\x84\xAB") == bytes_of("\xC3\x85"));                                // the angstrom sign
  CHECK(make().encode("e\xCC\x81") == bytes_of("e\xCC\x81"));
}

TEST_CASE("tokenizer: broken UTF-8 counts as U+FFFD for each maximal part") {
  // The examples of the Unicode Standard 15, tables 3-8 to 3-11.
  const std::pair<std::string_view, std::string_view> examples[] = {
      {"\xC0\xAF\xE0\x80\xBF\xF0\x81\x82\x41", "????????A"},
      {"\xED\xA0\x80\xED\xBF\xBF\xED\xAF\x41", "????????A"},
      {"\xF4\x91\x92\x93\xFF\x41\x80\xBF\x42", "?????A??B"},
      {"\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41", "????A"},
      {"\xF1\x80\x80\xE1\x80\xC2\x62\x80\x63\x80\xBF\x64", "???b?c??d"},
      {"caf\xC3", "caf?"},
      {"\xF0\x9F\x98", "?"},
      {"ok \xC3\xA9 \xFE", "ok \xC3\xA9 ?"},
  };
  const Tokenizer tokenizer = make();
  for (const auto& [broken, meant] : examples) {
    CAPTURE(meant);
    CHECK(tokenizer.encode(broken) == bytes_of(replaced(meant)));
    CHECK(tokenizer.decode(bytes_of(broken)) == replaced(meant));
  }
}

TEST_CASE("tokenizer: decode gives back what was encoded, and leaves out what is no token") {
  SmallTokenizer parts = digits_and_marks(split_by(kQwen2Regex));
  parts.added_tokens = R"([{"id": 263, "content": "<s> ", "special": true}, {"id": 264, "content": "<p>", "special": false}])";
  const Tokenizer tokenizer = make(parts);
  const std::string text = "1234 <s> x\xC3\xA9<p>\n";
  const Ids ids = tokenizer.encode(text);
  CHECK(tokenizer.decode(ids) == text);
  CHECK(tokenizer.decode(ids, true) == "1234 x\xC3\xA9<p>\n");
  CHECK(tokenizer.decode(Ids{-1, 'a', 265, 1 << 30, 'b'}) == "ab");
}

TEST_CASE("tokenizer: special tokens go around a text when asked for") {
  SmallTokenizer parts;
  parts.added_tokens = R"([{"id": 256, "content": "<s>", "special": true}, {"id": 257, "content": "</s>", "special": true}])";
  parts.post_processor = R"({"type": "TemplateProcessing",
    "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "</s>", "type_id": 0}}],
    "pair": [], "special_tokens": {"<s>": {"id": "<s>", "ids": [256], "tokens": ["<s>"]}, "</s>": {"id": "</s>", "ids": [257], "tokens": ["</s>"]}}})";
  const Tokenizer tokenizer = make(parts);
  CHECK(tokenizer.encode("a") == Ids{'a'});
  CHECK(tokenizer.encode("a", true) == Ids{256, 'a', 257});
  CHECK(tokenizer.prefix().front() == 256);
  CHECK(tokenizer.suffix().front() == 257);
  CHECK_FALSE(tokenizer.bos_id().has_value());
}

TEST_CASE("tokenizer: short output is filled and the need is counted") {
  const Tokenizer tokenizer = make();
  TokenizerScratch scratch;
  std::array<TokenId, 3> ids{};
  std::size_t count = 0;
  CHECK(tokenizer.encode("abcde", scratch, ids, count) == Status::over_capacity);
  CHECK(count == 5);
  CHECK(ids == std::array<TokenId, 3>{'a', 'b', 'c'});
  CHECK(tokenizer.encode("abc", scratch, ids, count) == Status::ok);
  CHECK(count == 3);
  const std::string long_text(Tokenizer::kMaxText + 1, 'a');
  CHECK(tokenizer.encode(long_text, scratch, ids, count) == Status::out_of_range);
  CHECK(count == 0);
  CHECK_THROWS_WITH_AS(static_cast<void>(tokenizer.encode(long_text)), doctest::Contains("at most"), Error);
}

TEST_CASE("tokenizer: encoding calls no heap once it has seen a text of the length") {
  REQUIRE(counting_works());
  SmallTokenizer ordered = digits_and_marks(split_by(kQwen2Regex));
  ordered.normalizer = R"({"type": "NFC"})";
  SmallTokenizer unordered = ordered;  // 123 ranks above what it is made from no more
  unordered.merges = R"([["12", "3"], ["1", "2"], ["e", "Ì"]])";
  SmallTokenizer spaced = ordered;
  spaced.normalizer = "null";
  spaced.pre_tokenizer = R"({"type": "ByteLevel", "add_prefix_space": true, "use_regex": false})";
  const std::string texts[] = {std::string("pick up the red block 1234\n"), std::string(300, 'x'),
                               std::string("e\xCC\x81\xCC\xA3\xCC\x81 caf\xC3\xA9"), std::string("broken \xFF\xC3"),
                               std::string("123123123123123123123123123123123123123123123123")};
  for (const auto& parts : {ordered, unordered, spaced}) {
    const Tokenizer tokenizer = make(parts);
    TokenizerScratch scratch;
    std::vector<TokenId> ids(1024);
    std::size_t count = 0;
    for (const auto& text : texts) REQUIRE(tokenizer.encode(text, scratch, ids, count) == Status::ok);
    for (const auto& text : texts) {
      const HeapCallCounter counter;
      const Status status = tokenizer.encode(text, scratch, ids, count);
      const auto calls = counter.count();
      CHECK(status == Status::ok);
      CHECK(count > 0);
      CHECK(calls == 0);
    }
  }
}

TEST_CASE("tokenizer: long pieces give the same ids whether or not the ranks are in order") {
  // The second vocabulary has one more merge, which no text reaches but which puts its ranks out of order.
  SmallTokenizer parts;
  parts.tokens = R"(, "ab": 256, "abab": 257, "bc": 258, "cab": 259, "zz": 260, "zzz": 261)";
  const std::string merges = R"(["a", "b"], ["b", "c"], ["ab", "ab"], ["c", "ab"])";
  parts.merges = "[" + merges + "]";
  const Tokenizer ordered = make(parts);
  parts.merges = R"([["zz", "z"], )" + merges + R"(, ["z", "z"]])";
  const Tokenizer queued = make(parts);
  Random random(7);
  for (int i = 0; i < 300; ++i) {
    std::string text;
    const std::size_t size = 1 + random.below(200);
    while (text.size() < size) text += static_cast<char>('a' + random.below(3));
    CAPTURE(text);
    const Ids ids = ordered.encode(text);
    CHECK(queued.encode(text) == ids);
    CHECK(ordered.decode(ids) == text);
  }
}

TEST_CASE("tokenizer: threads share one tokenizer") {
  const Tokenizer tokenizer = make(digits_and_marks(split_by(kLlama3Regex)));
  const std::string text = "12345 x'M 1234 e\xCC\x81";
  const Ids expected = make(digits_and_marks(split_by(kLlama3Regex))).encode(text);
  std::array<int, 4> wrong{};
  std::vector<std::thread> threads;
  for (int& mine : wrong)
    threads.emplace_back([&tokenizer, &text, &expected, &mine] {
      for (int i = 0; i < 200; ++i) mine += tokenizer.encode(text) == expected ? 0 : 1;
    });
  for (auto& thread : threads) thread.join();
  CHECK(wrong == std::array<int, 4>{});
}

TEST_CASE("pad_or_truncate: keeps, cuts and fills on the side asked for") {
  const Ids ids{1, 2, 3, 4};
  const auto run = [&](std::size_t length, PaddingOptions options) {
    Ids padded(length, -7);
    std::vector<std::uint8_t> mask(length, 9);
    const std::size_t kept = pad_or_truncate(ids, options, padded, mask);
    CHECK(kept == std::min<std::size_t>(length, 4));
    return std::pair(padded, mask);
  };
  CHECK(run(6, {.pad_id = 9}) == std::pair(Ids{1, 2, 3, 4, 9, 9}, std::vector<std::uint8_t>{1, 1, 1, 1, 0, 0}));
  CHECK(run(6, {.pad_id = 9, .pad = TokenSide::left}) == std::pair(Ids{9, 9, 1, 2, 3, 4}, std::vector<std::uint8_t>{0, 0, 1, 1, 1, 1}));
  CHECK(run(3, {}) == std::pair(Ids{1, 2, 3}, std::vector<std::uint8_t>{1, 1, 1}));
  CHECK(run(3, {.truncate = TokenSide::left}) == std::pair(Ids{2, 3, 4}, std::vector<std::uint8_t>{1, 1, 1}));
  CHECK(run(0, {}) == std::pair(Ids{}, std::vector<std::uint8_t>{}));
  Ids padded(5);
  CHECK(pad_or_truncate(ids, {}, padded, {}) == 4);
  CHECK(padded == Ids{1, 2, 3, 4, 0});
}

TEST_CASE("tokenizer.json: both forms of merges, either order, and any white space are read") {
  const SmallTokenizer pairs{.tokens = R"(, "ab": 256)", .merges = R"([["a", "b"]])"};
  SmallTokenizer lines = pairs;
  lines.merges = R"(["a b"])";
  CHECK(make(lines).encode("ab") == Ids{256});
  std::string json = small_tokenizer_json(pairs);
  std::string spread;
  bool quoted = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    if (json[i] == '"') quoted = !quoted;
    spread += json[i];
    if (quoted && json[i] == '\\') spread += json[++i];
    if (!quoted && std::string_view("{}[]:,\"").find(json[i]) != std::string_view::npos) spread += " \n\t\r";
  }
  CHECK(Tokenizer::from_json(spread).encode("ab") == Ids{256});
  const std::string merges = R"("merges": [["a", "b"]], )";
  json.erase(json.find(R"(, "merges": [["a", "b"]])"), std::string_view(R"(, "merges": [["a", "b"]])").size());
  CHECK(error_of(json) == "[here /model/merges] JSON value: expected an array, got none");
  json.insert(json.find("\"vocab\""), merges);
  CHECK(Tokenizer::from_json(json).encode("ab") == Ids{256});
}

TEST_CASE("tokenizer.json: escapes are decoded, and tokens need not be spelled in bytes") {
  SmallTokenizer parts;
  parts.tokens = R"(, "\u0061b": 256, "\ud83d\ude00": 257, "\u0000": 258, "a\n\t\/": 259)";
  const Tokenizer tokenizer = make(parts);
  CHECK(tokenizer.token_of(256) == "ab");
  CHECK(tokenizer.id_of("\xF0\x9F\x98\x80") == 257);
  CHECK(tokenizer.id_of(std::string_view("\0", 1)) == 258);
  CHECK(tokenizer.token_of(259) == "a\n\t/");
  CHECK(tokenizer.decode(Ids{257, 'a', 258}) == std::string("\xF0\x9F\x98\x80"
                                                            "a\0",
                                                            6));
  CHECK(tokenizer.encode(std::string_view("\0", 1)) == Ids{0});  // the byte, not the token of that content
}

TEST_CASE("tokenizer.json: what is cut short anywhere is refused with its place") {
  const std::string json = small_tokenizer_json({.tokens = R"(, "ab": 256)", .merges = R"([["a", "b"]])"});
  REQUIRE(error_of(json) == "accepted");
  for (std::size_t size = 0; size < json.size(); ++size) {
    CAPTURE(size);
    CHECK(error_of(json.substr(0, size)).starts_with("[here"));
  }
  CHECK(error_of(json + "]").starts_with("[here:1:"));
}

TEST_CASE("tokenizer.json: what strict JSON and the format forbid is refused") {
  const auto with_tokens = [](std::string tokens) { return error_of(small_tokenizer_json({.tokens = ", " + std::move(tokens)})); };
  const auto contains = [](const std::string& text, std::string_view part) {
    CAPTURE(text);
    return text.find(part) != std::string::npos;
  };
  CHECK(contains(with_tokens(R"("a": 256)"), "token 'a': expected each token once"));
  CHECK(contains(with_tokens(R"("\u0000": 256, "\u0000": 257)"), "token '\\x00': expected each token once"));
  CHECK(contains(with_tokens(R"("ab": 7)"), "token id 7: expected each id once"));
  for (const char* id : {"-1", "1.0", "01", "1e2", "null", "\"1\"", "99999999999", "16777216"}) {
    CAPTURE(id);
    CHECK(contains(with_tokens("\"ab\": " + std::string(id)), "[here:1:"));
  }
  CHECK(contains(with_tokens("\"a\nb\": 256"), "control characters as escapes"));
  CHECK(contains(with_tokens("\"a\xFF\": 256"), "well-formed UTF-8"));
  CHECK(contains(with_tokens("\"a\xED\xA0\x80\": 256"), "well-formed UTF-8"));
  CHECK(contains(with_tokens(R"("\ud800": 256)"), "surrogate"));
  CHECK(contains(with_tokens(R"("\ud800\u0041": 256)"), "surrogate"));
  CHECK(contains(with_tokens(R"("\x41": 256)"), "JSON escape"));
  CHECK(contains(with_tokens(R"("ab": 256,)"), "[here:1:"));
  CHECK(contains(with_tokens(R"("ab" 256)"), "':'"));
  std::string json = small_tokenizer_json();
  json.replace(json.find("\"vocab\""), 7, "\"voc\\u0061b\"");
  CHECK(contains(error_of(json), "/model/vocab"));
  json = small_tokenizer_json();
  json.insert(json.find("\"merges\""), R"("vocab": {"x": 0}, )");
  CHECK(contains(error_of(json), "expected each key once"));
  json = small_tokenizer_json();
  json.insert(1, R"("model": 3, )");
  CHECK(contains(error_of(json), "expected each key once"));
  CHECK(contains(error_of(std::string(100, '[')), "[here"));
  CHECK(contains(error_of("{\"model\": {\"vocab\": " + std::string(100, '[')), "[here"));
}

TEST_CASE("tokenizer: a file is found by what it is") {
  const TemporaryDirectory directory;
  CHECK_THROWS_WITH_AS(static_cast<void>(Tokenizer::from_file(directory.path())), doctest::Contains("neither"), Error);
  directory.write("tokenizer.model", "no model");
  CHECK_THROWS_WITH_AS(static_cast<void>(Tokenizer::from_file(directory.path())), doctest::Contains("SentencePiece model"), Error);
  directory.write("tokenizer.json", small_tokenizer_json());
  CHECK(Tokenizer::from_file(directory.path()).encode("a") == Ids{'a'});
  CHECK_THROWS_WITH_AS(static_cast<void>(Tokenizer::from_file(directory.path() / "absent.json")), doctest::Contains("absent.json"), Error);
}
