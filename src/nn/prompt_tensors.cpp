// SPDX-License-Identifier: Apache-2.0
#include "sinew/nn/prompt_tensors.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "sinew/core/error.hpp"

namespace sinew::nn {

namespace {

constexpr std::int64_t kMostSide = 1 << 16;  // patches; three of them multiply within 63 bits

}  // namespace

PromptTensors::PromptTensors(const TensorSpecs& offered) {
  struct Wanted {
    std::string_view name;
    DType dtype;
    std::size_t rank;
  };
  constexpr std::array<Wanted, 5> kWanted = {{{"input_ids", DType::i64, 1},
                                              {"attention_mask", DType::i64, 1},
                                              {"position_ids", DType::i64, 2},
                                              {"pixel_values", DType::f32, 2},
                                              {"image_grid_thw", DType::i64, 2}}};
  for (const auto& wanted : kWanted) {
    const TensorSpec* const found = find_spec(offered, wanted.name);
    if (found == nullptr) continue;
    if (found->dtype != wanted.dtype || found->capacity.rank() != wanted.rank)
      fail(ErrorCode::invalid_argument, {"vision-language model", fmt::format("input '{}'", wanted.name),
                                         fmt::format("{} of rank {}", to_string(wanted.dtype), wanted.rank), to_string(*found), ""});
    specs_.push_back(*found);
  }
  const auto reads = [this](std::string_view name) { return find_spec(specs_, name) != nullptr; };
  if (!reads("input_ids"))
    fail(ErrorCode::invalid_argument,
         {"vision-language model", "inputs", "'input_ids' among them", "none", "give the card a \"text\" entry"});
  if (reads("pixel_values") != reads("image_grid_thw"))
    fail(ErrorCode::invalid_argument, {"vision-language model", "inputs", "'pixel_values' with 'image_grid_thw'", "one of them", ""});
  max_tokens_ = find_spec(specs_, "input_ids")->capacity[0];
  masked_ = reads("attention_mask");
  positioned_ = reads("position_ids");
  sees_ = reads("pixel_values");
  ids_.reserve(static_cast<std::size_t>(max_tokens_));
  positions_.reserve(static_cast<std::size_t>(3 * max_tokens_));
  if (sees_) grids_.reserve(static_cast<std::size_t>(find_spec(specs_, "image_grid_thw")->capacity[0]));
}

Status PromptTensors::refuse(Status status, std::string_view name, std::string_view what) noexcept {
  error_.format("input '{}': {}", name, what);
  return status;
}

Status PromptTensors::read(const TensorMap& in, std::int64_t vocab) noexcept {
  error_.clear();
  input_ = {};
  for (const auto& spec : specs_)
    if (const Status status = check_tensor(spec, in[spec.name]); status != Status::ok) return refuse(status, spec.name, to_string(status));
  if (const Status status = read_tokens(in, vocab); status != Status::ok) return status;
  return sees_ ? read_images(in) : Status::ok;
}

Status PromptTensors::read_tokens(const TensorMap& in, std::int64_t vocab) noexcept {
  const auto ids = in["input_ids"].as<std::int64_t>();
  const auto mask = masked_ ? in["attention_mask"].as<std::int64_t>() : std::span<const std::int64_t>();
  if (masked_ && mask.size() != ids.size()) return refuse(Status::bad_shape, "attention_mask", "another length than input_ids");
  const auto positions = positioned_ ? in["position_ids"].as<std::int64_t>() : std::span<const std::int64_t>();
  if (positioned_ && (in["position_ids"].shape()[0] != 3 || positions.size() != 3 * ids.size()))
    return refuse(Status::bad_shape, "position_ids", "not [3, tokens]");
  const auto seen = [&](std::size_t i) { return !masked_ || mask[i] != 0; };
  ids_.clear();
  positions_.clear();
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (!seen(i)) continue;
    if (ids[i] < 0 || ids[i] >= vocab) return refuse(Status::out_of_range, "input_ids", "an id beyond the vocabulary");
    ids_.push_back(ids[i]);
  }
  if (ids_.empty()) return refuse(Status::bad_shape, "input_ids", "no token");
  for (std::size_t axis = 0; positioned_ && axis < 3; ++axis)
    for (std::size_t i = 0; i < ids.size(); ++i)
      if (seen(i)) positions_.push_back(positions[axis * ids.size() + i]);
  input_.ids = ids_;
  input_.positions = positions_;
  return Status::ok;
}

Status PromptTensors::read_images(const TensorMap& in) noexcept {
  const Tensor& grids = in["image_grid_thw"];
  if (grids.shape()[1] != 3) return refuse(Status::bad_shape, "image_grid_thw", "not [images, 3]");
  const auto sizes = grids.as<std::int64_t>();
  grids_.clear();
  std::size_t patches = 0;
  for (std::size_t i = 0; i + 3 <= sizes.size(); i += 3) {
    if (std::ranges::any_of(sizes.subspan(i, 3), [](std::int64_t size) { return size < 1 || size > kMostSide; }))
      return refuse(Status::out_of_range, "image_grid_thw", "a side below 1 or above 65536");
    grids_.push_back({static_cast<int>(sizes[i]), static_cast<int>(sizes[i + 1]), static_cast<int>(sizes[i + 2])});
    patches += grids_.back().patches();
  }
  if (patches != static_cast<std::size_t>(in["pixel_values"].shape()[0]))
    return refuse(Status::bad_shape, "image_grid_thw", "another number of patches than pixel_values");
  input_.pixels = in["pixel_values"].as<float>();
  input_.grids = grids_;
  return Status::ok;
}

}  // namespace sinew::nn
