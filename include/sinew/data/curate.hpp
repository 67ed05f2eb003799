// SPDX-License-Identifier: Apache-2.0
// Curation: every frame and episode of a data set with its verdict, and the reasons.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sinew/data/action_trend.hpp"
#include "sinew/data/camera_faults.hpp"
#include "sinew/data/correction.hpp"
#include "sinew/data/episode.hpp"
#include "sinew/data/extreme_values.hpp"
#include "sinew/data/sudden_change.hpp"
#include "sinew/data/tool_consistency.hpp"

namespace sinew {

/// What found it; docs/curation.md has a section for each.
enum class CurationStage : std::uint8_t { structure, sudden_change, action_trend, extreme_values, tool_consistency, orientation, cameras };
/// Name of the enumerator.
[[nodiscard]] std::string_view to_string(CurationStage stage) noexcept;

/// What becomes of a frame or an episode.
enum class Verdict : std::uint8_t { keep, correctable, reject };
/// Name of the enumerator.
[[nodiscard]] std::string_view to_string(Verdict verdict) noexcept;

/// Something wrong.
struct Finding {
  CurationStage stage = CurationStage::structure;
  std::size_t file = 0;                ///< place in what curate() was given
  std::optional<std::size_t> episode;  ///< place in the file; none: all of the file's
  std::size_t first = 0;               ///< frames, both ends included
  std::size_t last = 0;
  std::string name;  ///< of the channel and column, the joint or the camera
  double value = 0;  ///< measured, the worst of the run
  double bound = 0;  ///< that it exceeds, or falls below
  std::string reason;
  bool correctable = false;
};

/// Episodes of one recording, made with one robot and one definition of its tool.
struct CurationFile {
  std::string name;
  std::vector<const Episode*> episodes;
  std::vector<std::string> joint_names;    ///< of the actions, in order; may be empty
  std::vector<std::string> gripper_names;  ///< of these, that open and close: exempt from sudden changes, extremes and trend
};

/// What curate() looks at.
struct CurationOptions {
  SuddenChangeOptions sudden_change = {};
  ActionTrendOptions action_trend = {};
  ExtremeValueOptions extreme_values = {};
  ToolConsistencyOptions tool_consistency = {};
  CameraFaultOptions cameras = {};
  std::string joint_channel = {};    ///< measured positions of the action's joints; empty: the first of that width in rad or m
  std::string pose_channel = {};     ///< tool pose; empty: the first with the unit "m,quat_wxyz"
  std::size_t least_frames = 2;      ///< an episode with fewer is rejected
  double most_rejected = 0.2;        ///< share of rejected frames beyond which the episode is rejected
  double least_concentration = 0.7;  ///< of directions, for a base to be called turned without a robot description
};

/// A run of frames that are not kept as they are.
struct FrameVerdict {
  std::size_t first = 0;  ///< both ends included
  std::size_t last = 0;
  Verdict verdict = Verdict::reject;
  std::string reason;  ///< the first that applies
};

/// Frames that no run names are kept.
struct EpisodeVerdict {
  std::int64_t index = 0;  ///< as recorded
  std::size_t frames = 0;
  Verdict verdict = Verdict::keep;
  std::string reason;  ///< empty when kept
  std::vector<FrameVerdict> runs;
};

/// One file's part of a report.
struct FileVerdict {
  std::string name;
  std::vector<EpisodeVerdict> episodes;
  Correction correction;           ///< that mends what is correctable
  std::vector<std::string> notes;  ///< stages that had nothing to look at, and why
};

/// What curate() found.
struct CurationReport {
  std::vector<Finding> findings;  ///< by stage
  std::vector<FileVerdict> files;
};

/// Runs all stages over a data set of one kind of robot: bounds of sudden changes and extremes are those of all files together.
/// `chain`: of the robot description; null leaves out tool consistency. Throws Error for files whose commands or joint names differ, for a
/// channel of the options that a file does not have, and for a chain without a joint of theirs.
[[nodiscard]] CurationReport curate(std::span<const CurationFile> files, const Chain<>* chain = nullptr,
                                    const CurationOptions& options = {});

}  // namespace sinew
