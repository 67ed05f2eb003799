// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <limits>
#include <new>
#include <utility>

#include "sinew/backend/remote/msgpack.hpp"
#include "sinew/core/error.hpp"
#include "sinew/io/text.hpp"

namespace sinew::remote {

namespace {

std::string_view as_text(std::span<const std::byte> bytes) noexcept { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

}  // namespace

MsgpackDocument::MsgpackDocument(MsgpackLimits limits) : limits_(limits) {
  if (limits.most_depth < 1 || limits.most_depth > levels_.size())
    fail(ErrorCode::invalid_argument, {"MsgpackDocument", "most_depth", "1 to 32", fmt::format("{}", limits.most_depth), ""});
  if (limits.most_elements < 1 || limits.most_elements > (std::size_t{1} << 24))
    fail(ErrorCode::invalid_argument, {"MsgpackDocument", "most_elements", "1 to 2^24", fmt::format("{}", limits.most_elements), ""});
  limits_.most_bytes = std::min<std::size_t>(limits.most_bytes, std::numeric_limits<std::uint32_t>::max());
}

template <class... Args>
bool MsgpackDocument::refuse(Status status, fmt::format_string<Args...> text, Args&&... args) noexcept {
  FixedText reason;
  reason.format(text, std::forward<Args>(args)...);
  status_ = status;
  error_.format("[msgpack, byte {}] message: expected {}", offset_, reason.view());
  return false;
}

bool MsgpackDocument::read_word(std::size_t bytes, std::uint64_t& word) noexcept {
  if (bytes_.size() - offset_ < bytes) return refuse(Status::bad_shape, "a whole value, got the end");
  word = 0;
  for (std::size_t i = 0; i < bytes; ++i) word = word << 8 | std::to_integer<std::uint64_t>(bytes_[offset_ + i]);
  offset_ += bytes;
  return true;
}

bool MsgpackDocument::read_header(Node& node) noexcept {
  std::uint64_t tag = 0, word = 0;
  if (!read_word(1, tag)) return false;
  // Types whose size follows in 1, 2 or 4 bytes.
  const auto sized = [&](MsgpackType type, std::size_t width) {
    node.type = type;
    if (!read_word(width, word)) return false;
    node.size = static_cast<std::uint32_t>(word);
    return true;
  };
  const auto number = [&](std::size_t width, bool is_signed) {
    node.type = MsgpackType::integer;
    if (!read_word(width, word)) return false;
    const unsigned unused = 64 - 8 * static_cast<unsigned>(width);
    node.bits = is_signed ? static_cast<std::uint64_t>(static_cast<std::int64_t>(word << unused) >> unused) : word;
    node.is_unsigned = !is_signed && word > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    return true;
  };
  if (tag < 0x80 || tag >= 0xE0) {
    node.type = MsgpackType::integer;
    node.bits = static_cast<std::uint64_t>(static_cast<std::int64_t>(static_cast<std::int8_t>(tag)));
    return true;
  }
  if (tag < 0xC0) {  // short maps, arrays, texts
    node.type = tag < 0x90 ? MsgpackType::map : tag < 0xA0 ? MsgpackType::array : MsgpackType::text;
    node.size = static_cast<std::uint32_t>(tag & (tag < 0xA0 ? 0x0FU : 0x1FU));
    return true;
  }
  switch (tag) {
    case 0xC0: node.type = MsgpackType::nil; return true;
    case 0xC2:
    case 0xC3:
      node.type = MsgpackType::boolean;
      node.bits = tag & 1U;
      return true;
    case 0xC4: return sized(MsgpackType::binary, 1);
    case 0xC5: return sized(MsgpackType::binary, 2);
    case 0xC6: return sized(MsgpackType::binary, 4);
    case 0xCA:
      node.type = MsgpackType::real;
      if (!read_word(4, word)) return false;
      node.bits = std::bit_cast<std::uint64_t>(static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(word))));
      return true;
    case 0xCB: node.type = MsgpackType::real; return read_word(8, node.bits);
    case 0xCC: return number(1, false);
    case 0xCD: return number(2, false);
    case 0xCE: return number(4, false);
    case 0xCF: return number(8, false);
    case 0xD0: return number(1, true);
    case 0xD1: return number(2, true);
    case 0xD2: return number(4, true);
    case 0xD3: return number(8, true);
    case 0xD9: return sized(MsgpackType::text, 1);
    case 0xDA: return sized(MsgpackType::text, 2);
    case 0xDB: return sized(MsgpackType::text, 4);
    case 0xDC: return sized(MsgpackType::array, 2);
    case 0xDD: return sized(MsgpackType::array, 4);
    case 0xDE: return sized(MsgpackType::map, 2);
    case 0xDF: return sized(MsgpackType::map, 4);
    default: break;
  }
  --offset_;
  return refuse(Status::bad_shape, "a type of MessagePack that is no extension, got 0x{:02x}", tag);
}

