// SPDX-License-Identifier: Apache-2.0
#include "sinew/observation/vla_encoder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <exception>
#include <utility>

#include "sinew/core/error.hpp"

namespace sinew {

namespace {

constexpr const char* kWhere = "VlaEncoder";
constexpr const char* kPixelValues = "pixel_values";
constexpr const char* kGrids = "image_grid_thw";
constexpr const char* kPrompt = "prompt";
constexpr const char* kState = "state";

const PolicyCard& checked(const PolicyCard& card) {
  validate(card, kWhere);
  return card;
}

/// `out` is the frame turned by half a turn, tightly packed.
void turn(const ImageView& frame, Image& out) {
  out.resize(frame.height(), frame.width(), frame.channels());
  const auto channels = static_cast<std::size_t>(frame.channels());
  std::uint8_t* to = out.pixels().data();
  for (int y = frame.height() - 1; y >= 0; --y)
    for (int x = frame.width() - 1; x >= 0; --x, to += channels)
      std::memcpy(to, frame.row(y) + static_cast<std::size_t>(x) * channels, channels);
}

}  // namespace

VlaEncoder::VlaEncoder(const PolicyCard& card, const Statistics& statistics)
    : prompt_(checked(card).prompt),
      prompt_capacity_(card.prompt.max_bytes),
      channels_(card.state.channels),
      normalizer_(make_normalizer(card.state.normalization, statistics, static_cast<std::size_t>(card.state.size()),
                                  "VlaEncoder /state/normalization")),
      state_(normalizer_.dim()) {
  for (std::size_t i = 0; i < card.cameras.size(); ++i) {
    const CameraCard& entry = card.cameras[i];
    Camera camera{.card = entry, .tensor = {}, .grid = {}, .processor = {}, .resizer = Resizer(), .turned = {}, .sized = {}};
    camera.resizer = Resizer(resize_rule_from_string(entry.resample, fmt::format("{} /cameras/{}/resample", kWhere, i)));
    if (entry.processor == ProcessorKind::qwen3_vl) {
      camera.processor.emplace(QwenVlOptions{.rule = camera.resizer.rule()});
      const auto grid = camera.processor->grid({entry.height, entry.width});
      if (!grid)
        fail(ErrorCode::invalid_argument, {kWhere, fmt::format("/cameras/{} size", i), "sides whose ratio is at most 200",
                                           fmt::format("{} x {}", entry.height, entry.width), ""});
      camera.grid = *grid;
      row_length_ = static_cast<std::int64_t>(camera.processor->row_length());
      patches_ += grid->patches();
      ++grids_;
    } else {
      camera.tensor = "image." + entry.name;
      specs_.push_back({camera.tensor, DType::u8, {entry.height, entry.width, 3}});
    }
    cameras_.push_back(std::move(camera));
  }
  if (grids_ > 0) {
    specs_.push_back({kPixelValues, DType::f32, {static_cast<std::int64_t>(patches_), row_length_}});
    specs_.push_back({kGrids, DType::i64, {grids_, 3}});
  }
  std::size_t fixed_bytes = 0;
  if (prompt_.render("", {}, fixed_bytes) == Status::over_capacity && fixed_bytes > static_cast<std::size_t>(prompt_capacity_))
    fail(ErrorCode::invalid_argument, {kWhere, "/prompt/max_bytes", fmt::format("more than the {} bytes of the template", fixed_bytes),
                                       std::to_string(prompt_capacity_), ""});
  specs_.push_back({kPrompt, DType::u8, {prompt_capacity_}});
  specs_.push_back({kState, DType::f32, {static_cast<std::int64_t>(state_.size())}});
}

Status VlaEncoder::encode(const Observation& observation, TensorMap& out) noexcept {
  error_.clear();
  if (const Status status = encode_cameras(observation, out); status != Status::ok) return status;
  if (const Status status = encode_prompt(observation, out); status != Status::ok) return status;
  return encode_state(observation, out);
}

Tensor* VlaEncoder::prepare(TensorMap& out, std::string_view name, DType dtype, const Shape& shape, Status& status) noexcept {
  Tensor* tensor = out.find(name);
  if (tensor == nullptr || !*tensor) {
    status = Status::missing;
    error_.format("tensor '{}' is missing from the map to write to", name);
    return nullptr;
  }
  status = tensor->dtype() == dtype ? tensor->set_shape(shape) : Status::bad_shape;
  if (status == Status::ok) return tensor;
  error_.format("tensor '{}' cannot hold what is to be written: {}", name, to_string(status));
  return nullptr;
}

Status VlaEncoder::encode_cameras(const Observation& observation, TensorMap& out) noexcept {
  Status status = Status::ok;
  std::span<float> pixel_values;
  std::span<std::int64_t> grids;
  if (grids_ > 0) {
    Tensor* values = prepare(out, kPixelValues, DType::f32, {static_cast<std::int64_t>(patches_), row_length_}, status);
    if (values == nullptr) return status;
    Tensor* thw = prepare(out, kGrids, DType::i64, {grids_, 3}, status);
    if (thw == nullptr) return status;
    pixel_values = values->as<float>();
    grids = thw->as<std::int64_t>();
  }
  for (Camera& camera : cameras_) {
    const CameraFrame* found = observation.find_camera(camera.card.name);
    if (found == nullptr) {
      error_.format("camera '{}' is missing from the observation", camera.card.name);
      return Status::missing;
    }
    ImageView frame = found->image.view();
    if (frame.empty() || frame.channels() != 3) {
      error_.format("camera '{}': expected a frame [height, width, 3], got [{}, {}, {}]", camera.card.name, frame.height(), frame.width(),
                    frame.channels());
      return Status::bad_shape;
    }
    if (camera.card.rotate_180) {
      try {
        turn(frame, camera.turned);
      } catch (const std::exception&) {
        error_.format("camera '{}': no memory to turn a frame [{}, {}, 3]", camera.card.name, frame.height(), frame.width());
        return Status::over_capacity;
      }
      frame = camera.turned.view();
    }
    if (camera.processor) {
      const std::size_t size = camera.grid.patches() * camera.processor->row_length();
      status = encode_patches(camera, frame, pixel_values.first(size));
      pixel_values = pixel_values.subspan(size);
      const std::array<std::int64_t, 3> thw = {camera.grid.temporal, camera.grid.height, camera.grid.width};
      std::copy(thw.begin(), thw.end(), grids.begin());
      grids = grids.subspan(3);
    } else {
      status = encode_raw(camera, frame, out);
    }
    if (status == Status::ok) continue;
    if (error_.view().empty())
      error_.format("camera '{}': cannot process a frame of {} x {}: {}", camera.card.name, frame.height(), frame.width(),
                    to_string(status));
    return status;
  }
  return Status::ok;
}

Status VlaEncoder::encode_patches(Camera& camera, const ImageView& frame, std::span<float> pixel_values) noexcept {
  if (frame.height() == camera.card.height && frame.width() == camera.card.width) return camera.processor->process(frame, pixel_values);
  const Status status = camera.resizer.resize(frame, camera.card.height, camera.card.width, camera.sized);
  return status == Status::ok ? camera.processor->process(camera.sized.view(), pixel_values) : status;
}

Status VlaEncoder::encode_raw(Camera& camera, const ImageView& frame, TensorMap& out) noexcept {
  Status status = Status::ok;
  Tensor* tensor = prepare(out, camera.tensor, DType::u8, {camera.card.height, camera.card.width, 3}, status);
  return tensor != nullptr ? camera.resizer.resize(frame, camera.card.height, camera.card.width, tensor->as<std::uint8_t>()) : status;
}

Status VlaEncoder::encode_prompt(const Observation& observation, TensorMap& out) noexcept {
  Status status = Status::ok;
  Tensor* tensor = prepare(out, kPrompt, DType::u8, {prompt_capacity_}, status);
  if (tensor == nullptr) return status;
  const auto bytes = tensor->as<std::uint8_t>();
  std::size_t size = 0;
  status = prompt_.render(observation.instruction, {reinterpret_cast<char*>(bytes.data()), bytes.size()}, size);
  if (status == Status::ok) return tensor->set_shape({static_cast<std::int64_t>(size)});
  if (status == Status::over_capacity) {
    error_.format("prompt of {} bytes exceeds the {} of the card", size, prompt_capacity_);
  } else {
    error_.format("instruction does not fit the prompt template: more than one line");
  }
  return status;
}

Status VlaEncoder::encode_state(const Observation& observation, TensorMap& out) noexcept {
  std::size_t place = 0;
  for (const SensorCard& expected : channels_) {
    const Channel* channel = observation.find_channel(expected.name);
    if (channel == nullptr) {
      error_.format("channel '{}' is missing from the observation", expected.name);
      return Status::missing;
    }
    // A unit that is not stated is taken for the card's; one that is stated must agree.
    if (std::cmp_not_equal(channel->values.size(), expected.size) || (!channel->unit.empty() && channel->unit != expected.unit)) {
      error_.format("channel '{}': expected {} values in '{}', got {} in '{}'", expected.name, expected.size, expected.unit,
                    channel->values.size(), channel->unit);
      return Status::bad_shape;
    }
    for (const double value : channel->values) {
      if (!std::isfinite(value)) {
        error_.format("channel '{}': a value is not finite", expected.name);
        return Status::not_finite;
      }
      state_[place++] = value;
    }
  }
  Status status = Status::ok;
  Tensor* tensor = prepare(out, kState, DType::f32, {static_cast<std::int64_t>(state_.size())}, status);
  if (tensor == nullptr) return status;
  status = normalizer_.forward(state_, tensor->as<float>());
  if (status != Status::ok) error_.format("state cannot be normalised: {}", to_string(status));
  return status;
}

}  // namespace sinew
