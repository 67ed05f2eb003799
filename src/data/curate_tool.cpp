// SPDX-License-Identifier: Apache-2.0
// Stages 4 and 5 of curate(): recorded tool poses against the robot description, and which way the base looks.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "sinew/data/smoothing.hpp"
#include "sinew/kinematics/rotation.hpp"
#include "stages.hpp"

namespace sinew {

namespace {

constexpr double kDegrees = 180 / std::numbers::pi;

std::string pose_text(const Eigen::Isometry3d& pose) {
  const Eigen::Vector3d p = pose.translation(), r = kDegrees * rotation_log(pose.linear());
  return fmt::format("[{:.4f} {:.4f} {:.4f}] m, rotation vector [{:.2f} {:.2f} {:.2f}] degrees", p.x(), p.y(), p.z(), r.x(), r.y(), r.z());
}

/// Where an episode's frames lie in the file's tables.
struct Part {
  std::size_t episode = 0;
  std::size_t begin = 0;
  std::size_t frames = 0;
};

class ToolCheck {
 public:
  ToolCheck(Curation& curation, std::size_t file) : curation_(curation), file_(file), options_(curation.options.tool_consistency) {}

  void run() {
    if (curation_.chain == nullptr) {
      note("tool_consistency: no robot description was given");
      check_base_direction();
      return;
    }
    if (!find_columns() || !gather()) return;
    ToolFit fit = fit_tool(*curation_.chain, q_, poses_, options_);
    if (fit.found && !fit.identity()) report_fit(fit);
    // Without an explanation the frames are judged as they are.
    if (!fit.found) fit = {.signs = std::vector<double>(columns_.size(), 1.0)};
    judge(fit);
  }

 private:
  void note(std::string text) { curation_.report.files[file_].notes.push_back(std::move(text)); }

  /// The chain's joints among the actions', by name.
  bool find_columns() {
    const std::vector<std::string>& names = curation_.files[file_].joint_names;
    for (const std::string& joint : curation_.chain->joint_names()) {
      const auto found = std::ranges::find(names, joint);
      if (found == names.end()) {
        note(fmt::format("tool_consistency: the recording has no joint '{}' of the robot description", joint));
        return false;
      }
      columns_.push_back(static_cast<std::size_t>(found - names.begin()));
    }
    return true;
  }

  bool gather() {
    const auto& episodes = curation_.files[file_].episodes;
    for (std::size_t e = 0; e < episodes.size(); ++e) {
      const EpisodeChannel* joints = joint_channel(*episodes[e], curation_.options);
      const EpisodeChannel* poses = pose_channel(*episodes[e], curation_.options);
      if (joints == nullptr || poses == nullptr || joints->width != curation_.files[file_].joint_names.size()) continue;
      joint_channel_ = joints->name;
      pose_channel_ = poses->name;
      parts_.push_back({e, poses_.size() / 7, episodes[e]->frames()});
      poses_.insert(poses_.end(), poses->values.begin(), poses->values.end());
      for (std::size_t row = 0; row < joints->values.size(); row += joints->width)
        for (const std::size_t column : columns_) q_.push_back(joints->values[row + column]);
    }
    if (parts_.empty()) note("tool_consistency: no episode has measured joints and a tool pose");
    return !parts_.empty();
  }

  void report_fit(const ToolFit& fit) {
    Correction& correction = curation_.report.files[file_].correction;
    report_signs(fit, correction);
    const Eigen::Isometry3d &base = fit.recorded_from_base, &tool = fit.tip_from_recorded;
    if (base.matrix() == Eigen::Matrix4d::Identity() && tool.matrix() == Eigen::Matrix4d::Identity()) return;
    correction.pose_channel = pose_channel_;
    correction.recorded_from_base = base;
    correction.tip_from_recorded = tool;
    if (base.matrix() != Eigen::Matrix4d::Identity())
      report_pose(CurationStage::orientation, "base",
                  fmt::format("{} has its base at {} of the description's", pose_channel_, pose_text(base)), base);
    if (tool.matrix() != Eigen::Matrix4d::Identity())
      report_pose(CurationStage::tool_consistency, "tool",
                  fmt::format("{} is of a tool at {} of the description's tip", pose_channel_, pose_text(tool)), tool);
    if (fit.ambiguous) note("tool_consistency: as few changes of another kind explain the poses as well; look before you correct");
  }

