// SPDX-License-Identifier: Apache-2.0
// Joint limits: what is refused, and that the tightest wins.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>

#include "sinew/core/error.hpp"
#include "sinew/motion/chain_limits.hpp"
#include "sinew/motion/joint_limits.hpp"

using namespace sinew;

namespace {

JointLimits two_joints() { return {{"shoulder", "elbow"}, {-1, -2}, {1, 2}, {2, 3}, {10, 12}, {100, 200}}; }

std::string refusal(const JointLimits& limits) {
  try {
    validate(limits, "test");
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::invalid_argument);
    return error.what();
  }
  return "";
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("joint limits: complete ones pass, with and without names") {
  JointLimits limits = two_joints();
  CHECK(refusal(limits) == "");
  limits.names.clear();
  CHECK(refusal(limits) == "");
}

TEST_CASE("joint limits: a missing, inverted, infinite, NaN or zero limit is refused by the joint's name") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double infinity = std::numeric_limits<double>::infinity();
  for (const double bad : {nan, infinity, -infinity}) {
    JointLimits limits = two_joints();
    limits.lower[1] = bad;
    CHECK(contains(refusal(limits), "'elbow' position"));
    limits = two_joints();
    limits.upper[0] = bad;
    CHECK(contains(refusal(limits), "'shoulder' position"));
  }
  for (const double bad : {nan, infinity, 0.0, -1.0}) {
    CAPTURE(bad);
    JointLimits limits = two_joints();
    limits.velocity[1] = bad;
    CHECK(contains(refusal(limits), "'elbow' velocity"));
    limits = two_joints();
    limits.acceleration[1] = bad;
    CHECK(contains(refusal(limits), "'elbow' acceleration"));
    limits = two_joints();
    limits.jerk[0] = bad;
    CHECK(contains(refusal(limits), "'shoulder' jerk"));
  }
  JointLimits limits = two_joints();
  limits.upper[1] = limits.lower[1];
  CHECK(contains(refusal(limits), "'elbow' position"));
  limits = two_joints();
  limits.jerk.pop_back();
  CHECK(contains(refusal(limits), "jerk limits: expected 2 values"));
  limits = two_joints();
  limits.names.pop_back();
  CHECK(contains(refusal(limits), "joint names"));
  CHECK(contains(refusal({}), "at least one joint"));
}

TEST_CASE("joint limits: the tighter of two wins in each number") {
  const JointLimits a = two_joints();
  JointLimits b{{"shoulder", "elbow"}, {-3, -1}, {0.5, 5}, {1, 9}, {20, 6}, {50, 300}};
  const JointLimits both = tightest(a, b);
  CHECK(both.names == a.names);
  CHECK(both.lower == std::vector<double>{-1, -1});
  CHECK(both.upper == std::vector<double>{0.5, 2});
  CHECK(both.velocity == std::vector<double>{1, 3});
  CHECK(both.acceleration == std::vector<double>{10, 6});
  CHECK(both.jerk == std::vector<double>{50, 200});
  b.names.clear();
  CHECK(tightest(b, a).names == a.names);
}

TEST_CASE("joint limits: two that do not belong together are refused") {
  const JointLimits a = two_joints();
  JointLimits b = two_joints();
  b.names = {"elbow", "shoulder"};
  CHECK_THROWS_AS((void)tightest(a, b), Error);
  b = two_joints();
  b.lower = {1.5, -2};
  b.upper = {1.6, 2};
  CHECK_THROWS_WITH_AS((void)tightest(a, b), doctest::Contains("'shoulder' position"), Error);
  b = {{}, {-1}, {1}, {1}, {1}, {1}};
  CHECK_THROWS_AS((void)tightest(a, b), Error);
}

TEST_CASE("joint limits: a card's limits get the card's joint names") {
  const JointLimits a = two_joints();
  const LimitsCard card{a.lower, a.upper, a.velocity, a.acceleration, a.jerk};
  const JointLimits limits = limits_from_card(card, {"left", "right"});
  CHECK(limits.names == std::vector<std::string>{"left", "right"});
  CHECK(limits.jerk == a.jerk);
  CHECK_THROWS_AS((void)limits_from_card(card, {"left"}), Error);
}

TEST_CASE("joint limits: the tightest of a description, a card and a user, each number with its source") {
  const Chain<> chain = Chain<>::from_urdf(R"(<robot name="r"><link name="a"/><link name="b"/><link name="c"/>
    <joint name="shoulder" type="revolute"><parent link="a"/><child link="b"/><axis xyz="0 0 1"/><limit lower="-2" upper="2" velocity="3" effort="1"/></joint>
    <joint name="elbow" type="continuous"><parent link="b"/><child link="c"/><axis xyz="0 0 1"/><limit velocity="1" effort="1"/></joint></robot>)",
                                           "a", "c");
  const double open = std::numeric_limits<double>::infinity();
  const JointLimits described = limits_from_chain(chain, "r.urdf");
  CHECK(described.acceleration == std::vector<double>{open, open});
  CHECK(described.upper[1] == open);
  const JointLimits card = labelled(two_joints(), "card");
  const JointLimits user = labelled({{}, {-open, -open}, {0.5, open}, {open, open}, {5, open}, {open, 90}}, "user");
  const JointLimits all = combined(std::vector{described, card, user});
  CHECK(all.names == std::vector<std::string>{"shoulder", "elbow"});
  CHECK(all.lower == std::vector<double>{-1, -2});
  CHECK(all.upper == std::vector<double>{0.5, 2});
  CHECK(all.velocity == std::vector<double>{2, 1});
  CHECK(all.acceleration == std::vector<double>{5, 12});
  CHECK(all.jerk == std::vector<double>{100, 90});
  CHECK(all.sources.upper == std::vector<std::string>{"user", "card"});
  CHECK(all.sources.velocity == std::vector<std::string>{"card", "r.urdf"});
  CHECK(all.sources.acceleration == std::vector<std::string>{"user", "card"});
  CHECK(contains(describe(all), "'elbow': lower -2 (card), upper 2 (card), velocity 1 (r.urdf), acceleration 12 (card), jerk 90 (user)"));
  // What nobody states is refused by name; so is NaN, which is not "open".
  CHECK_THROWS_WITH_AS((void)combined(std::vector{described, user}), doctest::Contains("joint 0 'shoulder' jerk"), Error);
  JointLimits broken = card;
  broken.jerk[1] = std::nan("");
  CHECK_THROWS_WITH_AS((void)combined(std::vector{described, broken}), doctest::Contains("'elbow' jerk"), Error);
  CHECK_THROWS_AS((void)combined({}), Error);
}
