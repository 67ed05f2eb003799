// SPDX-License-Identifier: Apache-2.0
// The load of the recorder's rows: three cameras that deliver JPEGs at 50 Hz, and a state at 1 kHz.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "sinew/record/recorder.hpp"

namespace sinew::bench {

/// What a run in real time showed.
struct LoadResult {
  std::vector<double> cpu;         ///< s of processor time in each second, all threads
  std::vector<double> state_adds;  ///< s of each call
  std::vector<double> frame_adds;  ///< of those with frames
  std::uint64_t heap_calls = 0;    ///< of the calls, after the first second
  std::uint64_t dropped = 0;
  std::size_t frame_bytes = 0;  ///< mean JPEG
  bool complete = true;
};

class CameraLoad {
 public:
  CameraLoad();

  /// Runs for `seconds` in real time. Without a path: the same loop, recording nothing. `exchange`: frames are exchanged for the
  /// recorder's, into which the driver puts the next ones, instead of copied.
  [[nodiscard]] LoadResult run(int seconds, const std::filesystem::path& path = {}, bool exchange = true);

  static constexpr int kStateRate = 1000;  // Hz
  static constexpr int kFrameRate = 50;
  static constexpr int kCameras = 3;

 private:
  static constexpr int kFrames = 8;               // different ones
  std::vector<std::vector<std::uint8_t>> jpegs_;  // [kFrames]
};

}  // namespace sinew::bench
