// SPDX-License-Identifier: Apache-2.0
// Set-up, views, copies and caches. Norms and element-wise work are in cpu_rows.cpp, products and attention in cpu_matrix.cpp.
#include "sinew/backend/cpu/cpu_ops.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "cpu_checks.hpp"
#include "kernels/rows.hpp"
#include "sinew/core/assert.hpp"
#include "sinew/core/error.hpp"
#include "thread_pool.hpp"

namespace sinew {

using detail::as_size;
using detail::dense_rows;
using detail::require;
using detail::require_rows;
using detail::row_kernels;

namespace {

/// Calls work(offset of x, offset of y) for every row of two tensors of equal shape; not for rows without elements, whose memory may be
/// none.
template <class Work>
void for_rows(const CpuTensor& x, const CpuTensor& y, const Work& work) {
  if (x.count() == 0) return;
  std::array<std::int64_t, CpuTensor::kMaxRank> at{};
  const std::size_t outer = x.rank() - 1;
  for (std::int64_t row = 0, rows = x.rows(); row < rows; ++row) {
    std::int64_t from_x = 0, from_y = 0;
    for (std::size_t axis = 0; axis < outer; ++axis) {
      from_x += at[axis] * x.stride(static_cast<std::int64_t>(axis));
      from_y += at[axis] * y.stride(static_cast<std::int64_t>(axis));
    }
    work(from_x, from_y);
    for (std::size_t axis = outer; axis-- > 0;) {
      if (++at[axis] < x.size(static_cast<std::int64_t>(axis))) break;
      at[axis] = 0;
    }
  }
}

}  // namespace

CpuOps::CpuOps(const CpuOptions& options) : options_(options) {
  if (options.weights != DType::f32 && options.weights != DType::bf16)
    fail(ErrorCode::unsupported, {"CpuOps", "dtype of weights", "f32 or bf16", to_string(options.weights), ""});
  if (options.threads < 1 || options.threads > 256)
    fail(ErrorCode::invalid_argument, {"CpuOps", "threads", "1 to 256", fmt::format("{}", options.threads), ""});
  if (options.threads > 1) threads_ = std::make_unique<ThreadPool>(options.threads);
}
CpuOps::CpuOps(CpuOps&&) noexcept = default;
CpuOps& CpuOps::operator=(CpuOps&&) noexcept = default;
CpuOps::~CpuOps() = default;

CpuTensor CpuOps::outside(float* data, std::span<const std::int64_t> sizes, bool writable) {
  require(!sizes.empty() && sizes.size() <= CpuTensor::kMaxRank, "CpuOps", "rank 1 to 4");
  CpuTensor x;
  x.data_ = data;
  x.rank_ = static_cast<std::uint8_t>(sizes.size());
  x.writable_ = writable;
  std::int64_t stride = 1;
  for (std::size_t axis = sizes.size(); axis-- > 0;) {
    x.sizes_[axis] = sizes[axis];
    x.strides_[axis] = stride;
    stride *= sizes[axis];
  }
  return x;
}

CpuTensor CpuOps::make(std::span<const std::int64_t> sizes) {
  CpuTensor x = outside(nullptr, sizes, true);
  x.data_ = reinterpret_cast<float*>(arena_.allocate(as_size(x.count()) * sizeof(float)));
  x.place_ = arena_.live() - 1;
  x.serial_ = arena_.serial();
  return x;
}

void CpuOps::check(const Tensor& x, const char* operation) const {
  require(x.rank_ != 0, operation, "a tensor");
  SINEW_ASSERT(x.serial_ == 0 || arena_.is_live(x.place_, x.serial_));  // the scope that it was made in has ended
}

void CpuOps::check_writable(const Tensor& x, const char* operation) const {
  check(x, operation);
  require(x.writable_, operation, "a tensor that may be written, not the caller's numbers or a parameter");
}

CpuParameter CpuOps::parameter(std::span<const float> values, const Shape& shape) {
  require(values.size() == shape.count(), "parameter", "as many values as the shape has");
  CpuParameter parameter{CpuBuffer(values.size_bytes()), shape};
  if (!values.empty()) std::memcpy(parameter.values.data(), values.data(), values.size_bytes());
  return parameter;
}

CpuTensor CpuOps::view(const Parameter& parameter) {
  return outside(reinterpret_cast<float*>(parameter.values.data()), parameter.shape.dims(), false);
}

CpuTensor CpuOps::upload(std::span<const float> values, const Shape& shape) {
  require(values.size() == shape.count(), "upload", "as many values as the shape has");
  return outside(const_cast<float*>(values.data()), shape.dims(), false);
}

void CpuOps::download(const Tensor& x, std::span<float> values) {
  check(x, "download");
  require(values.size() == as_size(x.count()) && dense_rows(x), "download", "as many values as the tensor has");
  const Tensor out = outside(values.data(), x.shape().dims(), true);
  for_rows(x, out, [&](std::int64_t from, std::int64_t to) { std::copy_n(x.data_ + from, x.width(), out.data_ + to); });
}

CpuTensor CpuOps::reshape(const Tensor& x, const Shape& shape) {
  check(x, "reshape");
  require(static_cast<std::int64_t>(shape.count()) == x.count(), "reshape", "a shape of the same number of elements");
  Tensor y = outside(x.data_, shape.dims(), x.writable_);
  y.place_ = x.place_;
  y.serial_ = x.serial_;
  if (x.dense()) return y;
  // As views go: each run of new axes must lie within one run of old axes that continue each other.
  std::size_t old = x.rank_, fresh = y.rank_;
  while (old > 0 && fresh > 0) {
    const std::int64_t inner = x.strides_[old - 1];
    std::int64_t old_count = x.sizes_[--old];
    while (old > 0 && x.strides_[old - 1] == inner * old_count) old_count *= x.sizes_[--old];
    std::int64_t count = 1;
    while (fresh > 0 && count < old_count) {
      y.strides_[--fresh] = inner * count;
      count *= y.sizes_[fresh];
    }
    require(count == old_count, "reshape", "axes that continue each other in memory");
  }
  for (; fresh > 0; --fresh) require(y.sizes_[fresh - 1] == 1, "reshape", "axes that continue each other in memory");
  return y;
}

CpuTensor CpuOps::slice(const Tensor& x, std::int64_t axis, std::int64_t begin, std::int64_t end) {
  check(x, "slice");
  require(axis >= 0 && axis < static_cast<std::int64_t>(x.rank_) && 0 <= begin && begin <= end && end <= x.size(axis), "slice",
          "a range within the axis");
  Tensor y = x;
  y.data_ += begin * x.stride(axis);
  y.sizes_[as_size(axis)] = end - begin;
  return y;
}

CpuTensor CpuOps::expand(const Tensor& x, std::int64_t count) {
  check(x, "expand");
  require(x.rank_ < CpuTensor::kMaxRank && count >= 0, "expand", "rank 1 to 3");
  Tensor y = x;
  y.rank_ = static_cast<std::uint8_t>(x.rank_ + 1);
  y.writable_ = false;  // several entries are one
  for (std::size_t axis = x.rank_; axis-- > 0;) {
    y.sizes_[axis + 1] = x.sizes_[axis];
    y.strides_[axis + 1] = x.strides_[axis];
  }
  y.sizes_[0] = count;
  y.strides_[0] = 0;
  return y;
}

CpuTensor CpuOps::Scope::keep(const Tensor& x) {
  CpuOps& ops = *ops_;
  ops.check(x, "keep");
  const Tensor from = x.dense() ? x : ops.copy(x);
  ops.arena_.release(mark_);
  ops_ = nullptr;
  // The memory is still there; the new place begins at or before the old one.
  const Tensor to = ops.make(x.shape().dims());
  if (to.data_ != from.data_ && from.count() > 0) std::memmove(to.data_, from.data_, as_size(from.count()) * sizeof(float));
  return to;
}

CpuTensor CpuOps::copy(const Tensor& x) {
  check(x, "copy");
  const Tensor out = make(x.shape().dims());
  copy_into(out, x);
  return out;
}

void CpuOps::copy_into(const Tensor& x, const Tensor& y) {
  check_writable(x, "copy_into");
  check(y, "copy_into");
  require(x.shape() == y.shape() && dense_rows(x) && dense_rows(y), "copy_into", "equal shapes with dense rows");
  for_rows(x, y, [&](std::int64_t to, std::int64_t from) { std::copy_n(y.data_ + from, x.width(), x.data_ + to); });
}

CpuTensor CpuOps::concat(std::int64_t axis, std::initializer_list<Tensor> parts) {
  require(parts.size() > 0, "concat", "at least one tensor");
  const Tensor& first = *parts.begin();
  require(axis >= 0 && axis < static_cast<std::int64_t>(first.rank_), "concat", "an axis of the tensors");
  auto sizes = first.sizes_;
  sizes[as_size(axis)] = 0;
  for (const Tensor& part : parts) {
    check(part, "concat");
    require(part.rank_ == first.rank_, "concat", "tensors of one rank");
    for (std::size_t i = 0; i < first.rank_; ++i)
      require(i == as_size(axis) || part.sizes_[i] == first.sizes_[i], "concat", "equal sizes of the other axes");
    sizes[as_size(axis)] += part.size(axis);
  }
  const Tensor out = make({sizes.data(), first.rank_});
  std::int64_t at = 0;
  for (const Tensor& part : parts) {
    copy_into(slice(out, axis, at, at + part.size(axis)), part);
    at += part.size(axis);
  }
  return out;
}

CpuTensor CpuOps::gather_rows(const Tensor& x, std::span<const std::int64_t> rows) {
  check(x, "gather_rows");
  require(x.rank_ == 2 && dense_rows(x), "gather_rows", "rank 2 with dense rows");
  require_rows(rows, x.size(0), "gather_rows");
  const Tensor out = make(std::array{static_cast<std::int64_t>(rows.size()), x.width()});
  float* to = out.data_;
  for (const std::int64_t row : rows) {
    std::copy_n(x.data_ + row * x.stride(0), x.width(), to);
    to += x.width();
  }
  return out;
}

void CpuOps::check_scatter(const Tensor& x, std::span<const std::int64_t> rows, const Tensor& y, const char* operation) const {
  check_writable(x, operation);
  check(y, operation);
  require(x.rank_ == 2 && y.rank_ == 2 && y.size(0) == static_cast<std::int64_t>(rows.size()) && x.width() == y.width() && dense_rows(x) &&
              dense_rows(y),
          operation, "[n, w] and [rows, w]");
  require_rows(rows, x.size(0), operation);
}

void CpuOps::add_rows_into(const Tensor& x, std::span<const std::int64_t> rows, const Tensor& y) {
  check_scatter(x, rows, y, "add_rows_into");
  for (std::size_t i = 0; i < rows.size(); ++i) {
    row_kernels().add(y.data_ + static_cast<std::int64_t>(i) * y.stride(0), as_size(x.width()), x.data_ + rows[i] * x.stride(0));
  }
}

void CpuOps::copy_rows_into(const Tensor& x, std::span<const std::int64_t> rows, const Tensor& y) {
  check_scatter(x, rows, y, "copy_rows_into");
  for (std::size_t i = 0; i < rows.size(); ++i) {
    std::copy_n(y.data_ + static_cast<std::int64_t>(i) * y.stride(0), x.width(), x.data_ + rows[i] * x.stride(0));
  }
}

CpuCache CpuOps::cache(std::int64_t capacity, std::int64_t heads, std::int64_t dim) {
  const Shape shape{capacity, heads, dim};
  return {CpuBuffer(shape.count() * sizeof(float)), capacity, heads, dim, 0};
}

void CpuOps::append(Cache& cache, const Tensor& x) {
  check(x, "append");
  require(x.rank_ == 3 && x.size(1) == cache.heads && x.size(2) == cache.dim && cache.length + x.size(0) <= cache.capacity, "append",
          "[n, heads, dim] within the capacity");
  auto* const data = reinterpret_cast<float*>(cache.values.data()) + cache.length * cache.heads * cache.dim;
  copy_into(outside(data, x.shape().dims(), true), x);
  cache.length += x.size(0);
}

CpuTensor CpuOps::contents(const Cache& cache) {
  return outside(reinterpret_cast<float*>(cache.values.data()), std::array{cache.length, cache.heads, cache.dim}, false);
}

void CpuOps::truncate(Cache& cache, std::int64_t length) {
  require(length >= 0 && length <= cache.length, "truncate", "a length up to the present one");
  cache.length = length;
}

}  // namespace sinew
