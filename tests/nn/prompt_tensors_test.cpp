// SPDX-License-Identifier: Apache-2.0
#include "sinew/nn/prompt_tensors.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "sinew/core/error.hpp"
#include "sinew/testing/no_alloc.hpp"

using namespace sinew;
using nn::PromptTensors;

namespace {

const TensorSpec kIds{"input_ids", DType::i64, {8}}, kMask{"attention_mask", DType::i64, {8}},
    kPositions{"position_ids", DType::i64, {3, 8}}, kPixels{"pixel_values", DType::f32, {20, 6}},
    kGrids{"image_grid_thw", DType::i64, {2, 3}}, kState{"state", DType::f32, {7}};
const TensorSpecs kAll{kIds, kMask, kPositions, kPixels, kGrids, kState};

using Integers = std::vector<std::int64_t>;

void set(TensorMap& in, std::string_view name, const Shape& shape, const Integers& values) {
  REQUIRE(in[name].set_shape(shape) == Status::ok);
  REQUIRE(in[name].as<std::int64_t>().size() == values.size());
  std::ranges::copy(values, in[name].as<std::int64_t>().begin());
}

/// Five tokens between padding on both sides, two images of 4 and 6 patches.
TensorMap prompt() {
  TensorMap in = make_tensors(kAll);
  set(in, "input_ids", {8}, {99, 1, 2, 3, 4, 5, 99, 99});
  set(in, "attention_mask", {8}, {0, 1, 1, 1, 1, 1, 0, 0});
  set(in, "position_ids", {3, 8}, {0, 10, 11, 12, 13, 14, 0, 0, 0, 20, 21, 22, 23, 24, 0, 0, 0, 30, 31, 32, 33, 34, 0, 0});
  set(in, "image_grid_thw", {2, 3}, {1, 2, 2, 1, 2, 3});
  REQUIRE(in["pixel_values"].set_shape({10, 6}) == Status::ok);
  auto pixels = in["pixel_values"].as<float>();
  for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<float>(i);
  return in;
}

/// Refuses with that status, names the tensor, gives no input, and reads the next prompt again.
void check_refused(const TensorMap& in, Status status, std::string_view name) {
  PromptTensors tensors(kAll);
  CHECK(tensors.read(in, 50) == status);
  CHECK(std::string(tensors.last_error()).find(name) != std::string::npos);
  const TensorMap good = prompt();
  CHECK(tensors.read(good, 50) == Status::ok);
  CHECK(tensors.last_error().empty());
  CHECK(tensors.input().ids.size() == 5);
}

}  // namespace

TEST_CASE("prompt tensors: padding is dropped from ids and positions, wherever it lies") {
  PromptTensors tensors(kAll);
  CHECK(tensors.max_tokens() == 8);
  CHECK(tensors.specs() == TensorSpecs{kIds, kMask, kPositions, kPixels, kGrids});
  const TensorMap in = prompt();
  REQUIRE(tensors.read(in, 6) == Status::ok);  // the ids of padding are beyond the vocabulary
  const nn::VisionLanguageInput& input = tensors.input();
  CHECK(std::ranges::equal(input.ids, Integers{1, 2, 3, 4, 5}));
  CHECK(std::ranges::equal(input.positions, Integers{10, 11, 12, 13, 14, 20, 21, 22, 23, 24, 30, 31, 32, 33, 34}));
  REQUIRE(input.grids.size() == 2);
  CHECK(input.grids[1].patches() == 6);
  CHECK(input.pixels.data() == in["pixel_values"].as<float>().data());
  CHECK(input.pixels.size() == 60);
}

TEST_CASE("prompt tensors: a card without masks, positions and images") {
  PromptTensors tensors({kIds, kState});
  TensorMap in = make_tensors({kIds});
  set(in, "input_ids", {3}, {0, 49, 7});
  REQUIRE(tensors.read(in, 50) == Status::ok);
  CHECK(std::ranges::equal(tensors.input().ids, Integers{0, 49, 7}));
  CHECK(tensors.input().positions.empty());
  CHECK(tensors.input().pixels.empty());
  CHECK(tensors.input().grids.empty());
}

TEST_CASE("prompt tensors: a prompt without images") {
  PromptTensors tensors(kAll);
  TensorMap in = prompt();
  set(in, "image_grid_thw", {0, 3}, {});
  REQUIRE(in["pixel_values"].set_shape({0, 6}) == Status::ok);
  CHECK(tensors.read(in, 50) == Status::ok);
  CHECK(tensors.input().grids.empty());
}

