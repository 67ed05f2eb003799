// SPDX-License-Identifier: Apache-2.0
// The writer of safetensors files.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>

#include "safetensors_kinds.hpp"
#include "sinew/core/error.hpp"
#include "sinew/io/json.hpp"
#include "sinew/io/safetensors.hpp"
#include "sinew/io/text.hpp"

namespace sinew {

using namespace safetensors;

namespace {

using Order = std::vector<const SafetensorsTensor*>;

/// In the order of the reference library. Throws Error for what no reader would take.
Order checked_order(std::span<const SafetensorsTensor> tensors, const std::string& where) {
  Order order;
  std::vector<std::string_view> names;
  for (const SafetensorsTensor& tensor : tensors) {
    const std::string what = fmt::format("tensor {}", quote(tensor.name));
    if (tensor.name.empty() || tensor.name == kMetadata || !is_utf8(tensor.name))
      fail(ErrorCode::invalid_argument, {where, what, "a name in UTF-8 that is not reserved", "another", ""});
    if (tensor.shape.size() > kMaxRank)
      fail(ErrorCode::limit, {where, what, fmt::format("at most {} dimensions", kMaxRank), std::to_string(tensor.shape.size()), ""});
    if (bytes_of(tensor.shape, kind_of(tensor.dtype)) != tensor.bytes.size())
      fail(ErrorCode::invalid_argument, {where, what, "as many bytes as the shape needs", std::to_string(tensor.bytes.size()), ""});
    order.push_back(&tensor);
    names.push_back(tensor.name);
  }
  std::ranges::sort(names);
  if (const auto twice = std::ranges::adjacent_find(names); twice != names.end())
    fail(ErrorCode::invalid_argument, {where, "tensor names", "each once", fmt::format("{} twice", quote(*twice)), ""});
  std::ranges::sort(order, [](const auto* a, const auto* b) {
    const Kind *one = &kind_of(a->dtype), *two = &kind_of(b->dtype);
    return one != two ? one > two : a->name < b->name;
  });
  return order;
}

/// Length, header and data, one behind the other.
struct Layout {
  std::array<char, kLengthBytes> length;
  std::string header;
  Order order;

  Layout(std::span<const SafetensorsTensor> tensors, const std::map<std::string, std::string>& metadata, const std::string& where);

  [[nodiscard]] std::vector<std::string_view> pieces() const {
    std::vector<std::string_view> all = {{length.data(), length.size()}, header};
    for (const SafetensorsTensor* tensor : order)
      all.emplace_back(reinterpret_cast<const char*>(tensor->bytes.data()), tensor->bytes.size());
    return all;
  }
};

Layout::Layout(std::span<const SafetensorsTensor> tensors, const std::map<std::string, std::string>& metadata, const std::string& where)
    : order(checked_order(tensors, where)) {
  Json::Object members;
  if (!metadata.empty()) {
    Json::Object texts;
    for (const auto& [key, value] : metadata) texts.emplace_back(key, value);
    members.emplace_back(std::string(kMetadata), std::move(texts));
  }
  std::int64_t offset = 0;
  for (const SafetensorsTensor* tensor : order) {
    const auto end = offset + static_cast<std::int64_t>(tensor->bytes.size());
    members.emplace_back(tensor->name, Json::Object{{"dtype", kind_of(tensor->dtype).name},
                                                    {"shape", Json::Array(tensor->shape.begin(), tensor->shape.end())},
                                                    {"data_offsets", Json::Array{offset, end}}});
    offset = end;
  }
  header = to_text(members, 0);
  header.resize((header.size() + kLengthBytes - 1) / kLengthBytes * kLengthBytes, ' ');
  if (constexpr std::size_t kMost = SafetensorsOptions{}.max_header; header.size() > kMost)
    fail(ErrorCode::limit, {where, "safetensors header", fmt::format("at most {} bytes", kMost), std::to_string(header.size()), ""});
  length = std::bit_cast<std::array<char, kLengthBytes>>(std::uint64_t{header.size()});
}

}  // namespace

std::vector<std::byte> to_safetensors(std::span<const SafetensorsTensor> tensors, const std::map<std::string, std::string>& metadata) {
  const Layout layout(tensors, metadata, "to_safetensors");
  std::vector<std::byte> file;
  for (const std::string_view piece : layout.pieces()) {
    const auto bytes = std::as_bytes(std::span(piece));
    file.insert(file.end(), bytes.begin(), bytes.end());
  }
  return file;
}

void write_safetensors(const std::filesystem::path& path, std::span<const SafetensorsTensor> tensors,
                       const std::map<std::string, std::string>& metadata) {
  write_file(path, Layout(tensors, metadata, printable(path.string(), 512)).pieces());
}

}  // namespace sinew
