// SPDX-License-Identifier: Apache-2.0
// Delta poses: both ways, the report's formula, GR00T's recorded composition, independence of the world, what is refused.
#include "sinew/action/delta_pose.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "golden.hpp"
#include "sinew/core/error.hpp"
#include "sinew/testing/action_space_laws.hpp"
#include "test_seed.hpp"

using namespace sinew;
using sinew::testing::Random;

namespace {

Eigen::Isometry3d random_pose(Random& random, double angle = 3.0) {
  Eigen::Isometry3d pose = Eigen::Isometry3d::Identity();
  pose.translation() = Eigen::Vector3d(random.uniform(-1, 1), random.uniform(-1, 1), random.uniform(-1, 1));
  const Eigen::Vector3d axis = Eigen::Vector3d(random.uniform(-1, 1), random.uniform(-1, 1), random.uniform(0.1, 1)).normalized();
  pose.linear() = Eigen::AngleAxisd(random.uniform(-angle, angle), axis).toRotationMatrix();
  return pose;
}

ToolPose<double> as_tool(const Eigen::Isometry3d& pose) { return {pose.translation(), Eigen::Quaterniond(pose.linear())}; }

double distance(const Eigen::Isometry3d& a, const Eigen::Isometry3d& b) { return (a.matrix() - b.matrix()).cwiseAbs().maxCoeff(); }
double distance(const ToolPose<double>& a, const Eigen::Isometry3d& b) {
  return std::max((a.position - b.translation()).cwiseAbs().maxCoeff(), (a.rotation.toRotationMatrix() - b.linear()).cwiseAbs().maxCoeff());
}

}  // namespace

TEST_CASE("camera_delta: the report's blocks, translation cRe e_t_e* and rotation cRe eRe* eRc") {
  Random random(1);
  for (int trial = 0; trial < 500; ++trial) {
    const auto base_from_camera = random_pose(random), base_from_tip = random_pose(random), base_from_target = random_pose(random);
    const Eigen::Isometry3d camera_from_tip = base_from_camera.inverse() * base_from_tip,
                            tip_from_target = base_from_tip.inverse() * base_from_target;
    const Eigen::Vector3d translation = camera_from_tip.linear() * tip_from_target.translation();
    const Eigen::AngleAxisd rotation(
        Eigen::Matrix3d(camera_from_tip.linear() * tip_from_target.linear() * camera_from_tip.linear().transpose()));
    const auto delta = camera_delta(base_from_camera, base_from_tip, base_from_target);
    CHECK((delta.head<3>() - translation).norm() < 1e-12);
    CHECK(
        (Eigen::AngleAxisd(delta.tail<3>().norm(), delta.tail<3>().normalized()).toRotationMatrix() - rotation.toRotationMatrix()).norm() <
        1e-9);
    CHECK(distance(apply_camera_delta(base_from_camera, base_from_tip, delta), base_from_target) < 1e-9);
  }
}

TEST_CASE("camera_delta: does not change when the world is turned and moved") {
  Random random(2);
  for (int trial = 0; trial < 500; ++trial) {
    const auto camera = random_pose(random), tip = random_pose(random), target = random_pose(random, 1.5), world = random_pose(random);
    const auto here = camera_delta(camera, tip, target);
    const auto there = camera_delta<double>(world * camera, world * tip, world * target);
    CHECK((here - there).cwiseAbs().maxCoeff() < 1e-9);
  }
}

TEST_CASE("delta poses in float: both ways, to a float's precision") {
  Random random(3);
  for (int trial = 0; trial < 100; ++trial) {
    const Eigen::Isometry3f camera = random_pose(random).cast<float>(), tip = random_pose(random).cast<float>(),
                            target = random_pose(random).cast<float>();
    const auto delta = camera_delta(camera, tip, target);
    CHECK((apply_camera_delta(camera, tip, delta).matrix() - target.matrix()).cwiseAbs().maxCoeff() < 2e-5F);
    CHECK((apply_tool_delta(tip, tool_delta(tip, target)).matrix() - target.matrix()).cwiseAbs().maxCoeff() < 2e-5F);
  }
}

