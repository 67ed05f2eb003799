// SPDX-License-Identifier: Apache-2.0
// Where a Panda's hand is, how it moves, and which joint positions bring it elsewhere; then 4096 configurations at once.
#include <fmt/format.h>

#include <Eigen/Dense>
#include <chrono>
#include <random>
#include <sinew/sinew.hpp>
#include <vector>

int main() try {
  const auto arm = sinew::Chain<7>::from_urdf(SINEW_MODELS "/robots/panda.urdf", "panda_link0", "panda_hand_tcp");
  sinew::ChainScratch<7> scratch;  // one per thread
  sinew::JointVector<7> q;         // rad
  q << 0, -0.3, 0, -2.2, 0, 2.0, 0.785;

  // Joint positions -> pose of the hand.
  const Eigen::Isometry3d base_from_hand = sinew::forward(arm, q);
  const Eigen::Vector3d p = base_from_hand.translation();
  fmt::print("hand at         {:+.3f} {:+.3f} {:+.3f} m\n", p.x(), p.y(), p.z());

  // Joint velocities -> velocity of the hand, by columns of the Jacobian.
  Eigen::Matrix<double, 6, 7> J;
  sinew::jacobian(arm, q, J);
  const Eigen::Vector3d v = J.topRows<3>() * sinew::JointVector<7>::Constant(0.1);
  fmt::print("all at 0.1 rad/s {:+.3f} {:+.3f} {:+.3f} m/s\n", v.x(), v.y(), v.z());

  // Pose -> joint positions, from where the arm is now.
  Eigen::Isometry3d base_from_target = base_from_hand;
  base_from_target.translation().z() -= 0.05;
  const auto ik = sinew::inverse(arm, base_from_target, q, scratch, {.tolerance = 1e-6});
  fmt::print("5 cm lower      {} after {} iterations, joints move at most {:.3f} rad\n", sinew::to_string(ik.status), ik.iterations,
             (ik.q - q).cwiseAbs().maxCoeff());
  if (!ik) return EXIT_FAILURE;

  // Only where the hand points counts: the turn about its own z axis is free.
  const auto tilted = sinew::inverse(arm, base_from_target, q, scratch, {.task = sinew::InverseTask::free_yaw});
  if (!tilted) return EXIT_FAILURE;

  // Many configurations: rows in, 4 x 4 matrices out, row-major.
  constexpr std::size_t kCount = 4096;
  std::vector<double> rows(kCount * 7), poses(kCount * 16);
  std::mt19937_64 random(0);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto joint = static_cast<int>(i % 7);
    rows[i] = std::uniform_real_distribution(arm.lower()[joint], arm.upper()[joint])(random);
  }
  const auto start = std::chrono::steady_clock::now();
  if (!sinew::forward_batch(arm, std::span<const double>(rows), poses)) return EXIT_FAILURE;
  const std::chrono::duration<double, std::micro> elapsed = std::chrono::steady_clock::now() - start;
  double highest = 0;
  for (std::size_t i = 0; i < kCount; ++i) highest = std::max(highest, poses[16 * i + 11]);
  fmt::print("{} poses      {:.0f} us on {}, the highest at {:.3f} m\n", kCount, elapsed.count(), sinew::to_string(sinew::active_isa()),
             highest);
  return EXIT_SUCCESS;
} catch (const sinew::Error& error) {
  fmt::print(stderr, "{}\n", error.what());
  return 2;
}
