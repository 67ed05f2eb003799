// SPDX-License-Identifier: Apache-2.0
#include "sinew/io/safetensors.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "safetensors_kinds.hpp"
#include "sinew/core/error.hpp"
#include "sinew/io/json.hpp"
#include "sinew/io/json_cursor.hpp"
#include "sinew/io/text.hpp"

namespace sinew {

using namespace safetensors;

namespace {

template <class T>
T read_at(std::span<const std::byte> bytes, std::size_t i) noexcept {
  T value;
  std::memcpy(&value, bytes.data() + i * sizeof(T), sizeof(T));
  return value;
}

double number_at(std::span<const std::byte> bytes, DType dtype, std::size_t i) noexcept {
  switch (dtype) {
    case DType::boolean: return read_at<std::uint8_t>(bytes, i) != 0 ? 1 : 0;
    case DType::u8: return read_at<std::uint8_t>(bytes, i);
    case DType::i8: return read_at<std::int8_t>(bytes, i);
    case DType::i32: return read_at<std::int32_t>(bytes, i);
    case DType::i64: return static_cast<double>(read_at<std::int64_t>(bytes, i));
    case DType::f16: return static_cast<float>(read_at<Float16>(bytes, i));
    case DType::bf16: return static_cast<float>(read_at<BFloat16>(bytes, i));
    case DType::f32: return read_at<float>(bytes, i);
    case DType::f64: return read_at<double>(bytes, i);
  }
  return 0;
}

SafetensorsView read_entry(const JsonCursor& entry, std::span<const std::byte> data) {
  entry.only_keys({"dtype", "shape", "data_offsets"});
  SafetensorsView view{.dtype = entry.at("dtype").text(), .shape = {}, .bytes = {}};
  for (const auto& size : entry.at("shape").elements()) view.shape.push_back(size.integer(0));
  const auto at = entry.at("data_offsets");
  const auto offsets = at.elements();
  if (offsets.size() != 2) at.refuse("two offsets");
  const auto end = static_cast<std::uint64_t>(offsets[1].integer(0));
  const auto begin = static_cast<std::uint64_t>(offsets[0].integer(0));
  if (begin > end || end > data.size()) at.refuse(fmt::format("a range within the {} bytes of data", data.size()));
  view.bytes = data.subspan(begin, end - begin);
  // The size of a type that we do not know cannot be checked, nor can anyone ask for such a tensor.
  const Kind* const kind = find_kind(view.dtype);
  if (!elements(view.shape)) entry.at("shape").refuse("a product of at most 2^62");
  if (kind != nullptr && bytes_of(view.shape, *kind) != view.bytes.size())
    at.refuse(fmt::format("as many bytes as the shape needs of {}", view.dtype));
  return view;
}

}  // namespace

std::size_t SafetensorsView::count() const noexcept { return static_cast<std::size_t>(elements(shape).value_or(0)); }

std::optional<DType> SafetensorsView::known_dtype() const noexcept {
  const Kind* const kind = find_kind(dtype);
  return kind == nullptr ? std::nullopt : kind->dtype;
}

SafetensorsFile::SafetensorsFile(const std::filesystem::path& path)
    : file_(path, std::numeric_limits<std::size_t>::max()), where_(printable(path.string(), 512)) {
  parse(file_.bytes());
}

SafetensorsFile::SafetensorsFile(std::span<const std::byte> bytes, const std::string& where) : where_(where) { parse(bytes); }

void SafetensorsFile::parse(std::span<const std::byte> bytes) {
  if (bytes.size() < kLengthBytes)
    fail(ErrorCode::parse, {where_, "safetensors", "8 bytes of header length", fmt::format("{} bytes", bytes.size()), ""});
  const auto length = read_at<std::uint64_t>(bytes, 0);
  if (length > kMaxHeader)
    fail(ErrorCode::limit, {where_, "safetensors header", fmt::format("at most {} bytes", kMaxHeader), std::to_string(length), ""});
  if (length > bytes.size() - kLengthBytes)
    fail(ErrorCode::parse, {where_, "safetensors header", fmt::format("{} bytes", length),
                            fmt::format("{} in the file", bytes.size() - kLengthBytes), "it was cut off"});
  const std::string_view header(reinterpret_cast<const char*>(bytes.data()) + kLengthBytes, length);
  if (!header.starts_with('{')) fail(ErrorCode::parse, {where_, "safetensors header", "'{' at its begin", "something else", ""});
  const Json document = Json::parse(header, where_, {.max_bytes = kMaxHeader, .max_depth = 8, .max_nodes = 4'000'000});
  const auto data = bytes.subspan(kLengthBytes + length);
  for (const auto& [name, entry] : JsonCursor(document, where_).members()) {
    if (name == kMetadata) {
      for (const auto& [key, value] : entry.members()) metadata_.emplace(key, value.text());
    } else {
      tensors_.emplace(name, read_entry(entry, data));
    }
  }
  std::vector<const decltype(tensors_)::value_type*> order;
  for (const auto& tensor : tensors_) order.push_back(&tensor);
  std::ranges::sort(order, [](const auto* a, const auto* b) {
    const auto &one = a->second.bytes, &two = b->second.bytes;
    return one.data() != two.data() ? one.data() < two.data() : one.size() < two.size();
  });
  const std::byte* next = data.data();
  for (const auto* tensor : order) {
    if (tensor->second.bytes.data() != next)
      fail(ErrorCode::parse, {where_, fmt::format("tensor {}", quote(tensor->first)), "data right behind the tensor before it",
                              tensor->second.bytes.data() < next ? "an overlap" : "a gap", ""});
    next += tensor->second.bytes.size();
  }
  if (next != data.data() + data.size())
    fail(ErrorCode::parse, {where_, "data", "tensors up to the end of the file",
                            fmt::format("{} bytes behind the last", data.data() + data.size() - next), ""});
}

const SafetensorsView& SafetensorsFile::at(std::string_view name) const {
  const auto found = tensors_.find(name);
  if (found != tensors_.end()) return found->second;
  std::vector<std::string_view> names;
  for (const auto& [key, unused] : tensors_) names.push_back(key);
  const auto near = nearest_name(name, names);
  fail(ErrorCode::not_found, {where_, fmt::format("tensor {}", quote(name)), "one of the file's", "no such tensor",
                              near.empty() ? "" : fmt::format("did you mean {}?", quote(near))});
}

std::span<const std::byte> SafetensorsFile::checked(std::string_view name, DType dtype, std::size_t alignment) const {
  const SafetensorsView& view = at(name);
  if (view.known_dtype() != dtype)
    fail(ErrorCode::invalid_argument, {where_, fmt::format("tensor {}", quote(name)), kind_of(dtype).name, quote(view.dtype), ""});
  if (reinterpret_cast<std::uintptr_t>(view.bytes.data()) % alignment != 0)
    fail(ErrorCode::unsupported, {where_, fmt::format("tensor {}", quote(name)), fmt::format("data aligned to {} bytes", alignment),
                                  "another place in the file", "copy its bytes, or write the file anew"});
  return view.bytes;
}

std::vector<double> SafetensorsFile::doubles(std::string_view name) const {
  const SafetensorsView& view = at(name);
  const auto dtype = view.known_dtype();
  if (!dtype)
    fail(ErrorCode::unsupported,
         {where_, fmt::format("dtype of tensor {}", quote(name)), "one that Sinew has, e.g. F32 or I64", quote(view.dtype), ""});
  std::vector<double> values(view.count());
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = number_at(view.bytes, *dtype, i);
    if (*dtype == DType::i64 && std::abs(values[i]) > 0x1p53)
      fail(ErrorCode::unsupported,
           {where_, fmt::format("tensor {}", quote(name)), "integers up to 2^53", fmt::format("{}", values[i]), ""});
  }
  return values;
}

}  // namespace sinew
