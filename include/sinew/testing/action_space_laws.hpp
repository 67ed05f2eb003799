// SPDX-License-Identifier: Apache-2.0
// What every action space must keep, as functions that return what went wrong, so that any test framework can use them.
#pragma once

#include <fmt/format.h>

#include <Eigen/Geometry>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "sinew/action/canonical.hpp"
#include "sinew/action/delta_pose.hpp"
#include "sinew/action/relative.hpp"

namespace sinew::testing {

/// Largest difference of position (m) or of an entry of the rotation matrix.
[[nodiscard]] inline double pose_distance(const ToolPose<double>& a, const ToolPose<double>& b) {
  return std::max((a.position - b.position).cwiseAbs().maxCoeff(),
                  (a.rotation.toRotationMatrix() - b.rotation.toRotationMatrix()).cwiseAbs().maxCoeff());
}

/// decode after encode gives every pose back within `tolerance`, in the hemisphere of the one before. "" or what went wrong.
[[nodiscard]] inline std::string pose_walk_law(const PoseRule& rule, const PoseAnchor& anchor, std::span<const ToolPose<double>> targets,
                                               double tolerance = 1e-9) {
  PoseWalk encoder(rule, anchor), decoder(rule, anchor);
  std::vector<double> row(static_cast<std::size_t>(rule.size()));
  Eigen::Quaterniond before = Eigen::Quaterniond::Identity();
  for (std::size_t i = 0; i < targets.size(); ++i) {
    ToolPose<double> back;
    if (encoder.encode(targets[i], row) != Status::ok || decoder.decode(row, back) != Status::ok) return fmt::format("pose {}: refused", i);
    if (const double off = pose_distance(back, targets[i]); !(off <= tolerance)) return fmt::format("pose {}: off by {}", i, off);
    if (back.rotation.dot(before) < 0) return fmt::format("pose {}: in the other hemisphere", i);
    before = back.rotation;
  }
  return {};
}

/// Rows of camera-frame or tool-frame deltas do not change when base and everything in it are moved by `world`. "" or what went wrong.
[[nodiscard]] inline std::string world_invariance_law(const PoseRule& rule, const PoseAnchor& anchor, const ToolPose<double>& world,
                                                      std::span<const ToolPose<double>> targets, double tolerance = 1e-9) {
  const auto moved = [&world](const ToolPose<double>& pose) {
    return ToolPose<double>{world.position + world.rotation * pose.position, world.rotation * pose.rotation};
  };
  PoseWalk here(rule, anchor), there(rule, {moved(anchor.base_from_tool), moved(anchor.base_from_camera)});
  std::vector<double> a(static_cast<std::size_t>(rule.size())), b(a.size());
  for (std::size_t i = 0; i < targets.size(); ++i) {
    if (here.encode(targets[i], a) != Status::ok || there.encode(moved(targets[i]), b) != Status::ok)
      return fmt::format("pose {}: refused", i);
    for (std::size_t j = 0; j < a.size(); ++j)
      if (!(std::abs(a[j] - b[j]) <= tolerance)) return fmt::format("pose {}: number {} changes by {}", i, j, std::abs(a[j] - b[j]));
  }
  return {};
}

/// unpack after pack gives `own` `[rows, layout.dim()]` back, and the dimensions that the embodiment lacks are 0. "" or what went wrong.
[[nodiscard]] inline std::string canonical_law(const CanonicalLayout& layout, std::span<const double> own) {
  std::vector<double> canonical(own.size() / layout.dim() * kCanonicalDim, 9), back(own.size());
  if (layout.pack<double>(own, canonical) != Status::ok || layout.unpack<double>(canonical, back) != Status::ok) return "refused";
  if (!std::ranges::equal(own, back)) return "unpack does not undo pack";
  for (std::size_t i = 0; i < canonical.size(); ++i)
    if (layout.slot_mask()[i % kCanonicalDim] == 0 && canonical[i] != 0) return fmt::format("dimension {} is not 0", i % kCanonicalDim);
  return {};
}

/// to_absolute after to_relative gives `actions` `[rows, dim]` back within rounding. "" or what went wrong.
[[nodiscard]] inline std::string relative_law(const RelativeActions& relative, std::span<const double> actions, std::size_t dim,
                                              std::span<const double> state) {
  std::vector<double> values(actions.begin(), actions.end());
  if (relative.to_relative(values, dim, state) != Status::ok || relative.to_absolute(values, dim, state) != Status::ok) return "refused";
  for (std::size_t i = 0; i < values.size(); ++i)
    if (!(std::abs(values[i] - actions[i]) <= 1e-12 * (1 + std::abs(actions[i]) + std::abs(state[i % dim < state.size() ? i % dim : 0]))))
      return fmt::format("value {} is off by {}", i, std::abs(values[i] - actions[i]));
  return {};
}

}  // namespace sinew::testing
