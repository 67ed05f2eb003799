// SPDX-License-Identifier: Apache-2.0
// The bookkeeping of eight searches side by side: seeds, stalls, restarts, and the check of an answer. The arithmetic is in kernels/.
#include "sinew/kinematics/inverse.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <numbers>

#include "checks.hpp"
#include "program.hpp"
#include "sinew/kinematics/rotation.hpp"

namespace sinew {

namespace {
constexpr std::array<std::string_view, 4> kStatusNames = {"converged", "stalled", "unreachable", "bad_input"};
constexpr std::array<std::string_view, 4> kTaskNames = {"pose", "position", "axis", "free_yaw"};
}  // namespace

std::string_view to_string(InverseStatus status) noexcept { return kStatusNames[static_cast<std::size_t>(status)]; }
std::string_view to_string(InverseTask task) noexcept { return kTaskNames[static_cast<std::size_t>(task)]; }

InverseTask inverse_task(std::string_view name) { return detail::enumerator<InverseTask>(kTaskNames, name, "inverse_task", "task"); }

namespace detail {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr int kLanes = KernelSearch::kLanes;
constexpr double kLocalShare = 0.2;  // of a joint's range, for seeds about the best position
/// Every kStallPeriod iterations after the first kStallGrace the squared error must have fallen by kStallRatio.
constexpr int kStallGrace = 6;
constexpr int kStallPeriod = 4;
constexpr double kStallRatio = 0.5;
/// A caller's seed whose squared error is below this is searched alone at first, and waited for when others arrive before it.
constexpr double kNear = 1.0;
constexpr int kPatience = 3;

double clamped(double value, double lower, double upper) noexcept { return value < lower ? lower : value > upper ? upper : value; }

/// A shift of the seeds in dimension `k`, from the caller's random seed (splitmix64).
double shift(std::uint64_t seed, int k) noexcept {
  if (seed == 0) return 0.5;
  std::uint64_t z = seed + 0x9E3779B97F4A7C15ULL * static_cast<std::uint64_t>(k + 1);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
  return static_cast<double>((z ^ (z >> 31)) >> 11) * 0x1.0p-53;
}

/// A target as the kernels want it, and the exact residual of an answer.
struct Target {
  Eigen::Matrix3d rotation;
  Eigen::Vector3d position;

  explicit Target(const Eigen::Matrix4d& pose) noexcept
      // A target from float32 data is a rotation to 1e-7 only; without this no q could match it to a tighter tolerance.
      : rotation(quaternion_from_matrix(pose.topLeftCorner<3, 3>()).toRotationMatrix()), position(pose.block<3, 1>(0, 3)) {}
  Target() = default;
};

class Solver {
 public:
  Solver(const ChainProgram& program, const InverseSettings& settings, const InverseBuffers& buffers) noexcept
      : program_(program),
        tip_(program.tip_programs[static_cast<std::size_t>(settings.tip)]),
        settings_(settings),
        buffers_(buffers),
        kernels_(kernels()),
        dof_(static_cast<int>(tip_.variables.size())) {
    const double chord = 2.0 * std::sin(0.5 * std::min(settings.tolerance, 1.0));
    task_ = task_weights(tip_, settings.task, settings.tool_axis);
    task_.squared_position_tolerance = task_.position_weight != 0 ? settings.tolerance * settings.tolerance : kInfinity;
    task_.squared_chord_tolerance = chord * chord;
    search_ = {.q = buffers.position,
               .next = buffers.next,
               .lower = tip_.lower.data(),
               .upper = tip_.upper.data(),
               .posture = nullptr,
               .posture_gain = gain_.data(),
               .target = target_.data(),
               .jacobian = buffers.jacobian,
               .squared_error = squared_.data(),
               .lanes = 0};
    if (!settings.posture.empty()) {
      for (int k = 0; k < dof_; ++k) buffers.posture[k] = clamp(k, settings.posture[variable(k)]);
      search_.posture = buffers.posture;
    }
  }

