// SPDX-License-Identifier: Apache-2.0
// The descriptions in models/robots, against the tables of the data sheets that they were written from.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "robots.hpp"
#include "sinew/kinematics/forward.hpp"

using namespace sinew;
using namespace sinew::testing;

namespace {

constexpr double kHalf = M_PI / 2;
constexpr double kDegree = M_PI / 180;

/// One row of a DH table: a (m), d (m), alpha (rad).
struct DhRow {
  double a, d, alpha;
};

/// T = prod Rz(q) Tz(d) Tx(a) Rx(alpha).
Eigen::Matrix4d standard_dh(const std::vector<DhRow>& rows, const Eigen::VectorXd& q) {
  Eigen::Matrix4d T = Eigen::Matrix4d::Identity();
  for (std::size_t i = 0; i < rows.size(); ++i)
    T = T * turn(2, q[static_cast<int>(i)]) * translate(0, 0, rows[i].d) * translate(rows[i].a, 0, 0) * turn(0, rows[i].alpha);
  return T;
}

/// T = prod Rx(alpha) Tx(a) Rz(q) Tz(d); Craig's convention.
Eigen::Matrix4d modified_dh(const std::vector<DhRow>& rows, const Eigen::VectorXd& q) {
  Eigen::Matrix4d T = Eigen::Matrix4d::Identity();
  for (std::size_t i = 0; i < rows.size(); ++i)
    T = T * turn(0, rows[i].alpha) * translate(rows[i].a, 0, 0) * turn(2, q[static_cast<int>(i)]) * translate(0, 0, rows[i].d);
  return T;
}

Chain<> model(const std::string& name, const std::string& base, const std::string& tip) {
  return Chain<>::from_urdf(std::string(SINEW_MODELS_DIR) + "/robots/" + name + ".urdf", base, tip);
}

template <class Formula>
void check_forward(const Chain<>& chain, const Formula& formula) {
  Random random(41);
  for (int trial = 0; trial < 1000; ++trial) {
    const Eigen::VectorXd q = random_q(chain, random);
    REQUIRE((forward(chain, q).matrix() - formula(q)).cwiseAbs().maxCoeff() < 1e-14);
  }
}

void check_limits(const Chain<>& chain, const Eigen::VectorXd& lower, const Eigen::VectorXd& upper, const Eigen::VectorXd& velocity) {
  REQUIRE(chain.dof() == lower.size());
  CHECK((chain.lower() - lower).cwiseAbs().maxCoeff() < 1e-15);
  CHECK((chain.upper() - upper).cwiseAbs().maxCoeff() < 1e-15);
  CHECK((chain.velocity() - velocity).cwiseAbs().maxCoeff() < 1e-15);
  CHECK(chain.effort().allFinite());
  CHECK(chain.warnings().empty());
}

}  // namespace

TEST_CASE("robots: the Panda is the table of Franka's documentation") {
  const std::vector<DhRow> table = {{0, 0.333, 0}, {0, 0, -kHalf},   {0, 0.316, kHalf}, {0.0825, 0, kHalf}, {-0.0825, 0.384, -kHalf},
                                    {0, 0, kHalf}, {0.088, 0, kHalf}};
  const auto flange_of = [&](const Eigen::VectorXd& q) -> Eigen::Matrix4d { return modified_dh(table, q) * translate(0, 0, 0.107); };
  check_forward(model("panda", "panda_link0", "panda_link8"), flange_of);
  const auto arm = model("panda", "panda_link0", "panda_hand_tcp");
  check_forward(arm,
                [&](const Eigen::VectorXd& q) -> Eigen::Matrix4d { return flange_of(q) * turn(2, -M_PI / 4) * translate(0, 0, 0.1034); });
  Eigen::VectorXd lower(7), upper(7), velocity(7);
  lower << -2.8973, -1.7628, -2.8973, -3.0718, -2.8973, -0.0175, -2.8973;
  upper << 2.8973, 1.7628, 2.8973, -0.0698, 2.8973, 3.7525, 2.8973;
  velocity << 2.175, 2.175, 2.175, 2.175, 2.61, 2.61, 2.61;
  check_limits(arm, lower, upper, velocity);
}

TEST_CASE("robots: the Panda's fingers open together, 80 mm at most") {
  const auto fingers = model("panda", "panda_leftfinger", "panda_rightfinger");
  REQUIRE(fingers.dof() == 1);
  const Eigen::VectorXd open = fingers.upper();
  CHECK(forward(fingers, open).translation().isApprox(Eigen::Vector3d(0, -0.08, 0)));
  const Eigen::VectorXd closed = fingers.lower();
  CHECK(forward(fingers, closed).matrix() == Eigen::Matrix4d::Identity());
}

