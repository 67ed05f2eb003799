// SPDX-License-Identifier: Apache-2.0
// Computes the commands of a log again.
#pragma once

#include <cstddef>
#include <filesystem>
#include <vector>

#include "sinew/motion/joint_limits.hpp"
#include "sinew/runtime/motion_control.hpp"
#include "sinew/runtime/motion_log.hpp"

namespace sinew {

/// What came of a replay.
struct Replay {
  std::vector<double> commands;  ///< `[ticks, dof]`, rad or m
  std::size_t ticks = 0;
  std::size_t different = 0;  ///< ticks whose command differs from the log's in any bit
  std::size_t first = 0;      ///< index of the first of them among the ticks
};

/// Makes a MotionControl with these limits and options, and calls it as the log says. With the limits and options that the log was made
/// with, no command differs. With others, it says what would have been: whether tighter limits had been met, or a recorded stop had
/// come. Throws Error for a log that is full, or of another number of joints.
[[nodiscard]] Replay replay(const MotionLog& log, const JointLimits& limits, MotionControlOptions options);

/// The log that a recording holds: of the loop or MotionControl that it was given to, from the first arm on. What a crash left of a
/// recording is a log up to there. Throws Error as Recording does, and for a recording with dropped records, which cannot be replayed.
[[nodiscard]] MotionLog read_motion_log(const std::filesystem::path& recording);

}  // namespace sinew
