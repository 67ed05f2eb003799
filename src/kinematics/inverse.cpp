// SPDX-License-Identifier: Apache-2.0
#include "sinew/kinematics/inverse.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "program_run.hpp"
#include "sinew/kinematics/rotation.hpp"

namespace sinew {

std::string_view to_string(InverseStatus status) noexcept {
  switch (status) {
    case InverseStatus::converged: return "converged";
    case InverseStatus::stalled: return "stalled";
    case InverseStatus::unreachable: return "unreachable";
    case InverseStatus::bad_input: return "bad_input";
  }
  return "unknown";
}

namespace detail {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
/// An arm's length in rad per m: the weight of angles against positions, from the reach.
constexpr double kLengthShare = 0.22;
/// Damping = kDampingShare * |e|^2 + kDampingFloor, with e in units of the length above.
constexpr double kDampingShare = 1e-2;
constexpr double kDampingFloor = 1e-8;
/// Every kStallPeriod iterations after the first kStallGrace the squared error must have fallen by kStallRatio.
constexpr double kLocalShare = 0.2;  // of a joint's range, for seeds about the best position
constexpr int kStallGrace = 6;
constexpr int kStallPeriod = 4;
constexpr double kStallRatio = 0.5;
/// Largest step towards the posture, rad or m, per joint and iteration: keeps the linearisation honest.
constexpr double kPostureStep = 0.3;

using Vector6 = std::array<double, 6>;

/// Counter-based: the number depends on its three indices only.
double uniform(std::uint64_t seed, int restart, int variable) noexcept {
  std::uint64_t z =
      seed + 0x9E3779B97F4A7C15ULL * (static_cast<std::uint64_t>(restart) * kMaxDof + static_cast<std::uint64_t>(variable) + 1);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
  return static_cast<double>((z ^ (z >> 31)) >> 11) * 0x1.0p-53;
}

bool all_finite(std::span<const double> values) noexcept {
  return std::all_of(values.begin(), values.end(), [](double value) { return std::isfinite(value); });
}

/// Solves (J J^T + damping I) y = e over the columns that are not blocked, by Cholesky. False when not positive definite.
bool solve_dual(const double* J, const std::uint8_t* blocked, int dof, double damping, const Vector6& e, Vector6& y) noexcept {
  double A[6][6] = {};
  for (int k = 0; k < dof; ++k) {
    if (blocked[k] != 0) continue;
    const double* column = J + 6 * k;
    for (int a = 0; a < 6; ++a) {
      for (int b = 0; b <= a; ++b) A[a][b] += column[a] * column[b];
    }
  }
  for (int a = 0; a < 6; ++a) {
    for (int b = 0; b <= a; ++b) {
      double sum = A[a][b] + (a == b ? damping : 0.0);
      for (int k = 0; k < b; ++k) sum -= A[a][k] * A[b][k];
      if (a == b) {
        if (!(sum > 0)) return false;
        A[a][a] = 1.0 / std::sqrt(sum);
      } else {
        A[a][b] = sum * A[b][b];
      }
    }
  }
  for (int a = 0; a < 6; ++a) {
    double sum = e[a];
    for (int k = 0; k < a; ++k) sum -= A[a][k] * y[k];
    y[a] = sum * A[a][a];
  }
  for (int a = 5; a >= 0; --a) {
    double sum = y[a];
    for (int k = a + 1; k < 6; ++k) sum -= A[k][a] * y[k];
    y[a] = sum * A[a][a];
  }
  return true;
}

class Solver {
 public:
  Solver(const ChainProgram& program, const Eigen::Isometry3d& target, const InverseSettings& settings,
         const InverseBuffers& buffers) noexcept
      : program_(program),
        settings_(settings),
        buffers_(buffers),
        dof_(program.dof()),
        length_(std::max(kLengthShare * program.reach, 1e-3)) {
    // A target from float32 data is a rotation to 1e-7 only; without this no q could match it to a tighter tolerance.
    target_rotation_ = quaternion_from_matrix(target.linear()).toRotationMatrix();
    target_position_ = target.translation();
  }

