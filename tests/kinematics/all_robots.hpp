// SPDX-License-Identifier: Apache-2.0
// Every robot description of the repository, loaded with all its tips, and a guard for the instruction set.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "robots.hpp"
#include "sinew/core/isa.hpp"
#include "sinew/kinematics/forward.hpp"
#include "sinew/kinematics/urdf.hpp"
#include "sinew/testing/chain_laws.hpp"

namespace sinew::testing {

inline std::string model_path(const std::string& name) { return std::string(SINEW_MODELS_DIR) + "/robots/" + name + ".urdf"; }

struct NamedChain {
  std::string name, base;
  Urdf urdf;
  Chain<> chain;
  double reach;  ///< max(1, largest distance of a tip from the base, m): scale of rounding errors

  /// base_from_tip by the product that shares no line with the kernels.
  [[nodiscard]] Eigen::Matrix4d plain(const Eigen::VectorXd& q, int tip) const {
    JointPositions positions;
    for (int i = 0; i < chain.dof(); ++i) positions[chain.joint_names()[static_cast<std::size_t>(i)]] = q[i];
    return plain_forward(urdf, positions, base, chain.description().tips[static_cast<std::size_t>(tip)]);
  }
  [[nodiscard]] int tips() const { return static_cast<int>(chain.description().tips.size()); }
};

inline NamedChain named_chain(Urdf urdf, const std::string& name, const std::string& base, const std::vector<std::string>& tips) {
  auto chain = Chain<>::from_urdf(urdf, base, tips);
  NamedChain result = {name, base, std::move(urdf), std::move(chain), 1.0};
  Random random(7);
  for (int trial = 0; trial < 100; ++trial) {
    const Eigen::VectorXd q = random_q(result.chain, random);
    for (int tip = 0; tip < result.tips(); ++tip) result.reach = std::max(result.reach, result.plain(q, tip).col(3).head<3>().norm());
  }
  return result;
}
inline NamedChain named_chain(const std::string& path, const std::string& base, const std::vector<std::string>& tips) {
  return named_chain(load_urdf(path), path.substr(path.rfind('/') + 1), base, tips);
}

inline const std::vector<NamedChain>& all_robots() {
  static const std::vector<NamedChain> all = [] {
    std::vector<NamedChain> list;
    for (const TestRobot& robot : robots()) list.push_back(named_chain(robot_path(robot.name), robot.base, {robot.tip}));
    list.push_back(named_chain(model_path("panda"), "panda_link0", {"panda_hand_tcp"}));
    list.push_back(named_chain(model_path("ur5e"), "base_link", {"tool0"}));
    list.push_back(named_chain(model_path("iiwa14"), "iiwa_link_0", {"iiwa_link_ee"}));
    list.push_back(named_chain(model_path("so101"), "base_link", {"gripper_frame_link"}));
    list.push_back(named_chain(model_path("two_arm_torso"), "base_link", {"left_tool", "right_tool"}));
    return list;
  }();
  return all;
}

/// Selects an instruction set, and the one before when it goes out of scope.
class WithIsa {
 public:
  explicit WithIsa(Isa isa) : before_(active_isa()) { select_isa(isa); }
  ~WithIsa() { select_isa(before_); }
  WithIsa(const WithIsa&) = delete;
  WithIsa& operator=(const WithIsa&) = delete;

 private:
  Isa before_;
};

}  // namespace sinew::testing
