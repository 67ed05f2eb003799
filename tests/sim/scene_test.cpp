// SPDX-License-Identifier: Apache-2.0
// The scene: layouts, and the agreement of the two descriptions of the arm.
#include <doctest/doctest.h>
#include <mujoco/mujoco.h>

#include <Eigen/Geometry>
#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <numbers>
#include <string>

#include "sinew/core/error.hpp"
#include "sinew/core/random.hpp"
#include "sinew/kinematics/chain.hpp"
#include "sinew/kinematics/forward.hpp"
#include "sinew/sim/instruction.hpp"
#include "sinew/sim/scenes/tabletop.hpp"
#include "test_seed.hpp"

using namespace sinew::sim;

namespace {

struct DeleteMujoco {
  void operator()(mjModel* model) const { mj_deleteModel(model); }
  void operator()(mjData* data) const { mj_deleteData(data); }
};

/// A model that MuJoCo made of a text, with its state.
struct Compiled {
  explicit Compiled(const std::string& text) {
    std::array<char, 1024> error{};
    mjSpec* spec = mj_parseXMLString(text.c_str(), nullptr, error.data(), static_cast<int>(error.size()));
    REQUIRE_MESSAGE(spec != nullptr, error.data());
    model.reset(mj_compile(spec, nullptr));
    REQUIRE_MESSAGE(model != nullptr, mjs_getError(spec));
    mj_deleteSpec(spec);
    data.reset(mj_makeData(model.get()));
  }
  /// Pose of a body or site for the arm's joints, by joint names.
  Eigen::Isometry3d pose(mjtObj type, const char* name, const Eigen::VectorXd& q) const {
    for (int i = 0; i < kArmJoints; ++i) {
      const int joint = mj_name2id(model.get(), mjOBJ_JOINT, std::string(tabletop_joint_names()[static_cast<std::size_t>(i)]).c_str());
      REQUIRE(joint >= 0);
      data->qpos[model->jnt_qposadr[joint]] = q[i];
    }
    mj_kinematics(model.get(), data.get());
    const int id = mj_name2id(model.get(), type, name);
    REQUIRE(id >= 0);
    Eigen::Isometry3d pose = Eigen::Isometry3d::Identity();
    pose.translation() = Eigen::Map<const Eigen::Vector3d>((type == mjOBJ_SITE ? data->site_xpos : data->xpos) + 3 * id);
    pose.linear() =
        Eigen::Map<const Eigen::Matrix<double, 3, 3, Eigen::RowMajor>>((type == mjOBJ_SITE ? data->site_xmat : data->xmat) + 9 * id);
    return pose;
  }
  std::unique_ptr<mjModel, DeleteMujoco> model;
  std::unique_ptr<mjData, DeleteMujoco> data;
};

/// The URDF for MuJoCo's own reader, told to keep links without joints.
std::string urdf_for_mujoco() {
  std::string text = tabletop_urdf();
  const auto place = text.find("  <link name=\"link0\"");
  REQUIRE(place != std::string::npos);
  return text.insert(place, "<mujoco><compiler fusestatic=\"false\"/></mujoco>\n");
}

}  // namespace

TEST_CASE("arm: URDF and MJCF put the tool at the same pose, by MuJoCo's readers and by Sinew's chain") {
  const Compiled scene(tabletop_mjcf());
  const Compiled urdf(urdf_for_mujoco());
  const auto chain = sinew::Chain<>::from_urdf(tabletop_urdf(), "link0", "tool");
  const sinew::JointLimits limits = tabletop_limits();
  REQUIRE(chain.dof() == kArmJoints);
  sinew::testing::Random random;
  double worst = 0;
  for (int i = 0; i < 300; ++i) {
    Eigen::VectorXd q(kArmJoints);
    for (int j = 0; j < kArmJoints; ++j)
      q[j] = random.uniform(limits.lower[static_cast<std::size_t>(j)], limits.upper[static_cast<std::size_t>(j)]);
    const Eigen::Isometry3d expected = scene.pose(mjOBJ_SITE, "tool", q);
    worst = std::max(worst, (urdf.pose(mjOBJ_BODY, "tool", q).matrix() - expected.matrix()).cwiseAbs().maxCoeff());
    worst = std::max(worst, (sinew::forward(chain, q).matrix() - expected.matrix()).cwiseAbs().maxCoeff());
  }
  CHECK(worst < 1e-12);
}

TEST_CASE("arm: the chain's limits are the robot's") {
  const auto chain = sinew::Chain<>::from_urdf(tabletop_urdf(), "link0", "tool");
  const sinew::JointLimits limits = tabletop_limits();
  for (int i = 0; i < kArmJoints; ++i) {
    const auto joint = static_cast<std::size_t>(i);
    CHECK(chain.joint_names()[joint] == limits.names[joint]);
    CHECK(chain.lower()[i] == limits.lower[joint]);
    CHECK(chain.upper()[i] == limits.upper[joint]);
  }
}

