// SPDX-License-Identifier: Apache-2.0
#include "document.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "byte_map.hpp"
#include "json_scanner.hpp"
#include "sinew/core/error.hpp"
#include "sinew/io/text.hpp"

namespace sinew::tokenizer {

namespace {

/// A token as the scanner has read it.
struct Spelling {
  std::string content, bytes;
  bool spelled = false;

  void understand() {
    bytes.clear();
    spelled = append_spelled_bytes(bytes, content);
  }
};

class Reader {
 public:
  Reader(std::string_view text, const std::string& where, ByteBpe& bpe) : text_(text), where_(where), bpe_(bpe), scanner_(text, where) {}

  Json read() {
    // Stops at the first thing it does not know: that stays in the rest, which is checked as a whole.
    static_cast<void>(walk_document());
    rest_.append(kept_, static_cast<std::size_t>(text_.data() + text_.size() - kept_));
    Json json = Json::parse(rest_, where_, {.max_bytes = kMaxDocument, .max_depth = 32, .max_nodes = 1'000'000});
    if (!vocabulary_read_) refuse_missing(json, "vocab", "an object of tokens and ids");
    if (merges_ == nullptr) refuse_missing(json, "merges", "an array");
    if (!merges_read_) {
      scanner_.move_to(merges_);
      read_merges();
    }
    bpe_.finish();
    return json;
  }

 private:
  template <class TakeMember>
  bool walk_object(const TakeMember& take_member) {
    if (!scanner_.take('{')) return false;
    do {
      std::string_view key;
      if (!scanner_.sees('"') || !scanner_.skip_string(key) || !scanner_.take(':')) return false;
      scanner_.skip_space();
      if (!take_member(key)) return false;
    } while (scanner_.take(','));
    return scanner_.take('}');
  }
  bool walk_document() {
    return walk_object(
        [this](std::string_view key) { return key == "model" && scanner_.sees('{') ? walk_model() : scanner_.skip_value(); });
  }
  bool walk_model() {
    return walk_object([this](std::string_view key) {
      if (key == "vocab" && !vocabulary_read_ && scanner_.sees('{')) return cut([this] { read_vocabulary(); });
      if (key == "merges" && merges_ == nullptr && scanner_.sees('[')) return cut([this] { find_merges(); });
      return scanner_.skip_value();
    });
  }

  /// Leaves of a value its brackets and its lines, so that places behind it stay right.
  template <class Read>
  bool cut(const Read& read) {
    const char* const begin = scanner_.at();
    read();
    const char* const last = scanner_.at() - 1;
    rest_.append(kept_, static_cast<std::size_t>(begin + 1 - kept_));
    rest_.append(static_cast<std::size_t>(std::count(begin, last, '\n')), '\n');
    kept_ = last;
    return true;
  }

  void read_vocabulary() {
    vocabulary_read_ = true;
    // No table may become larger than the text justifies: an id takes a byte of it at least.
    const auto limit = static_cast<TokenId>(std::min<std::size_t>(text_.size(), kMaxTokens));
    bpe_.vocabulary.reserve(text_.size() / 80, text_.size() / 8);
    Spelling token;
    scanner_.expect('{');
    if (scanner_.take('}')) return index_vocabulary();
    do {
      scanner_.read_string(token.content);
      if (token.content.size() > kMaxTokenBytes)
        scanner_.refuse(ErrorCode::limit, "token", fmt::format("at most {} bytes", kMaxTokenBytes), std::to_string(token.content.size()));
      token.understand();
      scanner_.expect(':');
      add(token, scanner_.read_id(limit));
    } while (scanner_.take(','));
    scanner_.expect('}');
    index_vocabulary();
  }
  void add(const Spelling& token, TokenId id) {
    if (!bpe_.vocabulary.add(token.content, token.spelled, token.bytes, id))
      scanner_.refuse(ErrorCode::parse, fmt::format("token id {}", id), "each id once", "it twice");
  }
  void index_vocabulary() const {
    if (const auto refused = bpe_.vocabulary.finish())
      fail(ErrorCode::parse, {where_ + " /model/vocab", "token " + quote(bpe_.vocabulary.content_of(*refused)), "each token once",
                              "it twice", "or tokens made to collide"});
  }

