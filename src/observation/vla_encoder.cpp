// SPDX-License-Identifier: Apache-2.0
#include "sinew/observation/vla_encoder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "prepare_tensor.hpp"
#include "sinew/core/error.hpp"

namespace sinew {

namespace {

constexpr const char* kWhere = "VlaEncoder";
constexpr const char* kPixelValues = "pixel_values";
constexpr const char* kGrids = "image_grid_thw";
constexpr const char* kState = "state";
constexpr double kMostHistory = 60;  // s

const PolicyCard& checked(const PolicyCard& card) {
  validate(card, kWhere);
  return card;
}

/// The shape with a dimension of moments in front when there is more than one.
Shape repeated(const Shape& shape, std::size_t moments) {
  if (moments == 1) return shape;
  std::vector<std::int64_t> dims = {static_cast<std::int64_t>(moments)};
  dims.insert(dims.end(), shape.dims().begin(), shape.dims().end());
  return Shape(dims);
}

std::vector<Time> times_of(const std::vector<double>& seconds) {
  std::vector<Time> times;
  for (const double offset : seconds) times.push_back(from_seconds(offset));
  return times;
}

/// Samples that a source must keep so that the oldest moment is still there when it delivers at `rate`.
std::size_t kept_samples(const std::vector<double>& offsets, double rate) {
  return static_cast<std::size_t>(std::ceil(-offsets.front() * std::min(rate, 1e4))) + 2;
}

}  // namespace

VlaEncoderOptions read_vla_encoder_options(const std::filesystem::path& directory, const PolicyCard& card) {
  VlaEncoderOptions options;
  if (card.text) options.tokenizer = Tokenizer::from_file(directory / card.text->tokenizer);
  const bool qwen = std::ranges::any_of(card.cameras, [](const CameraCard& camera) { return is_qwen(camera.processor); });
  std::error_code ignored;
  const bool described = std::filesystem::exists(directory / "preprocessor_config.json", ignored) ||
                         std::filesystem::exists(directory / "processor_config.json", ignored);
  if (qwen && described) options.preprocessor = qwen_vl_options_from_pretrained(directory.string());
  return options;
}

VlaEncoder::VlaEncoder(const PolicyCard& card, const Statistics& statistics, VlaEncoderOptions options)
    : channels_(checked(card).state.channels),
      normalizer_(make_normalizer(card.state.normalization, statistics, static_cast<std::size_t>(card.state.size()),
                                  "VlaEncoder /state/normalization")) {
  if (!normalizer_.has_forward())
    fail(ErrorCode::invalid_argument, {kWhere, "/state/normalization", "statistics as long as the state", "shorter ones", ""});
  if (normalizer_.steps() != 1)
    fail(ErrorCode::invalid_argument,
         {kWhere, "/state/normalization", "one row of statistics", std::to_string(normalizer_.steps()) + " steps", ""});
  if (card.history) add_history(card);
  add_cameras(card, options);
  int merge = 1;  // the same for all cameras with patches
  for (const CameraEncoder& camera : cameras_) merge = std::max(merge, camera.merge());
  text_.emplace(card.prompt, card.text, std::move(options.tokenizer), merge);
  check_prompt(card);
  specs_.insert(specs_.end(), text_->spec().begin(), text_->spec().end());
  specs_.push_back({kState, DType::f32, repeated({static_cast<int>(normalizer_.out_dim())}, state_moments_)});
  samples_.resize(state_moments_ * channels_.size());
  state_.resize(normalizer_.dim());
  prompt_state_.resize(normalizer_.out_dim());
}

void VlaEncoder::add_history(const PolicyCard& card) {
  const HistoryCard& history = *card.history;
  constexpr double kCameraRate = 60, kChannelRate = 200;  // Hz
  for (const std::vector<double>* offsets : {&history.camera_offsets, &history.state_offsets})
    if (-offsets->front() > kMostHistory)
      fail(ErrorCode::invalid_argument,
           {kWhere, "/history offsets", fmt::format("at least -{} s: every sample between is kept", kMostHistory),
            fmt::format("{} s", offsets->front()), ""});
  const Time max_age = from_seconds(history.max_age);
  HistoryOptions cameras, channels;
  for (const CameraCard& camera : card.cameras)
    cameras.cameras.push_back({camera.name, kept_samples(history.camera_offsets, kCameraRate), max_age});
  for (const SensorCard& channel : channels_)
    channels.channels.push_back({channel.name, kept_samples(history.state_offsets, std::max(channel.rate, kChannelRate)), max_age});
  if (!cameras.cameras.empty()) camera_history_.emplace(std::move(cameras));
  state_history_.emplace(std::move(channels));
  camera_spec_ = {.offsets = times_of(history.camera_offsets), .max_skew = from_seconds(history.max_skew)};
  state_spec_ = {.offsets = times_of(history.state_offsets)};
  camera_moments_ = card.cameras.empty() ? 1 : history.camera_offsets.size();
  state_moments_ = history.state_offsets.size();
}

void VlaEncoder::add_cameras(const PolicyCard& card, const VlaEncoderOptions& options) {
  std::int64_t patches = 0, row_length = 0;
  std::optional<ProcessorKind> generation;
  for (std::size_t i = 0; i < card.cameras.size(); ++i) {
    const CameraCard& entry = card.cameras[i];
    const CameraEncoder& camera =
        cameras_.emplace_back(entry, options.preprocessor, options.layout, fmt::format("{} /cameras/{}", kWhere, i));
    image_specs_.push_back({camera.spec().name, camera.spec().dtype, repeated(camera.spec().capacity, camera_moments_)});
    if (!camera.grid()) {
      specs_.push_back(image_specs_.back());
      continue;
    }
    if (generation && *generation != entry.processor)
      fail(ErrorCode::invalid_argument, {kWhere, fmt::format("/cameras/{}/processor", i), std::string(to_string(*generation)),
                                         std::string(to_string(entry.processor)), "patches of all cameras share one tensor"});
    generation = entry.processor;
    patches += camera.spec().capacity[0];
    row_length = camera.spec().capacity[1];
  }
  for (std::size_t moment = 0; moment < camera_moments_; ++moment)
    for (const CameraEncoder& camera : cameras_) {
      if (camera.grid()) grids_.push_back(*camera.grid());
      // A camera whose pixels become no patches has no slot beside those that do.
      if (camera.grid() || !generation)
        images_.push_back({card.cameras[static_cast<std::size_t>(&camera - cameras_.data())].view, static_cast<int>(moment)});
    }
  frames_.resize(camera_moments_ * cameras_.size());
  if (!generation) return;
  specs_.push_back({kPixelValues, DType::f32, {patches * static_cast<std::int64_t>(camera_moments_), row_length}});
  specs_.push_back({kGrids, DType::i64, {static_cast<std::int64_t>(grids_.size()), 3}});
}

/// Patches need slots in the text, and the chat of their own generation.
void VlaEncoder::check_prompt(const PolicyCard& card) const {
  if (grids_.empty()) return;
  const Prompt& prompt = text_->prompt();
  if (card.text && !prompt.has_image_slots())
    fail(ErrorCode::invalid_argument,
         {kWhere, "/prompt", "a template with image slots, for the patches of the cameras", card.prompt.name, "e.g. the field 'chat'"});
  if (!prompt.chat()) return;
  const auto camera = std::ranges::find_if(card.cameras, [](const CameraCard& entry) { return is_qwen(entry.processor); });
  if (to_string(prompt.chat()->family) != to_string(camera->processor))
    fail(ErrorCode::invalid_argument, {kWhere, "/prompt chat family", std::string(to_string(camera->processor)),
                                       std::string(to_string(prompt.chat()->family)), "cameras and chat are of one generation"});
}

Tensor* VlaEncoder::prepare(TensorMap& out, const TensorSpec& spec, Status& status) noexcept {
  return detail::prepare_tensor(out, {spec.name, spec.dtype, spec.capacity}, status, error_);
}

void VlaEncoder::reset() noexcept {
  if (camera_history_) camera_history_->clear();
  if (state_history_) state_history_->clear();
}

Status VlaEncoder::encode(const Observation& observation, TensorMap& out) noexcept {
  error_.clear();
  if (const Status status = state_history_ ? gather_history(observation) : gather(observation); status != Status::ok) return status;
  if (const Status status = encode_cameras(out); status != Status::ok) return status;
  if (const Status status = encode_state(out); status != Status::ok) return status;
  return encode_text(observation, out);
}

Status VlaEncoder::gather(const Observation& observation) noexcept {
  for (std::size_t i = 0; i < cameras_.size(); ++i) {
    const CameraFrame* found = observation.find_camera(cameras_[i].card().name);
    if (found == nullptr) {
      error_.format("camera '{}' is missing from the observation", cameras_[i].card().name);
      return Status::missing;
    }
    frames_[i] = found->image.view();
  }
  for (std::size_t i = 0; i < channels_.size(); ++i) {
    samples_[i] = observation.find_channel(channels_[i].name);
    if (samples_[i] != nullptr) continue;
    error_.format("channel '{}' is missing from the observation", channels_[i].name);
    return Status::missing;
  }
  return Status::ok;
}

Status VlaEncoder::gather_history(const Observation& observation) noexcept {
  const auto done = [&](ObservationHistory& history, Status status) {
    if (status != Status::ok) error_.format("{}", history.last_error());
    return status;
  };
  // Both take what came before either is asked: a camera that is not ready must not cost the state its samples.
  Status status = camera_history_ ? done(*camera_history_, camera_history_->push(observation)) : Status::ok;
  if (const Status other = done(*state_history_, state_history_->push(observation)); status == Status::ok) status = other;
  if (status == Status::ok && camera_history_)
    status = done(*camera_history_, camera_history_->select(observation.time, camera_spec_, camera_view_));
  if (status == Status::ok) status = done(*state_history_, state_history_->select(observation.time, state_spec_, state_view_));
  if (status != Status::ok) return status;
  for (std::size_t i = 0; i < frames_.size(); ++i) frames_[i] = camera_view_.cameras[i]->image.view();
  std::ranges::copy(state_view_.channels, samples_.begin());
  return Status::ok;
}

Status VlaEncoder::encode_cameras(TensorMap& out) noexcept {
  Status status = Status::ok;
  std::span<std::byte> patches;
  std::size_t image = 0;
  for (const TensorSpec& spec : specs_) {
    if (spec.name != kPixelValues && spec.name != kGrids) continue;
    Tensor* tensor = prepare(out, spec, status);
    if (tensor == nullptr) return status;
    if (spec.name == kPixelValues) patches = tensor->bytes();
    if (spec.name != kGrids) continue;
    std::int64_t* thw = tensor->as<std::int64_t>().data();
    for (const PatchGrid& grid : grids_)
      for (const int size : {grid.temporal, grid.height, grid.width}) *thw++ = size;
  }
  for (std::size_t moment = 0; moment < camera_moments_; ++moment)
    for (std::size_t i = 0; i < cameras_.size(); ++i) {
      CameraEncoder& camera = cameras_[i];
      const std::size_t size = camera.spec().capacity.count() * size_of(camera.spec().dtype);
      std::span<std::byte> target = patches;
      if (!camera.grid()) {
        Tensor* tensor = prepare(out, image_specs_[i], status);
        if (tensor == nullptr) return status;
        target = tensor->bytes().subspan(moment * size);
      } else {
        patches = patches.subspan(size);
      }
      status = camera.encode(frames_[image++], target.first(size));
      if (status == Status::ok) continue;
      error_.format("{}", camera.last_error());
      return status;
    }
  return Status::ok;
}

Status VlaEncoder::read_channel(const SensorCard& expected, const Channel& channel, std::span<double> values) noexcept {
  // A unit that is not stated is taken for the card's; one that is stated must agree.
  if (std::cmp_not_equal(channel.values.size(), expected.size) || (!channel.unit.empty() && channel.unit != expected.unit)) {
    error_.format("channel '{}': expected {} values in '{}', got {} in '{}'", expected.name, expected.size, expected.unit,
                  channel.values.size(), channel.unit);
    return Status::bad_shape;
  }
  if (!std::ranges::all_of(channel.values, [](double value) { return std::isfinite(value); })) {
    error_.format("channel '{}': a value is not finite", expected.name);
    return Status::not_finite;
  }
  std::ranges::copy(channel.values, values.begin());
  return Status::ok;
}

Status VlaEncoder::encode_state(TensorMap& out) noexcept {
  Status status = Status::ok;
  Tensor* tensor = prepare(out, specs_.back(), status);
  if (tensor == nullptr) return status;
  std::span<float> rows = tensor->as<float>();
  for (std::size_t moment = 0; moment < state_moments_; ++moment) {
    std::span<double> rest = state_;
    for (std::size_t i = 0; i < channels_.size(); ++i) {
      status = read_channel(channels_[i], *samples_[moment * channels_.size() + i], rest);
      if (status != Status::ok) return status;
      rest = rest.subspan(static_cast<std::size_t>(channels_[i].size));
    }
    const std::span<float> row = rows.subspan(moment * normalizer_.out_dim(), normalizer_.out_dim());
    status = normalizer_.forward(state_, row);
    if (status != Status::ok) {
      error_.format("state cannot be normalised: {}", to_string(status));
      return status;
    }
    std::ranges::copy(row, prompt_state_.begin());
  }
  return Status::ok;
}

Status VlaEncoder::encode_text(const Observation& observation, TensorMap& out) noexcept {
  const PromptInput input{.instruction = observation.instruction, .state = prompt_state_, .images = images_};
  const Status status = text_->encode(input, grids_, out);
  if (status != Status::ok) error_.format("{}", text_->last_error());
  return status;
}

}  // namespace sinew
