// SPDX-License-Identifier: Apache-2.0
#include "sinew/kinematics/pose_error.hpp"

#include "program.hpp"
#include "sinew/kinematics/rotation.hpp"

namespace sinew::detail {

namespace {

/// The program of a tip as seen from `recorded_from_base`, for a frame fixed to the tip.
KernelProgram<double> with_convention(KernelProgram<double> program, const PoseConvention& convention) {
  const Eigen::Matrix3d R = convention.recorded_from_base.linear();
  for (int column = 0; column < 4; ++column) {
    Eigen::Map<Eigen::Vector3d> c(program.base.columns[column]);
    c = Eigen::Vector3d(R * c);
    if (column == 3) c += convention.recorded_from_base.translation();
  }
  Eigen::Isometry3d last_from_tip = Eigen::Isometry3d::Identity();
  if (program.tip_turns != 0) last_from_tip.linear() = Eigen::Map<const Eigen::Matrix3d>(program.tip_rotation);
  for (int i = 0; i < 3; ++i) last_from_tip.translation()[i] = (program.tip_moves >> i & 1) != 0 ? program.tip_translation[i] : 0.0;
  const Eigen::Isometry3d last_from_recorded = last_from_tip * convention.tip_from_recorded;
  Eigen::Map<Eigen::Matrix3d>(program.tip_rotation) = last_from_recorded.linear();
  Eigen::Map<Eigen::Vector3d>(program.tip_translation) = last_from_recorded.translation();
  program.tip_moves = 7;
  program.tip_turns = 1;
  return program;
}

bool is_identity(const Eigen::Isometry3d& pose) { return pose.matrix() == Eigen::Matrix4d::Identity(); }

}  // namespace

bool pose_errors(const ChainProgram& program, std::span<const double> q, std::span<const double> poses, const PoseConvention& convention,
                 PoseErrorSpans errors, int tip) noexcept {
  const auto dof = static_cast<std::size_t>(program.dof());
  const std::size_t count = errors.position.size();
  if (q.size() != count * dof || poses.size() != count * 7 || errors.angle.size() != count || tip < 0 || tip >= std::ssize(program.tips) ||
      (!convention.signs.empty() && convention.signs.size() != dof))
    return false;
  const KernelPoseErrors work = {.q = q.data(),
                                 .poses = poses.data(),
                                 .count = count,
                                 .signs = convention.signs.empty() ? nullptr : convention.signs.data(),
                                 .least_square = (1 - kQuaternionTolerance) * (1 - kQuaternionTolerance),
                                 .most_square = (1 + kQuaternionTolerance) * (1 + kQuaternionTolerance),
                                 .position = errors.position.data(),
                                 .angle = errors.angle.data()};
  const KernelProgram<double>& plain = tip_program(program, tip).storage.program;
  if (is_identity(convention.recorded_from_base) && is_identity(convention.tip_from_recorded)) {
    kernels().pose_errors(plain, work);
  } else {
    kernels().pose_errors(with_convention(plain, convention), work);
  }
  return true;
}

}  // namespace sinew::detail
