// SPDX-License-Identifier: Apache-2.0
// pose_errors against products along the tree and Eigen's quaternions, on every instruction set, for every length of the rest of a batch.
#include "sinew/kinematics/pose_error.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <numbers>

#include "all_robots.hpp"
#include "sinew/kinematics/rotation.hpp"
#include "test_seed.hpp"

using namespace sinew;

namespace {

Eigen::Isometry3d random_pose(testing::Random& random, double reach, double turn) {
  Eigen::Isometry3d pose = Eigen::Isometry3d::Identity();
  const auto any = [&] { return random.uniform(-1, 1); };
  pose.translation() = reach * Eigen::Vector3d(any(), any(), any());
  pose.linear() = Eigen::AngleAxisd(turn * any(), Eigen::Vector3d(any(), any(), any()).normalized()).toRotationMatrix();
  return pose;
}

struct Frames {
  std::vector<double> q, poses, position, angle;  // the last two: what is expected
};

/// Poses off by 1e-9 to 3 m and rad, in turn.
Frames make(const testing::NamedChain& robot, int tip, const PoseConvention& convention, std::size_t count, testing::Random& random) {
  const Chain<>& chain = robot.chain;
  Frames frames;
  for (std::size_t i = 0; i < count; ++i) {
    Eigen::VectorXd q = Eigen::VectorXd::Zero(chain.dof()), signed_q = q;
    for (Eigen::Index j = 0; j < q.size(); ++j) {
      q[j] = random.uniform(-3, 3);
      signed_q[j] = convention.signs.empty() ? q[j] : q[j] * convention.signs[static_cast<std::size_t>(j)];
    }
    const double size = 3 * std::pow(10.0, -static_cast<double>(i % 10));
    const Eigen::Isometry3d computed =
        convention.recorded_from_base * Eigen::Isometry3d(robot.plain(signed_q, tip)) * convention.tip_from_recorded;
    const Eigen::Isometry3d off = random_pose(random, size, size);
    const Eigen::Vector3d at = computed.translation() + off.translation();
    const Eigen::Quaterniond turn = Eigen::Quaterniond(computed.linear()) * Eigen::Quaterniond(off.linear());
    const double norm = i % 2 == 0 ? 1 : 1 + 0.9 * kQuaternionTolerance;  // is normalised
    frames.q.insert(frames.q.end(), q.begin(), q.end());
    frames.poses.insert(frames.poses.end(), at.begin(), at.end());
    for (const double x : {turn.w(), turn.x(), turn.y(), turn.z()}) frames.poses.push_back(norm * x);
    frames.position.push_back((at - computed.translation()).norm());
    frames.angle.push_back(Eigen::AngleAxisd(Eigen::Quaterniond(off.linear())).angle());
  }
  return frames;
}

void check(const testing::NamedChain& robot, int tip, const PoseConvention& convention, const Frames& frames) {
  const std::size_t count = frames.angle.size();
  std::vector<double> position(count, -1), angle(count, -1);
  REQUIRE(pose_errors(robot.chain, frames.q, frames.poses, convention, {.position = position, .angle = angle}, tip));
  for (std::size_t i = 0; i < count; ++i) {
    CAPTURE(i);
    CHECK(std::abs(position[i] - frames.position[i]) < 1e-13 * robot.reach);
    CHECK(std::abs(angle[i] - frames.angle[i]) < (frames.angle[i] > 3 ? 1e-7 : 1e-13));  // near pi the sine is flat
  }
}

}  // namespace

TEST_CASE("pose errors: those that were put in, for every robot, convention, length and instruction set") {
  testing::Random random(11);
  for (const Isa isa : available_isas()) {
    CAPTURE(to_string(isa));
    const testing::WithIsa selected(isa);
    for (const testing::NamedChain& robot : testing::all_robots()) {
      CAPTURE(robot.name);
      std::vector<double> signs;
      for (int j = 0; j < robot.chain.dof(); ++j) signs.push_back(j % 3 == 1 ? -1 : 1);
      const PoseConvention turned{
          .signs = signs, .recorded_from_base = random_pose(random, 1, 3), .tip_from_recorded = random_pose(random, 0.2, 3)};
      for (std::size_t count = 0; count <= 40; count = count < 20 ? count + 1 : count + 20) {
        const int tip = robot.tips() - 1;
        check(robot, tip, {}, make(robot, tip, {}, count, random));
        check(robot, tip, turned, make(robot, tip, turned, count, random));
      }
    }
  }
}

TEST_CASE("pose errors: what is not finite is NaN and alone in it; sizes that do not fit are refused") {
  testing::Random random(12);
  const testing::NamedChain& robot = testing::all_robots().front();
  const Chain<>& chain = robot.chain;
  const auto dof = static_cast<std::size_t>(chain.dof());
  for (const Isa isa : available_isas()) {
    CAPTURE(to_string(isa));
    const testing::WithIsa selected(isa);
    Frames frames = make(robot, 0, {}, 24, random);
    frames.q[3 * dof] = std::nan("");
    frames.poses[7 * 5 + 1] = INFINITY;
    frames.poses[7 * 9 + 6] = std::nan("");
    for (std::size_t k = 3; k < 7; ++k) frames.poses[7 * 13 + k] *= 1 + 1.5 * kQuaternionTolerance;
    for (std::size_t k = 3; k < 7; ++k) frames.poses[7 * 14 + k] = 0;
    std::vector<double> position(24, -1), angle(24, -1);
    REQUIRE(pose_errors(chain, frames.q, frames.poses, {}, {.position = position, .angle = angle}));
    for (std::size_t i = 0; i < 24; ++i) {
      CAPTURE(i);
      CHECK(std::isfinite(position[i]) == (i != 3 && i != 5));
      CHECK(std::isfinite(angle[i]) == (i != 3 && i != 9 && i != 13 && i != 14));
    }
    const std::vector<double> before = position;
    const std::vector<double> short_signs(dof - 1, 1.0);
    CHECK_FALSE(pose_errors(chain, std::span(frames.q).first(dof), frames.poses, {}, {.position = position, .angle = angle}));
    CHECK_FALSE(pose_errors(chain, frames.q, std::span(frames.poses).first(8), {}, {.position = position, .angle = angle}));
    CHECK_FALSE(pose_errors(chain, frames.q, frames.poses, {}, {.position = position, .angle = std::span(angle).first(3)}));
    CHECK_FALSE(pose_errors(chain, frames.q, frames.poses, {.signs = short_signs}, {.position = position, .angle = angle}));
    CHECK_FALSE(pose_errors(chain, frames.q, frames.poses, {}, {.position = position, .angle = angle}, 7));
    CHECK(std::equal(before.begin(), before.end(), position.begin(),
                     [](double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); }));
  }
}
