// SPDX-License-Identifier: Apache-2.0
// Many targets for every robot, a tenth of them out of reach, each answer judged by the independent forward kinematics of chain_laws.hpp.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cmath>
#include <cstdlib>
#include <string>
#include <vector>

#include "sinew/testing/chain_laws.hpp"
#include "test_seed.hpp"

using namespace sinew;
using namespace sinew::testing;

namespace {

constexpr std::size_t kTargets = 100000;  // per robot; SINEW_INVERSE_TARGETS overrides it
constexpr double kTolerance = 1e-6;       // m and rad

std::size_t target_count() {
  const char* text = std::getenv("SINEW_INVERSE_TARGETS");
  return text != nullptr ? std::strtoull(text, nullptr, 10) : kTargets;
}

struct Robot {
  std::string name, base, tip;
  std::string shoulder;  ///< link whose origin no joint before it moves
  double longest = 0;    ///< m from there to the tip, found by a search inside the limits
};

const std::vector<Robot>& all_robots() {
  static const std::vector<Robot> robots = {
      {"panda", "panda_link0", "panda_hand_tcp", "panda_link2", 0.9475},
      {"ur5e", "base_link", "tool0", "upper_arm_link", 0.969},
      {"iiwa14", "iiwa_link_0", "iiwa_link_ee", "iiwa_link_2", 0.946},
      {"so101", "base_link", "gripper_frame_link", "shoulder_link", 0.4724},
      {"two_arm_torso", "torso_link", "left_tool", "left_shoulder_pitch_link", 0.6835},
      {"two_arm_torso", "torso_link", "right_tool", "right_shoulder_pitch_link", 0.6835},
  };
  return robots;
}

/// A pose farther from the shoulder than the tip gets: by 1 % at least, beyond twice the length at most.
Eigen::Matrix4d out_of_reach(const Robot& robot, const Urdf& urdf, Eigen::Matrix4d pose, Random& random) {
  Eigen::Vector3d direction;
  do direction = Eigen::Vector3d(random.uniform(-1, 1), random.uniform(-1, 1), random.uniform(-1, 1));
  while (direction.norm() > 1 || direction.norm() < 0.1);
  const Eigen::Vector3d shoulder = plain_forward(urdf, {}, robot.base, robot.shoulder).topRightCorner<3, 1>();
  // Half of them so near that only a search can tell.
  const double distance = robot.longest * (random.uniform() < 0.5 ? random.uniform(1.01, 1.1) : random.uniform(1.1, 2.0));
  pose.topRightCorner<3, 1>() = shoulder + distance * direction.normalized();
  return pose;
}

}  // namespace

TEST_CASE("inverse soak: what is solved is solved, what is out of reach is flagged, limits always hold") {
  const std::size_t count = target_count();
  for (const Robot& robot : all_robots()) {
    CAPTURE(robot.name);
    CAPTURE(robot.tip);
    const Urdf urdf = load_urdf(fmt::format("{}/robots/{}.urdf", SINEW_MODELS_DIR, robot.name));
    ChainLaws laws(urdf, robot.base, robot.tip, {.seed = seed()});
    const auto dof = static_cast<std::size_t>(laws.chain.dof());
    Random random(51);
    std::vector<double> targets(count * 16), seeds(count * dof), q(count * dof);
    std::vector<std::uint8_t> reachable(count);
    std::vector<InverseStatus> status(count);
    for (std::size_t i = 0; i < count; ++i) {
      reachable[i] = i % 10 != 9;
      const Eigen::Matrix4d pose = laws.plain(laws.random_q());
      Eigen::Matrix<double, 4, 4, Eigen::RowMajor>::Map(targets.data() + i * 16) =
          reachable[i] != 0 ? pose : out_of_reach(robot, urdf, pose, random);
      Eigen::VectorXd::Map(seeds.data() + i * dof, laws.chain.dof()) = laws.random_q();
    }
    ChainScratch<> scratch;
    inverse_batch(laws.chain, targets, seeds, q, status, scratch, {.tolerance = kTolerance});

    std::size_t solved = 0, flagged = 0, wanted = 0;
    for (std::size_t i = 0; i < count; ++i) {
      CAPTURE(i);
      const JointVector<> answer = Eigen::VectorXd::Map(q.data() + i * dof, laws.chain.dof());
      REQUIRE(laws.inside(answer));
      wanted += reachable[i];
      if (status[i] == InverseStatus::converged) {
        REQUIRE(reachable[i] != 0);
        const Eigen::Matrix4d target = Eigen::Matrix<double, 4, 4, Eigen::RowMajor>::Map(targets.data() + i * 16);
        REQUIRE(pose_error(laws.plain(answer), target) <= kTolerance * 1.001);
        ++solved;
      }
      flagged += reachable[i] == 0 && status[i] == InverseStatus::unreachable ? 1 : 0;
    }
    MESSAGE(robot.name << " " << robot.tip << ": " << solved << " of " << wanted << " solved, " << flagged << " of " << count - wanted
                       << " flagged");
    CHECK(solved * 1000 >= wanted * 999);
    CHECK(flagged == count - wanted);
  }
}
