// SPDX-License-Identifier: Apache-2.0
// The law suite of sinew::testing, for every robot that we ship and every robot of the tests.
#include "sinew/testing/chain_laws.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <numbers>
#include <string>
#include <vector>

#include "test_seed.hpp"

using namespace sinew;
using namespace sinew::testing;

namespace {

struct Case {
  std::string file, base, tip;
};

const std::vector<Case>& cases() {
  static const std::string models = SINEW_MODELS_DIR "/robots/", robots = SINEW_ROBOTS_DIR "/";
  static const std::vector<Case> all = {
      {models + "panda.urdf", "panda_link0", "panda_hand_tcp"},
      {models + "panda.urdf", "panda_link0", "panda_rightfinger"},
      {models + "ur5e.urdf", "base_link", "tool0"},
      {models + "iiwa14.urdf", "iiwa_link_0", "iiwa_link_ee"},
      {models + "so101.urdf", "base_link", "gripper_frame_link"},
      {models + "two_arm_torso.urdf", "base_link", "left_tool"},
      {models + "two_arm_torso.urdf", "torso_link", "right_tool"},
      {models + "two_arm_torso.urdf", "left_tool", "right_tool"},
      {robots + "arm6.urdf", "base_link", "tool0"},
      {robots + "arm7.urdf", "link0", "tcp"},
      {robots + "mixed.urdf", "world", "probe"},
      {robots + "mixed.urdf", "probe", "world"},
  };
  return all;
}

}  // namespace

TEST_CASE("chain laws: hold for every robot") {
  for (const Case& robot : cases()) {
    CAPTURE(robot.file);
    CAPTURE(robot.tip);
    for (const std::string& violation : check_chain(load_urdf(robot.file), robot.base, robot.tip, {.seed = seed()})) FAIL_CHECK(violation);
  }
}

TEST_CASE("chain laws: plain_forward is the product that one writes down") {
  const Urdf urdf = load_urdf(SINEW_MODELS_DIR "/robots/panda.urdf");
  const Eigen::Matrix4d open = plain_forward(urdf, {{"panda_finger_joint1", 0.03}}, "panda_leftfinger", "panda_rightfinger");
  CHECK(open.topRightCorner<3, 1>().isApprox(Eigen::Vector3d(0, -0.06, 0)));
  // All joints at 0: up by 0.333 + 0.316 + 0.384 m, out by 0.088 m, and down by 0.107 + 0.1034 m.
  const Eigen::Matrix4d zero = plain_forward(urdf, {}, "panda_hand_tcp");
  CHECK(zero.topRightCorner<3, 1>().isApprox(Eigen::Vector3d(0.088, 0, 1.033 - 0.2104)));
  const Eigen::Matrix4d turned = plain_forward(urdf, {{"panda_joint1", std::numbers::pi / 2}}, "panda_hand_tcp");
  CHECK(turned.topRightCorner<3, 1>().isApprox(Eigen::Vector3d(0, 0.088, 1.033 - 0.2104)));
}

TEST_CASE("chain laws: a description that is not the chain's is found out") {
  const Urdf urdf = load_urdf(SINEW_MODELS_DIR "/robots/so101.urdf");
  Urdf other = urdf;
  const auto elbow = static_cast<std::size_t>(other.find_joint("elbow_flex"));
  other.joints[elbow].parent_from_joint.translation().x() += 1e-9;
  other.joints[elbow].upper -= 0.1;
  ChainLaws laws(urdf, "base_link", "gripper_frame_link", {.configurations = 100});
  ChainLaws broken{other, "base_link", "gripper_frame_link", {.configurations = 100}};
  broken.chain = laws.chain;  // of the original
  broken.check_limits();
  broken.check_forward();
  const auto found = [&](std::string_view text) {
    return std::find(broken.violations.begin(), broken.violations.end(), text) != broken.violations.end();
  };
  CHECK(found("limits: joint 'elbow_flex' leaves its own where the chain allows it"));
  CHECK(found("forward: differs from the plain product"));
  CHECK(found("frames: 'gripper_frame_link' is elsewhere"));
  CHECK(!found("frames: 'upper_arm_link' is elsewhere"));
}
