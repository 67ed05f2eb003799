// SPDX-License-Identifier: Apache-2.0
// What the tests of PartsDecoder share: poses as channels, an observation, statistics.
#pragma once

#include <Eigen/Geometry>
#include <span>
#include <string>
#include <vector>

#include "sinew/core/clock.hpp"
#include "sinew/core/observation.hpp"
#include "sinew/core/statistics.hpp"
#include "test_seed.hpp"

namespace sinew::testing {

inline Channel pose_channel(const std::string& name, const Eigen::Isometry3d& pose) {
  const Eigen::Quaterniond q(pose.linear());
  const auto p = pose.translation();
  return {name, "m,quat_wxyz", {p.x(), p.y(), p.z(), q.w(), q.x(), q.y(), q.z()}, {}};
}

inline Eigen::Isometry3d pose(double x, double y, double z, double angle, const Eigen::Vector3d& axis) {
  return Eigen::Translation3d(x, y, z) * Eigen::AngleAxisd(angle, axis.normalized());
}

inline Eigen::Isometry3d pose_of(std::span<const double> row) {
  return Eigen::Translation3d(row[0], row[1], row[2]) * Eigen::Quaterniond(row[3], row[4], row[5], row[6]);
}

inline void fill(std::span<float> values, Random& random) {
  for (auto& value : values) value = static_cast<float>(random.uniform(-1, 1));
}

inline Statistics sample_statistics(std::size_t dim) {
  VectorStatistics statistics;
  for (std::size_t i = 0; i < dim; ++i) {
    statistics.q01.push_back(-0.1 - 0.01 * static_cast<double>(i));
    statistics.q99.push_back(0.3 + 0.02 * static_cast<double>(i));
  }
  return {{"action", statistics}, {"observation.state", statistics}};
}

inline Observation sample_observation() {
  Observation observation;
  observation.id = 5;
  observation.time = from_seconds(2);
  observation.channels = {pose_channel("tool_pose", pose(0.4, -0.1, 0.3, 0.7, {1, 2, 3})),
                          pose_channel("camera_pose", pose(1, 0.5, 0.8, -1.9, {1, 0.2, -0.4})),
                          {"joint_position", "rad", {0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7}, {}},
                          {"base_pose", "m,m,rad", {3, -2, 1.2}, {}}};
  return observation;
}

}  // namespace sinew::testing