TEST_CASE("pose walk: decode undoes encode in every frame, reference and layout") {
  Random random(4);
  for (const auto frame : {PoseFrame::base, PoseFrame::tool, PoseFrame::camera}) {
    for (const auto reference : {PoseReference::absolute, PoseReference::first, PoseReference::previous}) {
      for (int layout = 0; layout <= static_cast<int>(RotationLayout::rot6d_interleaved); ++layout) {
        const PoseRule rule{frame, reference, static_cast<RotationLayout>(layout)};
        const PoseAnchor anchor{as_tool(random_pose(random)), as_tool(random_pose(random))};
        std::vector<ToolPose<double>> targets;
        for (int step = 0; step < 20; ++step) targets.push_back(as_tool(random_pose(random)));
        CHECK(sinew::testing::pose_walk_law(rule, anchor, targets) == "");
        // An absolute pose in tool axes says nothing, and is read in base axes.
        const bool moves = frame == PoseFrame::camera || (frame == PoseFrame::tool && reference != PoseReference::absolute);
        if (moves) CHECK(sinew::testing::world_invariance_law(rule, anchor, as_tool(random_pose(random)), targets) == "");
      }
    }
  }
}

TEST_CASE("pose laws: a walk in base axes is not independent of the world, and the law says so") {
  Random random(6);
  const std::vector<ToolPose<double>> targets = {as_tool(random_pose(random))};
  CHECK(sinew::testing::world_invariance_law({}, {as_tool(random_pose(random)), {}}, as_tool(random_pose(random)), targets) != "");
}

TEST_CASE("pose walk: agrees with the free functions, step for step") {
  Random random(5);
  for (int trial = 0; trial < 100; ++trial) {
    const auto camera = random_pose(random), tip = random_pose(random);
    Delta6<double> delta;
    for (int i = 0; i < 6; ++i) delta[i] = random.uniform(-1, 1);
    const std::span<const double> row(delta.data(), 6);
    const PoseAnchor anchor{as_tool(tip), as_tool(camera)};
    ToolPose<double> target;
    REQUIRE(PoseWalk({.frame = PoseFrame::camera}, anchor).decode(row, target) == Status::ok);
    CHECK(distance(target, apply_camera_delta(camera, tip, delta)) < 1e-12);
    REQUIRE(PoseWalk({.frame = PoseFrame::tool}, anchor).decode(row, target) == Status::ok);
    CHECK(distance(target, apply_tool_delta(tip, delta)) < 1e-12);
    REQUIRE(PoseWalk({}, anchor).decode(row, target) == Status::ok);
    CHECK(distance(target, apply_axes_delta<double>(Eigen::Matrix3d::Identity(), tip, delta)) < 1e-12);
  }
}

TEST_CASE("pose walk: previous adds up what first does not") {
  const PoseAnchor anchor{{Eigen::Vector3d(1, 0, 0), Eigen::Quaterniond::Identity()}, {}};
  const std::vector<double> row = {0.1, 0, 0, 0, 0, 0.2};
  PoseWalk first({}, anchor), previous({.reference = PoseReference::previous}, anchor);
  ToolPose<double> a, b;
  for (int step = 1; step <= 3; ++step) {
    REQUIRE(first.decode(row, a) == Status::ok);
    REQUIRE(previous.decode(row, b) == Status::ok);
    CHECK(a.position.x() == doctest::Approx(1.1));
    CHECK(b.position.x() == doctest::Approx(1 + 0.1 * step));
    CHECK(2 * std::atan2(b.rotation.z(), b.rotation.w()) == doctest::Approx(0.2 * step));
  }
}