  InverseOutcome solve(std::span<const double> seed) noexcept {
    const double distance = (target_position_ - Eigen::Vector3d(program_.center.data())).norm();
    const bool too_far = distance > program_.reach * (1.0 + 1e-9) + settings_.tolerance;
    const int restarts = too_far ? 0 : settings_.max_restarts;
    double* q = buffers_.position;
    for (int restart = 0; restart <= restarts; ++restart) {
      for (int k = 0; k < dof_; ++k) q[k] = clamp(k, restart == 0 ? seed[k] : sample(restart, k));
      if (descend() && accept(seed)) return {InverseStatus::converged, residual_, iterations_, restart};
    }
    std::copy_n(buffers_.best, dof_, buffers_.q.begin());
    measure(run(program_, buffers_.best));
    const bool searched = too_far || settings_.max_restarts > 0;
    return {searched ? InverseStatus::unreachable : InverseStatus::stalled, residual_, iterations_, restarts};
  }

 private:
  double clamp(int k, double value) const noexcept {
    return value < program_.lower[k] ? program_.lower[k] : value > program_.upper[k] ? program_.upper[k] : value;
  }

  /// The posture is the second seed, where there is one. Every eighth seed lies about the best position so far: a target at the
  /// corner of several limits has a basin too narrow for seeds from the whole range.
  double sample(int restart, int k) const noexcept {
    if (restart == 1 && !settings_.posture.empty()) return settings_.posture[k];
    const double low = program_.sample_lower[k];
    const double range = program_.sample_upper[k] - low;
    const double share = uniform(settings_.random_seed, restart, k);
    if (restart % 8 == 7) return clamp(k, buffers_.best[k] + (share - 0.5) * kLocalShare * range);
    return low + share * range;
  }

  /// Sets residual_ and the weighted error.
  void measure(const RunningPose& tip) noexcept {
    Eigen::Matrix3d R;
    for (int i = 0; i < 3; ++i) R.row(i) << tip.x[i], tip.y[i], tip.z[i];
    const Eigen::Vector3d position = target_position_ - Eigen::Vector3d(tip.p.data());
    const Eigen::Vector3d angle = rotation_log(target_rotation_ * R.transpose());
    residual_ = std::max(position.norm(), angle.norm());
    squared_ = 0;
    for (int i = 0; i < 3; ++i) {
      error_[i] = position[i] / length_;
      error_[i + 3] = angle[i];
      squared_ += error_[i] * error_[i] + error_[i + 3] * error_[i + 3];
    }
  }

  /// From the current position downhill; true when within the tolerance.
  bool descend() noexcept {
    double reference = kInfinity;
    double gain = settings_.posture_gain;
    for (int iteration = 0; iteration < settings_.max_iterations; ++iteration) {
      measure(run_jacobian(program_, buffers_.position, buffers_.jacobian, 6));
      if (squared_ < best_squared_) {
        best_squared_ = squared_;
        std::copy_n(buffers_.position, dof_, buffers_.best);
      }
      if (residual_ <= settings_.tolerance) return true;
      if (iteration >= kStallGrace && (iteration - kStallGrace) % kStallPeriod == 0) {
        if (!(squared_ <= kStallRatio * reference)) {
          if (gain == 0) return false;
          gain = 0;  // the posture may pull against a limit; the target comes first
          reference = kInfinity;
        } else {
          reference = squared_;
        }
      }
      ++iterations_;
      if (!step(gain)) return false;
    }
    measure(run(program_, buffers_.position));
    return residual_ <= settings_.tolerance;
  }

