// SPDX-License-Identifier: Apache-2.0
// MessagePack from strangers: one bounded pass over the bytes, then values that point into them. And the writer, which does not copy
// arrays. Arrays in the form of openpi @ 15a9616 packages/openpi-client/src/openpi_client/msgpack_numpy.py.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "sinew/backend/remote/piece_list.hpp"
#include "sinew/backend/remote/wire_array.hpp"
#include "sinew/core/fixed_text.hpp"
#include "sinew/core/status.hpp"
#include "sinew/core/tensor.hpp"

namespace sinew::remote {

/// Kinds of values; `integer` covers all widths, signed or not, `real` both floats.
enum class MsgpackType : std::uint8_t { nil, boolean, integer, real, text, binary, array, map };

/// What a message may cost.
struct MsgpackLimits {
  std::size_t most_bytes = std::size_t{16} << 20;
  std::size_t most_elements = 65536;  ///< values of the whole message, keys included
  std::size_t most_depth = 16;        ///< of arrays and maps within each other; at most 32
};

class MsgpackDocument;

/// A value of a document; valid until its next parse(), and as long as the bytes.
class MsgpackValue {
 public:
  /// False for what a look-up did not find.
  [[nodiscard]] explicit operator bool() const noexcept { return document_ != nullptr; }
  /// Of a value that is there.
  [[nodiscard]] MsgpackType type() const noexcept;
  /// Bytes of a text or binary, elements of an array, pairs of a map; 0 otherwise.
  [[nodiscard]] std::size_t size() const noexcept;

  // Empty for another type, or where the value does not fit.
  [[nodiscard]] std::optional<bool> boolean() const noexcept;
  [[nodiscard]] std::optional<std::int64_t> integer() const noexcept;
  [[nodiscard]] std::optional<double> number() const noexcept;  ///< integers too
  [[nodiscard]] std::optional<std::string_view> text() const noexcept;
  [[nodiscard]] std::optional<std::span<const std::byte>> binary() const noexcept;

  /// First element of an array, first key of a map; and what follows a value on its level: of a map key and value in turn.
  [[nodiscard]] MsgpackValue first() const noexcept;
  [[nodiscard]] MsgpackValue next() const noexcept;
  /// The value of a map's key, which is a text or binary.
  [[nodiscard]] MsgpackValue find(std::string_view key) const noexcept;

  /// A numpy array: the map with `__ndarray__`, `data`, `dtype` and `shape`, keys binary or text. Empty for everything else: an element
  /// type that no tensor has (objects first of all), a rank above 8, another number of bytes than the shape says. `expected`, where given,
  /// gets what a map with `__ndarray__` should have had; it stays for any other value.
  [[nodiscard]] std::optional<WireArray> ndarray(std::string_view* expected = nullptr) const noexcept;

 private:
  friend class MsgpackDocument;
  MsgpackValue() = default;
  MsgpackValue(const MsgpackDocument* document, std::uint32_t index, std::uint32_t end) noexcept
      : document_(document), index_(index), end_(end) {}

  const MsgpackDocument* document_ = nullptr;
  std::uint32_t index_ = 0;
  std::uint32_t end_ = 0;  // of the values on this level
};

/// Keeps its memory between messages.
class MsgpackDocument {
 public:
  /// Throws Error for a depth of 0 or above 32, and for more elements than 2^24.
  explicit MsgpackDocument(MsgpackLimits limits = {});

  /// Reads one value that takes all of `bytes`, which must outlive what is read from it. `bad_shape` for what is no such value,
  /// `over_capacity` for one beyond the limits; then there is no root, and last_error() says where and why. Refused: extension types, text
  /// that is not UTF-8, keys that are no text or binary or come twice, and a count beyond what the remaining bytes can hold.
  [[nodiscard]] Status parse(std::span<const std::byte> bytes) noexcept;
  [[nodiscard]] MsgpackValue root() const noexcept;
  [[nodiscard]] std::string_view last_error() const noexcept { return error_.view(); }

 private:
  friend class MsgpackValue;
  struct Node {
    std::uint64_t bits = 0;    // of a number; of text and binary the offset of the content
    std::uint32_t size = 0;    // bytes or elements
    std::uint32_t behind = 0;  // index of the node behind this value
    MsgpackType type = MsgpackType::nil;
    bool is_unsigned = false;  // an integer beyond int64
  };
  struct Level {
    std::uint32_t node = 0;
    std::uint64_t left = 0;  // values
    bool map = false;
  };

  bool read_header(Node& node) noexcept;
  bool take_value();
  bool close_levels();
  bool keys_differ(std::uint32_t map);
  bool read_word(std::size_t bytes, std::uint64_t& word) noexcept;
  template <class... Args>
  bool refuse(Status status, fmt::format_string<Args...> text, Args&&... args) noexcept;
  [[nodiscard]] std::span<const std::byte> content(const Node& node) const noexcept { return bytes_.subspan(node.bits, node.size); }

  MsgpackLimits limits_;
  std::span<const std::byte> bytes_;
  std::size_t offset_ = 0;
  std::vector<Node> nodes_;
  std::array<Level, 32> levels_{};
  std::size_t depth_ = 0;
  std::uint64_t promised_ = 0;  // values that headers announced
  std::vector<std::string_view> keys_;
  Status status_ = Status::ok;
  FixedText error_;
};

/// Writes one message as a list of pieces for a gathering write. What is handed to `reference` and `array` must outlive the message.
class MsgpackWriter {
 public:
  void clear() noexcept { message_.clear(); }

  void nil();
  void boolean(bool value);
  void integer(std::int64_t value);
  void real(double value);
  void text(std::string_view value);
  void binary(std::span<const std::byte> value);  ///< copied
  void begin_array(std::size_t elements);
  void begin_map(std::size_t pairs);
  /// A binary whose bytes stay where they are, but for a beginning that is copied.
  void reference(std::span<const std::byte> value, std::span<const std::byte> beginning = {});
  /// A numpy array; a binary's header in front of bytes that stay where they are. Throws Error for bf16, which numpy lacks.
  void array(const ConstTensorView& tensor);
  /// The same of a shape of its own; `bytes` as many as it says.
  void array(DType dtype, std::span<const std::int64_t> shape, std::span<const std::byte> bytes);

  /// The message in order; valid until the next change.
  [[nodiscard]] std::span<const std::span<const std::byte>> pieces() { return message_.views(); }
  [[nodiscard]] std::size_t size() const noexcept { return message_.size(); }
  /// Appends the message to `bytes`.
  void copy_to(std::vector<std::byte>& bytes);

 private:
  void put_word(std::uint8_t tag, std::uint64_t value, std::size_t bytes);
  void put_length(std::size_t size, std::uint8_t fix, std::size_t fix_below, std::uint8_t tag8, std::uint8_t tag16, std::uint8_t tag32);
  void key(std::string_view name);

  PieceList message_;
};

}  // namespace sinew::remote