bool MsgpackDocument::take_value() {
  Node node;
  const std::size_t begun = offset_;
  if (!read_header(node)) return false;
  const bool key = depth_ > 0 && levels_[depth_ - 1].map && levels_[depth_ - 1].left % 2 == 0;
  if (key && node.type != MsgpackType::text && node.type != MsgpackType::binary) {
    offset_ = begun;
    return refuse(Status::bad_shape, "a key that is text or binary, got another value");
  }
  const std::size_t remaining = bytes_.size() - offset_;
  const auto index = static_cast<std::uint32_t>(nodes_.size());
  node.behind = index + 1;
  if (node.type == MsgpackType::text || node.type == MsgpackType::binary) {
    if (node.size > remaining) return refuse(Status::bad_shape, "{} bytes, got {}", node.size, remaining);
    node.bits = offset_;
    if (node.type == MsgpackType::text && !is_utf8(as_text(content(node))))
      return refuse(Status::bad_shape, "text in UTF-8, got other bytes");
    offset_ += node.size;
  }
  const bool nests = node.type == MsgpackType::array || node.type == MsgpackType::map;
  const std::uint64_t values = !nests ? 0 : node.type == MsgpackType::map ? 2 * std::uint64_t{node.size} : node.size;
  if (values > remaining) return refuse(Status::bad_shape, "{} values, got {} bytes", values, remaining);
  promised_ += values;
  if (promised_ > limits_.most_elements) return refuse(Status::over_capacity, "at most {} values, got more", limits_.most_elements);
  nodes_.push_back(node);
  if (depth_ > 0) --levels_[depth_ - 1].left;
  if (!nests) return true;
  if (depth_ == limits_.most_depth) return refuse(Status::over_capacity, "at most {} levels, got more", limits_.most_depth);
  levels_[depth_++] = {.node = index, .left = values, .map = node.type == MsgpackType::map};
  return true;
}

bool MsgpackDocument::close_levels() {
  while (depth_ > 0 && levels_[depth_ - 1].left == 0) {
    const Level& level = levels_[--depth_];
    nodes_[level.node].behind = static_cast<std::uint32_t>(nodes_.size());
    if (level.map && !keys_differ(level.node)) return false;
  }
  return true;
}

bool MsgpackDocument::keys_differ(std::uint32_t map) {
  keys_.clear();
  for (std::uint32_t key = map + 1; key < nodes_[map].behind; key = nodes_[nodes_[key].behind].behind)
    keys_.push_back(as_text(content(nodes_[key])));
  if (keys_.size() > 1) std::ranges::sort(keys_);
  const auto twice = std::ranges::adjacent_find(keys_);
  return twice == keys_.end() || refuse(Status::bad_shape, "every key of a map once, got one twice");
}

Status MsgpackDocument::parse(std::span<const std::byte> bytes) noexcept {
  bytes_ = bytes;
  offset_ = 0;
  nodes_.clear();
  depth_ = 0;
  promised_ = 1;
  status_ = Status::ok;
  error_.clear();
  bool good =
      bytes.size() <= limits_.most_bytes || refuse(Status::over_capacity, "at most {} bytes, got {}", limits_.most_bytes, bytes.size());
  try {
    while (good && (nodes_.empty() || depth_ > 0)) good = take_value() && close_levels();
  } catch (const std::bad_alloc&) {
    good = refuse(Status::over_capacity, "memory for the values, got none");
  }
  if (good && offset_ != bytes.size()) good = refuse(Status::bad_shape, "the end, got {} bytes more", bytes.size() - offset_);
  if (!good) nodes_.clear();
  return status_;
}

