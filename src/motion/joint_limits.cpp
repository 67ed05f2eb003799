// SPDX-License-Identifier: Apache-2.0
// Checks joint limits, and takes the tighter of two sets.
#include "sinew/motion/joint_limits.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "sinew/core/error.hpp"

namespace sinew {

namespace {

std::string joint_text(const JointLimits& limits, std::size_t i) {
  return limits.names.empty() ? fmt::format("joint {}", i) : fmt::format("joint {} '{}'", i, limits.names[i]);
}

void require_size(const std::string& where, std::string_view what, std::size_t size, std::size_t dof) {
  if (size == dof) return;
  fail(ErrorCode::invalid_argument, {where, fmt::format("{} limits", what), fmt::format("{} values, one per joint", dof),
                                     fmt::format("{}", size), "a joint without a limit cannot be moved"});
}

void require_positive(const std::string& where, const std::string& joint, std::string_view what, double value) {
  if (std::isfinite(value) && value > 0) return;
  fail(ErrorCode::invalid_argument,
       {where, fmt::format("{} {} limit", joint, what), "a finite number above 0", fmt::format("{}", value), "there is no \"off\""});
}

std::vector<double> smaller(const std::vector<double>& a, const std::vector<double>& b) {
  std::vector<double> result(a.size());
  std::transform(a.begin(), a.end(), b.begin(), result.begin(), [](double x, double y) { return x < y ? x : y; });
  return result;
}

std::vector<double> larger(const std::vector<double>& a, const std::vector<double>& b) {
  std::vector<double> result(a.size());
  std::transform(a.begin(), a.end(), b.begin(), result.begin(), [](double x, double y) { return x > y ? x : y; });
  return result;
}

}  // namespace

void validate(const JointLimits& limits, const std::string& where) {
  const std::size_t dof = limits.lower.size();
  if (dof == 0) fail(ErrorCode::invalid_argument, {where, "joint limits", "at least one joint", "none", ""});
  if (!limits.names.empty() && limits.names.size() != dof)
    fail(ErrorCode::invalid_argument,
         {where, "joint names", fmt::format("{} names or none", dof), fmt::format("{}", limits.names.size()), ""});
  require_size(where, "upper", limits.upper.size(), dof);
  require_size(where, "velocity", limits.velocity.size(), dof);
  require_size(where, "acceleration", limits.acceleration.size(), dof);
  require_size(where, "jerk", limits.jerk.size(), dof);
  for (std::size_t i = 0; i < dof; ++i) {
    const std::string joint = joint_text(limits, i);
    const double lower = limits.lower[i];
    const double upper = limits.upper[i];
    if (!std::isfinite(lower) || !std::isfinite(upper) || !(lower < upper))
      fail(ErrorCode::invalid_argument,
           {where, fmt::format("{} position limits", joint), "finite, lower below upper", fmt::format("[{}, {}]", lower, upper), ""});
    require_positive(where, joint, "velocity", limits.velocity[i]);
    require_positive(where, joint, "acceleration", limits.acceleration[i]);
    require_positive(where, joint, "jerk", limits.jerk[i]);
  }
}

JointLimits tightest(const JointLimits& a, const JointLimits& b) {
  validate(a, "tightest, first limits");
  validate(b, "tightest, second limits");
  if (a.dof() != b.dof())
    fail(ErrorCode::invalid_argument,
         {"tightest", "number of joints", fmt::format("{}", a.dof()), fmt::format("{}", b.dof()), "both limits must be of one robot"});
  if (!a.names.empty() && !b.names.empty() && a.names != b.names) {
    const auto differ = std::mismatch(a.names.begin(), a.names.end(), b.names.begin());
    fail(ErrorCode::invalid_argument, {"tightest", fmt::format("joint {}", differ.first - a.names.begin()),
                                       fmt::format("'{}'", *differ.first), fmt::format("'{}'", *differ.second), "joint order must agree"});
  }
  JointLimits result;
  result.names = a.names.empty() ? b.names : a.names;
  result.lower = larger(a.lower, b.lower);
  result.upper = smaller(a.upper, b.upper);
  result.velocity = smaller(a.velocity, b.velocity);
  result.acceleration = smaller(a.acceleration, b.acceleration);
  result.jerk = smaller(a.jerk, b.jerk);
  validate(result, "tightest, what is left of both");
  return result;
}

JointLimits limits_from_card(const LimitsCard& card, const std::vector<std::string>& joint_names) {
  JointLimits result{joint_names, card.lower, card.upper, card.velocity, card.acceleration, card.jerk};
  validate(result, "limits_from_card");
  return result;
}

}  // namespace sinew
