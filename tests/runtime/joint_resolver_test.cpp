// SPDX-License-Identifier: Apache-2.0
#include "sinew/runtime/joint_resolver.hpp"

#include <doctest/doctest.h>

#include <Eigen/Geometry>
#include <limits>
#include <string>
#include <vector>

#include "sinew/kinematics/forward.hpp"
#include "sinew/testing/no_alloc.hpp"

using sinew::Status;

namespace {

/// Six joints with a spherical wrist, 0.4 m + 0.4 m links.
constexpr const char* kArm = R"(<robot name="arm">
<link name="base"/><link name="l1"/><link name="l2"/><link name="l3"/><link name="l4"/><link name="l5"/><link name="tool"/>
<joint name="j1" type="revolute"><parent link="base"/><child link="l1"/><origin xyz="0 0 0.3"/><axis xyz="0 0 1"/><limit lower="-3" upper="3" velocity="2" effort="10"/></joint>
<joint name="j2" type="revolute"><parent link="l1"/><child link="l2"/><axis xyz="0 1 0"/><limit lower="-2" upper="2" velocity="2" effort="10"/></joint>
<joint name="j3" type="revolute"><parent link="l2"/><child link="l3"/><origin xyz="0 0 0.4"/><axis xyz="0 1 0"/><limit lower="-2.5" upper="2.5" velocity="2" effort="10"/></joint>
<joint name="j4" type="revolute"><parent link="l3"/><child link="l4"/><origin xyz="0 0 0.4"/><axis xyz="0 0 1"/><limit lower="-3" upper="3" velocity="2" effort="10"/></joint>
<joint name="j5" type="revolute"><parent link="l4"/><child link="l5"/><axis xyz="0 1 0"/><limit lower="-2" upper="2" velocity="2" effort="10"/></joint>
<joint name="j6" type="revolute"><parent link="l5"/><child link="tool"/><origin xyz="0 0 0.1"/><axis xyz="0 0 1"/><limit lower="-3" upper="3" velocity="2" effort="10"/></joint>
</robot>)";

const std::vector<double> kStart{0.2, 0.5, 1.0, 0.1, 0.8, -0.3};

Eigen::Isometry3d pose_at(const sinew::Chain<>& arm, const std::vector<double>& q) {
  return sinew::forward(arm, sinew::JointVector<>(Eigen::Map<const Eigen::VectorXd>(q.data(), 6)));
}

/// A straight line of `horizon` poses from the start, `step` m apart, with a gripper that closes.
sinew::ActionChunk line(const sinew::Chain<>& arm, int horizon, double step) {
  const Eigen::Isometry3d start = pose_at(arm, kStart);
  const Eigen::Quaterniond rotation(start.linear());
  sinew::ActionChunk chunk(horizon, 8);
  chunk.space = sinew::ActionSpace::tool_pose;
  chunk.dt = sinew::Time(100'000'000);
  chunk.sequence = 9;
  chunk.observation_id = 4;
  for (int i = 0; i < horizon; ++i) {
    const Eigen::Vector3d p = start.translation() + Eigen::Vector3d(0, 0.3, -1).normalized() * step * (i + 1);
    const std::vector<double> row{p.x(), p.y(), p.z(), rotation.w(), rotation.x(), rotation.y(), rotation.z(), 0.08 - 0.005 * i};
    std::copy(row.begin(), row.end(), chunk.step(i).begin());
  }
  return chunk;
}

}  // namespace

TEST_CASE("joint resolver: the joints reach every pose of the chunk") {
  const auto arm = sinew::Chain<>::from_urdf(kArm, "base", "tool");
  sinew::JointResolver resolver(arm, 1);
  const auto poses = line(arm, 8, 0.01);
  sinew::ActionChunk joints(8, 7);
  REQUIRE(resolver.resolve(poses, kStart, joints) == Status::ok);
  REQUIRE(joints.horizon == 8);
  REQUIRE(joints.dim == 7);
  CHECK(joints.space == sinew::ActionSpace::joint_position);
  CHECK(joints.sequence == 9);
  CHECK(joints.observation_id == 4);
  for (int i = 0; i < 8; ++i) {
    const auto row = joints.step(i);
    const auto pose = pose_at(arm, {row.begin(), row.begin() + 6});
    const auto wanted = poses.step(i);
    CHECK((pose.translation() - Eigen::Vector3d(wanted[0], wanted[1], wanted[2])).norm() < 1e-5);
    CHECK(pose.linear().isApprox(Eigen::Quaterniond(wanted[3], wanted[4], wanted[5], wanted[6]).toRotationMatrix(), 1e-4));
    CHECK(row[6] == wanted[7]);
  }
}

TEST_CASE("joint resolver: a pose out of reach ends the chunk before it") {
  const auto arm = sinew::Chain<>::from_urdf(kArm, "base", "tool");
  sinew::JointResolver resolver(arm, 1);
  auto poses = line(arm, 6, 0.01);
  poses.step(4)[0] = 5.0;
  sinew::ActionChunk joints(6, 7);
  CHECK(resolver.resolve(poses, kStart, joints) == Status::ok);
  CHECK(joints.horizon == 4);
  CHECK(resolver.resolved_rows() == 4);
  poses.step(0)[0] = 5.0;
  joints.resize(6, 7);
  CHECK(resolver.resolve(poses, kStart, joints) == Status::unreachable);
}

TEST_CASE("joint resolver: refuses chunks that are not poses, wrong sizes and numbers that are none") {
  const auto arm = sinew::Chain<>::from_urdf(kArm, "base", "tool");
  sinew::JointResolver resolver(arm, 1);
  auto poses = line(arm, 3, 0.01);
  sinew::ActionChunk joints(3, 7);
  sinew::ActionChunk small;
  CHECK(resolver.resolve(poses, kStart, small) == Status::over_capacity);
  CHECK(resolver.resolve(poses, std::vector<double>{0, 0}, joints) == Status::bad_shape);
  poses.space = sinew::ActionSpace::joint_position;
  CHECK(resolver.resolve(poses, kStart, joints) == Status::bad_shape);
  poses = line(arm, 3, 0.01);
  poses.step(1)[5] = std::numeric_limits<double>::quiet_NaN();
  CHECK(resolver.resolve(poses, kStart, joints) == Status::not_finite);
  poses = line(arm, 3, 0.01);
  std::fill_n(poses.step(0).begin() + 3, 4, 0.0);
  CHECK(resolver.resolve(poses, kStart, joints) == Status::out_of_range);
  poses = line(arm, 3, 0.01);
  poses.values.pop_back();
  CHECK(resolver.resolve(poses, kStart, joints) == Status::bad_shape);
  CHECK(resolver.set_posture(std::vector<double>{0, 0}) == Status::bad_shape);
}

TEST_CASE("joint resolver: allocates nothing") {
  REQUIRE(sinew::testing::counting_works());
  const auto arm = sinew::Chain<>::from_urdf(kArm, "base", "tool");
  sinew::JointResolver resolver(arm, 1);
  const auto poses = line(arm, 8, 0.01);
  sinew::ActionChunk joints(8, 7);
  const sinew::testing::HeapCallCounter heap;
  CHECK(resolver.resolve(poses, kStart, joints) == Status::ok);
  CHECK(heap.count() == 0);
}
