// SPDX-License-Identifier: Apache-2.0
// Stage 2 of curate(): lag and signs of a file's commands, agreement of each episode.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "stages.hpp"

namespace sinew {

namespace {

constexpr std::size_t kMostMissing = 2;  // absent frames in a row, over which a difference is still one of motion

/// States and actions of an episode, or of a stretch of it between long gaps, without grippers.
struct Tables {
  std::size_t episode = 0;
  std::vector<double> states;
  std::vector<double> actions;
};

/// The joints of a file that are compared, by their place among the actions.
std::vector<std::size_t> compared_joints(const CurationFile& file, std::size_t dof) {
  std::vector<std::size_t> joints;
  for (std::size_t j = 0; j < dof; ++j)
    if (!is_gripper(file, j)) joints.push_back(j);
  return joints;
}

/// First frame and number of frames of each stretch.
std::vector<std::pair<std::size_t, std::size_t>> stretches_of(const Episode& episode) {
  const std::vector<std::size_t> missing = missing_frames(episode);
  std::vector<std::pair<std::size_t, std::size_t>> stretches;
  for (std::size_t i = 0; i < missing.size(); ++i) {
    if (i == 0 || missing[i] > kMostMissing) stretches.emplace_back(i, 0);
    ++stretches.back().second;
  }
  return stretches;
}

std::vector<double> select(std::span<const double> table, std::size_t width, std::span<const std::size_t> columns) {
  std::vector<double> selected;
  for (std::size_t row = 0; row + width <= table.size(); row += width)
    for (const std::size_t column : columns) selected.push_back(table[row + column]);
  return selected;
}

/// One file's episodes that can be compared.
class TrendCheck {
 public:
  TrendCheck(Curation& curation, std::size_t file) : curation_(curation), options_(curation.options.action_trend), file_(file) {
    const CurationFile& content = curation.files[file];
    for (std::size_t e = 0; e < content.episodes.size(); ++e) {
      const Episode& episode = *content.episodes[e];
      const EpisodeChannel* channel = joint_channel(episode, curation.options);
      if (channel == nullptr) continue;
      if (tables_.empty()) {
        dof_ = episode.dof;
        joints_ = compared_joints(content, dof_);
        channel_ = channel->name;
        period_ = from_seconds(episode.period());
      }
      if (episode.dof == dof_) add(e, channel->values);
    }
  }

  void run() {
    if (tables_.empty() || joints_.empty()) {
      curation_.report.files[file_].notes.push_back(
          too_short_ ? fmt::format("action_trend: no episode has {} frames in a row", options_.smooth_window)
                     : std::string("action_trend: no episode has commands and a channel of as many measured positions"));
      return;
    }
    std::vector<TrendEpisode> views;
    for (const Tables& tables : tables_) views.push_back({tables.states, tables.actions, joints_.size()});
    const LagFit lag = find_lag(views, options_);
    std::vector<DirectionCount> counts;
    for (const TrendEpisode& view : views) counts.push_back(count_directions(view, lag.lag, options_));
    if (lag.lag != options_.expected_lag) report_lag(lag);
    flip(counts);
    for (std::size_t i = 0; i < counts.size(); ++i) {
      const bool goes_on = i + 1 < counts.size() && tables_[i + 1].episode == tables_[i].episode;
      if (!goes_on) judge(counts[i], tables_[i].episode);
      for (std::size_t j = 0; goes_on && j < joints_.size(); ++j) {
        counts[i + 1].moving[j] += counts[i].moving[j];
        counts[i + 1].agreeing[j] += counts[i].agreeing[j];
      }
    }
  }

 private:
  void add(std::size_t e, std::span<const double> states) {
    const Episode& episode = *curation_.files[file_].episodes[e];
    for (const auto& [first, frames] : stretches_of(episode)) {
      too_short_ = too_short_ || frames < static_cast<std::size_t>(options_.smooth_window);
      if (frames < static_cast<std::size_t>(options_.smooth_window)) continue;
      const auto rows = [&](std::span<const double> table) { return select(table.subspan(first * dof_, frames * dof_), dof_, joints_); };
      tables_.push_back({e, rows(states), rows(episode.actions)});
    }
  }

  void report_lag(const LagFit& lag) {
    Correction& correction = curation_.report.files[file_].correction;
    correction.command_shift = lag.lag - options_.expected_lag;
    correction.frame_period = period_;
    const int frames = std::abs(correction.command_shift);
    Finding& finding = curation_.add_correctable(
        CurationStage::action_trend, file_, "command",
        fmt::format("commands are recorded {} frame{} too {}: correlation with the joints' motion {:.3f} there, {:.3f} as recorded", frames,
                    frames == 1 ? "" : "s", correction.command_shift > 0 ? "early" : "late", lag.correlation, lag.expected_correlation));
    finding.value = lag.lag;
    finding.bound = options_.expected_lag;
  }

  /// Joints whose commands go the other way throughout the file; their counts are turned, so that episodes are judged by the rest.
  void flip(std::vector<DirectionCount>& counts) {
    for (std::size_t j = 0; j < joints_.size(); ++j) {
      DirectionCount all{{0}, {0}};
      for (const DirectionCount& count : counts) {
        all.moving[0] += count.moving[j];
        all.agreeing[0] += count.agreeing[j];
      }
      if (all.total() < options_.least_moving || all.share() > 1 - options_.least_agreement) continue;
      report_flip(joints_[j], all.share());
      for (DirectionCount& count : counts) count.agreeing[j] = count.moving[j] - count.agreeing[j];
    }
  }

  void report_flip(std::size_t joint, double share) {
    Correction& correction = curation_.report.files[file_].correction;
    if (correction.command_signs.empty()) correction.command_signs.assign(dof_, 1.0);
    correction.command_signs[joint] = -1;
    const CurationFile& content = curation_.files[file_];
    const std::string name = joint < content.joint_names.size() ? content.joint_names[joint] : fmt::format("{}", joint);
    Finding& finding = curation_.add_correctable(
        CurationStage::action_trend, file_, name,
        fmt::format("commands of joint {} have the other sign than {}: {:.0f} % of its motion agrees", name, channel_, 100 * share));
    finding.value = share;
    finding.bound = 1 - options_.least_agreement;
  }

  void judge(const DirectionCount& count, std::size_t episode) {
    if (count.total() < options_.least_moving || count.share() >= options_.least_agreement) return;
    const std::size_t last = curation_.files[file_].episodes[episode]->frames() - 1;
    Finding& finding = curation_.add(CurationStage::action_trend, file_, episode, {0, last}, "command");
    finding.value = count.share();
    finding.bound = options_.least_agreement;
    finding.reason = fmt::format("joints go where the commands send them in {:.0f} % of their motion", 100 * count.share());
  }

  Curation& curation_;
  const ActionTrendOptions& options_;
  std::size_t file_;
  std::size_t dof_ = 0;
  bool too_short_ = false;
  std::vector<std::size_t> joints_;
  std::string channel_;
  Time period_{};
  std::vector<Tables> tables_;
};

}  // namespace

void check_action_trend(Curation& curation, std::size_t file) { TrendCheck(curation, file).run(); }

}  // namespace sinew
