// SPDX-License-Identifier: Apache-2.0
// The bridge against PyTorch's own view of the same memory.
#include "sinew/backend/torch/tensor_bridge.hpp"

#include <ATen/core/Tensor.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>
#include <doctest/doctest.h>

#include <string>

#include "sinew/core/error.hpp"

namespace {

using sinew::DType;
using sinew::Status;
using sinew::Tensor;

constexpr DType kAll[] = {DType::boolean, DType::u8, DType::i8, DType::i32, DType::i64, DType::f16, DType::bf16, DType::f32, DType::f64};

at::Tensor counting(at::ScalarType type) { return at::arange(24, at::TensorOptions(type)).reshape({2, 3, 4}); }

}  // namespace

TEST_CASE("torch bridge: every element type keeps its size and comes back as itself") {
  for (const DType dtype : kAll) {
    CAPTURE(sinew::to_string(dtype));
    CHECK(c10::elementSize(sinew::to_torch(dtype)) == sinew::size_of(dtype));
    CHECK(sinew::from_torch(sinew::to_torch(dtype)) == dtype);
  }
}

TEST_CASE("torch bridge: an element type that we cannot hold is refused by name") {
  for (const at::ScalarType type : {at::kShort, at::kComplexFloat, at::kFloat8_e4m3fn}) {
    try {
      static_cast<void>(sinew::from_torch(type));
      FAIL("accepted");
    } catch (const sinew::Error& error) {
      CHECK(error.code() == sinew::ErrorCode::unsupported);
      CHECK(std::string(error.what()).find(c10::toString(type)) != std::string::npos);
    }
  }
}

TEST_CASE("torch bridge: the view shares memory, both ways, in the current shape") {
  Tensor tensor(DType::f32, {4, 5});
  REQUIRE(tensor.set_shape({2, 5}) == Status::ok);
  at::Tensor view = sinew::as_torch(tensor);
  CHECK(view.sizes() == at::IntArrayRef({2, 5}));
  CHECK(view.is_contiguous());
  CHECK(view.data_ptr() == tensor.bytes().data());
  CHECK(reinterpret_cast<std::uintptr_t>(view.data_ptr()) % Tensor::kAlignment == 0);

  tensor.as<float>()[7] = 3.5F;
  CHECK(view[1][2].item<float>() == 3.5F);
  view[0][4] = -1.25F;
  CHECK(tensor.as<float>()[4] == -1.25F);
}

TEST_CASE("torch bridge: a tensor without memory has no view") {
  Tensor none;
  CHECK_THROWS_AS(static_cast<void>(sinew::as_torch(none)), sinew::Error);
  CHECK(sinew::copy_from_torch(counting(at::kFloat), none) == Status::missing);
  Tensor some(DType::f32, {2});
  CHECK(sinew::copy_from_torch(at::Tensor(), some) == Status::missing);
}

TEST_CASE("torch bridge: a copy holds the values, for every element type and for strided sources") {
  for (const DType dtype : kAll) {
    CAPTURE(sinew::to_string(dtype));
    const at::Tensor source = dtype == DType::boolean ? counting(at::kInt).remainder(3).eq(0) : counting(sinew::to_torch(dtype));
    for (const at::Tensor& given : {source, source.transpose(0, 2), source.slice(1, 1), source[1].expand({2, 3, 4})}) {
      Tensor target(dtype, {8, 8, 8});
      REQUIRE(sinew::copy_from_torch(given, target) == Status::ok);
      CHECK(at::equal(sinew::as_torch(target), given));
    }
  }
}

TEST_CASE("torch bridge: a scalar, an empty dimension and a source with gradient are copied too") {
  Tensor scalar(DType::f64, sinew::Shape{});
  REQUIRE(sinew::copy_from_torch(at::ones({}, at::kDouble), scalar) == Status::ok);
  CHECK(scalar.as<double>()[0] == 1.0);

  Tensor empty(DType::f32, {4, 3});
  REQUIRE(sinew::copy_from_torch(at::zeros({0, 3}), empty) == Status::ok);
  CHECK(empty.shape() == sinew::Shape{0, 3});

  Tensor learned(DType::f32, {2});
  REQUIRE(sinew::copy_from_torch(at::ones({2}).set_requires_grad(true), learned) == Status::ok);
  CHECK(learned.as<float>()[1] == 1.0F);
}

TEST_CASE("torch bridge: what does not fit is refused and changes nothing") {
  Tensor target(DType::f32, {2, 3});
  target.as<float>()[5] = 9.0F;
  CHECK(sinew::copy_from_torch(at::ones({2, 3}, at::kDouble), target) == Status::bad_shape);
  CHECK(sinew::copy_from_torch(at::ones({6}), target) == Status::bad_shape);
  CHECK(sinew::copy_from_torch(at::ones({1, 1, 1, 1, 1, 1, 1, 1, 1}), target) == Status::bad_shape);
  CHECK(sinew::copy_from_torch(at::ones({2, 4}), target) == Status::over_capacity);
  CHECK(target.shape() == sinew::Shape{2, 3});
  CHECK(target.as<float>()[5] == 9.0F);
}
