// SPDX-License-Identifier: Apache-2.0
// Image, Observation and ActionChunk: the parts that allocate.
#include <cstring>
#include <string>
#include <utility>

#include "sinew/core/action_chunk.hpp"
#include "sinew/core/error.hpp"
#include "sinew/core/image.hpp"
#include "sinew/core/observation.hpp"

namespace sinew {

void Image::resize(int height, int width, int channels) {
  if (height < 0 || width < 0 || channels < 0 || height > 32768 || width > 32768 || channels > 16)
    fail(ErrorCode::invalid_argument, {"Image", "size", "height and width up to 32768, at most 16 channels",
                                       std::to_string(height) + " x " + std::to_string(width) + " x " + std::to_string(channels), ""});
  // First the memory: when there is none, the image stays as it was.
  pixels_.resize(static_cast<std::size_t>(height) * static_cast<std::size_t>(width) * static_cast<std::size_t>(channels));
  height_ = height;
  width_ = width;
  channels_ = channels;
}

void Image::assign(const ImageView& view) {
  resize(view.height(), view.width(), view.channels());
  const std::size_t row_bytes = static_cast<std::size_t>(width_) * static_cast<std::size_t>(channels_);
  for (int y = 0; y < height_; ++y) std::memcpy(pixels_.data() + static_cast<std::size_t>(y) * row_bytes, view.row(y), row_bytes);
}

namespace {
template <class Entries>
auto find_by_name(Entries& entries, std::string_view name) noexcept -> decltype(entries.data()) {
  for (auto& entry : entries)
    if (entry.name == name) return &entry;
  return nullptr;
}
}  // namespace

const CameraFrame* Observation::find_camera(std::string_view name) const noexcept { return find_by_name(cameras, name); }
CameraFrame* Observation::find_camera(std::string_view name) noexcept { return find_by_name(cameras, name); }
const Channel* Observation::find_channel(std::string_view name) const noexcept { return find_by_name(channels, name); }
Channel* Observation::find_channel(std::string_view name) noexcept { return find_by_name(channels, name); }

std::string_view to_string(ActionSpace space) noexcept {
  static constexpr std::array<std::string_view, 3> kNames = {"joint_position", "tool_pose", "base_pose"};
  return kNames[static_cast<std::size_t>(space)];
}

void ActionChunk::resize(int new_horizon, int new_dim) {
  if (new_horizon < 0 || new_dim < 0)
    fail(ErrorCode::invalid_argument,
         {"ActionChunk", "size", "horizon and dim of 0 or more", std::to_string(new_horizon) + " x " + std::to_string(new_dim), ""});
  values.resize(static_cast<std::size_t>(new_horizon) * static_cast<std::size_t>(new_dim));
  horizon = new_horizon;
  dim = new_dim;
}

std::span<double> ActionChunk::step(int i) noexcept {
  return {values.data() + static_cast<std::size_t>(i) * static_cast<std::size_t>(dim), static_cast<std::size_t>(dim)};
}

std::span<const double> ActionChunk::step(int i) const noexcept { return const_cast<ActionChunk*>(this)->step(i); }

std::uint64_t hash_joint_order(std::span<const std::string> names) noexcept {
  std::uint64_t hash = 0xCBF29CE484222325ULL;
  const auto mix = [&hash](unsigned char byte) { hash = (hash ^ byte) * 0x100000001B3ULL; };
  for (const auto& name : names) {
    for (const char c : name) mix(static_cast<unsigned char>(c));
    mix(0);
  }
  return hash != 0 ? hash : 1;
}

}  // namespace sinew
