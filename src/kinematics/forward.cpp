// SPDX-License-Identifier: Apache-2.0
#include "sinew/kinematics/forward.hpp"

#include "program.hpp"

namespace sinew::detail {
void forward(const ChainProgram& program, std::span<const double> q, int tip, Eigen::Isometry3d& base_from_tip) noexcept {
  if (!fits(program, q, tip)) return write_nan(base_from_tip);
  kernels().forward(tip_program(program, tip).storage.program, q.data(), base_from_tip.data());
}

void frames(const ChainProgram& program, std::span<const double> q, std::span<Eigen::Isometry3d> base_from_frame) noexcept {
  if (base_from_frame.size() < program.frame_names.size()) return;
  if (!fits(program, q, 0)) {
    for (Eigen::Isometry3d& pose : base_from_frame.first(program.frame_names.size())) write_nan(pose);
    return;
  }
  kernels().frames(program.frames_program, q.data(), base_from_frame.data()->data());
}

bool forward_batch(const ChainProgram& program, std::span<const double> q, std::span<double> base_from_tip, int tip) noexcept {
  const std::ptrdiff_t count = batch_count(program, q, base_from_tip.size(), tip);
  if (count < 0) return false;
  kernels().forward_batch(tip_program(program, tip).storage.program, q.data(), static_cast<std::size_t>(count), base_from_tip.data());
  return true;
}

bool forward_batch(const ChainProgram& program, std::span<const float> q, std::span<float> base_from_tip, int tip) noexcept {
  const std::ptrdiff_t count = batch_count(program, q, base_from_tip.size(), tip);
  if (count < 0) return false;
  kernels().forward_batch_float(tip_program(program, tip).float_storage.program, q.data(), static_cast<std::size_t>(count),
                                base_from_tip.data());
  return true;
}

}  // namespace sinew::detail
