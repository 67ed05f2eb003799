// SPDX-License-Identifier: Apache-2.0
#include "sinew/kinematics/chain.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <string>
#include <vector>

#include "robots.hpp"
#include "sinew/core/error.hpp"
#include "sinew/kinematics/forward.hpp"

using namespace sinew;
using namespace sinew::testing;
using Names = std::vector<std::string>;

TEST_CASE("chain: knows the joints of an arm and their limits") {
  const auto arm = Chain<7>::from_urdf(robot_path("arm7"), "link0", "tcp");
  CHECK(arm.dof() == 7);
  CHECK(arm.joint_names() == Names{"joint1", "joint2", "joint3", "joint4", "joint5", "joint6", "joint7"});
  CHECK(arm.lower()[3] == -3.0718);
  CHECK(arm.upper()[5] == 3.7525);
  CHECK(arm.velocity()[6] == 2.61);
  CHECK(arm.effort()[0] == 87);
  CHECK(arm.continuous() == std::vector<std::uint8_t>(7, 0));
  CHECK(arm.warnings().empty());
  CHECK(arm.neutral()[0] == 0);
  CHECK(arm.neutral()[3] == doctest::Approx((-3.0718 - 0.0698) / 2));
}

TEST_CASE("chain: a follower moves with its driver and narrows its limits") {
  const auto chain = load(robots()[2]);
  CHECK(chain.joint_names() == Names{"lift", "pan", "lift_arm", "bend", "roll", "tilt"});
  CHECK(chain.continuous() == std::vector<std::uint8_t>{0, 1, 0, 0, 1, 0});
  CHECK(chain.lower()[1] == -INFINITY);
  CHECK(std::isinf(chain.velocity()[4]));
  // tilt in [-1, 1.2]; curl = -0.5 tilt + 0.25 in [-1.5, 1.5]; curl_tip = 0.1 curl in [-0.2, 0.2]: nothing narrower than tilt's own.
  CHECK(chain.lower()[5] == -1.0);
  CHECK(chain.upper()[5] == 1.2);
  const auto finger = Chain<>::from_urdf(robot_path("arm7"), "hand", "finger_right");
  CHECK(finger.joint_names() == Names{"finger_left_joint"});
  CHECK(forward(finger, Eigen::VectorXd::Constant(1, 0.03)).translation().y() == doctest::Approx(-0.03));

  const std::string xml = R"(<robot name="r"><link name="a"/><link name="b"/><link name="c"/>
    <joint name="driver" type="revolute"><parent link="a"/><child link="b"/><limit lower="-1" upper="1" velocity="4" effort="1"/></joint>
    <joint name="follower" type="revolute"><parent link="b"/><child link="c"/><limit lower="-0.5" upper="3" velocity="4" effort="1"/>
      <mimic joint="driver" multiplier="-2" offset="0.1"/></joint></robot>)";
  const auto narrowed = Chain<1>::from_urdf(xml, "a", "c");
  CHECK(narrowed.upper()[0] == doctest::Approx(0.3));  // -2 * 0.3 + 0.1 = -0.5
  CHECK(narrowed.lower()[0] == -1.0);
  CHECK(narrowed.velocity()[0] == 2.0);
}

TEST_CASE("chain: goes up the tree as well as down") {
  Random random(11);
  for (const TestRobot& robot : robots()) {
    CAPTURE(robot.name);
    const auto down = load(robot);
    const auto up = Chain<>::from_urdf(robot_path(robot.name), robot.tip, robot.base);
    REQUIRE(up.dof() == down.dof());
    const Eigen::VectorXd q = random_q(down, random);
    // The same joints, listed from the other end.
    const Eigen::VectorXd reversed = q.reverse();
    CHECK((forward(up, reversed).matrix() * robot.forward(q) - Eigen::Matrix4d::Identity()).norm() < 1e-14);
  }
  const auto between = Chain<>::from_urdf(robot_path("arm7"), "finger_left", "finger_right");
  CHECK(between.dof() == 1);
  CHECK(forward(between, Eigen::VectorXd::Constant(1, 0.02)).translation().y() == doctest::Approx(-0.04));
}

