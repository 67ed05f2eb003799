// SPDX-License-Identifier: Apache-2.0
// Shape, Tensor, views, TensorMap and TensorSpec.
#include "sinew/core/tensor.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

#include "sinew/core/error.hpp"
#include "sinew/core/tensor_map.hpp"
#include "sinew/core/tensor_spec.hpp"
#include "test_seed.hpp"

using namespace sinew;

TEST_CASE("shape: holds up to eight dimensions of 0 or more") {
  CHECK(Shape{}.rank() == 0);
  CHECK(Shape{}.count() == 1);
  CHECK(Shape{2, 3, 4}.count() == 24);
  CHECK(Shape{2, 3}[1] == 3);
  CHECK(Shape{2, 3} == Shape{2, 3});
  CHECK_FALSE(Shape{2, 3} == Shape{2, 3, 0});
  CHECK_FALSE(Shape{} == Shape{0});
  CHECK(to_string(Shape{16, 8}) == "[16, 8]");
  CHECK(to_string(Shape{}) == "[]");
  CHECK_NOTHROW(Shape{1, 1, 1, 1, 1, 1, 1, 1});
  CHECK_THROWS_WITH_AS((Shape{1, 1, 1, 1, 1, 1, 1, 1, 1}), "[Shape] rank: expected at most 8, got 9", Error);
  CHECK_THROWS_WITH_AS((Shape{2, -1}), "[Shape] dimension: expected 0 or more, got -1", Error);
}

TEST_CASE("shape: the element count never wraps, and a zero does not hide an overflow") {
  CHECK(Shape{std::int64_t{1} << 31, std::int64_t{1} << 31}.checked_count() == std::int64_t{1} << 62);
  CHECK_FALSE(Shape{std::int64_t{1} << 32, std::int64_t{1} << 31}.checked_count().has_value());
  CHECK_FALSE(Shape{0, std::int64_t{1} << 62, 4}.checked_count().has_value());
  CHECK_FALSE(Shape{4194305, 4194305, 211106198978564}.checked_count().has_value());  // wraps to 4 in 64 bits
  CHECK(Shape{0, 5}.checked_count() == 0);
  sinew::testing::Random random(6);
  for (int i = 0; i < 10000; ++i) {
    std::vector<std::int64_t> dims;
    long double exact = 1;
    for (auto n = random.below(5); n > 0; --n) {
      dims.push_back(static_cast<std::int64_t>(1 + random.below(std::uint64_t{1} << (1 + random.below(30)))));
      exact *= static_cast<long double>(dims.back());  // rounds only far above 2^63
    }
    const auto count = Shape(dims).checked_count();
    CHECK(count.has_value() == (exact < 0x1p63L));
    if (count) CHECK(static_cast<long double>(*count) == exact);
  }
}

TEST_CASE("shape: fits_in compares dimension by dimension, for equal ranks only") {
  CHECK(Shape{2, 3}.fits_in({2, 3}));
  CHECK(Shape{0, 3}.fits_in({2, 3}));
  CHECK_FALSE(Shape{3, 2}.fits_in({2, 3}));
  CHECK_FALSE(Shape{2}.fits_in({2, 3}));
  CHECK(Shape{}.fits_in(Shape{}));
}

TEST_CASE("tensor: starts as aligned zeros of its capacity") {
  for (const auto dtype : {DType::boolean, DType::u8, DType::f16, DType::f32, DType::i64}) {
    const Tensor tensor(dtype, {3, 5});
    CHECK(static_cast<bool>(tensor));
    CHECK(tensor.dtype() == dtype);
    CHECK(tensor.shape() == Shape{3, 5});
    CHECK(tensor.size_bytes() == 15 * size_of(dtype));
    CHECK(reinterpret_cast<std::uintptr_t>(tensor.bytes().data()) % Tensor::kAlignment == 0);
    CHECK(std::all_of(tensor.bytes().begin(), tensor.bytes().end(), [](std::byte b) { return b == std::byte{0}; }));
  }
  CHECK_FALSE(Tensor());
  CHECK(Tensor().size_bytes() == 0);
  CHECK(Tensor().as<float>().empty());
}

TEST_CASE("tensor: refuses capacities that cannot be") {
  CHECK_THROWS_AS(Tensor(DType::f32, {std::int64_t{1} << 62, 4}), Error);
  CHECK_THROWS_AS(Tensor(DType::f32, {std::int64_t{1} << 39}), Error);
  CHECK_THROWS_AS(Tensor(DType::u8, {(std::int64_t{1} << 40) + 1}), Error);
}

TEST_CASE("tensor: `as` gives elements of its own dtype only") {
  Tensor tensor(DType::f32, {2, 2});
  CHECK(tensor.as<float>().size() == 4);
  CHECK(tensor.as<double>().empty());
  CHECK(tensor.as<std::int32_t>().empty());
  CHECK(std::as_const(tensor).as<float>().data() == tensor.as<float>().data());
  CHECK(Tensor(DType::f64, Shape{}).as<double>().size() == 1);
  CHECK(Tensor(DType::f64, {0, 4}).as<double>().empty());
  CHECK(static_cast<bool>(Tensor(DType::f64, {0, 4})));
}

