// SPDX-License-Identifier: Apache-2.0
// Reads binary formats from strangers: no byte beyond the end, no allocation that a forged count could blow up.
#pragma once

#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

namespace sinew {

/// A cursor over bytes that someone else owns. Every access is checked against what remains; whoever allocates for a count
/// that came from the data asks `count` first. All members that read throw Error whose text begins with
/// "[where, byte N]": `parse` for what is cut short or not allowed, `limit` when the element budget is spent. A read that
/// throws does not advance.
class BoundedReader {
 public:
  static constexpr std::uint64_t kDefaultBudget = 1'000'000;

  /// `budget` elements may be taken over the reader's whole life, by all of its parts together.
  BoundedReader(std::span<const std::byte> data, std::string where, std::uint64_t budget = kDefaultBudget) noexcept
      : data_(data), where_(std::move(where)), own_budget_(budget), budget_(&own_budget_) {}
  BoundedReader(const BoundedReader&) = delete;  // the parts point into the budget
  BoundedReader& operator=(const BoundedReader&) = delete;

  /// Bytes read so far, and left.
  [[nodiscard]] std::size_t offset() const noexcept { return offset_; }
  [[nodiscard]] std::size_t remaining() const noexcept { return data_.size() - offset_; }
  [[nodiscard]] bool at_end() const noexcept { return remaining() == 0; }
  [[nodiscard]] std::uint64_t budget() const noexcept { return *budget_; }

  /// The next little-endian integer or IEEE float (NaN and infinity included). `what` names it in messages.
  template <class T>
    requires(std::integral<T> || std::floating_point<T>) && (!std::same_as<T, bool>) && (sizeof(T) <= 8)
  [[nodiscard]] T read(std::string_view what) {
    using Word = std::conditional_t<
        sizeof(T) == 1, std::uint8_t,
        std::conditional_t<sizeof(T) == 2, std::uint16_t, std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>>>;
    Word word = 0;
    unsigned shift = 0;
    for (const std::byte byte : bytes(sizeof(T), what)) {
      word = static_cast<Word>(word | static_cast<Word>(std::to_integer<Word>(byte)) << shift);
      shift += 8;
    }
    return std::bit_cast<T>(word);
  }

  /// The next `size` bytes, in place; valid as long as the data.
  [[nodiscard]] std::span<const std::byte> bytes(std::uint64_t size, std::string_view what);
  /// The next `size` bytes as well-formed UTF-8, in place.
  [[nodiscard]] std::string_view text(std::uint64_t size, std::string_view what);
  void skip(std::uint64_t size, std::string_view what) { static_cast<void>(bytes(size, what)); }
  /// Reads bytes that must equal `expected`.
  void magic(std::string_view expected, std::string_view what);
  /// A reader of the next `size` bytes alone, which this one has then read. It shares the budget and must not outlive this one.
  [[nodiscard]] BoundedReader part(std::uint64_t size, std::string_view what);

  /// Takes `elements` from the budget.
  void take_budget(std::uint64_t elements, std::string_view what);
  /// Checks a count that the data states before anything is allocated for it: so many elements of at least `least_bytes`
  /// (> 0) each must fit into what remains, and the budget must bear them.
  [[nodiscard]] std::size_t count(std::uint64_t elements, std::size_t least_bytes, std::string_view what);
  /// Refuses bytes after the end of what the format defines.
  void expect_end() const;

  /// Throws Error(parse) at this place.
  [[noreturn]] void refuse(std::string_view what, std::string_view expected, std::string_view got) const;

 private:
  BoundedReader(std::span<const std::byte> data, const BoundedReader& parent, std::size_t base)
      : data_(data), where_(parent.where_), base_(base), budget_(parent.budget_) {}
  [[nodiscard]] std::string place() const;

  std::span<const std::byte> data_;
  std::string where_;
  std::size_t base_ = 0;  // offset of data_ in the outermost reader, for messages
  std::size_t offset_ = 0;
  std::uint64_t own_budget_ = 0;
  std::uint64_t* budget_;
};

}  // namespace sinew
