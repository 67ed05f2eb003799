// SPDX-License-Identifier: Apache-2.0
// Chains with several tips, and the frames of Jacobians and twists.
#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <vector>

#include "all_robots.hpp"
#include "sinew/core/error.hpp"
#include "sinew/io/file.hpp"
#include "sinew/kinematics/inverse.hpp"
#include "sinew/kinematics/jacobian.hpp"

using namespace sinew;
using namespace sinew::testing;

namespace {

using Columns = Eigen::Matrix<double, 6, Eigen::Dynamic>;

const std::vector<std::string> kTools = {"left_tool", "right_tool"};

NamedChain two_arms() { return named_chain(model_path("two_arm_torso"), "base_link", kTools); }

/// Value of each joint of `part` in the positions of `whole`.
Eigen::VectorXd pick(const Chain<>& part, const Chain<>& whole, const Eigen::VectorXd& q) {
  Eigen::VectorXd picked(part.dof());
  for (int i = 0; i < part.dof(); ++i) {
    const auto& names = whole.joint_names();
    picked[i] = q[std::find(names.begin(), names.end(), part.joint_names()[static_cast<std::size_t>(i)]) - names.begin()];
  }
  return picked;
}

/// Links without children whose path from the root has a joint that moves.
std::vector<std::string> moving_leaves(const Urdf& urdf) {
  std::vector<std::string> leaves;
  for (std::size_t i = 0; i < urdf.links.size(); ++i) {
    const bool leaf =
        std::none_of(urdf.joints.begin(), urdf.joints.end(), [&](const UrdfJoint& j) { return j.parent == static_cast<int>(i); });
    bool moves = false;
    for (int joint = urdf.links[i].parent_joint; joint >= 0;) {
      const UrdfJoint& step = urdf.joints[static_cast<std::size_t>(joint)];
      moves = moves || step.type != UrdfJointType::fixed;
      joint = urdf.links[static_cast<std::size_t>(step.parent)].parent_joint;
    }
    if (leaf && moves) leaves.push_back(urdf.links[i].name);
  }
  return leaves;
}

std::string root_of(const Urdf& urdf) {
  const auto root = std::find_if(urdf.links.begin(), urdf.links.end(), [](const UrdfLink& link) { return link.parent_joint < 0; });
  return root->name;
}

template <class Call>
std::string message_of(const Call& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

/// Linear and angular part of a matrix that is the derivative of a motion.
Twist twist_of(const Eigen::Matrix4d& hat) {
  Twist twist;
  twist << hat.topRightCorner<3, 1>(), 0.5 * (hat(2, 1) - hat(1, 2)), 0.5 * (hat(0, 2) - hat(2, 0)), 0.5 * (hat(1, 0) - hat(0, 1));
  return twist;
}

}  // namespace

TEST_CASE("tips: joints are those of the first tip, then what others add, and shared ones appear once") {
  const NamedChain robot = two_arms();
  const auto& names = robot.chain.joint_names();
  REQUIRE(robot.chain.dof() == 16);
  CHECK(names[0] == "torso_lift_joint");
  CHECK(names[1] == "torso_yaw_joint");
  CHECK(std::set<std::string>(names.begin(), names.end()).size() == 16);
  for (std::size_t i = 0; i < 7; ++i) {
    CHECK(names[2 + i].starts_with("left_"));
    CHECK(names[9 + i].starts_with("right_"));
    CHECK(names[2 + i].substr(5) == names[9 + i].substr(6));
  }
  CHECK(robot.chain.tip_index("left_tool") == 0);
  CHECK(robot.chain.tip_index("right_tool") == 1);
  CHECK(robot.chain.description().tips == kTools);
}

TEST_CASE("tips: each tip moves as in a chain of its own, and other arms do not move it") {
  const NamedChain robot = two_arms();
  Random random(71);
  for (int tip = 0; tip < 2; ++tip) {
    const auto alone = Chain<>::from_urdf(robot.urdf, "base_link", kTools[static_cast<std::size_t>(tip)]);
    for (int trial = 0; trial < 200; ++trial) {
      const Eigen::VectorXd q = random_q(robot.chain, random), own = pick(alone, robot.chain, q);
      REQUIRE((forward(robot.chain, q, tip).matrix() - robot.plain(q, tip)).cwiseAbs().maxCoeff() < 1e-14 * robot.reach);
      REQUIRE(forward(robot.chain, q, tip).matrix() == forward(alone, own).matrix());
      Columns J(6, 16), J_alone(6, 9);
      jacobian(robot.chain, q, J, {.tip = tip});
      jacobian(alone, own, J_alone);
      for (int i = 0; i < 16; ++i) {
        const std::string& name = robot.chain.joint_names()[static_cast<std::size_t>(i)];
        const auto& own_names = alone.joint_names();
        const auto found = std::find(own_names.begin(), own_names.end(), name);
        if (found == own_names.end()) {
          REQUIRE(J.col(i).isZero(0));
        } else {
          REQUIRE((J.col(i) - J_alone.col(found - own_names.begin())).cwiseAbs().maxCoeff() < 1e-15);
        }
      }
    }
  }
}

TEST_CASE("tips: frames are those of the whole robot") {
  const NamedChain robot = two_arms();
  Random random(72);
  const auto& names = robot.chain.frame_names();
  CHECK(std::set<std::string>(names.begin(), names.end()).size() == robot.urdf.links.size());
  CHECK(names.size() == robot.urdf.links.size());
  std::vector<Eigen::Isometry3d> poses(names.size());
  for (int trial = 0; trial < 100; ++trial) {
    const Eigen::VectorXd q = random_q(robot.chain, random);
    JointPositions positions;
    for (int i = 0; i < 16; ++i) positions[robot.chain.joint_names()[static_cast<std::size_t>(i)]] = q[i];
    frames(robot.chain, q, poses);
    for (std::size_t i = 0; i < names.size(); ++i) {
      CAPTURE(names[i]);
      REQUIRE((poses[i].matrix() - plain_forward(robot.urdf, positions, "base_link", names[i])).cwiseAbs().maxCoeff() <
              1e-14 * robot.reach);
    }
  }
}

TEST_CASE("tips: inverse of one tip leaves the other arm at the seed, brought inside its limits") {
  const NamedChain robot = two_arms();
  Random random(73);
  ChainScratch<> scratch;
  for (int trial = 0; trial < 300; ++trial) {
    const int tip = trial % 2;
    Eigen::Isometry3d target;
    target.matrix() = robot.plain(random_q(robot.chain, random), tip);
    Eigen::VectorXd seed = random_q(robot.chain, random);
    const int other = tip == 0 ? 9 : 2;
    if (trial % 3 == 0) seed[other] = 50.0;
    const auto ik = inverse(robot.chain, target, seed, scratch, {.tip = tip});
    REQUIRE(ik);
    CHECK(pose_error(robot.plain(ik.q, tip), target.matrix()) < 1.001e-6);
    for (int k = 0; k < 16; ++k) {
      REQUIRE(ik.q[k] >= robot.chain.lower()[k]);
      REQUIRE(ik.q[k] <= robot.chain.upper()[k]);
      if (k >= other && k < other + 7) CHECK(ik.q[k] == std::clamp(seed[k], robot.chain.lower()[k], robot.chain.upper()[k]));
    }
    const Eigen::Matrix<double, 4, 4, Eigen::RowMajor> rows = target.matrix();
    std::vector<double> q(16);
    std::vector<InverseStatus> status(1);
    REQUIRE(
        inverse_batch(robot.chain, std::span(rows.data(), 16), std::span<const double>(seed.data(), 16), q, status, scratch, {.tip = tip}));
    REQUIRE(status[0] == InverseStatus::converged);
    const Eigen::Map<const Eigen::VectorXd> answer(q.data(), 16);
    CHECK(pose_error(robot.plain(answer, tip), target.matrix()) < 1.001e-6);
    CHECK(answer.segment(other, 7) == ik.q.segment(other, 7));
  }
}

TEST_CASE("tips: whole robots, every leaf a tip") {
  Random random(74);
  for (const std::string name : {"panda", "ur5e", "iiwa14", "so101", "two_arm_torso"}) {
    CAPTURE(name);
    const Urdf urdf = load_urdf(model_path(name));
    const NamedChain robot = named_chain(model_path(name), root_of(urdf), moving_leaves(urdf));
    REQUIRE(robot.tips() >= 1);
    const auto own = [](const UrdfJoint& joint) { return joint.type != UrdfJointType::fixed && !joint.mimic; };
    CHECK(robot.chain.dof() == std::count_if(urdf.joints.begin(), urdf.joints.end(), own));
    CHECK(robot.chain.frame_names().size() == urdf.links.size());
    for (int trial = 0; trial < 50; ++trial) {
      const Eigen::VectorXd q = random_q(robot.chain, random);
      for (int tip = 0; tip < robot.tips(); ++tip)
        REQUIRE((forward(robot.chain, q, tip).matrix() - robot.plain(q, tip)).cwiseAbs().maxCoeff() < 1e-14 * robot.reach);
    }
  }
}

TEST_CASE("tips: two names in braces are two tips, not the ends of a string") {
  const std::string text = read_text_file(model_path("two_arm_torso"), 1 << 20);
  const auto from_text = Chain<>::from_urdf(text, "base_link", {"left_tool", "right_tool"});
  CHECK(from_text.description().tips == kTools);
  CHECK(Chain<>::from_urdf(parse_urdf(text), "base_link", {"left_tool", "right_tool"}).description().tips == kTools);
  CHECK(Chain<>::from_urdf(text, "base_link", {"left_tool"}).description().tips == std::vector<std::string>{"left_tool"});
  CHECK(Chain<16>::from_urdf(text, "base_link", {"left_tool", "right_tool"}).dof() == 16);
}

TEST_CASE("tips: what is wrong with a request is said") {
  const std::string path = model_path("two_arm_torso");
  const auto load_tips = [&](const std::vector<std::string>& tips) {
    return message_of([&] { (void)Chain<>::from_urdf(path, "base_link", tips); });
  };
  CHECK(load_tips({"left_tool", "right_tol"}).find("did you mean 'right_tool'") != std::string::npos);
  CHECK(load_tips({}).find("at least one") != std::string::npos);
  CHECK(load_tips({"left_tool", "head_camera"}).empty());
  CHECK(load_tips({"left_tool", "base_link"}).find("base_link") != std::string::npos);  // no joint moves it
  const NamedChain robot = two_arms();
  CHECK(message_of([&] { (void)robot.chain.tip_index("left_toll"); }).find("did you mean 'left_tool'") != std::string::npos);
  const Eigen::VectorXd q = robot.chain.neutral();
  for (const int wrong : {-1, 2, 1 << 30}) {
    CHECK(forward(robot.chain, q, wrong).matrix().array().isNaN().all());
    Columns J = Columns::Zero(6, 16);
    CHECK(jacobian(robot.chain, q, J, {.tip = wrong}).matrix().array().isNaN().all());
    CHECK(J.array().isNaN().all());
    CHECK(spatial_velocity(robot.chain, q, q, {.tip = wrong}).array().isNaN().all());
    std::vector<double> poses(16, 3.0), many(96, 3.0);
    const std::span<const double> rows(q.data(), 16);
    CHECK_FALSE(forward_batch(robot.chain, rows, poses, wrong));
    CHECK_FALSE(jacobian_batch(robot.chain, rows, poses, many, wrong));
    CHECK(std::count(poses.begin(), poses.end(), 3.0) == 16);
    ChainScratch<> scratch;
    CHECK(inverse(robot.chain, forward(robot.chain, q), q, scratch, {.tip = wrong}).status == InverseStatus::bad_input);
  }
}

TEST_CASE("jacobian: its frames are the body and the spatial twist, by finite differences of an independent product") {
  Random random(75);
  for (const NamedChain& robot : all_robots()) {
    CAPTURE(robot.name);
    const int dof = robot.chain.dof();
    for (int trial = 0; trial < 100; ++trial) {
      const int tip = trial % robot.tips();
      const Eigen::VectorXd q = random_q(robot.chain, random);
      const Eigen::VectorXd dq = Eigen::VectorXd::NullaryExpr(dof, [&] { return random.uniform(-1, 1); });
      constexpr double kStep = 1e-5;
      const Eigen::Matrix4d T = robot.plain(q, tip);
      const Eigen::Matrix4d rate = (robot.plain(q + kStep * dq, tip) - robot.plain(q - kStep * dq, tip)) / (2 * kStep);
      const Eigen::Matrix4d inverse_T = T.inverse();
      Twist mixed = twist_of(rate * inverse_T);
      mixed.head<3>() = rate.topRightCorner<3, 1>();
      const auto check = [&](TwistFrame frame, const Twist& expected) {
        CAPTURE(to_string(frame));
        const JacobianOptions options = {.frame = frame, .tip = tip};
        REQUIRE((spatial_velocity(robot.chain, q, dq, options) - expected).cwiseAbs().maxCoeff() < 1e-8);
        Columns J(6, dof);
        REQUIRE((jacobian(robot.chain, q, J, options).matrix() - T).cwiseAbs().maxCoeff() < 1e-14 * robot.reach);
        REQUIRE((J * dq - expected).cwiseAbs().maxCoeff() < 1e-8);
      };
      check(TwistFrame::tip_base_axes, mixed);
      check(TwistFrame::tip, twist_of(inverse_T * rate));
      check(TwistFrame::base, twist_of(rate * inverse_T));
    }
  }
}

TEST_CASE("jacobian: frames have names") {
  for (const TwistFrame frame : {TwistFrame::tip_base_axes, TwistFrame::tip, TwistFrame::base})
    CHECK(twist_frame(to_string(frame)) == frame);
  CHECK(message_of([] { (void)twist_frame("world"); }).find("tip_base_axes, tip, base") != std::string::npos);
}
