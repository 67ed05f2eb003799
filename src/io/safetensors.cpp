// SPDX-License-Identifier: Apache-2.0
#include "sinew/io/safetensors.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <new>
#include <utility>

#include "safetensors_header.hpp"
#include "safetensors_kinds.hpp"
#include "sinew/core/error.hpp"
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

/// Other bytes than 0 and 1 are no values of a C++ bool.
void check_booleans(const SafetensorsView& view, const std::string& where, std::string_view name) {
  if (std::ranges::any_of(view.bytes, [](std::byte value) { return value > std::byte{1}; }))
    fail(ErrorCode::parse, {where, fmt::format("tensor {}", quote(name)), "0 or 1 in each byte of BOOL", "another", ""});
}

/// Tensors are 64-byte aligned, and so is the data of a file as a whole.
std::shared_ptr<std::byte[]> allocate_aligned(std::size_t bytes) {
  constexpr std::align_val_t kAlignment{64};
  return {static_cast<std::byte*>(::operator new[](std::max<std::size_t>(bytes, 1), kAlignment)),
          [](std::byte* data) { ::operator delete[](data, kAlignment); }};
}

}  // namespace

std::size_t SafetensorsView::count() const noexcept { return static_cast<std::size_t>(elements(shape).value_or(0)); }

std::optional<DType> SafetensorsView::known_dtype() const noexcept {
  const Kind* const kind = find_kind(dtype);
  return kind == nullptr ? std::nullopt : kind->dtype;
}

SafetensorsFile::SafetensorsFile(const std::filesystem::path& path, const SafetensorsOptions& options)
    : where_(printable(path.string(), 512)) {
  if (options.map) {
    file_ = MappedFile(path, std::numeric_limits<std::size_t>::max());
    parse(file_.bytes(), options);
    return;
  }
  const RandomAccessFile file(path, options.max_bytes);
  Header header = read_header(file, options.max_header);
  const std::size_t offset = header.data_offset, size = file.size() - offset;
  data_ = allocate_aligned(size);
  file.read(offset, {data_.get(), size});
  adopt(std::move(header), {data_.get(), size});
}

SafetensorsFile::SafetensorsFile(std::span<const std::byte> bytes, const std::string& where, const SafetensorsOptions& options)
    : where_(where) {
  parse(bytes, options);
}

void SafetensorsFile::parse(std::span<const std::byte> bytes, const SafetensorsOptions& options) {
  const std::size_t length = header_length(bytes, bytes.size(), options.max_header, where_);
  const auto data = bytes.subspan(kLengthBytes + length);
  adopt(parse_header({reinterpret_cast<const char*>(bytes.data()) + kLengthBytes, length}, data.size(), where_), data);
}

void SafetensorsFile::adopt(Header header, std::span<const std::byte> data) {
  metadata_ = std::move(header.metadata);
  for (HeaderTensor& tensor : header.tensors)
    tensors_.emplace_hint(
        tensors_.end(), std::move(tensor.name),
        SafetensorsView{std::string(tensor.kind->name), std::move(tensor.shape), data.subspan(tensor.begin, tensor.end - tensor.begin)});
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
  if (dtype == DType::boolean) check_booleans(view, where_, name);
  return view.bytes;
}

std::vector<double> SafetensorsFile::doubles(std::string_view name) const {
  const SafetensorsView& view = at(name);
  const auto dtype = view.known_dtype();
  if (!dtype)
    fail(ErrorCode::unsupported,
         {where_, fmt::format("dtype of tensor {}", quote(name)), "one that Sinew has, e.g. F32 or I64", quote(view.dtype), ""});
  if (*dtype == DType::boolean) check_booleans(view, where_, name);
  std::vector<double> values(view.count());
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = number_at(view.bytes, *dtype, i);
    if (*dtype != DType::i64) continue;
    constexpr std::int64_t kExact = std::int64_t{1} << 53;  // looked at as an integer: the double of 2^53 + 1 is 2^53
    if (const auto stored = read_at<std::int64_t>(view.bytes, i); stored < -kExact || stored > kExact)
      fail(ErrorCode::unsupported, {where_, fmt::format("tensor {}", quote(name)), "integers up to 2^53", std::to_string(stored), ""});
  }
  return values;
}

}  // namespace sinew
