// SPDX-License-Identifier: Apache-2.0
// The stages of curate(): each turns what its pure functions measure into findings.
#pragma once

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "columns.hpp"
#include "sinew/data/curate.hpp"

namespace sinew {

/// What the stages share.
struct Curation {
  std::span<const CurationFile> files;
  const Chain<>* chain = nullptr;
  const CurationOptions& options;
  CurationReport report;

  /// A finding about frames `first` to `last` of an episode.
  Finding& add(CurationStage stage, std::size_t file, std::size_t episode, std::pair<std::size_t, std::size_t> frames, std::string name);
  /// A correctable finding about a whole file, and the sentence that the correction carries.
  Finding& add_correctable(CurationStage stage, std::size_t file, std::string name, std::string reason);
};

/// Runs of consecutive frames, both ends included.
[[nodiscard]] std::vector<std::pair<std::size_t, std::size_t>> runs_of(std::span<const std::size_t> frames);

/// The channel of measured joints of the actions, or nullptr.
[[nodiscard]] const EpisodeChannel* joint_channel(const Episode& episode, const CurationOptions& options);
/// The channel of tool poses, or nullptr.
[[nodiscard]] const EpisodeChannel* pose_channel(const Episode& episode, const CurationOptions& options);

/// Throws Error for files of different robots, a channel that a file does not have, and a description of another robot.
void require_fitting_inputs(const Curation& curation);
/// Notes on files whose joint names do not fit their commands.
void note_names(Curation& curation);
/// The frames that come after a gap in time longer than what the other stages bridge.
void check_gaps(Curation& curation);
void check_structure(Curation& curation);
void check_sudden_changes(Curation& curation, std::span<const Column> columns);
void check_action_trend(Curation& curation, std::size_t file);
void check_extreme_values(Curation& curation, std::span<const Column> columns);
void check_tool(Curation& curation, std::size_t file);
void check_cameras(Curation& curation, std::size_t file);
/// Fills FileVerdict::episodes from the findings.
void give_verdicts(Curation& curation);

}  // namespace sinew
