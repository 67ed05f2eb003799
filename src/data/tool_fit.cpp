// SPDX-License-Identifier: Apache-2.0
// Searches the constants between joints and recorded poses.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

#include "pose_table.hpp"
#include "sinew/data/smoothing.hpp"
#include "sinew/data/tool_consistency.hpp"
#include "sinew/kinematics/forward.hpp"

namespace sinew {

namespace {

using Isometries = std::vector<Eigen::Isometry3d>;

/// Frames whose joints and pose are finite, at most as many as asked for, evenly taken.
struct Samples {
  std::vector<double> q;  // [n, dof]
  Isometries recorded;
};

Samples take_samples(std::size_t dof, std::span<const double> q, std::span<const double> poses, std::size_t most) {
  std::vector<std::size_t> good;
  for (std::size_t i = 0; i * 7 < poses.size(); ++i) {
    const std::span<const double> joints = q.subspan(i * dof, dof);
    if (pose_isometry(poses.data() + 7 * i) && std::ranges::all_of(joints, [](double value) { return std::isfinite(value); }))
      good.push_back(i);
  }
  Samples samples;
  const std::size_t count = std::min(most, good.size());
  for (std::size_t k = 0; k < count; ++k) {
    const std::size_t i = good[k * good.size() / count];
    samples.q.insert(samples.q.end(), q.begin() + static_cast<std::ptrdiff_t>(i * dof),
                     q.begin() + static_cast<std::ptrdiff_t>((i + 1) * dof));
    samples.recorded.push_back(*pose_isometry(poses.data() + 7 * i));
  }
  return samples;
}

double angle_between(const Eigen::Matrix3d& A, const Eigen::Matrix3d& B) {
  return 2 * std::asin(std::min(1.0, (A - B).norm() / std::sqrt(8.0)));
}

/// What poses that should be one pose have in common.
struct Constant {
  Eigen::Isometry3d pose = Eigen::Isometry3d::Identity();
  double position_error = 0;  // m, median
  double angle_error = 0;     // rad, median
};

void measure(const Isometries& poses, Constant& constant) {
  std::vector<double> distances, angles;
  for (const Eigen::Isometry3d& pose : poses) {
    distances.push_back((pose.translation() - constant.pose.translation()).norm());
    angles.push_back(angle_between(pose.linear(), constant.pose.linear()));
  }
  constant.position_error = quantile(std::move(distances), 0.5);
  constant.angle_error = quantile(std::move(angles), 0.5);
}

/// The mean of the poses within `reach` times the medians of `constant`; outliers have no say.
Eigen::Isometry3d mean_near(const Isometries& poses, const Constant& constant, double reach) {
  Eigen::Vector3d translation = Eigen::Vector3d::Zero();
  Eigen::Matrix3d rotation = Eigen::Matrix3d::Zero();
  double count = 0;
  for (const Eigen::Isometry3d& pose : poses) {
    if ((pose.translation() - constant.pose.translation()).norm() > reach * constant.position_error + 1e-12 ||
        angle_between(pose.linear(), constant.pose.linear()) > reach * constant.angle_error + 1e-9)
      continue;
    translation += pose.translation();
    rotation += pose.linear();
    count += 1;
  }
  Eigen::Isometry3d mean = constant.pose;
  const auto nearest = nearest_rotation(rotation);
  if (count == 0 || !nearest) return mean;
  mean.translation() = translation / count;
  mean.linear() = *nearest;
  return mean;
}

Constant common_pose(const Isometries& poses) {
  Constant constant;
  for (int axis = 0; axis < 3; ++axis) {
    std::vector<double> values;
    for (const Eigen::Isometry3d& pose : poses) values.push_back(pose.translation()[axis]);
    constant.pose.translation()[axis] = quantile(std::move(values), 0.5);
  }
  Eigen::Matrix3d sum = Eigen::Matrix3d::Zero();
  for (const Eigen::Isometry3d& pose : poses) sum += pose.linear();
  constant.pose.linear() = nearest_rotation(sum).value_or(Eigen::Matrix3d::Identity());
  measure(poses, constant);
  constant.pose = mean_near(poses, constant, 3);
  measure(poses, constant);
  return constant;
}

/// The rotations that map axes to axes; the first is the identity.
std::vector<Eigen::Matrix3d> right_angles() {
  std::vector<Eigen::Matrix3d> all;
  for (int first = 0; first < 6; ++first)
    for (int second = 0; second < 6; ++second) {
      if (first % 3 == second % 3) continue;
      Eigen::Matrix3d R;
      R.col(0) = (first < 3 ? 1.0 : -1.0) * Eigen::Vector3d::Unit(first % 3);
      R.col(1) = (second < 3 ? 1.0 : -1.0) * Eigen::Vector3d::Unit(second % 3);
      R.col(2) = R.col(0).cross(R.col(1));
      all.push_back(R);
    }
  return all;
}

/// Sets of joints to flip, as bits, fewest first.
std::vector<std::uint64_t> flip_sets(int dof, int most) {
  std::vector<std::uint64_t> sets;
  if (dof <= most) {
    for (std::uint64_t set = 0; set < std::uint64_t{1} << dof; ++set) sets.push_back(set);
  } else {
    sets.push_back(0);
    for (int a = 0; a < dof; ++a)
      for (int b = a; b < dof; ++b) sets.push_back(std::uint64_t{1} << a | std::uint64_t{1} << b);
  }
  std::ranges::stable_sort(sets, {}, [](std::uint64_t set) { return std::popcount(set); });
  return sets;
}

class Search {
 public:
  Search(const Chain<>& chain, Samples samples, const ToolConsistencyOptions& options)
      : chain_(chain), samples_(std::move(samples)), options_(options) {}