  /// Eight seeds of one target. `q [dof]` of the chain.
  InverseOutcome solve(const Target& target, std::span<const double> seed, std::span<double> q) noexcept {
    const bool too_far = is_too_far(target);
    const int last = too_far ? 0 : settings_.max_restarts;
    for (int l = 0; l < kLanes; ++l) aim(l, target);
    begin(0, seed);
    swap_positions();
    bool alone = true;
    for (int patience = kPatience; search_.lanes != 0; swap_positions()) {
      const std::uint32_t within = kernels_.search(tip_.search_storage.program, task_, search_);
      const bool seed_on_its_way = (search_.lanes & 1) != 0 && restart_[0] == 0 && squared_[0] < kNear;
      // Worth waiting for: the caller's own seed is about to arrive as well.
      const bool wait = within != 0 && (within & 1) == 0 && seed_on_its_way && patience-- > 0;
      if (const int lane = wait ? -1 : accept_one(within, target, seed, q); lane >= 0)
        return outcome(InverseStatus::converged, restart_[lane]);
      restart_stalled(wait ? search_.lanes & ~within : search_.lanes, last);
      if (wait) stay(within);
      if (iterations_ == 0 && seed_on_its_way && settings_.posture.empty()) stay_near_seed();
      if (alone && !seed_on_its_way) {
        alone = false;
        if (settings_.posture.empty()) search_.posture = nullptr;
        for (int l = 1; l < kLanes && next_restart_ <= last; ++l) restart(l, next_restart_++, 0);
      }
      iterations_ += std::popcount(search_.lanes);
    }
    finish(target, seed, 0, q);
    const bool searched = too_far || settings_.max_restarts > 0;
    return outcome(searched ? InverseStatus::unreachable : InverseStatus::stalled, last);
  }

  /// Eight targets at a time.
  void solve_many(std::span<const double> targets, std::span<const double> seeds, std::span<double> q,
                  std::span<InverseStatus> status) noexcept {
    batch_ = {targets, seeds, q, status, 0};
    for (int l = 0; l < kLanes; ++l) refill(l);
    swap_positions();
    while (search_.lanes != 0) {
      const std::uint32_t within = kernels_.search(tip_.search_storage.program, task_, search_);
      for (std::uint32_t lanes = search_.lanes; lanes != 0; lanes &= lanes - 1) {
        const int l = std::countr_zero(lanes);
        if ((within >> l & 1) != 0 && accept(l, targets_[l], batch_seed(l), batch_answer(l))) {
          status[index_[l]] = InverseStatus::converged;
          refill(l);
        } else if ((within >> l & 1) != 0 || has_stalled(l)) {
          keep_best(l, l);
          if (restart_[l] < last_restart_[l]) {
            restart(l, restart_[l] + 1, l);
          } else {
            finish(targets_[l], batch_seed(l), l, batch_answer(l));
            const bool searched = is_too_far(targets_[l]) || settings_.max_restarts > 0;
            status[index_[l]] = searched ? InverseStatus::unreachable : InverseStatus::stalled;
            refill(l);
          }
        }
      }
      swap_positions();
    }
  }

 private:
  struct Batch {
    std::span<const double> targets, seeds;
    std::span<double> q;
    std::span<InverseStatus> status;
    std::size_t next;
  };

  std::size_t variable(int k) const noexcept { return static_cast<std::size_t>(tip_.variables[static_cast<std::size_t>(k)]); }
  double clamp(int k, double value) const noexcept { return clamped(value, search_.lower[k], search_.upper[k]); }
  InverseOutcome outcome(InverseStatus status, int restarts) const noexcept { return {status, residual_, iterations_, restarts}; }

  /// Farther than the links are long: the tip itself, or, where the whole pose counts, the origin of the last joint, which the pose fixes.
  bool is_too_far(const Target& target) const noexcept {
    if (task_.position_weight == 0) return false;
    if ((target.position - tip_.center).norm() > tip_.reach * (1.0 + 1e-9) + settings_.tolerance) return true;
    if (settings_.task != InverseTask::pose) return false;
    const Eigen::Vector3d last = target.position + target.rotation * tip_.last_in_tip;
    const double slack = settings_.tolerance * (1.0 + tip_.last_in_tip.norm());
    return (last - tip_.center).norm() > tip_.reach_of_last * (1.0 + 1e-9) + slack;
  }

  void swap_positions() noexcept {
    std::swap(buffers_.position, buffers_.next);
    search_.q = buffers_.position;
    search_.next = buffers_.next;
  }

