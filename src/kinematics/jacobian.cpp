// SPDX-License-Identifier: Apache-2.0
#include "sinew/kinematics/jacobian.hpp"

#include <array>
#include <limits>

#include "checks.hpp"
#include "program.hpp"

namespace sinew {
namespace {
constexpr std::array<std::string_view, 3> kFrameNames = {"tip_base_axes", "tip", "base"};
}

std::string_view to_string(TwistFrame frame) noexcept { return kFrameNames[static_cast<std::size_t>(frame)]; }

TwistFrame twist_frame(std::string_view name) { return detail::enumerator<TwistFrame>(kFrameNames, name, "twist_frame", "frame"); }

namespace detail {
namespace {

/// From axes of the base at the tip to another frame, column by column.
void change_frame(double* J, std::ptrdiff_t stride, int dof, TwistFrame frame, const Eigen::Isometry3d& base_from_tip) noexcept {
  const Eigen::Matrix3d tip_from_base = base_from_tip.linear().transpose();
  const Eigen::Vector3d p = base_from_tip.translation();
  for (int i = 0; i < dof; ++i) {
    Eigen::Map<Eigen::Vector3d> linear(J + i * stride), angular(J + i * stride + 3);
    if (frame == TwistFrame::tip) {
      linear = (tip_from_base * linear).eval();
      angular = (tip_from_base * angular).eval();
    } else {
      linear += p.cross(angular);
    }
  }
}

}  // namespace

void jacobian(const ChainProgram& program, std::span<const double> q, int tip, double* J, std::ptrdiff_t stride, TwistFrame frame,
              Eigen::Isometry3d& base_from_tip) noexcept {
  if (!fits(program, q, tip)) {
    const std::ptrdiff_t columns = std::ssize(q) == program.dof() ? program.dof() : 0;  // a wrong size was answered by the caller
    for (std::ptrdiff_t i = 0; i < columns; ++i) {
      for (int row = 0; row < 6; ++row) J[i * stride + row] = std::numeric_limits<double>::quiet_NaN();
    }
    return write_nan(base_from_tip);
  }
  kernels().jacobian(tip_program(program, tip).storage.program, q.data(), base_from_tip.data(), J, stride);
  if (frame != TwistFrame::tip_base_axes) change_frame(J, stride, program.dof(), frame, base_from_tip);
}

bool jacobian_batch(const ChainProgram& program, std::span<const double> q, std::span<double> base_from_tip, std::span<double> J,
                    int tip) noexcept {
  const std::ptrdiff_t count = batch_count(program, q, base_from_tip.size(), tip);
  if (count < 0 || J.size() != q.size() * 6) return false;
  kernels().jacobian_batch(tip_program(program, tip).storage.program, q.data(), static_cast<std::size_t>(count), base_from_tip.data(),
                           J.data());
  return true;
}

bool jacobian_batch(const ChainProgram& program, std::span<const float> q, std::span<float> base_from_tip, std::span<float> J,
                    int tip) noexcept {
  const std::ptrdiff_t count = batch_count(program, q, base_from_tip.size(), tip);
  if (count < 0 || J.size() != q.size() * 6) return false;
  kernels().jacobian_batch_float(tip_program(program, tip).float_storage.program, q.data(), static_cast<std::size_t>(count),
                                 base_from_tip.data(), J.data());
  return true;
}

}  // namespace detail
}  // namespace sinew
