// SPDX-License-Identifier: Apache-2.0
#include "sinew/backend/remote/npy.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <string>
#include <string_view>

#include "sinew/core/error.hpp"

namespace sinew::remote {

namespace {

constexpr std::string_view kMagic = "\x93NUMPY";

/// A cursor over the dictionary that numpy writes with repr().
class Header {
 public:
  explicit Header(std::string_view text) noexcept : text_(text) {}

  bool take(std::string_view expected) noexcept {
    if (!text_.starts_with(expected)) return false;
    text_.remove_prefix(expected.size());
    return true;
  }
  /// What lies before the next `end`, which is taken too.
  std::string_view until(char end) noexcept {
    const auto size = std::min(text_.find(end), text_.size());
    const auto found = text_.substr(0, size);
    text_.remove_prefix(std::min(size + 1, text_.size()));
    return found;
  }
  bool take_dim(std::int64_t& dim) noexcept {
    const auto [end, problem] = std::from_chars(text_.data(), text_.data() + text_.size(), dim);
    if (problem != std::errc() || dim < 0 || text_.front() == '-') return false;
    text_.remove_prefix(static_cast<std::size_t>(end - text_.data()));
    return true;
  }
  /// Spaces and one line feed, which is the end.
  bool ends() noexcept { return !text_.empty() && text_.find_first_not_of(' ') == text_.size() - 1 && text_.back() == '\n'; }

 private:
  std::string_view text_;
};

bool take_shape(Header& header, std::array<std::int64_t, Shape::kMaxRank>& dims, std::size_t& rank) noexcept {
  if (!header.take("(")) return false;
  for (rank = 0; !header.take(")"); ++rank) {
    if (rank == dims.size() || (rank > 0 && !header.take(rank == 1 ? "," : ", "))) return false;
    if (rank == 1) {  // "(3,)" has its comma behind the only dimension
      if (header.take(")")) return true;
      if (!header.take(" ")) return false;
    }
    if (!header.take_dim(dims[rank])) return false;
  }
  return rank != 1;
}

}  // namespace

Status read_npy(std::span<const std::byte> bytes, WireArray& array, FixedText& error) noexcept {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const auto refuse = [&](std::string_view expected) {
    error.format("[npy] array: expected {}, got something else", expected);
    return Status::bad_shape;
  };
  if (bytes.size() < 10 || !text.starts_with(kMagic)) return refuse("numpy's magic and a version");
  const auto byte = [&](std::size_t at) { return std::to_integer<std::size_t>(bytes[at]); };
  const std::size_t version = byte(6), wide = version == 1 ? 2 : 4, begin = 8 + wide;
  if (version < 1 || version > 3 || byte(7) != 0 || bytes.size() < begin) return refuse("version 1.0, 2.0 or 3.0");
  std::size_t size = 0;
  for (std::size_t i = 0; i < wide; ++i) size |= byte(8 + i) << (8 * i);
  if (size == 0 || size > bytes.size() - begin) return refuse("a header within the bytes");

  Header header(text.substr(begin, size));
  if (!header.take("{'descr': '")) return refuse("the entry 'descr' as text");
  const auto dtype = dtype_from_numpy(header.until('\''));
  if (!dtype) return refuse("bool, a little-endian integer or float that a tensor can hold");
  if (!header.take(", 'fortran_order': ")) return refuse("the entry 'fortran_order'");
  const bool fortran = header.take("True");
  if (!fortran && !header.take("False")) return refuse("'fortran_order' True or False");
  if (!header.take(", 'shape': ")) return refuse("the entry 'shape'");
  std::array<std::int64_t, Shape::kMaxRank> dims{};
  std::size_t rank = 0;
  if (!take_shape(header, dims, rank)) return refuse("a shape of at most 8 sizes from 0, as a tuple");
  if (!header.take(", }") || !header.ends()) return refuse("the end of the header");
  if (fortran && rank > 1) return refuse("C order");
  const auto view = wire_array(*dtype, Shape(std::span<const std::int64_t>(dims.data(), rank)), bytes.subspan(begin + size));
  if (!view) return refuse("as many bytes as the shape says");
  array = *view;
  return Status::ok;
}

std::vector<std::byte> npy_header(DType dtype, std::span<const std::int64_t> shape) {
  const auto name = numpy_name(dtype);
  if (name.empty()) fail(ErrorCode::unsupported, {"npy", "element type", "one that numpy has", std::string(to_string(dtype)), "send f32"});
  std::string dims;
  for (const std::int64_t dim : shape) dims += fmt::format("{}{}", dims.empty() ? "" : ", ", dim);
  if (shape.size() == 1) dims += ",";
  std::string text = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}", name, dims);
  constexpr std::size_t kBefore = 10;
  text.append(63 - (kBefore + text.size()) % 64, ' ');
  text += '\n';
  std::string header(kMagic);
  header += {'\x01', '\0', static_cast<char>(text.size() & 0xFF), static_cast<char>(text.size() >> 8)};
  header += text;
  const auto bytes = std::as_bytes(std::span(header));
  return {bytes.begin(), bytes.end()};
}

}  // namespace sinew::remote