  /// Gives a lane its target; of one that is too far, the point of the reach that is nearest to it.
  void aim(int lane, Target target) noexcept {
    const Eigen::Vector3d away = target.position - tip_.center;
    if (task_.position_weight != 0 && away.stableNorm() > tip_.reach) target.position = tip_.center + away.stableNormalized() * tip_.reach;
    for (int i = 0; i < 9; ++i) target_[static_cast<std::size_t>(i * kLanes + lane)] = target.rotation.data()[i];
    for (int i = 0; i < 3; ++i) target_[static_cast<std::size_t>((i + 9) * kLanes + lane)] = target.position[i];
  }

  /// Starts a lane at the caller's seed, with the next swap_positions().
  void begin(int lane, std::span<const double> seed) noexcept {
    for (int k = 0; k < dof_; ++k) buffers_.next[k * kLanes + lane] = clamp(k, seed[variable(k)]);
    best_squared_[lane] = kInfinity;
    reset(lane, 0);
  }

  /// Without a posture a near seed is one, while it is searched alone: of a redundant chain's answers the nearest.
  void stay_near_seed() noexcept {
    for (int k = 0; k < dof_; ++k) buffers_.posture[k] = buffers_.position[k * kLanes];
    search_.posture = buffers_.posture;
    gain_[0] = 1.0;
  }

  void reset(int lane, int restart) noexcept {
    restart_[lane] = restart;
    iteration_[lane] = 0;
    reference_[lane] = kInfinity;
    gain_[static_cast<std::size_t>(lane)] = settings_.posture_gain;
    search_.lanes |= 1u << lane;
  }

  /// Starts a lane at another seed. The posture is the second one, where there is one; every eighth lies about the best position so far:
  /// a target at the corner of several limits has a basin too narrow for seeds from the whole range.
  void restart(int lane, int restart, int best) noexcept {
    const bool posture = restart == 1 && !settings_.posture.empty();
    const bool local = restart % 8 == 7 && best_squared_[best] < kInfinity;
    for (int k = 0; k < dof_; ++k) {
      const double number = shift(settings_.random_seed, k) + restart * tip_.sample_stride[static_cast<std::size_t>(k)];
      const double share = number - std::floor(number);
      const double low = tip_.sample_lower[static_cast<std::size_t>(k)], range = tip_.sample_range[static_cast<std::size_t>(k)];
      double value = low + share * range;
      if (posture) value = search_.posture[k];
      if (local) value = clamp(k, buffers_.best[k * kLanes + best] + (share - 0.5) * kLocalShare * range);
      buffers_.next[k * kLanes + lane] = value;
    }
    reset(lane, restart);
  }

  void stay(std::uint32_t lanes) noexcept {
    for (; lanes != 0; lanes &= lanes - 1) {
      const int lane = std::countr_zero(lanes);
      for (int k = 0; k < dof_; ++k) buffers_.next[k * kLanes + lane] = buffers_.position[k * kLanes + lane];
    }
  }

  /// The first of the lanes whose answer stands the check: the caller's seed, then by distance from it. -1 when none does.
  int accept_one(std::uint32_t lanes, const Target& target, std::span<const double> seed, std::span<double> q) noexcept {
    while (lanes != 0) {
      const int lane = (lanes & 1) != 0 ? 0 : nearest(lanes, seed);
      if (accept(lane, target, seed, q)) return lane;
      lanes &= ~(1u << lane);
    }
    return -1;
  }

  /// Gives lanes that have stalled the next seed, up to number `last`; then they end.
  void restart_stalled(std::uint32_t lanes, int last) noexcept {
    for (; lanes != 0; lanes &= lanes - 1) {
      const int l = std::countr_zero(lanes);
      if (!has_stalled(l)) continue;
      keep_best(l, 0);
      if (next_restart_ <= last) {
        restart(l, next_restart_++, 0);
      } else {
        search_.lanes &= ~(1u << l);
      }
    }
  }

  bool has_stalled(int lane) noexcept {
    const int iteration = iteration_[lane]++;
    if (iteration >= settings_.max_iterations) return true;
    if (iteration < kStallGrace || (iteration - kStallGrace) % kStallPeriod != 0) return false;
    const double squared = squared_[static_cast<std::size_t>(lane)];
    if (squared <= kStallRatio * reference_[lane]) {
      reference_[lane] = squared;
      return false;
    }
    if (gain_[static_cast<std::size_t>(lane)] == 0) return true;
    gain_[static_cast<std::size_t>(lane)] = 0;  // the posture may pull against a limit; the target comes first
    reference_[lane] = kInfinity;
    return false;
  }

