// SPDX-License-Identifier: Apache-2.0
// Json::parse: nlohmann-json's tokens through its SAX interface, our limits, places, duplicate check and numbers.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>

#include "sinew/core/error.hpp"
#include "sinew/io/file.hpp"
#include "sinew/io/json.hpp"
#include "sinew/io/text.hpp"

namespace sinew {

namespace {

/// The text being read, and how far the tokenizer has come in it.
struct Source {
  std::string_view text;
  const std::string& where;
  std::size_t consumed = 0;

  /// "where:line:column" of a byte.
  [[nodiscard]] std::string place(std::size_t offset) const {
    const auto before = text.substr(0, std::min(offset, text.size()));
    const auto line = 1 + std::count(before.begin(), before.end(), '\n');
    const auto newline = before.rfind('\n');
    const auto column = before.size() - (newline == std::string_view::npos ? 0 : newline + 1) + 1;
    return fmt::format("{}:{}:{}", where, line, column);
  }
  [[noreturn]] void refuse(ErrorCode code, std::size_t offset, std::string_view what, std::string_view expected,
                           std::string_view got) const {
    fail(code, {place(offset), what, expected, got, ""});
  }
};

/// Feeds the tokenizer and counts what it has taken: SAX events do not say where they are.
class CountingIterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  CountingIterator(Source& source, std::size_t at) noexcept : source_(&source), at_(at) {}
  reference operator*() const noexcept { return source_->text[at_]; }
  CountingIterator& operator++() noexcept {
    source_->consumed = ++at_;
    return *this;
  }
  friend bool operator==(const CountingIterator& a, const CountingIterator& b) noexcept { return a.at_ == b.at_; }

 private:
  Source* source_;
  std::size_t at_;
};

/// An array or object whose end has not come yet.
struct OpenValue {
  Json value;
  std::string key;                       // of the member whose value comes next
  std::vector<std::size_t> key_offsets;  // one byte past each key
};

std::string pointer_to(const std::vector<OpenValue>& open, std::string_view last) {
  std::string pointer;
  const auto append = [&pointer](std::string_view token) {
    pointer += '/';
    for (const char c : token) pointer += c == '~' ? std::string("~0") : c == '/' ? std::string("~1") : std::string(1, c);
  };
  for (std::size_t i = 0; i + 1 < open.size(); ++i) {
    const auto* array = open[i].value.as_array();
    append(array != nullptr ? std::to_string(array->size()) : open[i].key);
  }
  append(last);
  return pointer;
}

/// Receives the tokens and builds the value. Refusals are thrown right through the tokenizer, which owns nothing but memory.
class Builder {
 public:
  using number_integer_t = nlohmann::json::number_integer_t;
  using number_unsigned_t = nlohmann::json::number_unsigned_t;
  using number_float_t = nlohmann::json::number_float_t;
  using string_t = nlohmann::json::string_t;
  using binary_t = nlohmann::json::binary_t;

  Builder(const Source& source, const JsonLimits& limits) : source_(source), limits_(limits) {}

  bool null() { return add(Json()); }
  bool boolean(bool value) { return add(Json(value)); }
  bool number_integer(number_integer_t value) { return add(Json(static_cast<std::int64_t>(value))); }
  bool number_unsigned(number_unsigned_t value) {
    if (value > static_cast<number_unsigned_t>(std::numeric_limits<std::int64_t>::max()))
      refuse_number("an integer of 64 bits with sign", std::to_string(value));
    return add(Json(static_cast<std::int64_t>(value)));
  }
  bool number_float(number_float_t, const string_t& token) { return add(Json(exact_number(token.size()))); }
  bool string(string_t& value) { return add(Json(std::move(value))); }
  bool binary(binary_t&) { return false; }  // never called for JSON text
  bool start_object(std::size_t) { return open(Json(Json::Object{})); }
  bool start_array(std::size_t) { return open(Json(Json::Array{})); }
  bool end_array() { return close(); }
  bool key(string_t& value) {
    open_.back().key = std::move(value);
    open_.back().key_offsets.push_back(source_.consumed);
    return true;
  }
  bool end_object() {
    check_duplicates();
    return close();
  }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception& error) {
    const std::size_t at = std::min(position, source_.text.size() + 1);
    if (error.id == 406) source_.refuse(ErrorCode::parse, at - 1, "JSON number", "one that a double can hold", "one beyond 1.8e308");
    // "[json.exception...] parse error at line 1, column 2: syntax error while parsing value - <what>; last read: '<token>'"
    std::string_view text = error.what();
    if (const auto start = text.find(" - "); start != std::string_view::npos) text.remove_prefix(start + 3);
    if (const auto last_read = text.find("; last read"); last_read != std::string_view::npos) text = text.substr(0, last_read);
    source_.refuse(ErrorCode::parse, at == 0 ? 0 : at - 1, "JSON syntax: " + std::string(text), "", "");
  }

  [[nodiscard]] Json take() { return std::move(root_); }

