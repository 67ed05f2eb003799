// SPDX-License-Identifier: Apache-2.0
// What the rows of the inverse share: targets, the library that judges solutions, and the timing of single calls.
#pragma once

#include <Eigen/Geometry>
#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include "kinematics/suite.hpp"
#include "sinew/kinematics/inverse.hpp"

namespace sinew::bench {

inline constexpr double kTolerance = 1e-6;  // m and rad
inline constexpr double kMicroseconds = 1e6;
inline constexpr std::size_t kTargets = 20'000;
inline constexpr std::size_t kBaselineTargets = 1'000;  // slower by two orders of magnitude
inline constexpr std::size_t kPasses = 3;
using Pose = Eigen::Matrix<double, 4, 4, Eigen::RowMajor>;

/// Seconds that reading the clock twice takes; subtracted from every call that is timed alone.
[[nodiscard]] double clock_overhead();

/// Seconds of one call.
template <class Call>
double time_once(const Call& call) {
  const auto start = std::chrono::steady_clock::now();
  call();
  const auto end = std::chrono::steady_clock::now();
  return std::max(0.0, std::chrono::duration<double>(end - start).count() - clock_overhead());
}

struct Spread {
  double mean = 0, p99 = 0, worst = 0;
};

[[nodiscard]] Spread spread(std::vector<double> seconds);

/// Who knows the forward kinematics, and who also solves the inverse.
struct Rivals {
  Baseline* judge = nullptr;
  Baseline* kdl = nullptr;
  std::size_t lma = 0;  ///< of KDL's ways
  std::string why;      ///< KDL is absent

  explicit Rivals(Case& arm);
  [[nodiscard]] std::string name() const;
};

/// Targets of one arm, reachable for certain, and the library that judges.
class Problem {
 public:
  /// Poses, by `judge`, of random configurations inside the limits.
  Problem(Case& arm, Baseline& judge, std::size_t count, std::uint64_t seed);

  std::size_t dof() const { return dof_; }
  const double* truth(std::size_t i) const { return truth_.data() + i * dof_; }
  const double* target(std::size_t i) const { return targets_.data() + 16 * i; }
  const std::vector<double>& targets() const { return targets_; }
  /// Five joints cannot give a tool every rotation: position and axis then.
  InverseTask task() const { return dof_ < 6 ? InverseTask::free_yaw : InverseTask::pose; }
  InverseOptions<> options() const;
  /// Inside the limits, exactly, and at the target for the judge.
  [[nodiscard]] bool solves(const double* target, const double* q) const;
  /// Turns an answer by multiples of 2 pi into the limits: KDL does not know them, and its users would do this. Ours stays as it is.
  void unwind(double* q) const;

 private:
  Case& arm_;
  Baseline& judge_;
  std::size_t dof_;
  std::vector<double> truth_;
  std::vector<double> targets_;
};

/// Outcome of one solver on many targets.
struct Tally {
  std::vector<double> seconds;   ///< per target, the median of kPasses
  std::vector<double> distance;  ///< from the seed, rad; NaN where unsolved
  std::size_t claimed = 0;
  std::size_t solved = 0;
  double percent() const { return 100.0 * static_cast<double>(solved) / static_cast<double>(seconds.size()); }
};

/// Solves every target of the problem from `seeds [n, dof]`.
[[nodiscard]] Tally run_ours(const Case& arm, const Problem& problem, const std::vector<double>& seeds);
/// KDL on the first kBaselineTargets; empty when it is absent.
[[nodiscard]] Tally run_theirs(const Rivals& rivals, const Problem& problem, const std::vector<double>& seeds);

void unreachable_rows(Report& report, Case& arm, const Rivals& rivals);

}  // namespace sinew::bench
