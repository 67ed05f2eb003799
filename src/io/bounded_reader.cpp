// SPDX-License-Identifier: Apache-2.0
// The checks of BoundedReader; all arithmetic on sizes stays in 64 bits and never adds what the data states.
#include "sinew/io/bounded_reader.hpp"

#include <fmt/format.h>

#include "sinew/core/error.hpp"
#include "sinew/io/text.hpp"

namespace sinew {

std::string BoundedReader::place() const { return fmt::format("{}, byte {}", where_, base_ + offset_); }

void BoundedReader::refuse(std::string_view what, std::string_view expected, std::string_view got) const {
  fail(ErrorCode::parse, {place(), what, expected, got, ""});
}

std::span<const std::byte> BoundedReader::bytes(std::uint64_t size, std::string_view what) {
  if (size > remaining()) refuse(what, fmt::format("{} bytes", size), fmt::format("{} until the end", remaining()));
  const auto found = data_.subspan(offset_, static_cast<std::size_t>(size));
  offset_ += found.size();
  return found;
}

std::string_view BoundedReader::text(std::uint64_t size, std::string_view what) {
  const auto found = bytes(size, what);
  const std::string_view text(reinterpret_cast<const char*>(found.data()), found.size());
  if (const auto valid = utf8_prefix(text); valid < text.size()) {
    offset_ -= found.size();
    refuse(what, "well-formed UTF-8", fmt::format("byte 0x{:02x} at its offset {}", static_cast<unsigned char>(text[valid]), valid));
  }
  return text;
}

void BoundedReader::magic(std::string_view expected, std::string_view what) {
  const auto found = bytes(expected.size(), what);
  const std::string_view text(reinterpret_cast<const char*>(found.data()), found.size());
  if (text == expected) return;
  offset_ -= found.size();
  refuse(what, quote(expected), quote(text));
}

BoundedReader BoundedReader::part(std::uint64_t size, std::string_view what) {
  const std::size_t base = base_ + offset_;
  const auto data = bytes(size, what);  // first: it may refuse, and it advances
  return BoundedReader(data, *this, base);
}

void BoundedReader::take_budget(std::uint64_t elements, std::string_view what) {
  if (elements > *budget_)
    fail(ErrorCode::limit, {place(), what, fmt::format("at most {} more elements", *budget_), std::to_string(elements), ""});
  *budget_ -= elements;
}

std::size_t BoundedReader::count(std::uint64_t elements, std::size_t least_bytes, std::string_view what) {
  if (elements > remaining() / (least_bytes > 0 ? least_bytes : 1))
    refuse(what, fmt::format("a count that fits into the {} bytes left", remaining()), std::to_string(elements));
  take_budget(elements, what);
  return static_cast<std::size_t>(elements);
}

void BoundedReader::expect_end() const {
  if (!at_end()) refuse("end", "nothing more", fmt::format("{} bytes", remaining()));
}

}  // namespace sinew
