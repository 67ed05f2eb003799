// SPDX-License-Identifier: Apache-2.0
// Constant mistakes of a recording, and a copy of it without them.
#pragma once

#include <Eigen/Geometry>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "sinew/core/clock.hpp"

namespace sinew {

/// What is the same mistake in every frame of a file. Only what is set is changed.
struct Correction {
  std::vector<double> joint_signs;          ///< `[dof]` 1 or -1: factors of the channels below; empty: none
  std::vector<double> command_signs;        ///< `[dof]` factors of the commands and of chunks of joint positions; empty: none
  std::vector<std::string> joint_channels;  ///< with one value per joint: positions, velocities
  int command_shift = 0;                    ///< frames by which commands belong later (or, negative, earlier) than recorded
  Time frame_period{};                      ///< of those frames
  std::string pose_channel;                 ///< position and quaternion w, x, y, z; empty: none
  /// recorded = recorded_from_base * true * tip_from_recorded: what the poses are freed from.
  Eigen::Isometry3d recorded_from_base = Eigen::Isometry3d::Identity();
  Eigen::Isometry3d tip_from_recorded = Eigen::Isometry3d::Identity();
  /// One sentence each; write_corrected() puts them into the copy.
  std::vector<std::string> changes;

  [[nodiscard]] bool empty() const noexcept { return changes.empty(); }
};

/// What write_corrected() did.
struct CorrectionResult {
  std::uint64_t observations = 0;
  std::uint64_t commands = 0;
  std::uint64_t commands_left_out = 0;  ///< whose corrected time would be before the clock's zero, or whose frame is not there
};

/// Copies a recording with the correction applied, each of `changes` as an event of kind "curation" at its beginning. Everything else is
/// kept: card, joint names, limits, frames, events, chunks (of joint positions corrected, of tool poses as they are). Throws Error for an
/// empty correction, an output that exists, and an input that is not whole or does not have what is to be corrected.
CorrectionResult write_corrected(const std::filesystem::path& input, const std::filesystem::path& output, const Correction& correction);

}  // namespace sinew