TEST_CASE("tensor: the current shape moves within the capacity and nothing else changes") {
  Tensor tensor(DType::i32, {4, 6});
  const auto* memory = tensor.bytes().data();
  CHECK(tensor.set_shape({2, 6}) == Status::ok);
  CHECK(tensor.as<std::int32_t>().size() == 12);
  CHECK(tensor.set_shape({5, 6}) == Status::over_capacity);
  CHECK(tensor.set_shape({24}) == Status::bad_shape);
  CHECK(tensor.shape() == Shape{2, 6});
  CHECK(tensor.set_shape({4, 6}) == Status::ok);
  CHECK(tensor.bytes().data() == memory);
  CHECK(Tensor().set_shape({1}) == Status::over_capacity);
}

TEST_CASE("tensor: a copy is deep and keeps capacity and shape, a moved-from tensor is empty") {
  Tensor tensor(DType::f32, {4});
  std::iota(tensor.as<float>().begin(), tensor.as<float>().end(), 1.0F);
  REQUIRE(tensor.set_shape({2}) == Status::ok);
  Tensor copy = tensor;
  CHECK(copy.capacity() == Shape{4});
  CHECK(copy.shape() == Shape{2});
  CHECK(copy.as<float>()[1] == 2.0F);
  copy.as<float>()[1] = 9.0F;
  CHECK(tensor.as<float>()[1] == 2.0F);
  Tensor& self = copy;
  copy = self;
  CHECK(copy.as<float>()[1] == 9.0F);

  const Tensor moved = std::move(copy);
  CHECK(moved.as<float>()[1] == 9.0F);
  CHECK_FALSE(copy);  // NOLINT: this is what the test is about
  CHECK(copy.size_bytes() == 0);
  CHECK(copy.shape() == Shape{0});
  const Tensor empty_copy = Tensor();
  CHECK_FALSE(Tensor(empty_copy));
}

TEST_CASE("view: a window on someone else's memory") {
  std::vector<float> values{1, 2, 3, 4, 5, 6};
  const TensorView view(reinterpret_cast<std::byte*>(values.data()), DType::f32, {2, 3});
  view.as<float>()[4] = 50;
  CHECK(values[4] == 50);
  const ConstTensorView read_only = view;
  CHECK(read_only.as<float>().data() == values.data());
  CHECK(read_only.size_bytes() == 24);
  static_assert(std::is_same_v<decltype(read_only.as<float>()), std::span<const float>>);
  const TensorView copy = view;
  CHECK(copy.data() == view.data());
  static_assert(std::is_copy_assignable_v<TensorView> && !std::is_constructible_v<TensorView, ConstTensorView>);
  CHECK_FALSE(TensorView());
  CHECK(TensorView().as<float>().empty());
  CHECK(TensorView().size_bytes() == 0);
}

TEST_CASE("tensor map: looks up by name, keeps the order, and gives an empty tensor for what is not there") {
  TensorMap map;
  map.add("state", Tensor(DType::f32, {8}));
  map.add("image", Tensor(DType::u8, {2, 2, 3}));
  CHECK(map.size() == 2);
  CHECK(map.begin()->name == "state");
  CHECK(map["image"].dtype() == DType::u8);
  CHECK(map.find("state") == &map["state"]);
  CHECK(map.find("States") == nullptr);
  CHECK_FALSE(map["nothing"]);
  CHECK_FALSE(std::as_const(map)["nothing"]);
  CHECK(map["nothing"].as<float>().empty());
  CHECK_THROWS_WITH_AS(map.add("state", Tensor()), "[TensorMap::add] tensor 'state': expected a new name, got one that is present already",
                       Error);
  CHECK_THROWS_AS(map.add("", Tensor()), Error);
}

TEST_CASE("tensor map: what is assigned to an unknown name is not found under any other") {
  TensorMap map;
  map["typo"] = Tensor(DType::f32, {3});
  CHECK_FALSE(map["typo"]);
  CHECK_FALSE(map["other"]);
  CHECK(map.empty());
}

TEST_CASE("spec: makes tensors that pass its own check, and says what is wrong with others") {
  const TensorSpecs specs{{"state", DType::f32, {8}}, {"tokens", DType::i64, {1, 16}}};
  TensorMap tensors = make_tensors(specs);
  for (const auto& spec : specs) CHECK(check_tensor(spec, tensors[spec.name]) == Status::ok);
  CHECK(to_string(specs[1]) == "tokens i64 [1, 16]");
  CHECK(find_spec(specs, "tokens") == &specs[1]);
  CHECK(find_spec(specs, "token") == nullptr);

  CHECK(check_tensor(specs[0], Tensor()) == Status::missing);
  CHECK(check_tensor(specs[0], Tensor(DType::f64, {8})) == Status::bad_shape);
  CHECK(check_tensor(specs[0], Tensor(DType::f32, {8, 1})) == Status::bad_shape);
  CHECK(check_tensor(specs[0], Tensor(DType::f32, {9})) == Status::over_capacity);
  CHECK(check_tensor(specs[0], Tensor(DType::f32, {3})) == Status::ok);
  CHECK_THROWS_AS(static_cast<void>(make_tensors({specs[0], specs[0]})), Error);
}
