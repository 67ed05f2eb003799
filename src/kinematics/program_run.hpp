// SPDX-License-Identifier: Apache-2.0
// Running a chain program for one configuration. Internal to src/kinematics.
#pragma once

#include <array>
#include <cmath>
#include <cstddef>

#include "sinew/kinematics/chain.hpp"

namespace sinew::detail {

using Vector3 = std::array<double, 3>;

inline Vector3 cross(const Vector3& a, const Vector3& b) noexcept {
  return {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
}

/// base_from_something: the columns of the rotation and the origin.
struct RunningPose {
  Vector3 x = {1, 0, 0}, y = {0, 1, 0}, z = {0, 0, 1}, p = {0, 0, 0};

  void move_by(const Rigid& t) noexcept {
    const auto& R = t.rotation;
    Vector3 a, b, c;
    for (int i = 0; i < 3; ++i) {
      p[i] += t.translation[0] * x[i] + t.translation[1] * y[i] + t.translation[2] * z[i];
      a[i] = R[0] * x[i] + R[1] * y[i] + R[2] * z[i];
      b[i] = R[3] * x[i] + R[4] * y[i] + R[5] * z[i];
      c[i] = R[6] * x[i] + R[7] * y[i] + R[8] * z[i];
    }
    x = a;
    y = b;
    z = c;
  }

  /// Into the frame of the segment, before its joint moves.
  void enter(const ChainSegment& segment) noexcept { move_by(segment.previous_from_joint); }

  void actuate(const ChainSegment& segment, const double* q) noexcept {
    const double position = segment.multiplier * q[segment.variable] + segment.offset;
    if (segment.prismatic) {
      for (int i = 0; i < 3; ++i) p[i] += position * z[i];
      return;
    }
    const double c = std::cos(position), s = std::sin(position);
    for (int i = 0; i < 3; ++i) {
      const double along_x = x[i], along_y = y[i];
      x[i] = c * along_x + s * along_y;
      y[i] = c * along_y - s * along_x;
    }
  }
};

/// Axes and origins (base axes) of the moving joints, for Jacobians.
struct JointAxes {
  std::array<Vector3, kMaxDof> axis;
  std::array<Vector3, kMaxDof> origin;
};

/// Pose of the tip; `axes`, when given, is filled for every segment.
inline RunningPose run(const ChainProgram& program, const double* q, JointAxes* axes = nullptr) noexcept {
  RunningPose pose;
  std::size_t i = 0;
  for (const ChainSegment& segment : program.segments) {
    pose.enter(segment);
    if (axes != nullptr) {
      axes->axis[i] = pose.z;
      axes->origin[i] = pose.p;
      ++i;
    }
    pose.actuate(segment, q);
  }
  pose.move_by(program.last_from_tip);
  return pose;
}

/// Pose of the tip and its Jacobian, column-major with columns `stride` apart: linear rows first, reference point at the tip, base axes.
inline RunningPose run_jacobian(const ChainProgram& program, const double* q, double* J, std::ptrdiff_t stride) noexcept {
  JointAxes axes;
  const RunningPose tip = run(program, q, &axes);
  for (int variable = 0; variable < program.dof(); ++variable) {
    for (int row = 0; row < 6; ++row) J[variable * stride + row] = 0.0;
  }
  for (std::size_t i = 0; i < program.segments.size(); ++i) {
    const ChainSegment& segment = program.segments[i];
    double* column = J + segment.variable * stride;
    const Vector3& axis = axes.axis[i];
    if (segment.prismatic) {
      for (std::size_t k = 0; k < 3; ++k) column[k] += segment.multiplier * axis[k];
      continue;
    }
    const Vector3& origin = axes.origin[i];
    const Vector3 linear = cross(axis, {tip.p[0] - origin[0], tip.p[1] - origin[1], tip.p[2] - origin[2]});
    for (std::size_t k = 0; k < 3; ++k) {
      column[k] += segment.multiplier * linear[k];
      column[k + 3] += segment.multiplier * axis[k];
    }
  }
  return tip;
}

}  // namespace sinew::detail