TEST_CASE("chain: fixed links stay addressable as frames") {
  const auto arm = Chain<7>::from_urdf(robot_path("arm7"), "link0", "tcp");
  CHECK(arm.frame_names() == Names{"link0", "link1", "link2", "link3", "link4", "link5", "link6", "link7", "flange", "hand", "tcp"});
  CHECK(arm.frame_index("hand") == 9);
  CHECK_THROWS_WITH_AS((void)arm.frame_index("tpc"), doctest::Contains("did you mean 'tcp'?"), Error);
  const auto mixed = load(robots()[2]);
  CHECK(mixed.frame_index("camera") > 0);  // beside the path, fixed to the upper arm
}

TEST_CASE("chain: text, file and tree give the same program") {
  const Urdf urdf = load_urdf(robot_path("arm6"));
  const auto a = Chain<6>::from_urdf(urdf, "base_link", "tool0");
  const auto b = Chain<6>::from_urdf(robot_path("arm6"), "base_link", "tool0");
  const Eigen::Vector<double, 6> q = Eigen::Vector<double, 6>::LinSpaced(-1, 1);
  CHECK(forward(a, q).matrix() == forward(b, q).matrix());
}

TEST_CASE("chain: says what is wrong with a request") {
  const auto message = [](const std::string& base, const std::string& tip) {
    try {
      (void)Chain<7>::from_urdf(robot_path("arm7"), base, tip);
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("accepted");
  };
  CHECK(message("link0", "tcpp") == "[Chain::from_urdf] tip: expected the name of a link, got 'tcpp' (did you mean 'tcp'?)");
  CHECK(message("flange", "tcp") == "[Chain::from_urdf] path from 'flange' to 'tcp': expected a joint that moves, got none");
  CHECK(message("link2", "tcp").find("expected 7 joints, got 5: joint3, joint4") != std::string::npos);
  CHECK_THROWS_WITH_AS((void)Chain<>::from_urdf("no/such/file.urdf", "a", "b"), doctest::Contains("no/such/file.urdf"), Error);
  CHECK_THROWS_AS((void)Chain<>::from_urdf(" \n", "a", "b"), Error);
}

TEST_CASE("chain: refuses followers that leave their driver no range, and endless snakes") {
  const std::string joint =
      R"(<joint name="j" type="revolute"><parent link="a"/><child link="b"/><limit lower="0" upper="1" velocity="1" effort="1"/></joint>)";
  const std::string xml =
      R"(<robot name="r"><link name="a"/><link name="b"/><link name="c"/>)" + joint +
      R"(<joint name="f" type="revolute"><parent link="b"/><child link="c"/><limit lower="5" upper="6" velocity="1" effort="1"/>
                             <mimic joint="j"/></joint></robot>)";
  CHECK_THROWS_WITH_AS((void)Chain<>::from_urdf(xml, "a", "c"), doctest::Contains("joint 'f', which follows it"), Error);

  std::string snake = "<robot name=\"r\"><link name=\"l0\"/>";
  for (int i = 1; i <= kMaxDof + 1; ++i) {
    const std::string n = std::to_string(i);
    snake += "<link name=\"l" + n + "\"/><joint name=\"j" + n + "\" type=\"continuous\"><parent link=\"l" + std::to_string(i - 1) +
             "\"/><child link=\"l" + n + "\"/></joint>";
  }
  snake += "</robot>";
  CHECK(Chain<>::from_urdf(snake, "l0", "l64").dof() == kMaxDof);
  CHECK_THROWS_WITH_AS((void)Chain<>::from_urdf(snake, "l0", "l65"), doctest::Contains("at most 64 moving joints"), Error);
}

namespace {

std::string one_joint(const Eigen::Vector3d& axis, const std::string& type, const std::string& more = "") {
  return fmt::format(
      R"(<robot name="r"><link name="a"/><link name="b"/><link name="c"/><joint name="j" type="{}"><parent link="a"/><child link="b"/>
      <axis xyz="{} {} {}"/><origin xyz="0.1 0.2 0.3" rpy="0.3 -0.2 0.1"/><limit lower="-3" upper="3" velocity="1" effort="1"/>{}</joint>
      <joint name="k" type="fixed"><parent link="b"/><child link="c"/><origin xyz="1 1 1"/></joint></robot>)",
      type, axis.x(), axis.y(), axis.z(), more);
}

}  // namespace

