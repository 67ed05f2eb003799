// SPDX-License-Identifier: Apache-2.0
#include "sinew/kinematics/forward.hpp"

#include <limits>

#include "program_run.hpp"
#include "sinew/kinematics/jacobian.hpp"

namespace sinew::detail {
namespace {

void write(const RunningPose& pose, Eigen::Isometry3d& out) noexcept {
  out.matrix() << pose.x[0], pose.y[0], pose.z[0], pose.p[0],  //
      pose.x[1], pose.y[1], pose.z[1], pose.p[1],              //
      pose.x[2], pose.y[2], pose.z[2], pose.p[2],              //
      0, 0, 0, 1;
}

void write_nan(Eigen::Isometry3d& out) noexcept { out.matrix().setConstant(std::numeric_limits<double>::quiet_NaN()); }

bool fits(const ChainProgram& program, std::span<const double> q) noexcept { return std::ssize(q) == program.dof(); }

}  // namespace

void forward(const ChainProgram& program, std::span<const double> q, Eigen::Isometry3d& base_from_tip) noexcept {
  if (!fits(program, q)) return write_nan(base_from_tip);
  write(run(program, q.data()), base_from_tip);
}

void frames(const ChainProgram& program, std::span<const double> q, std::span<Eigen::Isometry3d> base_from_frame) noexcept {
  if (base_from_frame.size() < program.frames.size()) return;
  RunningPose pose;
  int segment = -1;
  for (std::size_t i = 0; i < program.frames.size(); ++i) {
    const ChainFrame& frame = program.frames[i];
    if (!fits(program, q)) {
      write_nan(base_from_frame[i]);
      continue;
    }
    while (segment < frame.segment) {
      const ChainSegment& next = program.segments[static_cast<std::size_t>(++segment)];
      pose.enter(next);
      pose.actuate(next, q.data());
    }
    RunningPose at_frame = pose;
    at_frame.move_by(frame.segment_from_frame);
    write(at_frame, base_from_frame[i]);
  }
}

void forward_batch(const ChainProgram& program, std::span<const double> q, std::span<double> base_from_tip) noexcept {
  const auto dof = static_cast<std::size_t>(program.dof());
  const std::size_t count = q.size() / dof;
  if (q.size() != count * dof || base_from_tip.size() != count * 16) return;
  for (std::size_t i = 0; i < count; ++i) {
    Eigen::Isometry3d pose;
    forward(program, q.subspan(i * dof, dof), pose);
    Eigen::Map<Eigen::Matrix<double, 4, 4, Eigen::RowMajor>>(base_from_tip.data() + i * 16) = pose.matrix();
  }
}

void jacobian(const ChainProgram& program, std::span<const double> q, double* J, std::ptrdiff_t stride,
              Eigen::Isometry3d& base_from_tip) noexcept {
  if (!fits(program, q)) return write_nan(base_from_tip);
  write(run_jacobian(program, q.data(), J, stride), base_from_tip);
}

}  // namespace sinew::detail
