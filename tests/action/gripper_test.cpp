// SPDX-License-Identifier: Apache-2.0
// Grippers: OpenVLA's and openpi's recorded numbers, conventions among one another, holding.
#include "sinew/action/gripper.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "golden.hpp"
#include "sinew/core/error.hpp"

using namespace sinew;
using sinew::testing::read_golden_case;
using sinew::testing::worst_ratio;

TEST_CASE("gripper: OpenVLA's output becomes LIBERO's action; what is snapped, to the bit") {
  const auto golden = read_golden_case("openvla", "gripper");
  const auto dim = static_cast<std::size_t>(golden.tensor("actions").shape.back());
  const auto actions = golden.f32("actions"), normalized = golden.f32("normalized"), binarized = golden.f32("binarized"),
             inverted = golden.f32("inverted");
  const GripperRule openvla = gripper_rule("openvla"), libero = gripper_rule("libero"), flipped{.open = 1, .closed = -1};
  const GripperRule linear{.open = 1, .closed = 0};
  for (std::size_t i = dim - 1; i < actions.size(); i += dim) {
    CAPTURE(actions[i]);
    const auto value = static_cast<double>(actions[i]);
    CHECK(static_cast<float>(convert_gripper(linear, flipped, value)) == doctest::Approx(normalized[i]).epsilon(1e-6));
    CHECK(static_cast<float>(convert_gripper(openvla, flipped, value)) == binarized[i]);
    CHECK(static_cast<float>(convert_gripper(openvla, libero, value)) == inverted[i]);
  }
}

TEST_CASE("gripper: openpi's ALOHA maps, states and actions") {
  const auto golden = read_golden_case("openpi", "aloha_policy");
  const auto tolerance = golden.tolerance();
  const auto in = golden.f32("gripper.in");
  std::vector<float> state, from, to;
  for (const float value : in) {
    state.push_back(static_cast<float>(aloha_state_to_pi(static_cast<double>(value))));
    from.push_back(static_cast<float>(aloha_action_from_pi(static_cast<double>(value))));
    to.push_back(static_cast<float>(aloha_action_to_pi(static_cast<double>(value))));
  }
  CHECK(worst_ratio(state, golden.f32("gripper.to_angular"), tolerance) <= 1);
  CHECK(worst_ratio(from, golden.f32("gripper.from_angular"), tolerance) <= 1);
  CHECK(worst_ratio(to, golden.f32("gripper.from_angular_inv"), tolerance) <= 1);

  const auto check = [&](const char* input, std::size_t width, const char* output, auto&& map) {
    CAPTURE(input);
    std::vector<double> rows;
    const auto values = golden.f32(input);
    for (std::size_t i = 0; i < values.size(); ++i)
      if (i % width < static_cast<std::size_t>(kAlohaDim)) rows.push_back(static_cast<double>(values[i]));
    REQUIRE(map(std::span(rows)) == Status::ok);
    const std::vector<float> got(rows.begin(), rows.end());
    CHECK(worst_ratio(got, golden.f32(output), tolerance) <= 1);
  };
  const auto width = [&](const char* name) { return static_cast<std::size_t>(golden.tensor(name).shape.back()); };
  check("state", width("state"), "pi.state", [](std::span<double> rows) { return aloha_states_to_pi(rows); });
  check("train_actions", width("train_actions"), "pi.actions_in", [](std::span<double> rows) { return aloha_actions_to_pi(rows); });
  check("model_actions", width("model_actions"), "pi.actions_out", [](std::span<double> rows) { return aloha_actions_from_pi(rows); });
}

TEST_CASE("gripper: every convention reads open as open and closed as closed in every other") {
  for (const auto from : gripper_rule_names()) {
    for (const auto to : gripper_rule_names()) {
      const GripperRule a = gripper_rule(from), b = gripper_rule(to);
      CHECK(convert_gripper(a, b, a.open) == b.open);
      CHECK(convert_gripper(a, b, a.closed) == b.closed);
    }
  }
  CHECK_THROWS_WITH_AS(
      (void)gripper_rule("pi0"),
      "[gripper_rule] convention: expected one of opening, pi, aloha, droid, libero, openvla, starvla, got 'pi0' (did you mean 'pi'?)",
      Error);
}

TEST_CASE("gripper: thresholds are strict where the reference's are") {
  CHECK(gripper_opening(gripper_rule("droid"), 0.5) == 1);  // not above 0.5: open
  CHECK(gripper_opening(gripper_rule("droid"), 0.5001) == 0);
  CHECK(gripper_opening(gripper_rule("starvla"), 0.5) == 0);  // 1 - 2 (g > 0.5) = 1: LIBERO's closed
  CHECK(gripper_opening(gripper_rule("starvla"), 0.51) == 1);
  CHECK(gripper_opening(gripper_rule("openvla"), 0.5) == 0.5);
  CHECK(std::isnan(gripper_opening(gripper_rule("openvla"), std::nan(""))));
  CHECK(std::isnan(gripper_opening(gripper_rule("droid"), std::nan(""))));
  CHECK(gripper_opening(gripper_rule("pi"), -0.5) == 1.5);  // not clamped
}

TEST_CASE("sticky gripper: a large change is held for its steps, then the next one counts") {
  StickyGripper gripper({.threshold = 0.5, .steps = 3});
  CHECK(gripper.step(1) == 0);
  CHECK(gripper.step(0.9) == doctest::Approx(0.1));
  CHECK(gripper.step(0) == doctest::Approx(0.9));  // closes, for three steps
  CHECK(gripper.step(1) == doctest::Approx(0.9));
  CHECK(gripper.step(1) == doctest::Approx(0.9));
  CHECK(gripper.step(1) == 0);  // the opening meanwhile went by
  CHECK(gripper.step(0) == 1);
  CHECK(gripper.step(std::numeric_limits<double>::quiet_NaN()) == 1);
  gripper.reset();
  CHECK(gripper.step(1) == 0);
  CHECK_THROWS_AS(StickyGripper({.threshold = 0}), Error);
  CHECK_THROWS_AS(StickyGripper({.threshold = 0.5, .steps = 0}), Error);
}

TEST_CASE("ALOHA: not finite or not whole rows are refused, nothing is written") {
  std::vector<double> rows(14, 0.5);
  rows[3] = std::nan("");
  const double first = rows[1];
  CHECK(aloha_states_to_pi(rows) == Status::not_finite);
  CHECK(rows[1] == first);
  CHECK(aloha_actions_from_pi(std::span(rows).first(13)) == Status::bad_shape);
}