TEST_CASE("chain: an axis near a coordinate axis is taken as it is, travelled either way") {
  for (int coordinate = 0; coordinate < 3; ++coordinate) {
    for (const double sign : {1.0, -1.0}) {
      for (int power = 0; power <= 17; ++power) {
        for (const double skew : {0.0, 0.7, -1.0}) {
          Eigen::Vector3d axis = sign * Eigen::Vector3d::Unit(coordinate);
          axis[(coordinate + 1) % 3] = std::pow(10.0, -power);
          axis[(coordinate + 2) % 3] = skew * std::pow(10.0, -power);
          CAPTURE(axis.transpose());
          const std::string xml = one_joint(axis, "revolute");
          const auto down = Chain<>::from_urdf(xml, "a", "c"), up = Chain<>::from_urdf(xml, "c", "a");
          const auto slide = Chain<>::from_urdf(one_joint(axis, "prismatic"), "a", "c");
          for (const double angle : {-2.5, 0.7, 2.0}) {
            const Eigen::VectorXd q = Eigen::VectorXd::Constant(1, angle);
            const Eigen::Matrix4d origin = translate(0.1, 0.2, 0.3) * turn(2, 0.1) * turn(1, -0.2) * turn(0, 0.3);
            const Eigen::Matrix4d expected = origin * turn_about(axis.normalized(), angle) * translate(1, 1, 1);
            REQUIRE((forward(down, q).matrix() - expected).cwiseAbs().maxCoeff() < 2e-15);
            REQUIRE((forward(up, q).matrix() - expected.inverse()).cwiseAbs().maxCoeff() < 2e-15);
            const Eigen::Vector3d along = angle * axis.normalized();
            const Eigen::Matrix4d slid = origin * translate(1 + along.x(), 1 + along.y(), 1 + along.z());
            REQUIRE((forward(slide, q).matrix() - slid).cwiseAbs().maxCoeff() < 2e-15);
            std::vector<Eigen::Isometry3d> poses(down.frame_names().size());
            frames(down, q, poses);
            REQUIRE((poses[static_cast<std::size_t>(down.frame_index("c"))].matrix() - expected).cwiseAbs().maxCoeff() < 2e-15);
          }
        }
      }
    }
  }
}

TEST_CASE("chain: a geared follower makes its driver endless but not continuous, and one without a range is warned about") {
  const auto geared = [](const std::string& driver, const std::string& follower) {
    return R"(<robot name="r"><link name="a"/><link name="b"/><link name="c"/><link name="d"/>
      <joint name="driver" )" +
           driver + R"(<parent link="a"/><child link="b"/><axis xyz="0 0 1"/></joint>
      <joint name="follower" )" +
           follower + R"(<parent link="b"/><child link="c"/><origin xyz="1 0 0"/><axis xyz="0 1 0"/></joint>
      <joint name="end" type="fixed"><parent link="c"/><child link="d"/><origin xyz="0.3 0 0"/></joint></robot>)";
  };
  const auto slow =
      Chain<1>::from_urdf(geared(R"(type="continuous">)", R"(type="continuous"><mimic joint="driver" multiplier="0.1"/>)"), "a", "d");
  CHECK(slow.continuous()[0] == 0);
  CHECK(std::isinf(slow.upper()[0]));
  const auto stuck = Chain<1>::from_urdf(
      geared(R"(type="revolute"><limit lower="0" upper="0.8" velocity="1" effort="1"/>)",
             R"(type="revolute"><limit lower="0" upper="0.9" velocity="1" effort="1"/><mimic joint="driver" multiplier="-1"/>)"),
      "a", "d");
  REQUIRE(stuck.warnings().size() == 1);
  CHECK(stuck.warnings()[0].find("joint 'driver' cannot move: joint 'follower'") != std::string::npos);
  CHECK_FALSE(std::signbit(stuck.upper()[0]));
}
