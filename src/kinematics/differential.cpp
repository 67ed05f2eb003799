// SPDX-License-Identifier: Apache-2.0
#include "sinew/kinematics/differential.hpp"

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>

#include "checks.hpp"
#include "program.hpp"

namespace sinew::detail {
namespace {

using Matrix6 = Eigen::Matrix<double, 6, 6>;
/// Keeps the factorisation regular where the chain cannot move in a direction at all.
constexpr double kDampingFloor = 1e-9;
/// m or rad of the tip in one period: far beyond what any joint follows.
constexpr double kLargestStep = 10.0;
constexpr double kLargestPeriod = 10.0;  // s

class Stepper {
 public:
  Stepper(const ChainProgram& program, const DifferentialSettings& settings, const InverseBuffers& buffers) noexcept
      : program_(program), settings_(settings), dof_(program.dof()), J_(buffers.jacobian), d_(buffers.position), free_(buffers.next) {}

  DifferentialOutcome step(std::span<const double> q, const Twist& twist, double dt, std::span<double> next,
                           std::span<double> dq) noexcept {
    // A command beyond all speeds is cut to what keeps the arithmetic finite; its direction stays.
    const double largest = twist.cwiseAbs().maxCoeff();
    const double share = largest > kLargestStep / dt ? kLargestStep / dt / largest : 1.0;
    weigh(q, twist * share * dt);
    set_bounds(q, dt);
    sum_columns();
    const double damping = damping_of_pose();
    solve(q, dt, damping);
    // Ends: every joint is held once at most.
    while (hold_worst()) {
      sum_columns();
      solve(q, dt, damping);
    }
    const double fraction = slow_down(dt);
    for (int k = 0; k < dof_; ++k) {
      const auto i = static_cast<std::size_t>(k);
      // Once more exactly: rounding may not carry a joint over its limit.
      const double moved = q[i] + std::clamp(d_[k], low_[i], high_[i]);
      next[i] = q[i] >= program_.lower[i] && q[i] <= program_.upper[i] ? std::clamp(moved, program_.lower[i], program_.upper[i]) : moved;
      // The sum may have been rounded away from q.
      if (std::abs(next[i] - q[i]) > speed(i) * dt) next[i] = std::nextafter(next[i], q[i]);
      dq[i] = (next[i] - q[i]) / dt;
    }
    return {Status::ok, share * fraction, manipulability_};
  }

 private:
  const TipProgram& tip() const noexcept { return tip_program(program_, settings_.tip); }
  double speed(std::size_t i) const noexcept {
    const double stated = program_.velocity[i];
    return settings_.speed_scale * (std::isfinite(stated) ? stated : settings_.default_velocity);
  }
  Eigen::Map<const Twist> column(int k) const noexcept { return Eigen::Map<const Twist>(J_ + 6 * k); }

  /// Weighted Jacobian and displacement of one period.
  void weigh(std::span<const double> q, const Twist& displacement) noexcept {
    Eigen::Isometry3d pose;
    kernels().jacobian(tip().storage.program, q.data(), pose.data(), J_, 6);
    const KernelTask task = task_weights(tip(), settings_.task, settings_.tool_axis);
    if (task.axis_only != 0) free_axis_ = pose.linear() * Eigen::Vector3d(task.axis[0], task.axis[1], task.axis[2]);
    const auto weighted = [&](Eigen::Ref<Twist> v) {
      v.tail<3>() -= free_axis_ * free_axis_.dot(v.tail<3>());
      v.head<3>() *= task.position_weight;
      v.tail<3>() *= task.rotation_weight;
    };
    for (int k = 0; k < dof_; ++k) weighted(Eigen::Map<Twist>(J_ + 6 * k));
    wanted_ = displacement;
    weighted(wanted_);
  }

  /// Displacements that position and speed allow. Outside the limits only the way back is open.
  void set_bounds(std::span<const double> q, double dt) noexcept {
    for (std::size_t i = 0; i < q.size(); ++i) {
      const double most = speed(i) * dt;
      low_[i] = std::clamp(program_.lower[i] - q[i], -most, most);
      high_[i] = std::clamp(program_.upper[i] - q[i], -most, most);
      position_low_[i] = std::min(program_.lower[i] - q[i], high_[i]);
      position_high_[i] = std::max(program_.upper[i] - q[i], low_[i]);
      free_[i] = 1.0;
      d_[i] = 0.0;
      // A joint that does not move this tip stays, but for the way back into its limits.
      if (column(static_cast<int>(i)).isZero(0)) hold(static_cast<int>(i), std::clamp(0.0, low_[i], high_[i]));
      if (low_[i] > 0 || high_[i] < 0) hold(static_cast<int>(i), low_[i] > 0 ? low_[i] : high_[i]);
    }
  }

  void hold(int k, double displacement) noexcept {
    if (free_[k] == 0) return;
    free_[k] = 0.0;
    d_[k] = displacement;
  }

