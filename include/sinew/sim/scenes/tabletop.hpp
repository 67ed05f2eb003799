// SPDX-License-Identifier: Apache-2.0
// The tabletop scene: a 7-DoF arm with Panda-class DH parameters and a parallel gripper, three cubes, three plates.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "sinew/motion/joint_limits.hpp"

namespace sinew::sim {

struct Instruction;  // sinew/sim/instruction.hpp

inline constexpr int kArmJoints = 7;
inline constexpr int kRobotJoints = 8;  ///< the arm's, then the gripper
inline constexpr int kColours = 3;      ///< cubes, and plates

inline constexpr std::array<std::string_view, kColours> kCubeColours{"red", "green", "blue"};
inline constexpr std::array<std::string_view, kColours> kPlateColours{"yellow", "purple", "white"};

inline constexpr double kCubeHalf = 0.02;      ///< half edge of a cube, m
inline constexpr double kPlateRadius = 0.06;   ///< m
inline constexpr double kPlateHeight = 0.008;  ///< top of a plate above the table, m
inline constexpr double kPushLine = 0.12;      ///< a pushed cube lies beyond y = this or -this, m: a goal that can be seen
inline constexpr double kGripperWidth = 0.08;  ///< opening of the gripper, fully open, m

/// Where one object stands: centre of its foot on the table, metres from the arm's base; yaw about the vertical, rad.
struct Placement {
  double x = 0;
  double y = 0;
  double yaw = 0;
};

/// How an episode starts.
struct TabletopLayout {
  std::array<Placement, kColours> cubes;    ///< in the order of kCubeColours
  std::array<Placement, kColours> plates;   ///< in the order of kPlateColours
  std::array<double, kArmJoints> joints{};  ///< rad
};

/// A random layout: nothing overlaps, cubes at any yaw, everything is within reach with the gripper pointing down. The same
/// for the same seed on every platform.
[[nodiscard]] TabletopLayout make_tabletop_layout(std::uint64_t seed);

/// One in which `instruction` can be done: to push a cube, the lane to its side is free and within reach. The same for the
/// same seed and instruction. Throws Error for an invalid instruction.
[[nodiscard]] TabletopLayout make_tabletop_layout(std::uint64_t seed, const Instruction& instruction);

/// Joint names in command order: "j1" to "j7", "gripper".
[[nodiscard]] const std::array<std::string_view, kRobotJoints>& tabletop_joint_names() noexcept;

/// Position limits of the arm's joints; velocity, acceleration and jerk as we chose them for this class of arm:
/// 2.1 rad/s, 10 rad/s^2, 300 rad/s^3; gripper 0 to 0.08 m, 0.2 m/s, 4 m/s^2, 100 m/s^3.
[[nodiscard]] JointLimits tabletop_limits();

/// The arm as URDF, base "link0", tip "tool" (between the finger tips, z out of the gripper, fingers move along y).
[[nodiscard]] std::string tabletop_urdf();

/// The whole scene as MJCF. Arm and URDF come from one table of dimensions. Cameras: "front", "wrist", "video".
[[nodiscard]] std::string tabletop_mjcf();

}  // namespace sinew::sim