  void report_pose(CurationStage stage, std::string name, std::string reason, const Eigen::Isometry3d& pose) {
    Finding& finding = curation_.add_correctable(stage, file_, std::move(name), std::move(reason));
    finding.value = pose.translation().norm();
    finding.bound = options_.position_tolerance;
  }

  void report_signs(const ToolFit& fit, Correction& correction) {
    const std::vector<std::string>& names = curation_.files[file_].joint_names;
    for (std::size_t j = 0; j < fit.signs.size(); ++j) {
      if (fit.signs[j] > 0) continue;
      const std::size_t column = columns_[j];
      if (correction.joint_signs.empty()) correction.joint_signs.assign(names.size(), 1.0);
      if (correction.command_signs.empty()) correction.command_signs.assign(names.size(), 1.0);
      correction.joint_signs[column] = -1;
      correction.command_signs[column] *= -1;  // stage 2 has made them agree with the measured ones
      Finding& finding = curation_.add_correctable(CurationStage::tool_consistency, file_, names[column],
                                                   fmt::format("joint {} has the other sign than the description", names[column]));
      finding.value = -1;
      finding.bound = 1;
    }
    if (!correction.joint_signs.empty()) name_joint_channels(correction);
  }

  /// Measured positions, and what has as many values in rad/s or the like.
  void name_joint_channels(Correction& correction) {
    const Episode& episode = *curation_.files[file_].episodes[parts_.front().episode];
    for (const EpisodeChannel& channel : episode.channels)
      if (channel.width == correction.joint_signs.size() && channel.unit.starts_with("rad"))
        correction.joint_channels.push_back(channel.name);
  }

  void judge(const ToolFit& fit) {
    const ToolErrors errors = tool_errors(*curation_.chain, q_, poses_, fit);
    for (const Part& part : parts_) {
      std::vector<std::size_t> far;
      for (std::size_t i = 0; i < part.frames; ++i)
        if (errors.position[part.begin + i] > options_.most_position || errors.angle[part.begin + i] > options_.most_angle)
          far.push_back(i);
      for (const auto& run : runs_of(far)) {
        Finding& finding = curation_.add(CurationStage::tool_consistency, file_, part.episode, run, pose_channel_);
        double angle = 0;
        for (std::size_t i = part.begin + run.first; i <= part.begin + run.second; ++i) {
          finding.value = std::max(finding.value, errors.position[i]);
          angle = std::max(angle, errors.angle[i]);
        }
        finding.bound = options_.most_position;
        finding.reason = fmt::format("{} is up to {:.1f} mm and {:.2f} degrees from where the joints put it", pose_channel_,
                                     1e3 * finding.value, kDegrees * angle);
      }
    }
  }

  void check_base_direction() {
    std::vector<double> poses;
    for (const Episode* episode : curation_.files[file_].episodes)
      if (const EpisodeChannel* channel = pose_channel(*episode, curation_.options)) {
        pose_channel_ = channel->name;
        poses.insert(poses.end(), channel->values.begin(), channel->values.end());
      }
    if (poses.empty()) return note("orientation: no episode has a tool pose");
    const BaseDirection direction = base_direction(poses, 7);
    if (direction.quarter_turns == 0 || direction.concentration < curation_.options.least_concentration) return;
    Correction& correction = curation_.report.files[file_].correction;
    correction.pose_channel = pose_channel_;
    correction.recorded_from_base.linear() =
        Eigen::AngleAxisd(direction.quarter_turns * std::numbers::pi / 2, Eigen::Vector3d::UnitZ()).toRotationMatrix();
    Finding& finding =
        curation_.add_correctable(CurationStage::orientation, file_, "base",
                                  fmt::format("the tool works {:.0f} degrees from +x of the base; {} is turned by {} degrees",
                                              kDegrees * direction.angle, pose_channel_, 90 * direction.quarter_turns));
    finding.value = direction.angle;
    finding.bound = std::numbers::pi / 4;
  }

  Curation& curation_;
  std::size_t file_;
  const ToolConsistencyOptions& options_;
  std::vector<std::size_t> columns_;
  std::string joint_channel_;
  std::string pose_channel_;
  std::vector<Part> parts_;
  std::vector<double> q_;      // [n, dof of the chain]
  std::vector<double> poses_;  // [n, 7]
};

}  // namespace

void check_tool(Curation& curation, std::size_t file) { ToolCheck(curation, file).run(); }

}  // namespace sinew
