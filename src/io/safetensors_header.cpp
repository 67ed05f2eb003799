// SPDX-License-Identifier: Apache-2.0
// Headers of safetensors files in one pass over the text: no tree of JSON, no recursion, memory bounded by the text.
#include "safetensors_header.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <utility>

#include "sinew/core/error.hpp"
#include "sinew/io/text.hpp"
#include "tokenizer/json_scanner.hpp"

namespace sinew::safetensors {

namespace {

constexpr std::size_t kMaxMetadata = std::size_t{16} << 20;
constexpr std::uint64_t kBeyondInt64 = std::uint64_t{1} << 63;
constexpr std::array<std::string_view, 3> kFields{"dtype", "shape", "data_offsets"};

class HeaderReader {
 public:
  HeaderReader(std::string_view text, std::uint64_t data_size, const std::string& where) noexcept
      : scanner_(text, where), end_(text.data() + text.size()), data_size_(data_size) {}

  Header read() {
    read_members([this] {
      if (key_ == kMetadata) {
        read_metadata();
      } else {
        read_tensor();
      }
    });
    // The format pads with spaces, so that nothing else can hide between header and data.
    if (const char* const other = std::find_if(scanner_.at(), end_, [](char c) { return c != ' '; }); other != end_) {
      scanner_.move_to(other);
      refuse("padding behind the header", "spaces", "something else");
    }
    return std::move(header_);
  }

 private:
  /// Calls `member` behind the colon of each member of an object, its key in `key_`.
  template <class Member>
  void read_members(Member&& member) {
    scanner_.expect('{');
    if (scanner_.take('}')) return;
    do {
      scanner_.read_string(key_);
      scanner_.expect(':');
      member();
    } while (scanner_.take(','));
    scanner_.expect('}');
  }

  void read_metadata() {
    if (std::exchange(has_metadata_, true)) refuse("key '__metadata__'", "each key once", "it twice");
    std::size_t bytes = 0;
    read_members([&] {
      if (!scanner_.sees('"')) refuse("__metadata__ " + quote(key_), "a text", "something else");
      scanner_.read_string(text_);
      bytes += key_.size() + text_.size();
      if (bytes > kMaxMetadata) scanner_.refuse(ErrorCode::limit, "__metadata__", fmt::format("at most {} bytes", kMaxMetadata), "more");
      if (!header_.metadata.emplace(key_, text_).second) refuse("__metadata__ " + quote(key_), "each key once", "it twice");
    });
  }

  void read_tensor() {
    HeaderTensor tensor{.name = key_};
    unsigned seen = 0;
    read_members([&] {
      const auto field = static_cast<std::size_t>(std::ranges::find(kFields, key_) - kFields.begin());
      if (field == kFields.size()) refuse(quote(key_) + " of tensor " + quote(tensor.name), "dtype, shape or data_offsets", "another key");
      if ((seen >> field & 1U) != 0) refuse(quote(key_) + " of tensor " + quote(tensor.name), "each key once", "it twice");
      seen |= 1U << field;
      if (field == 0) {
        read_dtype(tensor);
      } else if (field == 1) {
        read_shape(tensor);
      } else {
        read_offsets(tensor);
      }
    });
    for (std::size_t field = 0; field < kFields.size(); ++field)
      if ((seen >> field & 1U) == 0) refuse("tensor " + quote(tensor.name), kFields[field], "none");
    check_size(tensor);
    header_.tensors.push_back(std::move(tensor));
  }

  void read_dtype(HeaderTensor& tensor) {
    scanner_.read_string(text_);
    tensor.kind = find_kind(text_);
    if (tensor.kind == nullptr) refuse("dtype of tensor " + quote(tensor.name), "one that the format has, e.g. F32", quote(text_));
  }

  void read_shape(HeaderTensor& tensor) {
    scanner_.expect('[');
    if (scanner_.take(']')) return;
    do {
      if (tensor.shape.size() == kMaxRank)
        scanner_.refuse(ErrorCode::limit, "shape of tensor " + quote(tensor.name), fmt::format("at most {} dimensions", kMaxRank), "more");
      tensor.shape.push_back(static_cast<std::int64_t>(scanner_.read_integer("dimension", kBeyondInt64)));
    } while (scanner_.take(','));
    scanner_.expect(']');
  }

  void read_offsets(HeaderTensor& tensor) {
    scanner_.expect('[');
    tensor.begin = scanner_.read_integer("offset", kBeyondInt64);
    if (!scanner_.take(',')) refuse("data_offsets of tensor " + quote(tensor.name), "two offsets", "one");
    tensor.end = scanner_.read_integer("offset", kBeyondInt64);
    if (!scanner_.take(']')) refuse("data_offsets of tensor " + quote(tensor.name), "two offsets", "something else");
  }