 private:
  bool add(Json value) {
    if (++nodes_ > limits_.max_nodes)
      source_.refuse(ErrorCode::limit, last_byte(), "JSON values", fmt::format("at most {}", limits_.max_nodes), "more");
    if (open_.empty()) {
      root_ = std::move(value);
    } else if (auto* array = open_.back().value.as_array()) {
      array->push_back(std::move(value));
    } else {
      open_.back().value.as_object()->emplace_back(std::move(open_.back().key), std::move(value));
    }
    return true;
  }

  bool open(Json value) {
    if (open_.size() >= limits_.max_depth)
      source_.refuse(ErrorCode::limit, last_byte(), "JSON nesting", fmt::format("at most {} levels", limits_.max_depth), "more");
    open_.push_back({std::move(value), {}, {}});
    return true;
  }

  bool close() {
    Json value = std::move(open_.back().value);
    open_.pop_back();
    return add(std::move(value));
  }

  /// Sorting once at the end keeps an object of n keys at n log n, whatever the keys are.
  void check_duplicates() const {
    const auto& members = *open_.back().value.as_object();
    std::vector<std::size_t> order(members.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    const auto key = [&](std::size_t i) -> const std::string& { return members[i].first; };
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return key(a) != key(b) ? key(a) < key(b) : a < b; });
    std::optional<std::size_t> second;
    for (std::size_t i = 1; i < order.size(); ++i)
      if (key(order[i - 1]) == key(order[i])) second = std::min(second.value_or(order[i]), order[i]);
    if (!second) return;
    const std::string pointer = pointer_to(open_, key(*second));
    source_.refuse(ErrorCode::parse, open_.back().key_offsets[*second] - 1, "JSON key " + quote(pointer, 256), "each key once", "it twice");
  }

  /// Reads the last token from the text itself: the tokenizer's copy has the decimal point of the process's locale.
  [[nodiscard]] double exact_number(std::size_t length) const {
    const std::string_view token = source_.text.substr(last_byte() + 1 - length, length);
    const bool integer = token.find_first_of(".eE") == std::string_view::npos;
    if (integer) refuse_number("an integer of 64 bits with sign", token);
    double value = 0;
    const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), value);
    const auto digits = token.substr(0, token.find_first_of("eE"));
    const bool vanished = value == 0 && digits.find_first_of("123456789") != std::string_view::npos;
    if (error != std::errc{} || end != token.data() + token.size() || vanished) refuse_number("a number that a double can hold", token);
    return value;
  }

  [[noreturn]] void refuse_number(std::string_view expected, std::string_view token) const {
    source_.refuse(ErrorCode::parse, last_byte(), "JSON number", expected, printable(token, 40));
  }

  /// The last byte of the token. The tokenizer has looked one byte past a number, unless the text ends with it.
  [[nodiscard]] std::size_t last_byte() const noexcept {
    if (source_.consumed == 0) return 0;
    const auto numeric = [&](std::size_t i) { return source_.text[i] >= '0' && source_.text[i] <= '9'; };
    const std::size_t last = source_.consumed - 1;
    return last > 0 && !numeric(last) && numeric(last - 1) ? last - 1 : last;
  }

  const Source& source_;
  const JsonLimits& limits_;
  std::vector<OpenValue> open_;
  Json root_;
  std::size_t nodes_ = 0;
};

/// What the tokenizer would let pass or describe less well.
void check_bytes(const Source& source, const JsonLimits& limits) {
  const std::string_view text = source.text;
  if (text.size() > limits.max_bytes)
    fail(ErrorCode::limit, {source.where, "JSON text", fmt::format("at most {} bytes", limits.max_bytes), std::to_string(text.size()), ""});
  if (text.starts_with("\xEF\xBB\xBF")) source.refuse(ErrorCode::parse, 0, "JSON text", "no byte order mark", "one");
  if (const auto valid = utf8_prefix(text); valid < text.size())
    source.refuse(ErrorCode::parse, valid, "JSON text", "well-formed UTF-8",
                  fmt::format("byte 0x{:02x} at offset {}", static_cast<unsigned char>(text[valid]), valid));
  const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 && c != '\t' && c != '\n' && c != '\r'; };
  // The tokenizer takes NUL for the end of the text, and would not look at what follows it.
  if (const auto found = std::find_if(text.begin(), text.end(), control); found != text.end())
    source.refuse(ErrorCode::parse, static_cast<std::size_t>(found - text.begin()), "JSON text", "control characters as escapes",
                  fmt::format("byte 0x{:02x}", static_cast<unsigned char>(*found)));
}

}  // namespace

Json Json::parse(std::string_view text, const std::string& where, const JsonLimits& limits) {
  Source source{text, where};
  check_bytes(source, limits);
  Builder builder(source, limits);
  nlohmann::json::sax_parse(CountingIterator(source, 0), CountingIterator(source, text.size()), &builder);
  return builder.take();
}

Json Json::read_file(const std::filesystem::path& path, const JsonLimits& limits) {
  return parse(read_text_file(path, limits.max_bytes), printable(path.string(), 512), limits);
}

}  // namespace sinew
