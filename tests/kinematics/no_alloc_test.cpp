// SPDX-License-Identifier: Apache-2.0
// Nothing after set-up may touch the heap.
#include <doctest/doctest.h>

#include <vector>

#include "robots.hpp"
#include "sinew/kinematics/inverse.hpp"
#include "sinew/kinematics/jacobian.hpp"
#include "sinew/kinematics/rotation.hpp"
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
  const bool written = from_matrix(target.linear(), RotationLayout::rot6d_rows, six);
  const auto calls = counter.count();

  CHECK(calls == 0);
  CHECK(ik);
  CHECK(with_posture);
  CHECK(too_far.status == InverseStatus::unreachable);
  CHECK(bad.status == InverseStatus::bad_input);
  CHECK(written);
}
