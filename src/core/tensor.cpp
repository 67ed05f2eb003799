// SPDX-License-Identifier: Apache-2.0
#include "sinew/core/tensor.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstring>
#include <new>
#include <utility>

#include "sinew/core/error.hpp"
#include "sinew/core/tensor_map.hpp"
#include "sinew/core/tensor_spec.hpp"

namespace sinew {

Shape::Shape(std::span<const std::int64_t> dims) {
  if (dims.size() > kMaxRank)
    fail(ErrorCode::invalid_argument, {"Shape", "rank", fmt::format("at most {}", kMaxRank), std::to_string(dims.size()), ""});
  for (const auto dim : dims) {
    if (dim < 0) fail(ErrorCode::invalid_argument, {"Shape", "dimension", "0 or more", std::to_string(dim), ""});
    dims_[rank_++] = dim;
  }
}

std::optional<std::int64_t> Shape::checked_count() const noexcept {
  std::int64_t count = 1;
  bool zero = false;
  for (const auto dim : dims()) {
    if (dim == 0) {
      zero = true;
    } else if (__builtin_mul_overflow(count, dim, &count)) {
      return std::nullopt;
    }
  }
  return zero ? 0 : count;
}

bool Shape::fits_in(const Shape& capacity) const noexcept {
  if (rank_ != capacity.rank_) return false;
  for (std::size_t axis = 0; axis < rank_; ++axis)
    if (dims_[axis] > capacity.dims_[axis]) return false;
  return true;
}

std::string to_string(const Shape& shape) { return fmt::format("[{}]", fmt::join(shape.dims(), ", ")); }

void Tensor::Free::operator()(std::byte* data) const noexcept { ::operator delete[](data, std::align_val_t{kAlignment}); }

Tensor::Tensor(DType dtype, const Shape& capacity) : dtype_(dtype), capacity_(capacity), shape_(capacity) {
  constexpr std::int64_t kMaxBytes = std::int64_t{1} << 40;
  const auto count = capacity.checked_count();
  if (!count || *count > kMaxBytes / static_cast<std::int64_t>(size_of(dtype)))
    fail(ErrorCode::limit, {"Tensor", "capacity", "at most 2^40 bytes", to_string(capacity), ""});
  const std::size_t bytes = static_cast<std::size_t>(*count) * size_of(dtype);
  data_.reset(static_cast<std::byte*>(::operator new[](bytes > 0 ? bytes : 1, std::align_val_t{kAlignment})));
  std::memset(data_.get(), 0, bytes);
}

Tensor::Tensor(const Tensor& other) {
  if (!other) return;
  *this = Tensor(other.dtype_, other.capacity_);
  shape_ = other.shape_;
  std::memcpy(data_.get(), other.data_.get(), other.size_bytes());
}

Tensor& Tensor::operator=(const Tensor& other) {
  if (this != &other) *this = Tensor(other);
  return *this;
}

Tensor::Tensor(Tensor&& other) noexcept
    : data_(std::move(other.data_)),
      dtype_(other.dtype_),
      capacity_(std::exchange(other.capacity_, Shape{0})),
      shape_(std::exchange(other.shape_, Shape{0})) {}

Tensor& Tensor::operator=(Tensor&& other) noexcept {
  data_ = std::move(other.data_);
  dtype_ = other.dtype_;
  capacity_ = std::exchange(other.capacity_, Shape{0});
  shape_ = std::exchange(other.shape_, Shape{0});
  return *this;
}

Status Tensor::set_shape(const Shape& shape) noexcept {
  if (shape.rank() != capacity_.rank()) return Status::bad_shape;
  if (!shape.fits_in(capacity_)) return Status::over_capacity;
  shape_ = shape;
  return Status::ok;
}

Tensor& TensorMap::add(std::string name, Tensor tensor) {
  if (name.empty()) fail(ErrorCode::invalid_argument, {"TensorMap::add", "name", "a name", "an empty one", ""});
  if (contains(name))
    fail(ErrorCode::invalid_argument,
         {"TensorMap::add", fmt::format("tensor '{}'", name), "a new name", "one that is present already", ""});
  return entries_.emplace_back(Entry{std::move(name), std::move(tensor)}).tensor;
}

const Tensor* TensorMap::find(std::string_view name) const noexcept {
  for (const auto& entry : entries_)
    if (entry.name == name) return &entry.tensor;
  return nullptr;
}

Tensor* TensorMap::find(std::string_view name) noexcept { return const_cast<Tensor*>(std::as_const(*this).find(name)); }

const Tensor& TensorMap::operator[](std::string_view name) const noexcept {
  const Tensor* found = find(name);
  return found != nullptr ? *found : missing_;
}

Tensor& TensorMap::operator[](std::string_view name) noexcept {
  Tensor* found = find(name);
  if (found != nullptr) return *found;
  missing_ = Tensor();  // someone may have assigned to what an earlier look-up gave
  return missing_;
}

std::string to_string(const TensorSpec& spec) {
  return fmt::format("{} {} {}", spec.name, to_string(spec.dtype), to_string(spec.capacity));
}

const TensorSpec* find_spec(const TensorSpecs& specs, std::string_view name) noexcept {
  for (const auto& spec : specs)
    if (spec.name == name) return &spec;
  return nullptr;
}

TensorMap make_tensors(const TensorSpecs& specs) {
  TensorMap tensors;
  for (const auto& spec : specs) tensors.add(spec.name, Tensor(spec.dtype, spec.capacity));
  return tensors;
}

Status check_tensor(const TensorSpec& spec, const Tensor& tensor) noexcept {
  if (!tensor) return Status::missing;
  if (tensor.dtype() != spec.dtype || tensor.shape().rank() != spec.capacity.rank()) return Status::bad_shape;
  return tensor.shape().fits_in(spec.capacity) ? Status::ok : Status::over_capacity;
}

}  // namespace sinew
