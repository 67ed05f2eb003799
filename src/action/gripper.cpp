// SPDX-License-Identifier: Apache-2.0
#include "sinew/action/gripper.hpp"

#include <algorithm>
#include <cmath>

#include "../core/all_finite.hpp"
#include "sinew/core/error.hpp"

namespace sinew {

namespace {

constexpr std::array<std::string_view, 7> kNames = {"opening", "pi", "aloha", "droid", "libero", "openvla", "starvla"};
constexpr std::array<GripperRule, 7> kRules = {{{1, 0, GripperSnap::none},
                                                {0, 1, GripperSnap::none},
                                                {1, 0, GripperSnap::none},
                                                {0, 1, GripperSnap::above},
                                                {-1, 1, GripperSnap::none},
                                                {1, 0, GripperSnap::sign},
                                                {1, 0, GripperSnap::above}}};

double snap(const GripperRule& rule, double value) noexcept {
  if (rule.snap == GripperSnap::none) return value;
  const double middle = (rule.open + rule.closed) / 2;
  if (value > middle) return std::max(rule.open, rule.closed);
  if (value == middle && rule.snap == GripperSnap::sign) return middle;
  return std::isnan(value) ? value : std::min(rule.open, rule.closed);
}

// openpi's constants (rad, m): range of pi's angle; range of ALOHA's linear travel and its horn and rod; range of the action's angle.
constexpr double kPiLow = 0.5476, kPiHigh = 1.6296;
constexpr double kLinearLow = 0.01844, kLinearHigh = 0.05800, kHorn = 0.022, kRod = 0.036;
constexpr double kActionLow = -0.6213, kActionHigh = 1.4910;

template <class Map>
Status map_aloha(std::span<double> rows, const Map& gripper) noexcept {
  if (rows.size() % kAlohaDim != 0) return Status::bad_shape;
  if (!detail::all_finite(rows)) return Status::not_finite;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::size_t joint = i % kAlohaSigns.size();
    rows[i] = joint == kAlohaSigns.size() - 1 ? gripper(rows[i]) : kAlohaSigns[joint] * rows[i];
  }
  return Status::ok;
}

}  // namespace

GripperRule gripper_rule(std::string_view name) { return kRules[find_name(name, kNames, "gripper_rule", "convention")]; }

std::span<const std::string_view> gripper_rule_names() noexcept { return kNames; }

double gripper_opening(const GripperRule& rule, double value) noexcept {
  return (snap(rule, value) - rule.closed) / (rule.open - rule.closed);
}

double gripper_value(const GripperRule& rule, double opening) noexcept { return rule.closed + opening * (rule.open - rule.closed); }

StickyGripper::StickyGripper(const Options& options) : options_(options) {
  if (!(options.threshold > 0) || options.steps < 1)
    fail(ErrorCode::invalid_argument, {"StickyGripper", "options", "a threshold above 0 and steps of 1 and more",
                                       std::to_string(options.threshold) + ", " + std::to_string(options.steps), ""});
}

double StickyGripper::step(double opening) noexcept {
  const double change = started_ && std::isfinite(opening) ? before_ - opening : 0;
  if (std::isfinite(opening)) {
    before_ = opening;
    started_ = true;
  }
  if (left_ == 0 && std::abs(change) > options_.threshold) {
    held_ = change;
    left_ = options_.steps;
  }
  if (left_ == 0) return change;
  --left_;
  return held_;
}

void StickyGripper::reset() noexcept {
  left_ = 0;
  started_ = false;
}

double aloha_state_to_pi(double linear) noexcept {
  const double travel = linear * (kLinearHigh - kLinearLow) + kLinearLow;
  const double sine = (kHorn * kHorn + travel * travel - kRod * kRod) / (2 * kHorn * travel);
  return (std::asin(std::clamp(sine, -1.0, 1.0)) - kPiLow) / (kPiHigh - kPiLow);
}

double aloha_action_from_pi(double angle) noexcept { return (angle + kPiLow - kActionLow) / (kActionHigh - kActionLow); }

double aloha_action_to_pi(double linear) noexcept { return linear * (kActionHigh - kActionLow) + kActionLow - kPiLow; }

Status aloha_states_to_pi(std::span<double> states) noexcept { return map_aloha(states, aloha_state_to_pi); }
Status aloha_actions_from_pi(std::span<double> actions) noexcept { return map_aloha(actions, aloha_action_from_pi); }
Status aloha_actions_to_pi(std::span<double> actions) noexcept { return map_aloha(actions, aloha_action_to_pi); }

}  // namespace sinew
