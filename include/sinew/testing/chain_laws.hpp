// SPDX-License-Identifier: Apache-2.0
// What every kinematic chain must do, as functions that return what went wrong, so that any test framework can use them.
#pragma once

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <numbers>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sinew/kinematics/chain.hpp"
#include "sinew/kinematics/forward.hpp"
#include "sinew/kinematics/inverse.hpp"
#include "sinew/kinematics/jacobian.hpp"
#include "sinew/kinematics/urdf.hpp"

namespace sinew::testing {

/// Joint name -> position, rad or m; joints that are not named are at 0.
using JointPositions = std::map<std::string, double, std::less<>>;

/// Position of a joint, rad or m: its own, or for a mimic joint what its driver makes of it.
[[nodiscard]] inline double plain_position(const Urdf& urdf, const UrdfJoint& joint, const JointPositions& q) {
  if (joint.mimic) {
    const UrdfJoint& driver = urdf.joints[static_cast<std::size_t>(urdf.find_joint(joint.mimic->joint))];
    return joint.mimic->multiplier * plain_position(urdf, driver, q) + joint.mimic->offset;
  }
  const auto found = q.find(joint.name);
  return found != q.end() ? found->second : 0.0;
}

/// root_from_link (m), one 4 x 4 product per joint as the format defines it. Shares no line with the kernels, and is in no hurry.
[[nodiscard]] inline Eigen::Matrix4d plain_forward(const Urdf& urdf, const JointPositions& q, std::string_view link) {
  const int index = urdf.links[static_cast<std::size_t>(urdf.find_link(link))].parent_joint;
  if (index < 0) return Eigen::Matrix4d::Identity();
  const UrdfJoint& joint = urdf.joints[static_cast<std::size_t>(index)];
  Eigen::Affine3d motion = Eigen::Affine3d::Identity();
  if (joint.type == UrdfJointType::prismatic) motion.translate(plain_position(urdf, joint, q) * joint.axis);
  if (joint.type == UrdfJointType::revolute || joint.type == UrdfJointType::continuous)
    motion.rotate(Eigen::AngleAxisd(plain_position(urdf, joint, q), joint.axis));
  return plain_forward(urdf, q, urdf.links[static_cast<std::size_t>(joint.parent)].name) * joint.parent_from_joint.matrix() *
         motion.matrix();
}

/// base_from_tip (m) by plain_forward().
[[nodiscard]] inline Eigen::Matrix4d plain_forward(const Urdf& urdf, const JointPositions& q, std::string_view base, std::string_view tip) {
  Eigen::Matrix4d base_from_root = Eigen::Matrix4d::Identity();
  const Eigen::Matrix4d root_from_base = plain_forward(urdf, q, base);
  base_from_root.topLeftCorner<3, 3>() = root_from_base.topLeftCorner<3, 3>().transpose();
  base_from_root.topRightCorner<3, 1>() = -root_from_base.topLeftCorner<3, 3>().transpose() * root_from_base.topRightCorner<3, 1>();
  return base_from_root * plain_forward(urdf, q, tip);
}

/// Larger of the distance (m) and the angle (rad) between two poses; accurate for small ones.
[[nodiscard]] inline double pose_error(const Eigen::Matrix4d& a, const Eigen::Matrix4d& b) {
  const double distance = (a - b).topRightCorner<3, 1>().norm();
  const double chord = (a - b).topLeftCorner<3, 3>().norm() / (2 * std::numbers::sqrt2);  // sin(angle / 2)
  return std::max(distance, 2 * std::asin(std::min(1.0, chord)));
}

/// Options of the suite.
struct ChainLawOptions {
  std::uint64_t seed = 1;
  int configurations = 200;           ///< for limits, forward, frames and jacobian
  int targets = 100;                  ///< for inverse
  double tolerance = 1e-13;           ///< of poses: m, and entries of rotations; times max(1, distance of the tip)
  double jacobian_tolerance = 1e-10;  ///< times max(1, distance of the tip)
  double inverse_tolerance = 1e-6;    ///< m and rad
  double solved = 0.99;               ///< least share of reachable targets that inverse() must solve
};

/// The laws one by one; each appends to `violations`, one line per kind. check_chain() runs all. Keeps a reference to the description.
struct ChainLaws {
  ChainLaws(const Urdf& description, std::string base_link, std::string tip_link, const ChainLawOptions& law_options = {})
      : urdf(description),
        base(std::move(base_link)),
        tip(std::move(tip_link)),
        options(law_options),
        chain(Chain<>::from_urdf(description, base, tip)),
        state(law_options.seed) {}