  void check_size(const HeaderTensor& tensor) const {
    if (tensor.begin > tensor.end || tensor.end > data_size_)
      refuse("data_offsets of tensor " + quote(tensor.name), fmt::format("a range within the {} bytes of data", data_size_),
             fmt::format("{} to {}", tensor.begin, tensor.end));
    const auto count = elements(tensor.shape);
    if (!count) refuse("shape of tensor " + quote(tensor.name), "a product below 2^63, leaving out dimensions of 0", "more");
    if (bytes_of(tensor.shape, *tensor.kind) != tensor.end - tensor.begin)
      refuse("data_offsets of tensor " + quote(tensor.name),
             fmt::format("as many bytes as the shape needs, {} elements of {} bits", *count, tensor.kind->bits),
             std::to_string(tensor.end - tensor.begin));
  }

  [[noreturn]] void refuse(std::string_view what, std::string_view expected, std::string_view got) const {
    scanner_.refuse(ErrorCode::parse, what, expected, got);
  }

  tokenizer::JsonScanner scanner_;
  const char* end_;
  std::uint64_t data_size_;
  Header header_;
  bool has_metadata_ = false;
  std::string key_, text_;  // reused
};

template <class Key>
void sort_by(std::vector<HeaderTensor>& tensors, Key key) {
  if (!std::ranges::is_sorted(tensors, {}, key)) std::ranges::sort(tensors, {}, key);  // as files are written, they are
}

void sort_and_check_names(Header& header, const std::string& where) {
  sort_by(header.tensors, &HeaderTensor::name);
  const auto twice = std::ranges::adjacent_find(header.tensors, {}, &HeaderTensor::name);
  if (twice != header.tensors.end())
    fail(ErrorCode::parse, {where, fmt::format("tensor {}", quote(twice->name)), "each key once", "it twice", ""});
}

/// The tensors fill the data: no gap, no overlap, nothing behind the last.
void check_places(Header& header, std::uint64_t data_size, const std::string& where) {
  sort_by(header.tensors, [](const HeaderTensor& tensor) { return std::pair(tensor.begin, tensor.end); });
  std::uint64_t next = 0;
  for (const HeaderTensor& tensor : header.tensors) {
    if (tensor.begin != next)
      fail(ErrorCode::parse, {where, fmt::format("tensor {}", quote(tensor.name)), "data right behind the tensor before it",
                              tensor.begin < next ? "an overlap" : "a gap", ""});
    next = tensor.end;
  }
  if (next != data_size)
    fail(ErrorCode::parse,
         {where, "data", "tensors up to the end of the file", fmt::format("{} bytes behind the last", data_size - next), ""});
}

}  // namespace

std::size_t header_length(std::span<const std::byte> first, std::size_t file_size, std::size_t max_header, const std::string& where) {
  if (first.size() < kLengthBytes)
    fail(ErrorCode::parse, {where, "safetensors", "8 bytes of header length", fmt::format("{} bytes", file_size), ""});
  std::uint64_t length = 0;
  for (std::size_t i = kLengthBytes; i-- > 0;) length = length << 8 | std::to_integer<std::uint64_t>(first[i]);
  if (length > max_header)
    fail(ErrorCode::limit, {where, "safetensors header", fmt::format("at most {} bytes", max_header), std::to_string(length), ""});
  if (length > file_size - kLengthBytes)
    fail(ErrorCode::parse, {where, "safetensors header", fmt::format("{} bytes", length),
                            fmt::format("{} in the file", file_size - kLengthBytes), "it was cut off"});
  return length;
}

Header parse_header(std::string_view text, std::uint64_t data_size, const std::string& where) {
  if (!text.starts_with('{')) fail(ErrorCode::parse, {where, "safetensors header", "'{' at its begin", "something else", ""});
  Header header = HeaderReader(text, data_size, where).read();
  header.data_offset = kLengthBytes + text.size();
  check_places(header, data_size, where);
  sort_and_check_names(header, where);
  return header;
}

Header read_header(const RandomAccessFile& file, std::size_t max_header) {
  std::array<std::byte, kLengthBytes> first{};
  const auto known = std::span(first).first(std::min(first.size(), file.size()));
  file.read(0, known);
  std::string text(header_length(known, file.size(), max_header, file.where()), '\0');
  file.read(kLengthBytes, std::as_writable_bytes(std::span(text)));
  return parse_header(text, file.size() - kLengthBytes - text.size(), file.where());
}

}  // namespace sinew::safetensors
