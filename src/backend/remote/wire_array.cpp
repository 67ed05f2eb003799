// SPDX-License-Identifier: Apache-2.0
#include "sinew/backend/remote/wire_array.hpp"

#include <array>
#include <utility>

namespace sinew::remote {

namespace {

constexpr std::array<std::pair<DType, std::string_view>, 8> kNames{{{DType::boolean, "|b1"},
                                                                    {DType::u8, "|u1"},
                                                                    {DType::i8, "|i1"},
                                                                    {DType::i32, "<i4"},
                                                                    {DType::i64, "<i8"},
                                                                    {DType::f16, "<f2"},
                                                                    {DType::f32, "<f4"},
                                                                    {DType::f64, "<f8"}}};

bool is_float(DType dtype) noexcept { return dtype == DType::f16 || dtype == DType::f32 || dtype == DType::f64; }

template <class To, class From>
void convert(std::span<const std::byte> from, std::span<std::byte> to) noexcept {
  const std::size_t count = from.size() / sizeof(From);
  for (std::size_t i = 0; i < count; ++i) {
    From value;
    std::memcpy(&value, from.data() + i * sizeof(From), sizeof(From));
    To converted;
    if constexpr (std::is_same_v<From, Float16> || std::is_same_v<To, Float16>)
      converted = static_cast<To>(static_cast<float>(value));
    else
      converted = static_cast<To>(value);
    std::memcpy(to.data() + i * sizeof(To), &converted, sizeof(To));
  }
}

template <class To>
void convert_from(DType from, std::span<const std::byte> bytes, std::span<std::byte> to) noexcept {
  if (from == DType::f16) return convert<To, Float16>(bytes, to);
  if (from == DType::f32) return convert<To, float>(bytes, to);
  convert<To, double>(bytes, to);
}

}  // namespace

std::string_view numpy_name(DType dtype) noexcept {
  for (const auto& [known, name] : kNames)
    if (known == dtype) return name;
  return {};
}

std::optional<DType> dtype_from_numpy(std::string_view name) noexcept {
  for (const auto& [dtype, known] : kNames)
    if (known == name) return dtype;
  return {};
}

std::optional<WireArray> wire_array(DType dtype, const Shape& shape, std::span<const std::byte> bytes) noexcept {
  const auto count = shape.checked_count();
  if (!count || bytes.size() % size_of(dtype) != 0 || static_cast<std::uint64_t>(*count) != bytes.size() / size_of(dtype)) return {};
  return WireArray{.dtype = dtype, .shape = shape, .bytes = bytes};
}

Status WireArray::copy_to(Tensor& tensor) const noexcept {
  const bool equal = tensor.dtype() == dtype;
  if (!tensor || (!equal && !(is_float(dtype) && is_float(tensor.dtype())))) return Status::bad_shape;
  if (const Status status = tensor.set_shape(shape); status != Status::ok) return status;
  const auto to = tensor.bytes();
  if (equal) {
    if (!bytes.empty()) std::memcpy(to.data(), bytes.data(), bytes.size());
  } else if (tensor.dtype() == DType::f16) {
    convert_from<Float16>(dtype, bytes, to);
  } else if (tensor.dtype() == DType::f32) {
    convert_from<float>(dtype, bytes, to);
  } else {
    convert_from<double>(dtype, bytes, to);
  }
  return Status::ok;
}

}  // namespace sinew::remote
