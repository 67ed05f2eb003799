// SPDX-License-Identifier: Apache-2.0
// What the parts of bench_kinematics share: an arm with its baselines, comparison of results, and rows with a bound.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bench.hpp"
#include "kinematics/baseline.hpp"
#include "kinematics/robots.hpp"
#include "sinew/kinematics/chain.hpp"

namespace sinew::bench {

/// An arm ready to be measured. Baselines are opened when first asked for.
class Case {
 public:
  /// Nothing, and the reason in `why`, when the description is not at hand or refused.
  static std::optional<Case> open(const Arm& arm, std::string& why);

  const Arm& arm() const { return arm_; }
  const std::string& text() const { return text_; }
  const Chain<>& chain() const { return *chain_; }
  std::size_t dof() const { return static_cast<std::size_t>(chain_->dof()); }
  /// Reads the text anew and makes the chain from it: to the tip, or for a whole robot to every link without children.
  [[nodiscard]] Chain<> open_chain() const;
  /// No tip is farther than this from the first joint, m.
  [[nodiscard]] double reach() const { return reach_; }
  const BaselineRobot& robot() const { return robot_; }
  /// The module of that name for this arm; null when absent, then `why(name)` says why.
  Baseline* baseline(const std::string& name);
  const std::string& why(const std::string& name) { return reasons_[name]; }

 private:
  Arm arm_;
  std::string text_;
  std::unique_ptr<Chain<>> chain_;
  std::vector<std::string> tips_;
  double reach_ = 0;
  BaselineRobot robot_;
  std::map<std::string, std::unique_ptr<Baseline>> baselines_;
  std::map<std::string, std::string> reasons_;
};

/// A baseline and the way of it that was fastest.
struct Contender {
  Baseline* baseline = nullptr;
  std::size_t way = 0;
  std::string name;  ///< of the library, for Row::baseline
  std::string note;  ///< which way won, or why there is none
  explicit operator bool() const { return baseline != nullptr; }
};

/// The builds of Pinocchio, the fastest of which counts.
inline const std::vector<std::string> kPinocchio = {"pinocchio", "pinocchio_compiled", "pinocchio_native"};

/// Of all ways of all these modules for one task, the fastest on this pool `[n, dof]`.
[[nodiscard]] Contender fastest(Case& arm, const std::vector<std::string>& modules, Task task, const std::vector<double>& pool);

/// Largest absolute difference.
[[nodiscard]] double difference(const double* a, const double* b, std::size_t count);

/// A row of two timings. `scale` turns seconds per call into the unit; `ours_work` is the number of results of one call of ours.
[[nodiscard]] Row timed_row(std::string id, std::string what, std::string unit, double scale, const Timing& ours, double ours_work,
                            const std::optional<Timing>& theirs, const Contender& contender, std::optional<double> least_ratio);

/// A row that could not be measured.
void missing_row(Report& report, const std::string& id, const std::string& why);

void forward_rows(Report& report);
void inverse_rows(Report& report);

}  // namespace sinew::bench