  void keep_best(int lane, int best) noexcept {
    if (!(squared_[static_cast<std::size_t>(lane)] < best_squared_[best])) return;
    best_squared_[best] = squared_[static_cast<std::size_t>(lane)];
    for (int k = 0; k < dof_; ++k) buffers_.best[k * kLanes + best] = buffers_.position[k * kLanes + lane];
  }

  int nearest(std::uint32_t lanes, std::span<const double> seed) const noexcept {
    int result = std::countr_zero(lanes);
    double smallest = kInfinity;
    for (; lanes != 0; lanes &= lanes - 1) {
      const int l = std::countr_zero(lanes);
      double distance = 0;
      for (int k = 0; k < dof_; ++k) {
        const double difference = buffers_.position[k * kLanes + l] - clamp(k, seed[variable(k)]);
        distance += difference * difference;
      }
      if (distance < smallest) {
        smallest = distance;
        result = l;
      }
    }
    return result;
  }

  /// Turns revolute joints by whole turns towards the seed, then checks the answer afresh: pose within tolerance, limits exactly.
  bool accept(int lane, const Target& target, std::span<const double> seed, std::span<double> q) noexcept {
    copy_others(seed, q);
    for (int k = 0; k < dof_; ++k) q[variable(k)] = turned(k, buffers_.position[k * kLanes + lane], seed[variable(k)]);
    if (check(target, q)) return true;
    for (int k = 0; k < dof_; ++k) q[variable(k)] = buffers_.position[k * kLanes + lane];
    return check(target, q);
  }

  /// Joints that do not move this tip.
  void copy_others(std::span<const double> seed, std::span<double> q) const noexcept {
    if (dof_ == program_.dof()) return;
    for (std::size_t i = 0; i < seed.size(); ++i) q[i] = clamped(seed[i], program_.lower[i], program_.upper[i]);
  }

  double turned(int k, double value, double seed) const noexcept {
    constexpr double kTurn = 2.0 * std::numbers::pi;
    const double away = clamp(k, seed) - value;
    if (std::abs(away) <= std::numbers::pi || program_.turns[variable(k)] == 0) return value;
    // The whole turns that stay inside the limits; 0 is one of them.
    const double fewest = std::ceil((search_.lower[k] - value) / kTurn), most = std::floor((search_.upper[k] - value) / kTurn);
    const double candidate = value + kTurn * clamped(std::round(away / kTurn), std::min(fewest, 0.0), std::max(most, 0.0));
    return candidate == clamp(k, candidate) ? candidate : value;
  }

  bool check(const Target& target, std::span<const double> q) noexcept {
    measure(target, q);
    bool inside = residual_ <= settings_.tolerance;
    for (int k = 0; k < dof_; ++k) inside = inside && q[variable(k)] >= search_.lower[k] && q[variable(k)] <= search_.upper[k];
    return inside;
  }

  void measure(const Target& target, std::span<const double> q) noexcept {
    Eigen::Matrix4d tip;
    kernels_.forward(tip_.storage.program, q.data(), tip.data());
    const Eigen::Matrix3d rotation = tip.topLeftCorner<3, 3>();
    residual_ = 0;
    if (task_.position_weight != 0) residual_ = (target.position - tip.block<3, 1>(0, 3)).stableNorm();
    if (task_.rotation_weight == 0) return;
    double angle;
    if (task_.axis_only != 0) {
      const Eigen::Vector3d axis(task_.axis[0], task_.axis[1], task_.axis[2]);
      const Eigen::Vector3d have = rotation * axis, wanted = target.rotation * axis;
      angle = std::atan2(have.cross(wanted).norm(), have.dot(wanted));
    } else {
      angle = rotation_log(target.rotation * rotation.transpose()).norm();
    }
    residual_ = std::max(residual_, angle);
  }

  /// The best that was found, for a target without an answer.
  void finish(const Target& target, std::span<const double> seed, int best, std::span<double> q) noexcept {
    copy_others(seed, q);
    for (int k = 0; k < dof_; ++k) q[variable(k)] = buffers_.best[k * kLanes + best];
    measure(target, q);
  }

