// SPDX-License-Identifier: Apache-2.0
#include "episode_builder.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <limits>
#include <utility>

namespace sinew {

namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

}  // namespace

void EpisodeBuilder::begin(std::int64_t index, std::optional<std::string> instruction) {
  episode_ = {};
  sequences_.clear();
  command_sequences_.clear();
  command_times_.clear();
  commands_.clear();
  camera_sizes_.clear();
  episode_.index = index;
  instruction_known_ = instruction.has_value();
  if (instruction) episode_.instruction = std::move(*instruction);
}

void EpisodeBuilder::fault(std::size_t frame, const std::string& name, std::string reason) {
  episode_.faults.push_back({frame, name, std::move(reason)});
}

void EpisodeBuilder::add(std::uint64_t sequence, const Observation& observation) {
  const std::size_t frame = frames();
  if (!instruction_known_) episode_.instruction = observation.instruction;
  instruction_known_ = true;
  if (frame > 0 && observation.time <= episode_.times.back()) fault(frame, "time", "is not later than the frame before");
  episode_.times.push_back(observation.time);
  sequences_.push_back(sequence);
  for (const Channel& channel : observation.channels) add_channel(channel, frame);
  for (const CameraFrame& camera : observation.cameras) add_camera(camera, frame);
  note_absent(frame);
}

void EpisodeBuilder::add_channel(const Channel& channel, std::size_t frame) {
  EpisodeChannel* kept = episode_.find_channel(channel.name);
  if (kept == nullptr) {
    if (frame > 0) fault(frame, channel.name, "channel is absent before this frame");
    kept = &episode_.channels.emplace_back(EpisodeChannel{channel.name, channel.unit, channel.values.size(), {}});
    kept->values.resize(frame * kept->width, kNan);
  }
  if (kept->values.size() > frame * kept->width) return;  // a second one of that name
  if (channel.values.size() == kept->width) {
    kept->values.insert(kept->values.end(), channel.values.begin(), channel.values.end());
    if (channel.unit != kept->unit) fault(frame, channel.name, fmt::format("unit is '{}', not '{}' as before", channel.unit, kept->unit));
    return;
  }
  fault(frame, channel.name, fmt::format("channel has {} values, not {} as before", channel.values.size(), kept->width));
  kept->values.resize((frame + 1) * kept->width, kNan);
}

void EpisodeBuilder::check_size(const CameraFrame& camera, std::size_t frame) {
  const Image& image = camera.image;
  if (image.empty()) return;  // not decoded
  const std::array<int, 3> size{image.height(), image.width(), image.channels()};
  const auto [first, fresh] = camera_sizes_.try_emplace(camera.name, size);
  if (first->second == size) return;
  fault(frame, camera.name, fmt::format("camera has {} pixels, not {} as before", fmt::join(size, "x"), fmt::join(first->second, "x")));
}

void EpisodeBuilder::add_camera(const CameraFrame& camera, std::size_t frame) {
  auto kept = std::ranges::find(episode_.cameras, camera.name, &CameraTrack::name);
  if (kept == episode_.cameras.end()) {
    if (frame > 0) fault(frame, camera.name, "camera is absent before this frame");
    kept =
        episode_.cameras.insert(episode_.cameras.end(), CameraTrack{.name = camera.name, .brightness = {}, .sharpness = {}, .digest = {}});
    kept->digest.resize(frame, 0);
    if (measure_cameras_) {
      kept->brightness.resize(frame, kNan);
      kept->sharpness.resize(frame, kNan);
    }
  }
  if (kept->digest.size() > frame) return;  // a second one of that name
  check_size(camera, frame);
  const FrameMeasure measure = measure_cameras_ ? meter_.measure(camera.image.view()) : FrameMeasure{0, 0, 1};
  kept->digest.push_back(measure.digest);
  if (!measure_cameras_) return;
  kept->brightness.push_back(measure.brightness);
  kept->sharpness.push_back(measure.sharpness);
}

void EpisodeBuilder::note_absent(std::size_t frame) {
  for (EpisodeChannel& channel : episode_.channels) {
    if (channel.values.size() >= (frame + 1) * channel.width) continue;
    fault(frame, channel.name, "channel is absent");
    channel.values.resize((frame + 1) * channel.width, kNan);
  }
  for (CameraTrack& camera : episode_.cameras) {
    if (camera.digest.size() > frame) continue;
    fault(frame, camera.name, "camera is absent");
    camera.digest.push_back(0);
    if (!measure_cameras_) continue;
    camera.brightness.push_back(kNan);
    camera.sharpness.push_back(kNan);
  }
}

void EpisodeBuilder::add(std::uint64_t sequence, RecordedCommand command) {
  if (episode_.dof == 0) episode_.dof = command.values.size();
  if (command.values.size() != episode_.dof) {
    fault(frames() == 0 ? 0 : frames() - 1, "command", fmt::format("has {} values, not {} as before", command.values.size(), episode_.dof));
    return;
  }
  command_sequences_.push_back(sequence);
  command_times_.push_back(command.time);
  commands_.push_back(std::move(command.values));
}

void EpisodeBuilder::choose_actions() {
  if (episode_.dof == 0) return;
  episode_.actions.reserve(frames() * episode_.dof);
  for (const std::ptrdiff_t chosen : choose_commands(episode_.times, sequences_, command_times_, command_sequences_)) {
    if (chosen < 0) {
      fault(episode_.actions.size() / episode_.dof, "command", "none until the next frame");
      episode_.actions.resize(episode_.actions.size() + episode_.dof, kNan);
    } else {
      const std::vector<double>& values = commands_[static_cast<std::size_t>(chosen)];
      episode_.actions.insert(episode_.actions.end(), values.begin(), values.end());
    }
  }
}

Episode EpisodeBuilder::finish() {
  choose_actions();
  if (!measure_cameras_)
    for (CameraTrack& camera : episode_.cameras) camera.digest.clear();
  std::ranges::stable_sort(episode_.faults, {}, &EpisodeFault::frame);
  return std::move(episode_);
}

}  // namespace sinew
