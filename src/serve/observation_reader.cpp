// SPDX-License-Identifier: Apache-2.0
#include "sinew/serve/observation_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <utility>

#include "sinew/backend/remote/reply.hpp"
#include "sinew/core/error.hpp"

namespace sinew::serve {

using remote::MsgpackType;
using remote::MsgpackValue;
using remote::WireArray;

namespace {

constexpr std::int64_t kMostSide = 16384;  // pixels

/// Of a flat key, or of nested maps; no value for neither.
MsgpackValue look_up(const MsgpackValue& map, std::string_view key) noexcept {
  const MsgpackValue found = map.find(key);
  const std::size_t slash = key.find('/');
  if (found || slash == std::string_view::npos) return found;
  const MsgpackValue inner = map.find(key.substr(0, slash));
  return inner ? look_up(inner, key.substr(slash + 1)) : inner;
}

/// Without leading dimensions of 1 beyond `rank`.
void drop_leading(WireArray& array, std::size_t rank) noexcept {
  std::size_t first = 0;
  while (array.shape.rank() - first > rank && array.shape[first] == 1) ++first;
  array.shape = Shape(array.shape.dims().subspan(first));
}

/// Planes `[3, h, w]` to pixels.
void interleave(std::span<const std::byte> planes, std::span<std::uint8_t> pixels) noexcept {
  const std::size_t count = pixels.size() / 3;
  for (std::size_t i = 0; i < count; ++i)
    for (std::size_t c = 0; c < 3; ++c) pixels[3 * i + c] = std::to_integer<std::uint8_t>(planes[c * count + i]);
}

std::int64_t size_of(const WireState& state) noexcept {
  std::int64_t size = 0;
  for (const SensorCard& channel : state.channels) size += channel.size;
  return size;
}

template <class Entry>
Entry& entry_at(std::vector<Entry>& entries, std::size_t place) {
  if (place == entries.size()) entries.emplace_back();
  return entries[place];
}

}  // namespace

WireOptions served_keys(const PolicyCard& card, WireForm form) {
  if (form == WireForm::starvla || form == WireForm::libero)
    fail(ErrorCode::unsupported, {"serve", "form", "droid, aloha or groot", std::string(to_string(form)), ""});
  const std::string images = form == WireForm::groot ? "video/" : form == WireForm::aloha ? "images/" : "observation/";
  const std::string states = form == WireForm::groot ? "state/" : "observation/";
  WireOptions keys{.form = form, .scaling = AsTheyAre{}};
  for (const CameraCard& camera : card.cameras) keys.cameras.push_back({images + camera.name, camera.name, false});
  if (form == WireForm::aloha && !card.state.channels.empty()) keys.states.push_back({"state", card.state.channels});
  if (form != WireForm::aloha)
    for (const SensorCard& channel : card.state.channels) keys.states.push_back({states + channel.name, {channel}});
  if (form == WireForm::groot) keys.text_key = "language/annotation.human.task_description";
  return keys;
}

ObservationReader::ObservationReader(WireOptions options) : options_(std::move(options)) {
  static_cast<void>(WireEncoder(options_));  // its checks are ours
  std::int64_t longest = 1;
  for (const WireState& state : options_.states) longest = std::max(longest, size_of(state));
  values_ = Tensor(DType::f64, Shape{longest});
}

void ObservationReader::name_key(std::string_view key) noexcept {
  const FixedText why = error_;
  error_.format("[serve] '{}': {}", key, why.view());
}

Status ObservationReader::read_camera(const WireCamera& camera, const MsgpackValue& map, Time now, Observation& observation,
                                      std::size_t& place) {
  const MsgpackValue value = look_up(map, camera.key);
  if (!value && camera.optional) return Status::ok;
  auto array = value ? remote::array_of(value, error_) : std::nullopt;
  const bool planes = options_.form == WireForm::aloha;
  if (!array) {
    if (error_.view().empty())
      error_.format("[serve] '{}': expected an image, got {}", camera.key, value ? "another value" : "none");
    else
      name_key(camera.key);
    return value ? Status::bad_shape : Status::missing;
  }
  drop_leading(*array, 3);
  const Shape& shape = array->shape;
  const std::size_t channels = planes ? 0 : 2;
  const bool fits = array->dtype == DType::u8 && shape.rank() == 3 && shape[channels] == 3 && shape.count() > 0 &&
                    std::ranges::all_of(shape.dims(), [](std::int64_t side) { return side <= kMostSide; });
  if (!fits) {
    error_.format("[serve] '{}': expected u8 {}, got {} {}", camera.key, planes ? "[3, height, width]" : "[height, width, 3]",
                  to_string(array->dtype), to_string(shape));
    return Status::bad_shape;
  }
  CameraFrame& frame = entry_at(observation.cameras, place++);
  frame.name = camera.camera;
  frame.stamp = now;
  frame.jpeg.clear();
  frame.image.resize(static_cast<int>(shape[planes ? 1 : 0]), static_cast<int>(shape[planes ? 2 : 1]));
  const auto pixels = frame.image.pixels();
  if (planes)
    interleave(array->bytes, pixels);
  else
    std::ranges::copy(array->bytes, std::as_writable_bytes(pixels).begin());
  return Status::ok;
}

Status ObservationReader::read_state(const WireState& state, const MsgpackValue& map, Time now, Observation& observation,
                                     std::size_t& place) {
  const MsgpackValue value = look_up(map, state.key);
  auto array = value ? remote::array_of(value, error_) : std::nullopt;
  const std::int64_t size = size_of(state);
  if (!array) {
    if (error_.view().empty())
      error_.format("[serve] '{}': expected {} numbers, got {}", state.key, size, value ? "another value" : "none");
    else
      name_key(state.key);
    return value ? Status::bad_shape : Status::missing;
  }
  drop_leading(*array, 1);
  if (array->shape.rank() == 0) array->shape = Shape{1};
  if (array->shape.rank() != 1 || array->shape[0] != size || array->copy_to(values_) != Status::ok) {
    error_.format("[serve] '{}': expected {} numbers in f16, f32 or f64, got {} {}", state.key, size, to_string(array->dtype),
                  to_string(array->shape));
    return Status::bad_shape;
  }
  auto values = values_.as<double>();
  for (const SensorCard& expected : state.channels) {
    Channel& channel = entry_at(observation.channels, place++);
    channel.name = expected.name;
    channel.unit = expected.unit;
    channel.stamp = now;
    channel.values.assign(values.begin(), values.begin() + expected.size);
    values = values.subspan(static_cast<std::size_t>(expected.size));
  }
  return Status::ok;
}

Status ObservationReader::read_text(const MsgpackValue& map, Observation& observation) {
  MsgpackValue value = look_up(map, options_.text_key);
  for (int level = 0; level < 2 && value && value.type() == MsgpackType::array; ++level) value = value.first();  // of a batch, of a history
  const auto text = value ? value.text() : std::nullopt;
  if (!text) {
    error_.format("[serve] '{}': expected text, got {}", options_.text_key, value ? "another value" : "none");
    return value ? Status::bad_shape : Status::missing;
  }
  if (text->size() > static_cast<std::size_t>(options_.max_text_bytes)) {
    error_.format("[serve] '{}': expected at most {} bytes, got {}", options_.text_key, options_.max_text_bytes, text->size());
    return Status::over_capacity;
  }
  observation.instruction.assign(*text);
  return Status::ok;
}

Status ObservationReader::read(const MsgpackValue& map, Time now, Observation& observation) noexcept {
  error_.clear();
  try {
    if (!map || map.type() != MsgpackType::map) {
      error_.format("[serve] observation: expected a map, got another value");
      return Status::bad_shape;
    }
    std::size_t cameras = 0, channels = 0;
    for (const WireCamera& camera : options_.cameras)
      if (const Status status = read_camera(camera, map, now, observation, cameras); status != Status::ok) return status;
    for (const WireState& state : options_.states)
      if (const Status status = read_state(state, map, now, observation, channels); status != Status::ok) return status;
    observation.cameras.resize(cameras);
    observation.channels.resize(channels);
    observation.time = now;
    return read_text(map, observation);
  } catch (const std::exception& problem) {
    error_.format("[serve] observation: {}", problem.what());
    return Status::over_capacity;
  }
}

}  // namespace sinew::serve