  /// J J^T over the joints that are free.
  void sum_columns() noexcept {
    gram_.setZero();
    for (int k = 0; k < dof_; ++k) {
      if (free_[k] != 0) gram_.noalias() += column(k) * column(k).transpose();
    }
  }

  /// Squared damping for the joints that are free at the start, from the product of the singular values.
  double damping_of_pose() noexcept {
    // The rows that do not count have no part in the product: a 1 on their diagonal leaves it as it is.
    Matrix6 B = gram_;
    B.bottomRightCorner<3, 3>() += free_axis_ * free_axis_.transpose();
    for (int i = 0; i < 6; ++i) {
      if (settings_.task == InverseTask::axis && i < 3) B(i, i) += 1.0;
      if (settings_.task == InverseTask::position && i >= 3) B(i, i) += 1.0;
    }
    manipulability_ = std::sqrt(std::max(B.determinant(), 0.0));
    const double share = manipulability_ / settings_.singular_manipulability;
    return share >= 1.0 ? kDampingFloor : settings_.max_damping * settings_.max_damping * (1.0 - share * share) + kDampingFloor;
  }

  void solve(std::span<const double> q, double dt, double damping) noexcept {
    Twist e = wanted_;
    for (int k = 0; k < dof_; ++k) {
      if (free_[k] == 0) {
        e.noalias() -= column(k) * d_[k];
        continue;
      }
      d_[k] = 0.0;
      if (settings_.posture.empty()) continue;
      const auto i = static_cast<std::size_t>(k);
      d_[k] = std::clamp((settings_.posture[i] - q[i]) * std::min(settings_.posture_rate * dt, 1.0), low_[i], high_[i]);
      e.noalias() -= column(k) * d_[k];
    }
    Matrix6 A = gram_;
    A.diagonal().array() += damping;
    const Twist y = A.llt().solve(e);
    for (int k = 0; k < dof_; ++k) {
      if (free_[k] != 0) d_[k] += column(k).dot(y);
    }
  }

  /// Holds the joint that is farthest over a position limit there; false when none is.
  bool hold_worst() noexcept {
    int worst = -1;
    double excess = 0.0;
    for (int k = 0; k < dof_; ++k) {
      if (free_[k] == 0) continue;
      const auto i = static_cast<std::size_t>(k);
      const double over = std::max(d_[k] - position_high_[i], position_low_[i] - d_[k]);
      if (!(over > excess)) continue;
      excess = over;
      worst = k;
    }
    if (worst < 0) return false;
    const auto i = static_cast<std::size_t>(worst);
    hold(worst, d_[worst] > position_high_[i] ? position_high_[i] : position_low_[i]);
    return true;
  }

  double slow_down(double dt) noexcept {
    double fraction = 1.0;
    for (int k = 0; k < dof_; ++k) {
      const double most = speed(static_cast<std::size_t>(k)) * dt;
      if (std::abs(d_[k]) > most) fraction = std::min(fraction, most / std::abs(d_[k]));
    }
    for (int k = 0; k < dof_; ++k) {
      const auto i = static_cast<std::size_t>(k);
      const bool coming_back = low_[i] > 0 || high_[i] < 0;
      if (!coming_back) d_[k] *= fraction;
    }
    return fraction;
  }

  const ChainProgram& program_;
  const DifferentialSettings& settings_;
  int dof_;
  double* J_;     ///< `[dof, 6]` weighted
  double* d_;     ///< `[dof]` displacement
  double* free_;  ///< `[dof]` 0 for joints that are held
  std::array<double, kMaxDof> low_, high_, position_low_, position_high_;
  Matrix6 gram_;
  Twist wanted_;
  Eigen::Vector3d free_axis_ = Eigen::Vector3d::Zero();  ///< base axes: about which turning does not count
  double manipulability_ = 0.0;
};

}  // namespace

DifferentialOutcome differential_step(const ChainProgram& program, std::span<const double> q, const Twist& twist, double dt,
                                      const DifferentialSettings& settings, const InverseBuffers& buffers, std::span<double> next,
                                      std::span<double> dq) noexcept {
  const Eigen::Vector3d axis(settings.tool_axis.data());
  if (std::ssize(q) != program.dof()) return {Status::bad_shape, 0.0, 0.0};
  if (!settings.posture.empty() && std::ssize(settings.posture) != program.dof()) return {Status::bad_shape, 0.0, 0.0};
  if (!all_finite(q) || !twist.allFinite() || !std::isfinite(dt) || !axis.allFinite() || !all_finite(settings.posture))
    return {Status::not_finite, 0.0, 0.0};
  const bool good = dt > 0 && dt <= kLargestPeriod && settings.tip >= 0 && settings.tip < std::ssize(program.tips) && !axis.isZero(0) &&
                    settings.speed_scale > 0 && settings.speed_scale <= 1 && settings.default_velocity > 0 && settings.posture_rate >= 0 &&
                    settings.singular_manipulability > 0 && settings.max_damping >= 0;
  if (!good) return {Status::out_of_range, 0.0, 0.0};
  return Stepper(program, settings, buffers).step(q, twist, dt, next, dq);
}

}  // namespace sinew::detail