TEST_CASE("robots: the UR5e is the table of UR's documentation, seen from the controller's base") {
  const std::vector<DhRow> table = {{0, 0.1625, kHalf}, {-0.425, 0, 0},      {-0.3922, 0, 0},
                                    {0, 0.1333, kHalf}, {0, 0.0997, -kHalf}, {0, 0.0996, 0}};
  check_forward(model("ur5e", "base", "tool0"), [&](const Eigen::VectorXd& q) { return standard_dh(table, q); });
  const auto arm = model("ur5e", "base_link", "tool0");
  check_forward(arm, [&](const Eigen::VectorXd& q) -> Eigen::Matrix4d { return turn(2, M_PI) * standard_dh(table, q); });
  check_limits(arm, Eigen::VectorXd::Constant(6, -360 * kDegree), Eigen::VectorXd::Constant(6, 360 * kDegree),
               Eigen::VectorXd::Constant(6, 180 * kDegree));
}

TEST_CASE("robots: the iiwa 14 is the published table of an S-R-S arm") {
  const std::vector<DhRow> table = {{0, 0.36, -kHalf}, {0, 0, kHalf}, {0, 0.42, kHalf}, {0, 0, -kHalf},
                                    {0, 0.4, -kHalf},  {0, 0, kHalf}, {0, 0.126, 0}};
  const auto arm = model("iiwa14", "iiwa_link_0", "iiwa_link_ee");
  check_forward(arm, [&](const Eigen::VectorXd& q) { return standard_dh(table, q); });
  Eigen::VectorXd range(7), speed(7);
  range << 170, 120, 170, 120, 170, 120, 175;
  speed << 85, 85, 100, 75, 130, 135, 135;
  check_limits(arm, -range * kDegree, range * kDegree, speed * kDegree);
  const Eigen::VectorXd upright = Eigen::VectorXd::Zero(7);
  CHECK(forward(arm, upright).translation().isApprox(Eigen::Vector3d(0, 0, 1.306), 1e-15));
}

TEST_CASE("robots: the SO-101 bends where its measures say") {
  const auto arm = model("so101", "base_link", "gripper_frame_link");
  REQUIRE(arm.dof() == 5);
  CHECK(arm.warnings().empty());
  check_forward(arm, [](const Eigen::VectorXd& q) -> Eigen::Matrix4d {
    return translate(0.039, 0, 0.0624) * turn(2, q[0]) * translate(0.0304, 0, 0.0542) * turn(1, q[1]) * translate(0.028, 0, 0.1126) *
           turn(1, q[2]) * translate(0.1349, 0, 0.0052) * turn(1, q[3]) * translate(0.0611, 0, 0) * turn(0, q[4]) *
           translate(0.0981, 0, 0) * turn(1, kHalf);
  });
  // At zero the upper arm stands and the forearm lies: heights and lengths add up.
  const Eigen::VectorXd zero = Eigen::VectorXd::Zero(5);
  CHECK(forward(arm, zero).translation().isApprox(
      Eigen::Vector3d(0.039 + 0.0304 + 0.028 + 0.1349 + 0.0611 + 0.0981, 0, 0.0624 + 0.0542 + 0.1126 + 0.0052)));
  CHECK(forward(arm, zero).linear().col(2).isApprox(Eigen::Vector3d::UnitX()));
}

TEST_CASE("robots: the two arms hang at the sides of the torso, and are mirror images") {
  const auto left = model("two_arm_torso", "base_link", "left_tool");
  const auto right = model("two_arm_torso", "base_link", "right_tool");
  REQUIRE(left.dof() == 9);
  REQUIRE(right.dof() == 9);
  CHECK(left.warnings().empty());
  const Eigen::VectorXd zero = Eigen::VectorXd::Zero(9);
  CHECK(forward(left, zero).translation().isApprox(Eigen::Vector3d(-0.05, 0.2, 1.2 - 0.3 - 0.26 - 0.12)));
  // Mirroring in the plane y = 0 turns rotations about x and z (yaw, roll) around, and leaves those about y and the lift.
  Eigen::VectorXd sign(9);
  sign << 1, -1, 1, -1, -1, 1, -1, 1, -1;
  const Eigen::Vector4d flip(1, -1, 1, 1);
  Random random(42);
  for (int trial = 0; trial < 200; ++trial) {
    const Eigen::VectorXd q = random_q(left, random);
    const Eigen::VectorXd mirrored = sign.cwiseProduct(q);
    CHECK((mirrored.array() >= right.lower().array() - 1e-15).all());
    CHECK((mirrored.array() <= right.upper().array() + 1e-15).all());
    // The tool frames themselves are turned by pi about x, which the mirror leaves as it is.
    const Eigen::Matrix4d expected = flip.asDiagonal() * forward(left, q).matrix() * flip.asDiagonal();
    REQUIRE((forward(right, mirrored).matrix() - expected).cwiseAbs().maxCoeff() < 1e-14);
  }
  const auto across = model("two_arm_torso", "left_tool", "right_tool");
  CHECK(across.dof() == 14);
}
