// SPDX-License-Identifier: Apache-2.0
// Joint limits and random layouts of the tabletop scene.
#include "sinew/sim/scenes/tabletop.hpp"

#include <algorithm>
#include <numbers>

#include "arm.hpp"
#include "sinew/core/error.hpp"
#include "sinew/core/random.hpp"
#include "sinew/sim/instruction.hpp"

namespace sinew::sim {

namespace {

// Where feet of objects may stand: within reach with the gripper pointing down at any of the yaws below, in both cameras.
constexpr double kNear = 0.37;
constexpr double kFar = 0.62;
constexpr double kSide = 0.24;
// Free radius around the foot: room for the open fingers beside a cube (they reach 5.5 cm from its centre).
constexpr double kCubeRoom = 0.05;
constexpr double kPlateRoom = 0.075;
// A cube's lane when it is pushed: where the fingers come down behind it, how far it goes, how near to its middle nothing
// else stands.
constexpr double kLaneBehind = 0.06;
constexpr double kLaneEnd = kPushLine + 0.045;
constexpr double kLaneFirst = -0.07, kLaneLast = 0.06;  // where the cube begins, towards its side of the middle
constexpr double kLaneNear = 0.46;  // nearer to the base the forearm hangs down, and the hand turned across needs fast joints
constexpr double kLaneCubeRoom = 0.075;
constexpr double kLanePlateRoom = 0.100;

constexpr std::array<double, kArmJoints> kReady{0, -0.35, 0, -2.4, 0, 2.05, 0.7853981633974483};
constexpr double kReadySpread = 0.06;

struct Disc {
  double x;
  double y;
  double room;
};

// Squares, not a square root: additions and products round alike everywhere.
bool apart(const Disc& a, const Disc& b) noexcept {
  const double dx = a.x - b.x;
  const double dy = a.y - b.y;
  const double room = a.room + b.room;
  return dx * dx + dy * dy > room * room;
}

TabletopLayout draw_layout(Random& random) {
  std::array<Disc, 2 * kColours> discs{};
  std::size_t placed = 0;
  int attempts = 0;
  while (placed < discs.size()) {
    // A full table can leave no room for the last object: start over rather than search for ever.
    if (++attempts % 100 == 0) placed = 0;
    const Disc disc{random.uniform(kNear, kFar), random.uniform(-kSide, kSide), placed < kColours ? kPlateRoom : kCubeRoom};
    bool free = true;
    for (std::size_t i = 0; i < placed; ++i) free = free && apart(disc, discs[i]);
    if (free) discs[placed++] = disc;
  }
  TabletopLayout layout;
  for (std::size_t i = 0; i < kColours; ++i) {
    layout.plates[i] = {discs[i].x, discs[i].y, 0};
    layout.cubes[i] = {discs[kColours + i].x, discs[kColours + i].y, random.uniform(-std::numbers::pi, std::numbers::pi)};
  }
  for (std::size_t i = 0; i < kArmJoints; ++i) layout.joints[i] = kReady[i] + random.uniform(-kReadySpread, kReadySpread);
  return layout;
}

bool lane_is_free(const TabletopLayout& layout, const Instruction& instruction) noexcept {
  const auto pushed = static_cast<std::size_t>(instruction.cube);
  const Placement& cube = layout.cubes[pushed];
  const double sign = kSideSigns[static_cast<std::size_t>(instruction.target)];
  const auto [first, last] = std::minmax({cube.y - sign * kLaneBehind, sign * kLaneEnd});
  if (cube.x < kLaneNear || sign * cube.y < kLaneFirst || sign * cube.y > kLaneLast) return false;
  const auto clear_of = [&](const Placement& other, double room) {
    return apart({cube.x, std::clamp(other.y, first, last), room}, {other.x, other.y, 0});
  };
  bool free = true;
  for (std::size_t i = 0; i < kColours; ++i)
    free = free && clear_of(layout.plates[i], kLanePlateRoom) && (i == pushed || clear_of(layout.cubes[i], kLaneCubeRoom));
  return free;
}

}  // namespace

const std::array<std::string_view, kRobotJoints>& tabletop_joint_names() noexcept {
  static constexpr std::array<std::string_view, kRobotJoints> names{"j1", "j2", "j3", "j4", "j5", "j6", "j7", "gripper"};
  return names;
}

JointLimits tabletop_limits() {
  JointLimits limits;
  for (const auto& row : arm::joints()) {
    limits.names.emplace_back(row.name);
    limits.lower.push_back(row.lower);
    limits.upper.push_back(row.upper);
    limits.velocity.push_back(2.1);
    limits.acceleration.push_back(10);
    limits.jerk.push_back(300);
  }
  limits.names.emplace_back("gripper");
  limits.lower.push_back(0);
  limits.upper.push_back(kGripperWidth);
  limits.velocity.push_back(0.2);
  limits.acceleration.push_back(4);
  limits.jerk.push_back(100);
  return limits;
}

TabletopLayout make_tabletop_layout(std::uint64_t seed) {
  Random random(seed);
  return draw_layout(random);
}

TabletopLayout make_tabletop_layout(std::uint64_t seed, const Instruction& instruction) {
  if (!valid(instruction)) fail(ErrorCode::invalid_argument, {"make_tabletop_layout", "instruction", "a valid one", "none", ""});
  Random random(seed);
  TabletopLayout layout = draw_layout(random);
  while (instruction.task == Task::push && !lane_is_free(layout, instruction)) layout = draw_layout(random);
  return layout;
}

}  // namespace sinew::sim