MsgpackValue MsgpackDocument::root() const noexcept { return nodes_.empty() ? MsgpackValue() : MsgpackValue(this, 0, 1); }

MsgpackType MsgpackValue::type() const noexcept { return document_->nodes_[index_].type; }
std::size_t MsgpackValue::size() const noexcept { return document_->nodes_[index_].size; }

std::optional<bool> MsgpackValue::boolean() const noexcept {
  if (type() != MsgpackType::boolean) return {};
  return document_->nodes_[index_].bits != 0;
}
std::optional<std::int64_t> MsgpackValue::integer() const noexcept {
  const auto& node = document_->nodes_[index_];
  if (node.type != MsgpackType::integer || node.is_unsigned) return {};
  return static_cast<std::int64_t>(node.bits);
}
std::optional<double> MsgpackValue::number() const noexcept {
  const auto& node = document_->nodes_[index_];
  if (node.type == MsgpackType::real) return std::bit_cast<double>(node.bits);
  if (node.type != MsgpackType::integer) return {};
  return node.is_unsigned ? static_cast<double>(node.bits) : static_cast<double>(static_cast<std::int64_t>(node.bits));
}
std::optional<std::string_view> MsgpackValue::text() const noexcept {
  if (type() != MsgpackType::text) return {};
  return as_text(document_->content(document_->nodes_[index_]));
}
std::optional<std::span<const std::byte>> MsgpackValue::binary() const noexcept {
  if (type() != MsgpackType::binary) return {};
  return document_->content(document_->nodes_[index_]);
}

MsgpackValue MsgpackValue::first() const noexcept {
  const auto& node = document_->nodes_[index_];
  if ((node.type != MsgpackType::array && node.type != MsgpackType::map) || node.size == 0) return {};
  return {document_, index_ + 1, node.behind};
}
MsgpackValue MsgpackValue::next() const noexcept {
  const std::uint32_t behind = document_->nodes_[index_].behind;
  return behind < end_ ? MsgpackValue(document_, behind, end_) : MsgpackValue();
}
MsgpackValue MsgpackValue::find(std::string_view key) const noexcept {
  if (type() != MsgpackType::map) return {};
  for (MsgpackValue at = first(); at;) {
    const MsgpackValue value = at.next();
    if (as_text(document_->content(document_->nodes_[at.index_])) == key) return value;
    at = value.next();
  }
  return {};
}

std::optional<WireArray> MsgpackValue::ndarray(std::string_view* expected) const noexcept {
  const MsgpackValue marked = find("__ndarray__");
  if (!marked) return {};
  const auto refuse = [&](std::string_view what) -> std::optional<WireArray> {
    if (expected != nullptr) *expected = what;
    return {};
  };
  const MsgpackValue data = find("data"), name = find("dtype"), shape = find("shape");
  if (!data || !name || !shape || size() != 4 || marked.boolean() != true) return refuse("'__ndarray__' true, 'data', 'dtype' and 'shape'");
  const auto bytes = data.binary();
  if (!bytes) return refuse("'data' as binary");
  const auto dtype = name.text() ? dtype_from_numpy(*name.text()) : std::nullopt;
  if (!dtype) return refuse("a 'dtype' of booleans, little-endian integers or floats that a tensor can hold");
  constexpr std::string_view kSizes = "a 'shape' of at most 8 whole numbers from 0";
  if (shape.type() != MsgpackType::array || shape.size() > Shape::kMaxRank) return refuse(kSizes);
  std::array<std::int64_t, Shape::kMaxRank> dims{};
  std::size_t rank = 0;
  for (MsgpackValue dim = shape.first(); dim; dim = dim.next()) {
    const auto size = dim.integer();
    if (!size || *size < 0) return refuse(kSizes);
    dims[rank++] = *size;
  }
  const auto array = wire_array(*dtype, Shape(std::span<const std::int64_t>(dims.data(), rank)), *bytes);
  return array ? array : refuse("as many bytes of 'data' as dtype and shape say");
}

}  // namespace sinew::remote