  /// One damped Gauss-Newton step; with `gain` also towards the posture within the null space.
  bool step(double gain) noexcept {
    double* q = buffers_.position;
    Vector6 e = error_;
    for (int k = 0; k < dof_; ++k) {
      double* column = buffers_.jacobian + 6 * k;
      double descent = 0;
      for (int i = 0; i < 3; ++i) column[i] /= length_;
      for (int i = 0; i < 6; ++i) descent += column[i] * error_[i];
      // A joint at its limit that would leave it is taken out before solving: clamping it afterwards stalls the others.
      buffers_.blocked[k] = (q[k] <= program_.lower[k] && descent < 0) || (q[k] >= program_.upper[k] && descent > 0);
      buffers_.step[k] = 0;
      if (gain == 0 || buffers_.blocked[k] != 0) continue;
      const double pull = gain * (clamp(k, settings_.posture[k]) - q[k]);
      buffers_.step[k] = pull > kPostureStep ? kPostureStep : pull < -kPostureStep ? -kPostureStep : pull;
      for (int i = 0; i < 6; ++i) e[i] -= column[i] * buffers_.step[k];
    }
    Vector6 y;
    if (!solve_dual(buffers_.jacobian, buffers_.blocked, dof_, kDampingShare * squared_ + kDampingFloor, e, y)) return false;
    for (int k = 0; k < dof_; ++k) {
      if (buffers_.blocked[k] != 0) continue;
      double move = buffers_.step[k];
      for (int i = 0; i < 6; ++i) move += buffers_.jacobian[6 * k + i] * y[i];
      q[k] = clamp(k, q[k] + move);
    }
    return true;
  }

  /// Turns revolute joints by whole turns towards the seed, then checks the answer afresh: pose within tolerance, limits exactly.
  bool accept(std::span<const double> seed) noexcept {
    std::copy_n(buffers_.position, dof_, buffers_.q.begin());
    for (const ChainSegment& segment : program_.segments) turn_towards(seed, segment.variable);
    if (check()) return true;
    std::copy_n(buffers_.position, dof_, buffers_.q.begin());
    return check();
  }

  void turn_towards(std::span<const double> seed, int k) noexcept {
    constexpr double kTurn = 2.0 * std::numbers::pi;
    if (program_.turns[k] == 0) return;
    double& q = buffers_.q[k];
    for (double turns = std::round((seed[k] - q) / kTurn); turns != 0; turns += turns > 0 ? -1 : 1) {
      const double turned = q + kTurn * turns;
      if (turned != clamp(k, turned)) continue;
      q = turned;
      return;
    }
  }

  bool check() noexcept {
    measure(run(program_, buffers_.q.data()));
    bool inside = residual_ <= settings_.tolerance;
    for (int k = 0; k < dof_; ++k) inside = inside && buffers_.q[k] >= program_.lower[k] && buffers_.q[k] <= program_.upper[k];
    return inside;
  }

  const ChainProgram& program_;
  const InverseSettings& settings_;
  const InverseBuffers& buffers_;
  int dof_;
  double length_;
  Eigen::Matrix3d target_rotation_;
  Eigen::Vector3d target_position_;
  Vector6 error_ = {};
  double squared_ = 0.0;
  double residual_ = 0.0;
  double best_squared_ = kInfinity;
  int iterations_ = 0;
};

}  // namespace

InverseOutcome inverse(const ChainProgram& program, const Eigen::Isometry3d& base_from_tip, std::span<const double> seed,
                       const InverseSettings& settings, const InverseBuffers& buffers) noexcept {
  const auto& pose = base_from_tip.matrix();
  const bool good_target = pose.allFinite() && pose.row(3) == Eigen::RowVector4d(0, 0, 0, 1) && is_rotation(base_from_tip.linear());
  const bool good_seed = std::ssize(seed) == program.dof() && all_finite(seed);
  const bool good_settings =
      settings.tolerance >= kMinTolerance && std::isfinite(settings.tolerance) && settings.max_iterations > 0 && settings.max_restarts >= 0;
  const bool good_posture = settings.posture.empty() || (std::ssize(settings.posture) == program.dof() && all_finite(settings.posture) &&
                                                         settings.posture_gain > 0 && settings.posture_gain <= 1);
  if (!good_target || !good_seed || !good_settings || !good_posture)
    return {InverseStatus::bad_input, std::numeric_limits<double>::quiet_NaN(), 0, 0};
  return Solver(program, base_from_tip, settings, buffers).solve(seed);
}

}  // namespace detail
}  // namespace sinew
