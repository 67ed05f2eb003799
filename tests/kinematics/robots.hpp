// SPDX-License-Identifier: Apache-2.0
// Robots of the kinematics tests, and forward kinematics written a second time: from DH tables and by 4x4 products along the tree.
#pragma once

#include <Eigen/Dense>
#include <cmath>
#include <string>
#include <vector>

#include "sinew/kinematics/chain.hpp"
#include "test_seed.hpp"

namespace sinew::testing {

inline std::string robot_path(const std::string& name) { return std::string(SINEW_ROBOTS_DIR) + "/" + name + ".urdf"; }

inline Eigen::Matrix4d translate(double x, double y, double z) {
  Eigen::Matrix4d T = Eigen::Matrix4d::Identity();
  T.col(3) << x, y, z, 1;
  return T;
}

/// Rotation about coordinate axis 0, 1 or 2.
inline Eigen::Matrix4d turn(int axis, double angle) {
  Eigen::Matrix4d T = Eigen::Matrix4d::Identity();
  const int i = (axis + 1) % 3, j = (axis + 2) % 3;
  T(i, i) = T(j, j) = std::cos(angle);
  T(j, i) = std::sin(angle);
  T(i, j) = -T(j, i);
  return T;
}

/// Rodrigues' formula.
inline Eigen::Matrix4d turn_about(const Eigen::Vector3d& axis, double angle) {
  Eigen::Matrix3d K;
  K << 0, -axis.z(), axis.y(), axis.z(), 0, -axis.x(), -axis.y(), axis.x(), 0;
  Eigen::Matrix4d T = Eigen::Matrix4d::Identity();
  T.topLeftCorner<3, 3>() += std::sin(angle) * K + (1 - std::cos(angle)) * K * K;
  return T;
}

/// link0_from_tcp of arm7 from its modified DH table.
inline Eigen::Matrix4d arm7_forward(const Eigen::VectorXd& q) {
  constexpr double kHalf = M_PI / 2;
  const double a[7] = {0, 0, 0, 0.0825, -0.0825, 0, 0.088};
  const double d[7] = {0.333, 0, 0.316, 0, 0.384, 0, 0};
  const double alpha[7] = {0, -kHalf, kHalf, kHalf, -kHalf, kHalf, kHalf};
  Eigen::Matrix4d T = Eigen::Matrix4d::Identity();
  for (int i = 0; i < 7; ++i) T = T * turn(0, alpha[i]) * translate(a[i], 0, 0) * turn(2, q[i]) * translate(0, 0, d[i]);
  return T * translate(0, 0, 0.107) * turn(2, -M_PI / 4) * translate(0, 0, 0.1034);
}

/// base_link_from_tool0 of arm6 from its standard DH table.
inline Eigen::Matrix4d arm6_forward(const Eigen::VectorXd& q) {
  const double d[6] = {0.1625, 0, 0, 0.1333, 0.0997, 0.0996};
  const double a[6] = {0, -0.425, -0.3922, 0, 0, 0};
  const double alpha[6] = {M_PI / 2, 0, 0, M_PI / 2, -M_PI / 2, 0};
  Eigen::Matrix4d T = Eigen::Matrix4d::Identity();
  for (int i = 0; i < 6; ++i) T = T * turn(2, q[i]) * translate(0, 0, d[i]) * translate(a[i], 0, 0) * turn(0, alpha[i]);
  return T;
}

/// world_from_probe of mixed, written down from the file; q: lift, pan, lift_arm, bend, roll, tilt.
inline Eigen::Matrix4d mixed_forward(const Eigen::VectorXd& q) {
  const auto origin = [](double x, double y, double z, double roll, double pitch, double yaw) -> Eigen::Matrix4d {
    return translate(x, y, z) * turn(2, yaw) * turn(1, pitch) * turn(0, roll);
  };
  const double curl = -0.5 * q[5] + 0.25;
  Eigen::Matrix4d T = origin(0.1, -0.2, 0.3, 0.1, 0.2, -0.3);
  T = T * origin(0, 0, 0.4, 0, 0, 0.7) * translate(0, 0, -q[0]);
  T = T * origin(0.05, 0.02, 0.1, 0.3, -0.4, 0.5) * turn_about(Eigen::Vector3d(1, 2, -2) / 3, q[1]);
  T = T * origin(0.1, 0, 0.2, -1.2, 0.3, 0.1) * turn(1, -q[2]);
  T = T * origin(0.3, 0.05, 0, 0.2, 0, -0.9) * turn(0, -q[3]);
  T = T * origin(0.25, 0, 0.01, 0, 1.1, 0) * turn(2, q[4]);
  T = T * origin(0, 0, 0.1, 0, -0.6, 0.2) * turn_about({0.6, 0, 0.8}, q[5]);
  T = T * origin(0.06, 0, 0, 0.4, 0, 0) * turn(1, curl);
  T = T * origin(0.04, 0, 0, 0, 0.2, 0) * translate(0.1 * curl, 0, 0);
  return T * origin(0.01, 0.02, 0.03, -0.2, -0.1, 0.9);
}

struct TestRobot {
  std::string name, base, tip;
  Eigen::Matrix4d (*forward)(const Eigen::VectorXd& q);
};

inline const std::vector<TestRobot>& robots() {
  static const std::vector<TestRobot> all = {
      {"arm7", "link0", "tcp", arm7_forward}, {"arm6", "base_link", "tool0", arm6_forward}, {"mixed", "world", "probe", mixed_forward}};
  return all;
}

inline Chain<> load(const TestRobot& robot) { return Chain<>::from_urdf(robot_path(robot.name), robot.base, robot.tip); }

/// Uniform inside the limits; within ±pi for joints that turn without end.
template <int Dof>
Eigen::VectorXd random_q(const Chain<Dof>& chain, Random& random) {
  Eigen::VectorXd q(chain.dof());
  for (int i = 0; i < chain.dof(); ++i) {
    const bool endless = chain.continuous()[static_cast<std::size_t>(i)] != 0;
    q[i] = endless ? random.uniform(-M_PI, M_PI) : random.uniform(chain.lower()[i], chain.upper()[i]);
  }
  return q;
}

/// Position error (m) and angle (rad, by the trace, good to 1e-8 only near 0) taken together.
inline double pose_distance(const Eigen::Matrix4d& a, const Eigen::Matrix4d& b) {
  const double position = (a.block<3, 1>(0, 3) - b.block<3, 1>(0, 3)).norm();
  // |A - B| (Frobenius) = 2 sqrt(2) sin(angle / 2): accurate for small angles, where the trace is not.
  const double chord = (a.topLeftCorner<3, 3>() - b.topLeftCorner<3, 3>()).norm() / (2 * std::sqrt(2.0));
  return std::max(position, 2 * std::asin(std::min(1.0, chord)));
}

}  // namespace sinew::testing
