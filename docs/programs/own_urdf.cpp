// SPDX-License-Identifier: Apache-2.0
// A robot description of your own: own_urdf [URDF BASE TIP].
#include <fmt/format.h>

#include <sinew/sinew.hpp>
#include <string>

int main(int argc, char** argv) try {
  const bool given = argc == 4;
  // docs: begin urdf
  const std::string urdf = given ? argv[1] : SINEW_MODELS "/robots/ur5e.urdf";
  const auto arm = sinew::Chain<>::from_urdf(urdf, given ? argv[2] : "base_link", given ? argv[3] : "tool0");
  for (const auto& warning : arm.warnings()) fmt::print("{}\n", warning);  // what is odd about the description, with the line
  for (int i = 0; i < arm.dof(); ++i)
    fmt::print("{} {:.3f} {:.3f} {}\n", arm.joint_names()[static_cast<std::size_t>(i)], arm.lower()[i], arm.upper()[i],
               arm.description().limit_sources[static_cast<std::size_t>(i)]);

  sinew::ChainScratch<> scratch;  // one per thread
  Eigen::Isometry3d base_from_tip = sinew::forward(arm, arm.neutral());
  base_from_tip.translation().z() -= 0.05;  // m
  const auto found = sinew::inverse(arm, base_from_tip, arm.neutral(), scratch);
  fmt::print("{} in {} iterations\n", sinew::to_string(found.status), found.iterations);
  // docs: end urdf
  return found ? EXIT_SUCCESS : EXIT_FAILURE;
} catch (const sinew::Error& error) {
  fmt::print(stderr, "{}\n", error.what());
  return 2;
}