  ToolFit run() {
    try_set(0, true);
    const int dof = chain_.dof();
    if (!best_.found || best_cost_ > 1)
      for (const std::uint64_t set : flip_sets(dof, options_.most_flips)) {
        if (best_.found && std::popcount(set) > best_cost_) break;
        if (set != 0) try_set(set, false);
      }
    return best_;
  }

 private:
  void try_set(std::uint64_t set, bool any_base) {
    const Isometries computed = forward_all(set);
    offer_tool(set, Eigen::Matrix3d::Identity(), computed);
    if (best_.found && best_cost_ == 0) return;
    offer_base(set, computed, any_base);
    static const std::vector<Eigen::Matrix3d> kTurns = right_angles();
    for (std::size_t i = 1; i < kTurns.size(); ++i) offer_tool(set, kTurns[i], computed);
  }

  Isometries forward_all(std::uint64_t set) const {
    const auto dof = static_cast<std::size_t>(chain_.dof());
    std::vector<double> q = samples_.q;
    for (std::size_t i = 0; i < q.size(); ++i)
      if ((set >> (i % dof) & 1) != 0) q[i] = -q[i];
    std::vector<double> poses(16 * samples_.recorded.size());
    (void)forward_batch(chain_, std::span<const double>(q), std::span<double>(poses));
    Isometries result(samples_.recorded.size());
    for (std::size_t i = 0; i < result.size(); ++i)
      result[i].matrix() = Eigen::Map<const Eigen::Matrix<double, 4, 4, Eigen::RowMajor>>(poses.data() + 16 * i);
    return result;
  }

  /// recorded = turn * computed * T
  void offer_tool(std::uint64_t set, const Eigen::Matrix3d& turn, const Isometries& computed) {
    Isometries offsets;
    for (std::size_t i = 0; i < computed.size(); ++i) offsets.push_back((turn * computed[i]).inverse() * samples_.recorded[i]);
    Eigen::Isometry3d base = Eigen::Isometry3d::Identity();
    base.linear() = turn;
    Constant constant = common_pose(offsets);
    if (is_small(constant.pose)) {
      constant.pose.setIdentity();
      measure(offsets, constant);
    }
    offer(set, base, constant.pose, constant);
  }

  /// recorded = B * computed
  void offer_base(std::uint64_t set, const Isometries& computed, bool wanted) {
    if (!wanted) return;
    Isometries bases;
    for (std::size_t i = 0; i < computed.size(); ++i) bases.push_back(samples_.recorded[i] * computed[i].inverse());
    const Constant constant = common_pose(bases);
    offer(set, constant.pose, Eigen::Isometry3d::Identity(), constant);
  }

  bool is_small(const Eigen::Isometry3d& pose) const {
    return pose.translation().norm() <= options_.position_tolerance &&
           angle_between(pose.linear(), Eigen::Matrix3d::Identity()) <= options_.angle_tolerance;
  }

  void offer(std::uint64_t set, const Eigen::Isometry3d& base, const Eigen::Isometry3d& tool, const Constant& constant) {
    const bool found = constant.position_error <= options_.position_tolerance && constant.angle_error <= options_.angle_tolerance;
    const int cost = std::popcount(set) + (is_small(base) ? 0 : 1) + (is_small(tool) ? 0 : 1);
    const double score = constant.position_error + 0.1 * constant.angle_error;
    if (best_.found && (!found || cost > best_cost_)) return;
    if (best_.found && found && cost == best_cost_) {
      best_.ambiguous = true;
      if (score >= best_score_) return;
    } else if (!best_.found && !found && score >= best_score_) {
      return;
    }
    const bool ambiguous = best_.found && cost == best_cost_;
    best_ = {.signs = {},
             .recorded_from_base = base,
             .tip_from_recorded = tool,
             .position_error = constant.position_error,
             .angle_error = constant.angle_error,
             .found = found,
             .ambiguous = ambiguous};
    for (int j = 0; j < chain_.dof(); ++j) best_.signs.push_back((set >> j & 1) != 0 ? -1 : 1);
    best_score_ = score;
    best_cost_ = cost;
  }

  const Chain<>& chain_;
  Samples samples_;
  const ToolConsistencyOptions& options_;
  ToolFit best_;
  double best_score_ = std::numeric_limits<double>::infinity();
  int best_cost_ = std::numeric_limits<int>::max();
};

}  // namespace

ToolFit fit_tool(const Chain<>& chain, std::span<const double> q, std::span<const double> poses, const ToolConsistencyOptions& options) {
  (void)require_pose_table(chain, q, poses, "fit_tool");
  Samples samples = take_samples(static_cast<std::size_t>(chain.dof()), q, poses, options.samples);
  if (samples.recorded.empty()) return {.signs = std::vector<double>(static_cast<std::size_t>(chain.dof()), 1.0)};
  return Search(chain, std::move(samples), options).run();
}

}  // namespace sinew
