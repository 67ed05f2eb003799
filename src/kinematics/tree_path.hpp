// SPDX-License-Identifier: Apache-2.0
// A way through the tree of a description, and how its joints move. Internal to src/kinematics.
#pragma once

#include <Eigen/Geometry>
#include <cstddef>
#include <vector>

#include "program.hpp"
#include "sinew/kinematics/urdf.hpp"

namespace sinew::detail {

/// One joint on the way from a base to a tip.
struct PathStep {
  int joint;
  bool downwards;  ///< from parent to child
};
using Path = std::vector<PathStep>;

/// Unlike Isometry3d's own product and inverse this keeps exact zeros and ones exact.
inline Eigen::Isometry3d rigid_inverse(const Eigen::Isometry3d& pose) {
  Eigen::Isometry3d inverse = Eigen::Isometry3d::Identity();
  inverse.linear() = pose.linear().transpose();
  inverse.translation() = -(pose.linear().transpose() * pose.translation());
  return inverse;
}

inline Eigen::Isometry3d motion(const UrdfJoint& joint, double position) {
  Eigen::Isometry3d pose = Eigen::Isometry3d::Identity();
  if (joint.type == UrdfJointType::prismatic) {
    pose.translation() = position * joint.axis;
  } else {
    pose.linear() = Eigen::AngleAxisd(position, joint.axis).toRotationMatrix();
  }
  return pose;
}

/// The coordinate axis that `axis` lies on exactly, either way; 3 when on none.
inline int coordinate_axis(const Eigen::Vector3d& axis) {
  for (int i = 0; i < 3; ++i) {
    if (axis[(i + 1) % 3] == 0 && axis[(i + 2) % 3] == 0) return i;
  }
  return 3;
}

/// position = multiplier * q of `driver` + offset, after all mimics are resolved.
struct Drive {
  const UrdfJoint* driver;
  double multiplier = 1.0;
  double offset = 0.0;
};

inline Drive resolve(const Urdf& urdf, const UrdfJoint& joint) {
  Drive drive{.driver = &joint};
  while (drive.driver->mimic) {
    const UrdfMimic& mimic = *drive.driver->mimic;
    drive.offset += drive.multiplier * mimic.offset;
    drive.multiplier *= mimic.multiplier;
    drive.driver = &urdf.joints[static_cast<std::size_t>(mimic.index)];
  }
  return drive;
}

/// Fills what frames() runs, for the links of the paths from link `base` and all that is fixed to them. The joints of the paths are in
/// `program` already.
void compile_frames(const Urdf& urdf, int base, const std::vector<Path>& paths, ChainProgram& program);

}  // namespace sinew::detail