  std::span<const double> batch_seed(int lane) const noexcept {
    const auto dof = static_cast<std::size_t>(program_.dof());
    return batch_.seeds.subspan(index_[lane] * dof, dof);
  }
  std::span<double> batch_answer(int lane) const noexcept {
    const auto dof = static_cast<std::size_t>(program_.dof());
    return batch_.q.subspan(index_[lane] * dof, dof);
  }

  /// Gives a lane the next target; bad ones are answered on the way.
  void refill(int lane) noexcept {
    search_.lanes &= ~(1u << lane);
    while (batch_.next < batch_.status.size()) {
      const std::size_t i = batch_.next++;
      index_[lane] = i;
      const Eigen::Matrix4d pose = Eigen::Map<const Eigen::Matrix<double, 4, 4, Eigen::RowMajor>>(batch_.targets.data() + i * 16);
      if (!is_pose(pose) || !all_finite(batch_seed(lane))) {
        batch_.status[i] = InverseStatus::bad_input;
        std::ranges::fill(batch_answer(lane), std::numeric_limits<double>::quiet_NaN());
        continue;
      }
      targets_[lane] = Target(pose);
      aim(lane, targets_[lane]);
      last_restart_[lane] = is_too_far(targets_[lane]) ? 0 : settings_.max_restarts;
      return begin(lane, batch_seed(lane));
    }
  }

  const ChainProgram& program_;
  const TipProgram& tip_;
  const InverseSettings& settings_;
  InverseBuffers buffers_;
  const Kernels& kernels_;
  int dof_;
  KernelTask task_;
  KernelSearch search_;
  alignas(64) std::array<double, 12 * kLanes> target_ = {};
  alignas(64) std::array<double, kLanes> squared_ = {};
  alignas(64) std::array<double, kLanes> gain_ = {};
  Target targets_[kLanes];
  std::size_t index_[kLanes] = {};
  int restart_[kLanes] = {}, iteration_[kLanes] = {}, last_restart_[kLanes] = {};
  double reference_[kLanes] = {}, best_squared_[kLanes] = {};
  Batch batch_ = {};
  int next_restart_ = 1;
  double residual_ = 0.0;
  int iterations_ = 0;
};

bool good_settings(const ChainProgram& program, const InverseSettings& settings) noexcept {
  const Eigen::Vector3d axis(settings.tool_axis.data());
  return settings.tolerance >= kMinTolerance && std::isfinite(settings.tolerance) && settings.max_iterations > 0 &&
         settings.max_restarts >= 0 && settings.tip >= 0 && settings.tip < std::ssize(program.tips) && axis.allFinite() &&
         !axis.isZero(0) &&
         (settings.posture.empty() || (std::ssize(settings.posture) == program.dof() && all_finite(settings.posture) &&
                                       settings.posture_gain > 0 && settings.posture_gain <= 1));
}

}  // namespace

InverseOutcome inverse(const ChainProgram& program, const Eigen::Isometry3d& base_from_tip, std::span<const double> seed,
                       const InverseSettings& settings, const InverseBuffers& buffers, std::span<double> q) noexcept {
  if (!good_settings(program, settings) || !is_pose(base_from_tip.matrix()) || std::ssize(seed) != program.dof() || !all_finite(seed))
    return {InverseStatus::bad_input, std::numeric_limits<double>::quiet_NaN(), 0, 0};
  return Solver(program, settings, buffers).solve(Target(base_from_tip.matrix()), seed, q);
}

bool inverse_batch(const ChainProgram& program, std::span<const double> base_from_tip, std::span<const double> seeds,
                   const InverseSettings& settings, const InverseBuffers& buffers, std::span<double> q,
                   std::span<InverseStatus> status) noexcept {
  const auto dof = static_cast<std::size_t>(program.dof());
  const std::size_t count = status.size();
  if (base_from_tip.size() != count * 16 || seeds.size() != count * dof || q.size() != count * dof) return false;
  if (!good_settings(program, settings)) {
    std::ranges::fill(status, InverseStatus::bad_input);
    std::ranges::fill(q, std::numeric_limits<double>::quiet_NaN());
    return true;
  }
  Solver(program, settings, buffers).solve_many(base_from_tip, seeds, q, status);
  return true;
}

}  // namespace detail
}  // namespace sinew
