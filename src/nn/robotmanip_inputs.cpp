// SPDX-License-Identifier: Apache-2.0
#include "sinew/nn/heads/robotmanip_inputs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "sinew/core/error.hpp"
#include "sinew/nn/heads/chunk_sampler.hpp"
#include "sinew/nn/models/rotary.hpp"

namespace sinew::nn {

namespace {

constexpr std::int64_t kDim = RobotManipConfig::kDim, kToken = RobotManipConfig::kToken, kMostCameras = 64;
constexpr std::int64_t kLearned = 2;  // RobotManipNet::learned

[[noreturn]] void refuse(std::string_view what, std::string_view expected, std::string_view got) {
  fail(ErrorCode::invalid_argument, {"robotmanip_dit", what, expected, got, ""});
}

void require_shape(const TensorMap& in, std::string_view name, const Shape& shape) {
  if (in[name].shape() != shape) refuse(fmt::format("input '{}'", name), to_string(shape), to_string(in[name].shape()));
}

/// Numbers of an input that is present, times the mask of their columns.
void append_masked(std::span<const float> values, std::span<const float> columns, std::vector<float>& out) {
  for (std::size_t i = 0; i < values.size(); ++i) out.push_back(columns[i % columns.size()] == 0 ? 0 : values[i]);
}

}  // namespace

void TurnTables::clear() {
  tokens = width = 0;
  for (auto* values : {&cos, &sin, &back, &query, &pose, &inverse}) values->clear();
}

RobotManipInputs::RobotManipInputs(const RobotManipConfig& config, const HeadInputs& inputs)
    : config_(config),
      image_token_(inputs.image_token),
      merge_(inputs.merge),
      columns_(static_cast<std::size_t>(kDim)),
      mask_(static_cast<std::size_t>(config.horizon * kDim)) {
  if (const std::int64_t by_time = config.width / config.heads - config.camera_dims; by_time > 0)
    frequencies_ = rotary_frequencies(by_time, config.rope_theta);
  if (!config.state) return;
  const TensorSpec* const state = find_spec(inputs.offered, "state");
  const auto size = config.state_columns.empty() ? kDim : static_cast<std::int64_t>(config.state_columns.size());
  if (state == nullptr || state->dtype != DType::f32 || state->capacity.rank() == 0 || state->capacity.rank() > 2 ||
      state->capacity[state->capacity.rank() - 1] != size)
    refuse("input 'state'", fmt::format("f32 [{}]", size), state == nullptr ? "none" : to_string(*state));
  state_spec_ = {*state};
}

void RobotManipInputs::declare(HeadSpec& spec) const {
  spec.inputs.insert(spec.inputs.end(), state_spec_.begin(), state_spec_.end());
  const auto optional = [&](std::string_view name, DType dtype, const Shape& shape) {
    spec.optional_inputs.push_back({std::string(name), dtype, shape});
  };
  constexpr std::int64_t two = 2, four = 4;
  optional("mask", DType::f32, Shape{kDim});
  optional("end_effectors", DType::i64, Shape{two});
  optional("extrinsics", DType::f32, Shape{kMostCameras, four, four});
  optional("reference_cameras", DType::i64, Shape{two});
  optional("intrinsics", DType::f32, Shape{kMostCameras, four});
  optional("image_times", DType::f32, Shape{kMostCameras});
  if (config_.context_chunks == 0) return;
  optional("context_states", DType::f32, Shape{config_.context_chunks, kDim});
  optional("context_actions", DType::f32, Shape{config_.context_chunks, config_.context_steps, kDim});
}

void RobotManipInputs::read(const TensorMap& in, const VisionLanguageInput& prompt) {
  read_mask(in);
  read_state(in);
  read_cameras(in);
  read_images(in, prompt);
  read_chunks(in);
}

void RobotManipInputs::read_mask(const TensorMap& in) {
  if (present(in, "mask")) {
    require_shape(in, "mask", Shape{kDim});
    const auto given = in["mask"].as<float>();
    if (std::ranges::any_of(given, [](float value) { return value != 0 && value != 1; })) refuse("input 'mask'", "0 and 1", "others");
    std::ranges::copy(given, columns_.begin());
  } else {
    std::ranges::fill(columns_, config_.columns.empty() ? 1.0F : 0.0F);
    for (const std::int64_t column : config_.columns) columns_[static_cast<std::size_t>(column)] = 1;
  }
  for (std::size_t i = 0; i < mask_.size(); ++i) mask_[i] = columns_[i % columns_.size()];
  end_effectors_ = config_.end_effectors;
  if (!present(in, "end_effectors")) return;
  require_shape(in, "end_effectors", Shape{std::int64_t{2}});
  const auto codes = in["end_effectors"].as<std::int64_t>();
  if (std::ranges::any_of(codes, [](std::int64_t code) { return code < 0 || code >= RobotManipConfig::kEndEffectors; }))
    refuse("input 'end_effectors'", "codes from 0 to 4", "others");
  std::ranges::copy(codes, end_effectors_.begin());
}

void RobotManipInputs::read_state(const TensorMap& in) {
  moments_ = 0;
  state_.clear();
  if (state_spec_.empty()) return;
  const auto values = in["state"].as<float>();
  const Shape& shape = in["state"].shape();
  const std::size_t size = config_.state_columns.empty() ? static_cast<std::size_t>(kDim) : config_.state_columns.size();
  if (shape[shape.rank() - 1] != static_cast<std::int64_t>(size) || values.empty())
    refuse("input 'state'", fmt::format("rows of {}", size), to_string(shape));
  moments_ = static_cast<std::int64_t>(values.size() / size);
  std::array<float, kDim> row{};
  for (std::size_t from = 0; from < values.size(); from += size) {
    row.fill(0);
    for (std::size_t i = 0; i < size; ++i)
      row[config_.state_columns.empty() ? i : static_cast<std::size_t>(config_.state_columns[i])] = values[from + i];
    for (std::int64_t i = 0; i < kDim; ++i) {
      const auto column = static_cast<std::size_t>(RobotManipConfig::column(i / kToken, i % kToken));
      state_.push_back(columns_[column] == 0 ? 0 : row[column]);
    }
  }
}

void RobotManipInputs::read_cameras(const TensorMap& in) {
  references_ = config_.reference_cameras;
  cameras_.clear();
  if (present(in, "reference_cameras")) {
    require_shape(in, "reference_cameras", Shape{std::int64_t{2}});
    std::ranges::copy(in["reference_cameras"].as<std::int64_t>(), references_.begin());
  }
  if (!present(in, "extrinsics")) return;
  require_shape(in, "extrinsics", Shape{in["extrinsics"].shape()[0], std::int64_t{4}, std::int64_t{4}});
  cameras_.read(in["extrinsics"].as<float>(), references_[0]);
}

void RobotManipInputs::read_images(const TensorMap& in, const VisionLanguageInput& prompt) {
  image_rows_.clear();
  word_rows_.clear();
  for (std::size_t i = 0; i < prompt.ids.size(); ++i)
    (prompt.ids[i] == image_token_ ? image_rows_ : word_rows_).push_back(static_cast<std::int64_t>(i));
  if (image_rows_.empty() || word_rows_.empty()) refuse("prompt", "images and words", "one of them");
  const auto images = static_cast<std::int64_t>(prompt.grids.size());
  const bool plane = present(in, "intrinsics"), timed = present(in, "image_times");
  if (plane) require_shape(in, "intrinsics", Shape{images, std::int64_t{4}});
  if (timed) require_shape(in, "image_times", Shape{images});
  if (cameras_known() && cameras_.count() < images)
    refuse("input 'extrinsics'", fmt::format("at least {}, of the images", images), fmt::format("{}", cameras_.count()));
  plane_.clear();
  images_.clear();
  for (std::int64_t image = 0; image < images; ++image) {
    const PatchGrid& grid = prompt.grids[static_cast<std::size_t>(image)];
    const std::int64_t rows = grid.height / merge_, columns = grid.width / merge_;
    const double time = timed ? static_cast<double>(in["image_times"].as<float>()[static_cast<std::size_t>(image)]) : 0;
    if (!std::isfinite(time)) refuse("input 'image_times'", "finite numbers", "others");
    for (int t = 0; plane && t < grid.temporal; ++t)
      append_plane_coordinates(in["intrinsics"].as<float>().subspan(static_cast<std::size_t>(4 * image), 4), rows, columns, plane_);
    for (std::int64_t token = 0; token < grid.temporal * rows * columns; ++token) {
      if (timed) append_turn(images_, time);
      if (cameras_known()) cameras_.append(image, RelativeCameras::Form::pose, images_.pose);
      ++images_.tokens;
    }
  }
}

void RobotManipInputs::read_chunks(const TensorMap& in) {
  chunks_ = present(in, "context_states") ? in["context_states"].shape()[0] : 0;
  if ((chunks_ > 0) != present(in, "context_actions"))
    refuse("inputs 'context_states' and 'context_actions'", "both or none", "one of them");
  ages_.clear();
  chunk_states_.clear();
  chunk_actions_.clear();
  if (chunks_ > 0) {
    require_shape(in, "context_states", Shape{chunks_, kDim});
    require_shape(in, "context_actions", Shape{chunks_, config_.context_steps, kDim});
    append_masked(in["context_states"].as<float>(), columns_, chunk_states_);
    append_masked(in["context_actions"].as<float>(), columns_, chunk_actions_);
    for (std::int64_t age = chunks_; age-- > 0;) ages_.push_back(age);
    for (std::int64_t token = 0; token < chunks_ * (1 + config_.context_tokens); ++token) {
      if (!images_.cos.empty()) append_turn(images_, 0);
      if (cameras_known()) cameras_.append(references_[0], RelativeCameras::Form::pose, images_.pose);
      ++images_.tokens;
    }
  }
  finish(images_);
}

void RobotManipInputs::place_token(std::int64_t index, std::int64_t kind) {
  const std::int64_t states = 2 * moments_, actions = states + 2 * config_.horizon;
  const std::int64_t time = index < states ? index / 2 - moments_ + 1 : index < actions ? (index - states) / 2 : 0;
  append_turn(sequence_, static_cast<double>(time));
  const auto has = [&](std::int64_t token) {
    for (std::int64_t place = 0; place < kToken; ++place)
      if (columns_[static_cast<std::size_t>(RobotManipConfig::column(token, place))] != 0) return true;
    return false;
  };
  seen_.push_back(kind == kLearned || has(kind) ? 1 : 0);
  // With one camera for both, its turns of queries and keys, values and outputs cancel.
  if (cameras_known() && references_[0] != references_[1]) append_cameras(sequence_, references_[kind == 1 ? 1 : 0]);
  ++sequence_.tokens;
}

void RobotManipInputs::append_turn(TurnTables& tables, double time) const {
  tables.width = static_cast<std::int64_t>(2 * frequencies_.size());
  for (int half = 0; half < 2; ++half)
    for (const float frequency : frequencies_) {
      const auto angle = static_cast<double>(static_cast<float>(time) * frequency);
      tables.cos.push_back(static_cast<float>(std::cos(angle)));
      tables.sin.push_back(static_cast<float>(std::sin(angle)));
    }
}

void RobotManipInputs::append_cameras(TurnTables& tables, std::int64_t camera) const {
  cameras_.append(camera, RelativeCameras::Form::query, tables.query);
  cameras_.append(camera, RelativeCameras::Form::pose, tables.pose);
  cameras_.append(camera, RelativeCameras::Form::inverse, tables.inverse);
}

void RobotManipInputs::finish(TurnTables& tables) {
  for (const float value : tables.sin) tables.back.push_back(-value);
}

}  // namespace sinew::nn
