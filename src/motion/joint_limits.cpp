// SPDX-License-Identifier: Apache-2.0
// Checks joint limits, and takes the tighter of two sets.
#include "sinew/motion/joint_limits.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "sinew/core/error.hpp"
#include "sinew/motion/chain_limits.hpp"

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

/// One of the five numbers of all joints, with its sources.
struct Column {
  std::string_view name;
  std::vector<double> JointLimits::* values;
  std::vector<std::string> LimitSources::* sources;
  bool lower = false;  // the larger is the tighter
};

constexpr std::array kColumns = {Column{"lower", &JointLimits::lower, &LimitSources::lower, true},
                                 Column{"upper", &JointLimits::upper, &LimitSources::upper},
                                 Column{"velocity", &JointLimits::velocity, &LimitSources::velocity},
                                 Column{"acceleration", &JointLimits::acceleration, &LimitSources::acceleration},
                                 Column{"jerk", &JointLimits::jerk, &LimitSources::jerk}};

const std::string& source_of(const JointLimits& limits, const Column& column, std::size_t i) {
  static const std::string kNone;
  const auto& sources = limits.sources.*column.sources;
  return i < sources.size() ? sources[i] : kNone;
}

/// Sizes and names agree with those of the first; no NaN.
void require_matching(const JointLimits& first, const JointLimits& limits, const std::string& where) {
  const auto dof = static_cast<std::size_t>(first.dof());
  for (const Column& column : kColumns) {
    require_size(where, column.name, (limits.*column.values).size(), dof);
    for (std::size_t i = 0; i < dof; ++i)
      if (std::isnan((limits.*column.values)[i]))
        fail(ErrorCode::invalid_argument, {where, fmt::format("{} {} limit", joint_text(limits, i), column.name),
                                           "a number, or infinity where it is left open", "NaN", source_of(limits, column, i)});
  }
  if (first.names.empty() || limits.names.empty() || first.names == limits.names) return;
  const auto differ = std::mismatch(first.names.begin(), first.names.end(), limits.names.begin(), limits.names.end());
  fail(ErrorCode::invalid_argument,
       {where, fmt::format("joint {}", differ.first - first.names.begin()),
        fmt::format("'{}'", differ.first != first.names.end() ? *differ.first : ""),
        fmt::format("'{}'", differ.second != limits.names.end() ? *differ.second : ""), "joint order must agree"});
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
  return combined(std::array{a, b});
}

JointLimits combined(std::span<const JointLimits> limits) {
  const std::string where = "combined limits";
  if (limits.empty()) fail(ErrorCode::invalid_argument, {where, "limits", "one set or more", "none", "there is no \"off\""});
  JointLimits result;
  for (const JointLimits& one : limits) {
    require_matching(limits[0], one, where);
    if (result.names.empty()) result.names = one.names;
  }
  for (const Column& column : kColumns) {
    auto& values = result.*column.values;
    auto& sources = result.sources.*column.sources;
    values = limits[0].*column.values;
    for (std::size_t i = 0; i < values.size(); ++i) sources.push_back(source_of(limits[0], column, i));
    for (const JointLimits& one : limits.subspan(1))
      for (std::size_t i = 0; i < values.size(); ++i) {
        const double other = (one.*column.values)[i];
        if (column.lower ? !(other > values[i]) : !(other < values[i])) continue;
        values[i] = other;
        sources[i] = source_of(one, column, i);
      }
  }
  for (std::size_t i = 0; i < result.lower.size(); ++i)
    if (result.lower[i] >= result.upper[i])
      fail(ErrorCode::invalid_argument, {where, fmt::format("{} position limits", joint_text(result, i)), "a range that all sources share",
                                         fmt::format("[{}, {}]", result.lower[i], result.upper[i]),
                                         fmt::format("lower of {}, upper of {}", result.sources.lower[i], result.sources.upper[i])});
  validate(result, where);
  return result;
}

JointLimits labelled(JointLimits limits, const std::string& source) {
  for (const Column& column : kColumns) (limits.sources.*column.sources).assign((limits.*column.values).size(), source);
  return limits;
}

JointLimits limits_from_chain(const Chain<>& chain, const std::string& source) {
  const auto dof = static_cast<std::size_t>(chain.dof());
  const auto copy = [dof](const auto& values) { return std::vector<double>(values.data(), values.data() + dof); };
  const std::vector<double> open(dof, std::numeric_limits<double>::infinity());
  return labelled({chain.joint_names(), copy(chain.lower()), copy(chain.upper()), copy(chain.velocity()), open, open}, source);
}

std::string describe(const JointLimits& limits) {
  std::string text;
  for (std::size_t i = 0; i < limits.lower.size(); ++i) {
    text += joint_text(limits, i);
    for (const Column& column : kColumns) {
      text += fmt::format("{} {} {:.6g}", column.lower ? ":" : ",", column.name, (limits.*column.values)[i]);
      if (const std::string& source = source_of(limits, column, i); !source.empty()) text += fmt::format(" ({})", source);
    }
    text += '\n';
  }
  return text;
}

JointLimits limits_from_card(const LimitsCard& card, const std::vector<std::string>& joint_names) {
  JointLimits result{joint_names, card.lower, card.upper, card.velocity, card.acceleration, card.jerk};
  validate(result, "limits_from_card");
  return result;
}

}  // namespace sinew
