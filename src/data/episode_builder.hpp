// SPDX-License-Identifier: Apache-2.0
// Gathers the records of one episode and makes arrays of them.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "frame_meter.hpp"
#include "sinew/core/observation.hpp"
#include "sinew/data/episode.hpp"
#include "sinew/record/recording.hpp"

namespace sinew {

/// One episode in the making.
class EpisodeBuilder {
 public:
  explicit EpisodeBuilder(bool measure_cameras) : measure_cameras_(measure_cameras) {}

  /// Starts anew. Without an instruction, the first observation's is taken.
  void begin(std::int64_t index, std::optional<std::string> instruction);
  void add(std::uint64_t sequence, const Observation& observation);
  void add(std::uint64_t sequence, RecordedCommand command);
  [[nodiscard]] std::size_t frames() const noexcept { return episode_.times.size(); }
  /// The episode, complete; `succeeded` and `finished` are the caller's.
  [[nodiscard]] Episode finish();

 private:
  void fault(std::size_t frame, const std::string& name, std::string reason);
  void add_channel(const Channel& channel, std::size_t frame);
  void check_size(const CameraFrame& camera, std::size_t frame);
  void add_camera(const CameraFrame& camera, std::size_t frame);
  void note_absent(std::size_t frame);
  void choose_actions();

  bool measure_cameras_;
  bool instruction_known_ = false;
  Episode episode_;
  std::vector<std::uint64_t> sequences_;          // of the frames
  std::vector<std::uint64_t> command_sequences_;  // in the order of the file, as the next two
  std::vector<Time> command_times_;
  std::vector<std::vector<double>> commands_;
  std::map<std::string, std::array<int, 3>> camera_sizes_;  // height, width, channels of each camera's first frame
  FrameMeter meter_;
};

}  // namespace sinew
