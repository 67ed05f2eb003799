// SPDX-License-Identifier: Apache-2.0
#include "camera_load.hpp"

#include <sys/resource.h>

#include <cmath>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

#include "sinew/core/random.hpp"
#include "sinew/io/image_codec.hpp"
#include "sinew/testing/no_alloc.hpp"

namespace sinew::bench {
namespace {

using namespace std::chrono_literals;

/// s of processor time of this process.
double processor_time() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) { return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec); };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

/// Edges, gradients and sensor noise: compresses about as a camera's picture does.
Image picture(int index) {
  Image image(480, 640);
  std::uint32_t noise = 1U + static_cast<std::uint32_t>(index);
  for (int y = 0; y < 480; ++y)
    for (int x = 0; x < 640; ++x)
      for (int c = 0; c < 3; ++c) {
        noise = noise * 1664525U + 1013904223U;
        const double wave = 60 * std::sin(0.02 * (x + 7 * index) * (c + 1)) + 40 * std::cos(0.05 * y) + ((x / 40 + y / 30) % 2) * 30;
        const double value = 120 + wave + static_cast<double>(noise >> 29);
        image.pixels()[static_cast<std::size_t>((y * 640 + x) * 3 + c)] = static_cast<std::uint8_t>(std::clamp(value, 0.0, 255.0));
      }
  return image;
}

}  // namespace

CameraLoad::CameraLoad() {
  for (int i = 0; i < kFrames; ++i) {
    std::vector<std::byte> jpeg;
    if (encode_jpeg(picture(i).view(), {.quality = 90}, jpeg) != Status::ok) throw std::runtime_error("no JPEG");
    std::vector<std::uint8_t>& kept = jpegs_.emplace_back(jpeg.size());
    for (std::size_t k = 0; k < jpeg.size(); ++k) kept[k] = std::to_integer<std::uint8_t>(jpeg[k]);
  }
}

LoadResult CameraLoad::run(int seconds, const std::filesystem::path& path, bool exchange) {
  std::unique_ptr<Recorder> recorder;
  if (!path.empty()) recorder = std::make_unique<Recorder>(path);
  LoadResult result;
  Observation state, frames;
  for (const char* name : {"joint_position", "joint_velocity"}) state.channels.push_back({name, "rad", std::vector<double>(7), {}});
  for (const char* name : {"front", "left", "wrist"}) frames.cameras.push_back({.name = name, .image = {}, .stamp = {}, .jpeg = {}});
  frames.instruction = "put the red cube on the yellow plate";
  const std::vector<double> command(7, 0.25);
  result.state_adds.reserve(static_cast<std::size_t>(seconds * kStateRate));
  result.frame_adds.reserve(static_cast<std::size_t>(seconds * kFrameRate));
  for (const auto& jpeg : jpegs_) result.frame_bytes += jpeg.size() / kFrames;

  const SteadyClock clock;
  const Time start = clock.now();
  double before = processor_time();
  for (int tick = 0; tick < seconds * kStateRate; ++tick) {
    std::this_thread::sleep_until(std::chrono::steady_clock::time_point(start + tick * 1ms));
    const Time now = clock.now();
    state.time = now;
    for (auto& channel : state.channels) {
      channel.stamp = now;
      for (std::size_t i = 0; i < channel.values.size(); ++i) channel.values[i] = std::sin(0.001 * tick + static_cast<double>(i));
    }
    const std::uint64_t heap = testing::heap_calls();
    if (recorder && recorder->add(state, command) == 0) ++result.dropped;
    const Time added = clock.now();
    std::uint64_t calls = testing::heap_calls() - heap;
    result.state_adds.push_back(to_seconds(added - now));
    if (tick % (kStateRate / kFrameRate) == 0) {
      for (int camera = 0; camera < kCameras; ++camera) {  // as a driver does, into the memory that is there
        auto& frame = frames.cameras[static_cast<std::size_t>(camera)];
        const auto& jpeg = jpegs_[static_cast<std::size_t>((tick + 3 * camera) % kFrames)];
        frame.jpeg.assign(jpeg.begin(), jpeg.end());
        frame.stamp = now;
      }
      frames.time = clock.now();
      const std::uint64_t at = testing::heap_calls();
      if (recorder && (exchange ? recorder->add(std::move(frames)) : recorder->add(frames)) == 0) ++result.dropped;
      result.frame_adds.push_back(to_seconds(clock.now() - frames.time));
      calls += testing::heap_calls() - at;
    }
    if (tick >= kStateRate) result.heap_calls += calls;
    if (tick % kStateRate == kStateRate - 1) {
      const double after = processor_time();
      result.cpu.push_back(after - before);
      before = after;
    }
  }
  if (recorder) result.complete = recorder->close();
  return result;
}

}  // namespace sinew::bench