  const Urdf& urdf;
  std::string base, tip;
  ChainLawOptions options;
  Chain<> chain;
  std::vector<std::string> violations;
  std::uint64_t state;  ///< of random_q()

  void expect(bool holds, const std::string& text) {
    if (!holds && std::find(violations.begin(), violations.end(), text) == violations.end()) violations.push_back(text);
  }

  /// Uniform inside the limits; within two turns, or half a turn where there are none. `[dof]`, rad or m.
  [[nodiscard]] JointVector<> random_q() {
    JointVector<> q(chain.dof());
    for (int i = 0; i < chain.dof(); ++i) {
      state = state * 6364136223846793005ULL + 1442695040888963407ULL;
      const double share = static_cast<double>(state >> 11) * 0x1.0p-53;
      const double most = chain.continuous()[static_cast<std::size_t>(i)] != 0 ? std::numbers::pi : 4 * std::numbers::pi;
      const double low = std::max(chain.lower()[i], -most), high = std::min(chain.upper()[i], most);
      q[i] = std::clamp(low + share * (high - low), low, high);
    }
    return q;
  }

  [[nodiscard]] JointPositions named(const JointVector<>& q) const {
    JointPositions positions;
    for (int i = 0; i < chain.dof(); ++i) positions[chain.joint_names()[static_cast<std::size_t>(i)]] = q[i];
    return positions;
  }

  /// base_from_tip (m) by the independent product.
  [[nodiscard]] Eigen::Matrix4d plain(const JointVector<>& q) const { return plain_forward(urdf, named(q), base, tip); }

  /// Exactly inside the limits of the chain, NaN never.
  [[nodiscard]] bool inside(const JointVector<>& q) const {
    return (q.array() >= chain.lower().array()).all() && (q.array() <= chain.upper().array()).all();
  }

  /// True for joints between base and tip.
  [[nodiscard]] bool moves(const UrdfJoint& joint) const {
    const auto below = [&](const std::string& link) {
      for (int at = urdf.find_link(link); at >= 0 && urdf.links[static_cast<std::size_t>(at)].parent_joint >= 0;) {
        const int up = urdf.links[static_cast<std::size_t>(at)].parent_joint;
        if (&urdf.joints[static_cast<std::size_t>(up)] == &joint) return true;
        at = urdf.joints[static_cast<std::size_t>(up)].parent;
      }
      return false;
    };
    return joint.type != UrdfJointType::fixed && below(base) != below(tip);
  }

  /// Limits are ordered, neutral() keeps them, and inside them every joint of the path, followers too, keeps its own.
  void check_limits() {
    expect((chain.lower().array() <= chain.upper().array()).all(), "limits: a lower one is above the upper one");
    expect(inside(chain.neutral()), "neutral: outside the limits");
    std::vector<const UrdfJoint*> path;
    for (const UrdfJoint& joint : urdf.joints)
      if (moves(joint)) path.push_back(&joint);
    for (int trial = 0; trial < options.configurations; ++trial) {
      const JointPositions q = named(trial == 0 ? chain.lower() : trial == 1 ? chain.upper() : random_q());
      for (const UrdfJoint* joint : path) {
        const double position = plain_position(urdf, *joint, q);
        expect(!(position < joint->lower - 1e-12) && !(position > joint->upper + 1e-12),
               "limits: joint '" + joint->name + "' leaves its own where the chain allows it");
      }
    }
  }

  /// One configuration, all frames and batches agree with the independent product; a batch is its rows bit for bit.
  void check_forward() {
    const auto dof = static_cast<std::size_t>(chain.dof()), count = static_cast<std::size_t>(options.configurations);
    const auto names = chain.frame_names();
    std::vector<Eigen::Isometry3d> poses(names.size());
    std::vector<double> batch(count * dof), batch_poses(count * 16);
    for (std::size_t i = 0; i < count; ++i) {
      const JointVector<> q = random_q();
      std::copy(q.begin(), q.end(), batch.begin() + static_cast<std::ptrdiff_t>(i * dof));
      expect(near(forward(chain, q).matrix(), plain(q)), "forward: differs from the plain product");
      if (i % 10 != 0) continue;
      frames(chain, q, poses);
      for (std::size_t k = 0; k < names.size(); ++k)
        expect(near(poses[k].matrix(), plain_forward(urdf, named(q), base, names[k])), "frames: '" + names[k] + "' is elsewhere");
    }
    forward_batch(chain, batch, batch_poses);
    for (std::size_t i = 0; i < count; ++i) {
      const Eigen::Isometry3d pose = forward(chain, Eigen::VectorXd::Map(batch.data() + i * dof, chain.dof()));
      expect(pose.matrix() == Eigen::Matrix<double, 4, 4, Eigen::RowMajor>::Map(batch_poses.data() + i * 16),
             "forward_batch: a row differs in its bits from the single call");
    }
    const Eigen::VectorXd wrong = Eigen::VectorXd::Zero(chain.dof() + 1);
    expect(forward(chain, wrong).matrix().array().isNaN().all(), "forward: gives a pose for a vector of the wrong length");
  }

