// SPDX-License-Identifier: Apache-2.0
// Tensors: an owning one with a capacity and a current shape, and views of memory that someone else owns.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <type_traits>

#include "sinew/core/assert.hpp"
#include "sinew/core/dtype.hpp"
#include "sinew/core/shape.hpp"
#include "sinew/core/status.hpp"

namespace sinew {

/// A contiguous row-major tensor in memory that someone else owns. `Byte` is std::byte or const std::byte.
template <class Byte>
class BasicTensorView {
 public:
  template <class T>
  using Like = std::conditional_t<std::is_const_v<Byte>, const T, T>;

  BasicTensorView() = default;
  /// `data` must hold shape.count() elements, aligned for their type.
  BasicTensorView(Byte* data, DType dtype, const Shape& shape) noexcept : data_(data), dtype_(dtype), shape_(shape) {}
  /// A view of mutable bytes serves where constant ones are wanted. A template, so that it is never the copy constructor.
  template <std::same_as<std::byte> Mutable>
    requires std::is_const_v<Byte>
  BasicTensorView(const BasicTensorView<Mutable>& other) noexcept : data_(other.data()), dtype_(other.dtype()), shape_(other.shape()) {}

  [[nodiscard]] explicit operator bool() const noexcept { return data_ != nullptr; }
  [[nodiscard]] Byte* data() const noexcept { return data_; }
  [[nodiscard]] DType dtype() const noexcept { return dtype_; }
  [[nodiscard]] const Shape& shape() const noexcept { return shape_; }
  [[nodiscard]] std::size_t size_bytes() const noexcept { return data_ ? shape_.count() * size_of(dtype_) : 0; }
  [[nodiscard]] std::span<Byte> bytes() const noexcept { return {data_, size_bytes()}; }
  /// The elements as `T`; empty when `T` is another dtype.
  template <Element T>
  [[nodiscard]] std::span<Like<T>> as() const noexcept {
    if (dtype_ != dtype_v<T> || data_ == nullptr) return {};
    return {reinterpret_cast<Like<T>*>(data_), shape_.count()};
  }

 private:
  Byte* data_ = nullptr;
  DType dtype_ = DType::f32;
  Shape shape_{0};
};

using TensorView = BasicTensorView<std::byte>;             ///< of bytes that may be written
using ConstTensorView = BasicTensorView<const std::byte>;  ///< of bytes that are read

/// An owning tensor: 64-byte aligned, allocated once for its capacity, row-major and dense in its current shape.
class Tensor {
 public:
  static constexpr std::size_t kAlignment = 64;

  Tensor() = default;
  /// Allocates zeros for the maximum of every dimension; the current shape is the capacity. Throws Error when that is
  /// more than `2^40` bytes.
  Tensor(DType dtype, const Shape& capacity);
  Tensor(const Tensor& other);
  Tensor& operator=(const Tensor& other);
  Tensor(Tensor&& other) noexcept;
  Tensor& operator=(Tensor&& other) noexcept;
  ~Tensor() = default;

  /// False for a default-constructed tensor, which is what a look-up of an unknown name gives.
  [[nodiscard]] explicit operator bool() const noexcept { return data_ != nullptr; }
  [[nodiscard]] DType dtype() const noexcept { return dtype_; }
  [[nodiscard]] const Shape& shape() const noexcept { return shape_; }
  [[nodiscard]] const Shape& capacity() const noexcept { return capacity_; }
  /// Sets the current shape. `bad_shape` for another rank, `over_capacity` when a dimension exceeds its maximum;
  /// then nothing changes.
  [[nodiscard]] Status set_shape(const Shape& shape) noexcept;

  [[nodiscard]] std::size_t size_bytes() const noexcept { return data_ ? shape_.count() * size_of(dtype_) : 0; }
  [[nodiscard]] std::span<std::byte> bytes() noexcept { return {data_.get(), size_bytes()}; }
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return {data_.get(), size_bytes()}; }
  /// The elements as `T`; empty when `T` is another dtype. Valid until the tensor is moved or destroyed.
  template <Element T>
  [[nodiscard]] std::span<T> as() noexcept {
    return view().as<T>();
  }
  template <Element T>
  [[nodiscard]] std::span<const T> as() const noexcept {
    return view().as<T>();
  }
  [[nodiscard]] TensorView view() noexcept { return {data_.get(), dtype_, shape_}; }
  [[nodiscard]] ConstTensorView view() const noexcept { return {data_.get(), dtype_, shape_}; }

 private:
  struct Free {
    void operator()(std::byte* data) const noexcept;
  };
  std::unique_ptr<std::byte[], Free> data_;
  DType dtype_ = DType::f32;
  Shape capacity_{0};
  Shape shape_{0};
};

}  // namespace sinew
