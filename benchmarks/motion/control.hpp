// SPDX-License-Identifier: Apache-2.0
// The control loop that bench_motion times.
#pragma once

#include <cstddef>
#include <vector>

#include "motion/panda.hpp"
#include "sinew/motion/chunk_timeline.hpp"
#include "sinew/motion/command_filter.hpp"

namespace sinew::bench {

/// A policy's chunks of a smooth motion, and the control loop that follows them.
class Control {
 public:
  static constexpr std::size_t kDof = 7;
  static constexpr Time kTick = std::chrono::milliseconds(1);

  /// `rate`: chunk steps a second.
  explicit Control(int rate);

  /// What is no part of a tick: a new chunk after half of the last one.
  void prepare();

  void tick();

  /// Once the start is caught up with, the commands are where the motion is, and no faster than the limits.
  void check();

  [[nodiscard]] bool good() const { return good_ && worst_ <= 0.01; }
  [[nodiscard]] double worst() const { return worst_; }
  [[nodiscard]] const SmoothMotion& motion() const { return motion_; }

 private:
  JointLimits limits_;
  SmoothMotion motion_;
  CommandFilter filter_;
  ChunkTimeline timeline_;
  ActionChunk chunk_;
  std::vector<double> target_;
  std::vector<double> q_;
  double last_[kDof] = {};
  Status answers_[2] = {};
  Time now_{};
  Time next_chunk_{};
  bool good_ = false;
  double worst_ = 0;  ///< rad
};

}  // namespace sinew::bench