  /// The Jacobian is the derivative of the independent product; fourth-order differences, good to about 1e-12.
  void check_jacobian() {
    constexpr double kStep = 1e-3;
    Eigen::Matrix<double, 6, Eigen::Dynamic> J(6, chain.dof());
    for (int trial = 0; trial < options.configurations; ++trial) {
      const JointVector<> q = random_q();
      const Eigen::Matrix4d pose = jacobian(chain, q, J).matrix(), expected = plain(q);
      expect(near(pose, expected), "jacobian: its pose differs from the plain product");
      const double scale = std::max(1.0, expected.topRightCorner<3, 1>().norm());
      for (int k = 0; k < chain.dof(); ++k) {
        const auto at = [&](double steps) {
          JointVector<> moved = q;
          moved[k] += steps * kStep;
          return plain(moved);
        };
        const Eigen::Matrix4d slope = (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * kStep);
        const Eigen::Matrix3d spin = slope.topLeftCorner<3, 3>() * expected.topLeftCorner<3, 3>().transpose();
        Eigen::Vector<double, 6> column;
        column << slope.topRightCorner<3, 1>(), spin(2, 1), spin(0, 2), spin(1, 0);
        expect((J.col(k) - column).cwiseAbs().maxCoeff() <= options.jacobian_tolerance * scale,
               "jacobian: column '" + chain.joint_names()[static_cast<std::size_t>(k)] + "' is not the derivative");
      }
    }
  }

  /// What inverse() calls solved is solved, inside the limits exactly; whatever it gives keeps the limits; nearly all is solved.
  void check_inverse() {
    ChainScratch<> scratch;
    int solved = 0;
    for (int trial = 0; trial < options.targets; ++trial) {
      const JointVector<> truth = random_q(), seed = random_q();
      Eigen::Isometry3d target;
      target.matrix() = plain(truth);
      const auto result = inverse(chain, target, seed, scratch, {.tolerance = options.inverse_tolerance});
      expect(inside(result.q), "inverse: leaves the limits");
      expect(!result || pose_error(plain(result.q), target.matrix()) <= options.inverse_tolerance * 1.001,
             "inverse: claims what is not so");
      solved += result ? 1 : 0;
      const auto again = inverse(chain, target, seed, scratch, {.tolerance = options.inverse_tolerance});
      expect(again.q == result.q && again.status == result.status, "inverse: differs between equal calls");
      const auto known = inverse(chain, target, truth, scratch, {.tolerance = options.inverse_tolerance});
      expect(known && known.q == truth, "inverse: leaves an answer in hand");
    }
    expect(solved >= options.solved * options.targets,
           "inverse: solves " + std::to_string(solved) + " of " + std::to_string(options.targets) + " reachable targets");
    Eigen::Isometry3d far = Eigen::Isometry3d::Identity();
    far.translation().setConstant(1e4);
    expect(inverse(chain, far, chain.neutral(), scratch).status == InverseStatus::unreachable, "inverse: does not flag what is 17 km away");
  }

 private:
  [[nodiscard]] bool near(const Eigen::Matrix4d& pose, const Eigen::Matrix4d& expected) const {
    const double scale = std::max(1.0, expected.topRightCorner<3, 1>().norm());
    return (pose - expected).cwiseAbs().maxCoeff() <= options.tolerance * scale;  // false for NaN
  }
};

/// Runs the suite on the chain from link `base` to link `tip`; one line per kind of violation, empty means that all laws hold.
/// Throws Error where there is no such chain.
[[nodiscard]] inline std::vector<std::string> check_chain(const Urdf& urdf, const std::string& base, const std::string& tip,
                                                          const ChainLawOptions& options = {}) {
  ChainLaws laws(urdf, base, tip, options);
  laws.check_limits();
  laws.check_forward();
  laws.check_jacobian();
  laws.check_inverse();
  return std::move(laws.violations);
}

}  // namespace sinew::testing
