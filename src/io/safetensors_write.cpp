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

}  // namespace

void write_safetensors(const std::filesystem::path& path, std::span<const SafetensorsTensor> tensors,
                       const std::map<std::string, std::string>& metadata) {
  const Order order = checked_order(tensors, printable(path.string(), 512));
  Json::Object header;
  if (!metadata.empty()) {
    Json::Object texts;
    for (const auto& [key, value] : metadata) texts.emplace_back(key, value);
    header.emplace_back(std::string(kMetadata), std::move(texts));
  }
  std::vector<std::string_view> pieces(2);
  std::int64_t offset = 0;
  for (const SafetensorsTensor* tensor : order) {
    const auto end = offset + static_cast<std::int64_t>(tensor->bytes.size());
    header.emplace_back(tensor->name, Json::Object{{"dtype", kind_of(tensor->dtype).name},
                                                   {"shape", Json::Array(tensor->shape.begin(), tensor->shape.end())},
                                                   {"data_offsets", Json::Array{offset, end}}});
    offset = end;
    pieces.emplace_back(reinterpret_cast<const char*>(tensor->bytes.data()), tensor->bytes.size());
  }
  std::string text = to_text(header, 0);
  text.resize((text.size() + kLengthBytes - 1) / kLengthBytes * kLengthBytes, ' ');
  const auto length = std::bit_cast<std::array<char, kLengthBytes>>(std::uint64_t{text.size()});
  pieces[0] = {length.data(), length.size()};
  pieces[1] = text;
  write_file(path, pieces);
}

}  // namespace sinew