TEST_CASE("random: gives the published splitmix64 sequence") {
  // Reference: the sequence for seed 1234567 printed on rosettacode.org, "Pseudo-random numbers/Splitmix64".
  sinew::Random random(1234567);
  CHECK(random.bits() == 6457827717110365317ULL);
  CHECK(random.bits() == 3203168211198807973ULL);
  CHECK(random.bits() == 9817491932198370423ULL);
}

TEST_CASE("layout: nothing overlaps, everything is on the table within reach") {
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    CAPTURE(seed);
    const TabletopLayout layout = make_tabletop_layout(seed);
    std::array<std::array<double, 3>, 6> discs{};  // x, y, radius of the object itself
    for (std::size_t i = 0; i < 3; ++i) {
      discs[i] = {layout.plates[i].x, layout.plates[i].y, kPlateRadius};
      discs[3 + i] = {layout.cubes[i].x, layout.cubes[i].y, kCubeHalf * std::sqrt(2.0)};
      CHECK(std::abs(layout.cubes[i].yaw) <= std::numbers::pi);
    }
    for (std::size_t a = 0; a < discs.size(); ++a) {
      CHECK(std::hypot(discs[a][0], discs[a][1]) > 0.3);
      CHECK(std::hypot(discs[a][0], discs[a][1]) < 0.7);
      for (std::size_t b = 0; b < a; ++b)
        CHECK(std::hypot(discs[a][0] - discs[b][0], discs[a][1] - discs[b][1]) > discs[a][2] + discs[b][2] + 0.01);
    }
  }
}

TEST_CASE("layout: a seed is a layout, another seed is another one") {
  const TabletopLayout a = make_tabletop_layout(7);
  const TabletopLayout b = make_tabletop_layout(7);
  const TabletopLayout c = make_tabletop_layout(8);
  CHECK(a.joints == b.joints);
  CHECK(a.cubes[2].yaw == b.cubes[2].yaw);
  CHECK(a.cubes[2].x != c.cubes[2].x);
}

TEST_CASE("layout: cubes stand at any yaw") {
  std::array<int, 8> counts{};
  for (std::uint64_t seed = 0; seed < 800; ++seed)
    for (const auto& cube : make_tabletop_layout(seed).cubes)
      ++counts[static_cast<std::size_t>((cube.yaw + std::numbers::pi) / (2 * std::numbers::pi) * 8)];
  for (const int count : counts) CHECK(std::abs(count - 300) < 75);  // 4.6 standard deviations
}

TEST_CASE("layout: a cube that is to be pushed has a free way, before it and behind it") {
  for (const auto& text : known_instructions()) {
    const Instruction instruction = parse_instruction(text);
    if (instruction.task != Task::push) continue;
    CAPTURE(text);
    const double sign = instruction.target == 0 ? 1 : -1;  // left is +y
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
      const TabletopLayout layout = make_tabletop_layout(seed, instruction);
      const auto pushed = static_cast<std::size_t>(instruction.cube);
      CHECK(layout.cubes[pushed].x > 0.45);
      CHECK(sign * layout.cubes[pushed].y < kPushLine - 0.06);
      for (double way = -0.06; sign * layout.cubes[pushed].y + way <= kPushLine + 0.04; way += 0.005) {
        const double y = layout.cubes[pushed].y + sign * way;
        CHECK(std::abs(y) < 0.28);
        for (std::size_t i = 0; i < 3; ++i) {
          CHECK(std::hypot(layout.plates[i].x - layout.cubes[pushed].x, layout.plates[i].y - y) > kPlateRadius + 0.029);
          if (i != pushed) CHECK(std::hypot(layout.cubes[i].x - layout.cubes[pushed].x, layout.cubes[i].y - y) > 2 * 0.0283);
        }
      }
    }
  }
}

TEST_CASE("layout: without an obstacle to move it, an instruction's layout is the seed's; the same pair gives the same") {
  const Instruction stack{Task::stack, 0, 2};
  CHECK(make_tabletop_layout(5, stack).cubes[1].x == make_tabletop_layout(5).cubes[1].x);
  const Instruction push{Task::push, 1, 0};
  CHECK(make_tabletop_layout(5, push).cubes[1].yaw == make_tabletop_layout(5, push).cubes[1].yaw);
  CHECK_THROWS_AS((void)make_tabletop_layout(5, Instruction{Task::stack, 1, 1}), sinew::Error);
}
