// SPDX-License-Identifier: Apache-2.0
// The table of dimensions that both the MJCF and the URDF of the arm are written from.
#pragma once

#include <array>
#include <numbers>
#include <string_view>
#include <vector>

#include "sinew/sim/scenes/tabletop.hpp"

namespace sinew::sim::arm {

using Vector3 = std::array<double, 3>;

/// Surface of a shape; the scene gives each a look.
enum class Finish { shell, joint, accent, rubber };

/// A primitive in its link's frame. capsule, cylinder: axis from `a` to `b` and `radius`; box: centre `a`, half sizes `b`. m.
struct Shape {
  enum class Kind { capsule, cylinder, box } kind;
  Vector3 a;
  Vector3 b;
  double radius;
  Finish finish;
};

/// Mass (kg), centre of mass (m) and principal inertia about it, link axes (kg m^2).
struct Inertia {
  double mass;
  Vector3 centre;
  Vector3 moments;
};

/// One joint with the link that it moves. The joint turns about its own z axis; `origin` (m) and then `roll` (rad about x)
/// place its frame in the parent's: the modified Denavit-Hartenberg form.
struct JointRow {
  std::string_view name;
  Vector3 origin;
  double roll;
  double lower;   ///< rad
  double upper;   ///< rad
  double effort;  ///< N m
  double servo;   ///< position gain of the servo, N m/rad
  std::string_view link;
  Inertia inertia;
  std::vector<Shape> shapes;
};

inline constexpr double kQuarter = std::numbers::pi / 2;
inline constexpr double kFlange = 0.107;                   ///< link7 to hand along z, m
inline constexpr double kHandYaw = -std::numbers::pi / 4;  ///< link7 to hand about z, rad
inline constexpr double kFingerOffset = 0.0584;            ///< hand to finger root along z, m
inline constexpr double kToolOffset = 0.1034;              ///< hand to tool along z, m
inline constexpr double kFingerTravel = kGripperWidth / 2;
inline constexpr double kServoTime = 0.01;  ///< damping over stiffness of the servos: their lag, s

/// Joints from base to flange.
[[nodiscard]] const std::vector<JointRow>& joints();
/// Shapes of the fixed base link "link0" and of "hand".
[[nodiscard]] const std::vector<Shape>& base_shapes();
[[nodiscard]] const std::vector<Shape>& hand_shapes();
/// Shapes of the finger that opens towards +y; the other one is its mirror image.
[[nodiscard]] const std::vector<Shape>& finger_shapes();

inline constexpr Inertia kBaseInertia{4.0, {0, 0, 0.07}, {0.02, 0.02, 0.02}};
inline constexpr Inertia kHandInertia{0.7, {0, 0, 0.04}, {0.001, 0.0025, 0.0017}};
inline constexpr Inertia kFingerInertia{0.03, {0, 0.01, 0.026}, {1e-5, 1e-5, 1e-5}};

}  // namespace sinew::sim::arm
