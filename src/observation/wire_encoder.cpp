// SPDX-License-Identifier: Apache-2.0
#include "sinew/observation/wire_encoder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "prepare_tensor.hpp"
#include "sinew/core/error.hpp"
#include "sinew/io/text.hpp"

namespace sinew {

namespace {

constexpr const char* kWhere = "WireEncoder";
constexpr std::array<std::string_view, 5> kForms = {"aloha", "droid", "libero", "starvla", "groot"};
constexpr int kMaxText = 1 << 20;

std::string last_part(const std::string& key) { return key.substr(key.rfind('/') + 1); }

WireCamera camera_of(std::string key, bool optional = false) {
  std::string name = last_part(key);
  return {std::move(key), std::move(name), optional};
}

WireState state_of(std::string key, int size) {
  std::string name = last_part(key);
  return {std::move(key), {SensorCard{.name = std::move(name), .unit = "", .size = size, .rate = 0}}};
}

FrameRecipe recipe_of(const WireOptions& options) {
  FrameRecipe recipe{.reference = "wire", .channels_first = options.form == WireForm::aloha};
  if (options.rotate_180) recipe.steps.emplace_back(TurnStep{});
  if (const auto* fit = std::get_if<FitRule>(&options.scaling)) recipe.steps.emplace_back(FitStep{*fit, options.height, options.width});
  if (const auto* rule = std::get_if<ResizeRule>(&options.scaling))
    recipe.steps.emplace_back(ResizeStep{*rule, options.height, options.width});
  return recipe;
}

Shape image_shape(const WireOptions& options) {
  switch (options.form) {
    case WireForm::aloha: return {3, options.height, options.width};
    case WireForm::groot: return {1, 1, options.height, options.width, 3};
    default: return {options.height, options.width, 3};
  }
}

Shape state_shape(WireForm form, std::int64_t size) {
  switch (form) {
    case WireForm::starvla: return {1, size};
    case WireForm::groot: return {1, 1, size};
    default: return {size};
  }
}

[[noreturn]] void refuse(const std::string& what, const std::string& expected, const std::string& got) {
  fail(ErrorCode::invalid_argument, {kWhere, what, expected, got, ""});
}

std::int64_t checked_size(const WireState& state) {
  if (state.dtype != DType::f32 && state.dtype != DType::f64)
    refuse("state " + quote(state.key), "f32 or f64", std::string(to_string(state.dtype)));
  std::int64_t size = 0;
  for (const SensorCard& channel : state.channels) {
    if (channel.size < 1 || channel.size > (1 << 16))
      refuse("channel " + quote(channel.name), "1 to 65536 values", std::to_string(channel.size));
    size += channel.size;
  }
  if (size == 0) refuse("state " + quote(state.key), "channels", "none");
  return size;
}

void check(const WireOptions& options, const TensorSpecs& specs) {
  for (const int side : {options.height, options.width})
    if (side < 1 || side > Resizer::kMaxSide) refuse("a size", fmt::format("1 to {} pixels", Resizer::kMaxSide), std::to_string(side));
  if (options.max_text_bytes < 1 || options.max_text_bytes > kMaxText)
    refuse("max_text_bytes", fmt::format("1 to {}", kMaxText), std::to_string(options.max_text_bytes));
  for (auto spec = specs.begin(); spec != specs.end(); ++spec) {
    if (spec->name.empty()) refuse("a key", "text", "an empty one");
    if (std::any_of(specs.begin(), spec, [&](const TensorSpec& other) { return other.name == spec->name; }))
      refuse("keys", "each once", quote(spec->name) + " twice");
  }
}

template <class Value>
void write(std::span<const double> values, std::span<Value> out) noexcept {
  std::ranges::transform(values, out.begin(), [](double value) { return static_cast<Value>(value); });
}

}  // namespace

std::string_view to_string(WireForm form) noexcept { return kForms[static_cast<std::size_t>(form)]; }

WireForm wire_form_from_string(std::string_view name, std::string_view where) {
  const auto* found = std::ranges::find(kForms, name);
  if (found != kForms.end()) return static_cast<WireForm>(found - kForms.begin());
  const std::string_view near = nearest_name(name, kForms);
  fail(ErrorCode::not_found,
       {where, "wire form", join_names(kForms), quote(name), near.empty() ? "" : "did you mean " + quote(near) + "?"});
}

WireOptions wire_options(WireForm form) {
  WireOptions options{.form = form};
  switch (form) {
    case WireForm::aloha:
      options.cameras = {camera_of("images/cam_high"), camera_of("images/cam_low", true), camera_of("images/cam_left_wrist", true),
                         camera_of("images/cam_right_wrist", true)};
      options.states = {state_of("state", 14)};
      break;
    case WireForm::droid:
      options.cameras = {camera_of("observation/exterior_image_1_left"), camera_of("observation/wrist_image_left")};
      options.states = {state_of("observation/joint_position", 7), state_of("observation/gripper_position", 1)};
      break;
    case WireForm::libero:
      options.cameras = {camera_of("observation/image"), camera_of("observation/wrist_image")};
      options.states = {state_of("observation/state", 8)};
      options.rotate_180 = true;
      break;
    case WireForm::starvla:
      options.cameras = {{"image/0", "image", false}};
      options.text_key = "lang";
      options.scaling = ResizeRule::pil_bilinear;
      break;
    case WireForm::groot:
      options.cameras = {camera_of("video/ego_view")};
      options.text_key = "language/annotation.human.task_description";
      options.height = options.width = 256;
      options.scaling = AsTheyAre{};
      break;
  }
  return options;
}

WireEncoder::WireEncoder(WireOptions options) : options_(std::move(options)) {
  std::int64_t longest = 0;
  for (const WireCamera& camera : options_.cameras) specs_.push_back({camera.key, DType::u8, image_shape(options_)});
  for (const WireState& state : options_.states) {
    const std::int64_t size = checked_size(state);
    longest = std::max(longest, size);
    specs_.push_back({state.key, state.dtype, state_shape(options_.form, size)});
  }
  specs_.push_back({options_.text_key, DType::u8, {options_.max_text_bytes}});
  check(options_, specs_);
  for (std::size_t i = 0; i < options_.cameras.size(); ++i) processors_.emplace_back(recipe_of(options_));
  values_.resize(static_cast<std::size_t>(longest));
}

Status WireEncoder::encode(const Observation& observation, TensorMap& out) noexcept {
  error_.clear();
  Status status = Status::ok;
  for (std::size_t i = 0; i < options_.cameras.size() && status == Status::ok; ++i) status = encode_camera(i, observation, out);
  for (std::size_t i = 0; i < options_.states.size() && status == Status::ok; ++i) status = encode_state(i, observation, out);
  return status == Status::ok ? encode_text(observation, out) : status;
}

Status WireEncoder::encode_camera(std::size_t index, const Observation& observation, TensorMap& out) noexcept {
  const WireCamera& camera = options_.cameras[index];
  const TensorSpec& spec = specs_[index];
  const CameraFrame* frame = observation.find_camera(camera.camera);
  if (frame == nullptr && !camera.optional) {
    error_.format("camera '{}' is missing from the observation (key '{}')", camera.camera, camera.key);
    return Status::missing;
  }
  Status status = Status::ok;
  const std::array<std::int64_t, Shape::kMaxRank> zeros{};
  const Shape shape = frame != nullptr ? spec.capacity : Shape(std::span(zeros).first(spec.capacity.rank()));
  Tensor* tensor = detail::prepare_tensor(out, {spec.name, spec.dtype, shape}, status, error_);
  if (tensor == nullptr || frame == nullptr) return status;
  const ImageView image = frame->image.view();
  status = processors_[index].process(image, tensor->as<std::uint8_t>());
  if (status != Status::ok)
    error_.format("camera '{}': cannot make {} x {} of a frame [{}, {}, {}]: {}", camera.camera, options_.height, options_.width,
                  image.height(), image.width(), image.channels(), to_string(status));
  return status;
}

Status WireEncoder::append(const SensorCard& expected, const Observation& observation, std::size_t& place) noexcept {
  const Channel* channel = observation.find_channel(expected.name);
  if (channel == nullptr) {
    error_.format("channel '{}' is missing from the observation", expected.name);
    return Status::missing;
  }
  const bool same_unit = expected.unit.empty() || channel->unit.empty() || channel->unit == expected.unit;
  if (std::cmp_not_equal(channel->values.size(), expected.size) || !same_unit) {
    error_.format("channel '{}': expected {} values in '{}', got {} in '{}'", expected.name, expected.size, expected.unit,
                  channel->values.size(), channel->unit);
    return Status::bad_shape;
  }
  for (const double value : channel->values) {
    if (!std::isfinite(value)) {
      error_.format("channel '{}': a value is not finite", expected.name);
      return Status::not_finite;
    }
    values_[place++] = value;
  }
  return Status::ok;
}

Status WireEncoder::encode_state(std::size_t index, const Observation& observation, TensorMap& out) noexcept {
  const WireState& state = options_.states[index];
  std::size_t size = 0;
  for (const SensorCard& channel : state.channels)
    if (const Status status = append(channel, observation, size); status != Status::ok) return status;
  const TensorSpec& spec = specs_[options_.cameras.size() + index];
  Status status = Status::ok;
  Tensor* tensor = detail::prepare_tensor(out, {spec.name, spec.dtype, spec.capacity}, status, error_);
  if (tensor == nullptr) return status;
  const std::span<const double> values = std::span(values_).first(size);
  if (state.dtype == DType::f64) {
    write(values, tensor->as<double>());
  } else {
    write(values, tensor->as<float>());
  }
  return Status::ok;
}

Status WireEncoder::encode_text(const Observation& observation, TensorMap& out) noexcept {
  const std::string& text = observation.instruction;
  if (std::cmp_greater(text.size(), options_.max_text_bytes)) {
    error_.format("instruction of {} bytes exceeds {}", text.size(), options_.max_text_bytes);
    return Status::over_capacity;
  }
  Status status = Status::ok;
  Tensor* tensor = detail::prepare_tensor(out, {options_.text_key, DType::u8, {static_cast<std::int64_t>(text.size())}}, status, error_);
  if (tensor != nullptr) std::ranges::copy(text, reinterpret_cast<char*>(tensor->bytes().data()));
  return status;
}

}  // namespace sinew