TEST_CASE("pose walk: GR00T's relative end effector, SE(3) in tool axes with rot6d as rows") {
  const auto golden = sinew::testing::read_golden_case("groot_n17", "relative_eef");
  const auto config = golden.json().at("config");
  const auto batch = static_cast<std::size_t>(config.at("B").integer(1)), steps = static_cast<std::size_t>(config.at("T").integer(1));
  const auto relative = golden.f32("relative"), reference = golden.f32("reference"), absolute = golden.f32("absolute"),
             matrices = golden.f32("rot6d_matrices");
  const double atol = golden.tolerance().absolute;
  const PoseRule rule{PoseFrame::tool, PoseReference::first, RotationLayout::rot6d_rows};
  const auto as_row = [](std::span<const float> values, std::size_t i) {
    const auto part = values.subspan(i * 9, 9);
    return std::vector<double>(part.begin(), part.end());
  };
  for (std::size_t b = 0; b < batch; ++b) {
    ToolPose<double> start;
    REQUIRE(PoseWalk({PoseFrame::base, PoseReference::absolute, RotationLayout::rot6d_rows}, {}).decode(as_row(reference, b), start) ==
            Status::ok);
    PoseWalk walk(rule, {start, {}});
    for (std::size_t t = 0; t < steps; ++t) {
      ToolPose<double> target;
      const auto row = as_row(relative, b * steps + t);
      REQUIRE(walk.decode(row, target) == Status::ok);
      const auto expected = as_row(absolute, b * steps + t);
      const Eigen::Matrix3d R = target.rotation.toRotationMatrix();
      for (int i = 0; i < 3; ++i) CHECK(std::abs(target.position[i] - expected[static_cast<std::size_t>(i)]) <= atol);
      for (int i = 0; i < 6; ++i) CHECK(std::abs(R(i / 3, i % 3) - expected[static_cast<std::size_t>(3 + i)]) <= atol);
      const auto matrix = to_matrix(std::span(row).subspan(3), RotationLayout::rot6d_rows);
      REQUIRE(matrix);
      for (int i = 0; i < 9; ++i)
        CHECK(std::abs((*matrix)(i / 3, i % 3) - static_cast<double>(matrices[(b * steps + t) * 9 + static_cast<std::size_t>(i)])) <= atol);
    }
  }
}

TEST_CASE("pose walk: refuses what is no pose, and stays where it was") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  PoseWalk walk({.reference = PoseReference::previous}, {});
  ToolPose<double> target;
  REQUIRE(walk.decode(std::vector<double>{1, 0, 0, 0, 0, 0}, target) == Status::ok);
  CHECK(walk.decode(std::vector<double>{1, 0, 0}, target) == Status::bad_shape);
  CHECK(walk.decode(std::vector<double>{1, 0, nan, 0, 0, 0}, target) == Status::not_finite);
  CHECK(walk.decode(std::vector<double>{1, 0, 0, 2e6, 0, 0}, target) == Status::out_of_range);
  REQUIRE(walk.decode(std::vector<double>{1, 0, 0, 0, 0, 0}, target) == Status::ok);
  CHECK(target.position.x() == 2);
  std::vector<double> row(6);
  CHECK(walk.encode({Eigen::Vector3d::Zero(), Eigen::Quaterniond(2, 0, 0, 0)}, row) == Status::out_of_range);
  CHECK(walk.encode({Eigen::Vector3d(nan, 0, 0), Eigen::Quaterniond::Identity()}, row) == Status::not_finite);
  PoseWalk collinear({PoseFrame::base, PoseReference::first, RotationLayout::rot6d_rows}, {});
  CHECK(collinear.decode(std::vector<double>{0, 0, 0, 1, 0, 0, 2, 0, 0}, target) == Status::out_of_range);
  CHECK_THROWS_WITH_AS((void)pose_frame("camera_frame"), "[pose_frame] frame: expected one of base, tool, camera, got 'camera_frame'",
                       Error);
  CHECK(pose_reference("previous") == PoseReference::previous);
}