  /// Merges that come before the vocabulary cannot be understood yet.
  void find_merges() {
    merges_ = scanner_.at();
    if (vocabulary_read_) return read_merges();
    if (!scanner_.skip_value()) scanner_.refuse(ErrorCode::parse, "JSON array", "its end", "the end of the text");
  }
  void read_merges() {
    merges_read_ = true;
    std::vector<Merge> merges;
    merges.reserve(std::min(bpe_.vocabulary.size(), kMaxMerges));
    Spelling left, right;
    scanner_.expect('[');
    bool more = !scanner_.sees(']');
    while (more) {
      if (merges.size() + 1 >= kMaxMerges) scanner_.refuse(ErrorCode::limit, "merges", fmt::format("less than {}", kMaxMerges), "more");
      read_pair(left, right);
      merges.push_back(understand(left, right));
      more = scanner_.take(',');
    }
    scanner_.expect(']');
    if (!bpe_.merges.build(merges))
      fail(ErrorCode::limit, {where_ + " /model/merges", "merges", "ones that do not collide on purpose", "others", ""});
  }
  /// Both forms of the format: ["a", "b"], and "a b" before tokenizers 0.20.
  void read_pair(Spelling& left, Spelling& right) {
    if (scanner_.take('[')) {
      scanner_.read_string(left.content);
      scanner_.expect(',');
      scanner_.read_string(right.content);
      scanner_.expect(']');
      return;
    }
    scanner_.read_string(line_);
    const auto space = line_.find(' ');
    if (space == std::string::npos || line_.find(' ', space + 1) != std::string::npos)
      scanner_.refuse(ErrorCode::parse, "merge " + quote(line_), "two tokens with a space between", "something else");
    left.content.assign(line_, 0, space);
    right.content.assign(line_, space + 1);
  }
  Merge understand(Spelling& left, Spelling& right) {
    left.understand();
    right.understand();
    joined_.bytes.assign(left.bytes).append(right.bytes);
    joined_.spelled = left.spelled && right.spelled;
    if (!joined_.spelled) joined_.content.assign(left.content).append(right.content);
    // Vocabularies are usually in the order of their merges.
    ++guess_;
    if (!joined_.spelled || !bpe_.vocabulary.stands_for(guess_, joined_.bytes)) guess_ = find(joined_);
    const Merge merge{find(left), find(right), guess_};
    if (merge.left == kNoToken || merge.right == kNoToken || merge.merged == kNoToken)
      scanner_.refuse(ErrorCode::parse, fmt::format("merge of {} and {}", quote(left.content), quote(right.content)),
                      "both and what they make to be in the vocabulary", "one that is not");
    return merge;
  }
  [[nodiscard]] TokenId find(const Spelling& token) const noexcept {
    return token.spelled ? bpe_.vocabulary.find_bytes(token.bytes) : bpe_.vocabulary.find_unspelled(token.content);
  }

  [[noreturn]] void refuse_missing(const Json& json, std::string_view key, std::string_view expected) const {
    const Json* model = json.find("model");
    const Json* value = model != nullptr ? model->find(key) : nullptr;
    fail(ErrorCode::parse,
         {fmt::format("{} /model/{}", where_, key), "JSON value", expected, value != nullptr ? describe(*value) : "none", ""});
  }

  std::string_view text_;
  const std::string& where_;
  ByteBpe& bpe_;
  JsonScanner scanner_;
  std::string rest_;                 // the text up to kept_, without what was cut out
  const char* kept_ = text_.data();  // what begins here is still to be kept
  bool vocabulary_read_ = false;
  const char* merges_ = nullptr;  // where they begin
  bool merges_read_ = false;
  Spelling joined_;
  std::string line_;
  TokenId guess_ = kNoToken;  // what the last merge makes
};

}  // namespace

Json read_document(std::string_view text, const std::string& where, ByteBpe& bpe) {
  if (text.size() > kMaxDocument)
    fail(ErrorCode::limit, {where, "JSON text", fmt::format("at most {} bytes", kMaxDocument), std::to_string(text.size()), ""});
  return Reader(text, where, bpe).read();
}

}  // namespace sinew::tokenizer