TEST_CASE("prompt tensors: reading takes no memory") {
  PromptTensors tensors(kAll);
  const TensorMap in = prompt();
  const sinew::testing::HeapCallCounter counter;
  const Status status = tensors.read(in, 50), again = tensors.read(in, 3);
  CHECK(counter.count() == 0);
  CHECK(status == Status::ok);
  CHECK(again == Status::out_of_range);
}

TEST_CASE("prompt tensors: what is offered must be complete and of the right kind") {
  CHECK_THROWS_AS(PromptTensors({kState}), Error);
  CHECK_THROWS_AS(PromptTensors({kIds, kPixels}), Error);
  CHECK_THROWS_AS(PromptTensors({kIds, kGrids}), Error);
  CHECK_THROWS_AS(PromptTensors({{"input_ids", DType::i32, {8}}}), Error);
  CHECK_THROWS_AS(PromptTensors({{"input_ids", DType::i64, {1, 8}}}), Error);
  CHECK_THROWS_AS(PromptTensors({kIds, {"attention_mask", DType::boolean, {8}}}), Error);
  CHECK_THROWS_AS(PromptTensors({kIds, {"pixel_values", DType::f64, {4, 4}}, kGrids}), Error);
}

TEST_CASE("prompt tensors: tensors that do not fit are refused by name") {
  TensorMap in = prompt();
  SUBCASE("a tensor that is not there") {
    TensorMap without;
    for (const auto& [name, tensor] : in)
      if (name != "position_ids") without.add(name, tensor);
    check_refused(without, Status::missing, "position_ids");
  }
  SUBCASE("more tokens than the card says") {
    in["input_ids"] = Tensor(DType::i64, {9});
    check_refused(in, Status::over_capacity, "input_ids");
  }
  SUBCASE("a mask of another length") {
    set(in, "attention_mask", {7}, Integers(7, 1));
    check_refused(in, Status::bad_shape, "attention_mask");
  }
  SUBCASE("a mask that hides all") {
    set(in, "attention_mask", {8}, Integers(8, 0));
    check_refused(in, Status::bad_shape, "input_ids");
  }
  SUBCASE("no token") {
    set(in, "input_ids", {0}, {});
    set(in, "attention_mask", {0}, {});
    set(in, "position_ids", {3, 0}, {});
    check_refused(in, Status::bad_shape, "input_ids");
  }
  SUBCASE("positions on two axes") {
    set(in, "position_ids", {2, 8}, Integers(16, 1));
    check_refused(in, Status::bad_shape, "position_ids");
  }
  SUBCASE("positions of fewer tokens") {
    set(in, "position_ids", {3, 7}, Integers(21, 1));
    check_refused(in, Status::bad_shape, "position_ids");
  }
  SUBCASE("an id at the end of the vocabulary") {
    in["input_ids"].as<std::int64_t>()[3] = 50;
    check_refused(in, Status::out_of_range, "input_ids");
  }
  SUBCASE("a negative id") {
    in["input_ids"].as<std::int64_t>()[3] = -1;
    check_refused(in, Status::out_of_range, "input_ids");
  }
}

TEST_CASE("prompt tensors: grids that are none, or not those of the pixels") {
  TensorMap in = prompt();
  SUBCASE("no grid") { in["image_grid_thw"].as<std::int64_t>()[0] = 0; }
  SUBCASE("a negative side") { in["image_grid_thw"].as<std::int64_t>()[4] = -2; }
  SUBCASE("sides whose product overflows") { set(in, "image_grid_thw", {2, 3}, {std::int64_t{1} << 62, 4, 4, 1, 2, 3}); }
  check_refused(in, Status::out_of_range, "image_grid_thw");
}

TEST_CASE("prompt tensors: grids of another number of patches or axes") {
  TensorMap in = prompt();
  SUBCASE("fewer patches") { set(in, "image_grid_thw", {2, 3}, {1, 2, 2, 1, 2, 2}); }
  SUBCASE("one image less") { set(in, "image_grid_thw", {1, 3}, {1, 2, 2}); }
  SUBCASE("two axes") { set(in, "image_grid_thw", {2, 2}, {2, 2, 2, 3}); }
  check_refused(in, Status::bad_shape, "image_grid_thw");
}
