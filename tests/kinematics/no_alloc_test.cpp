// SPDX-License-Identifier: Apache-2.0
// Nothing after set-up may touch the heap.
#include <doctest/doctest.h>

#include <vector>

#include "robots.hpp"
#include "sinew/kinematics/camera.hpp"
#include "sinew/kinematics/differential.hpp"
#include "sinew/kinematics/inverse.hpp"
#include "sinew/kinematics/jacobian.hpp"
#include "sinew/kinematics/rotation.hpp"
#include "sinew/kinematics/rotation_sequence.hpp"
#include "sinew/testing/no_alloc.hpp"

using namespace sinew;
using namespace sinew::testing;

TEST_CASE("no_alloc: the counter works") { CHECK(counting_works()); }

TEST_CASE_TEMPLATE("no_alloc: forward, jacobian and inverse make no heap call", Dof, std::integral_constant<int, 7>,
                   std::integral_constant<int, Eigen::Dynamic>) {
  constexpr int kDof = Dof::value;
  const auto chain = Chain<kDof>::from_urdf(robot_path("arm7"), "link0", "tcp");
  ChainScratch<kDof> scratch;
  Random random(41);
  const Eigen::Vector<double, kDof> q = random_q(chain, random), seed = random_q(chain, random);
  Eigen::Matrix<double, 6, kDof> J(6, 7);
  std::vector<Eigen::Isometry3d> poses(chain.frame_names().size());
  const JointVector<kDof> posture = chain.neutral();
  Eigen::Isometry3d beyond = Eigen::Isometry3d::Identity();
  beyond.translation().x() = 9;
  std::array<double, 6> six;

  const HeapCallCounter counter;
  const Eigen::Isometry3d target = forward(chain, q);
  jacobian(chain, q, J);
  frames(chain, q, poses);
  const auto ik = inverse(chain, target, seed, scratch);
  const auto with_posture = inverse(chain, target, ik.q, scratch, {.posture = &posture});
  const auto too_far = inverse(chain, beyond, seed, scratch);
  const auto bad = inverse(chain, target, seed, scratch, {.tolerance = -1});
  const auto step = differential_step(chain, q, Twist::Constant(0.1), 0.002, scratch, {.posture = &posture});
  const bool written = from_matrix(target.linear(), RotationLayout::rot6d_rows, six);
  const auto calls = counter.count();

  CHECK(calls == 0);
  CHECK(ik);
  CHECK(with_posture);
  CHECK(too_far.status == InverseStatus::unreachable);
  CHECK(bad.status == InverseStatus::bad_input);
  CHECK(step);
  CHECK(written);
}

TEST_CASE("no_alloc: rotations, sequences and cameras make no heap call") {
  const Camera camera({.fx = 600, .fy = 600, .cx = 320, .cy = 240, .distortion = {-0.28, 0.02, 1e-4, 2e-4, 0.01}});
  const Camera fisheye(
      {.fx = 300, .fy = 300, .cx = 320, .cy = 240, .distortion = {-0.01, 0.04, -0.03, 0.009}, .model = LensModel::kannala_brandt});
  std::vector<double> points(300, 1.0), pixels(200), depths(100, 1.0), rows(300, 3.0);
  const Eigen::Matrix3d R = matrix_from_rpy({0.1, 0.2, 0.3});

  const HeapCallCounter counter;
  const auto nearest = nearest_rotation(1.1 * R);
  const Eigen::Matrix3d half = slerp(R, Eigen::Matrix3d::Identity().eval(), 0.5);
  const Status unwrapped = unwrap_rotations(rows, RotationLayout::rotvec);
  Status status = Status::ok;
  for (const Camera* each : {&camera, &fisheye}) {
    for (const Status one : {each->project(points, pixels), each->unproject_to_base(pixels, depths, points)}) {
      if (one != Status::ok) status = one;
    }
  }
  const auto calls = counter.count();

  CHECK(calls == 0);
  CHECK(nearest);
  CHECK(is_rotation(half));
  CHECK(unwrapped == Status::ok);
  CHECK(status == Status::ok);
}

TEST_CASE("no_alloc: batches, tips, tasks and twist frames make no heap call") {
  const auto chain =
      Chain<>::from_urdf(std::string(SINEW_MODELS_DIR) + "/robots/two_arm_torso.urdf", "base_link", {"left_tool", "right_tool"});
  constexpr std::size_t kCount = 35, kDof = 16;
  ChainScratch<> scratch;
  Random random(42);
  std::vector<double> q, seeds, poses(kCount * 16), J(kCount * 6 * kDof), answers(kCount * kDof);
  for (std::size_t i = 0; i < kCount; ++i) {
    const Eigen::VectorXd row = random_q(chain, random), seed = random_q(chain, random);
    q.insert(q.end(), row.begin(), row.end());
    seeds.insert(seeds.end(), seed.begin(), seed.end());
  }
  std::vector<float> q_float(q.begin(), q.end()), poses_float(poses.size()), J_float(J.size());
  std::vector<InverseStatus> status(kCount);
  const Eigen::VectorXd first = Eigen::VectorXd::Map(q.data(), kDof), seed = Eigen::VectorXd::Map(seeds.data(), kDof);
  Eigen::Matrix<double, 6, Eigen::Dynamic> columns(6, kDof);
  bool fits = true, solved = true, finite = true, refused = true;

  const HeapCallCounter counter;
  for (int tip = 0; tip < 2; ++tip) {
    fits = fits && forward_batch(chain, std::span<const double>(q), poses, tip);
    fits = fits && jacobian_batch(chain, std::span<const double>(q), poses, J, tip);
    fits = fits && forward_batch(chain, std::span<const float>(q_float), poses_float, tip);
    fits = fits && jacobian_batch(chain, std::span<const float>(q_float), poses_float, J_float, tip);
    for (const InverseTask task : {InverseTask::pose, InverseTask::position, InverseTask::axis, InverseTask::free_yaw}) {
      fits = fits && inverse_batch(chain, poses, seeds, answers, status, scratch, {.task = task, .tip = tip});
      solved = solved && status[0] == InverseStatus::converged;
      solved = solved && inverse(chain, forward(chain, first, tip), seed, scratch, {.task = task, .tip = tip});
    }
    for (const TwistFrame frame : {TwistFrame::tip_base_axes, TwistFrame::tip, TwistFrame::base}) {
      jacobian(chain, first, columns, {.frame = frame, .tip = tip});
      finite = finite && spatial_velocity(chain, first, seed, {.frame = frame, .tip = tip}).allFinite();
    }
    refused = refused && !forward_batch(chain, std::span<const double>(q).first(kDof + 1), poses, tip);
  }
  const auto calls = counter.count();

  CHECK(calls == 0);
  CHECK(fits);
  CHECK(refused);
  CHECK(solved);
  CHECK(finite);
}
