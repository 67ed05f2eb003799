// SPDX-License-Identifier: Apache-2.0
// A simulated robot at its table: MuJoCo behind the Robot concept, with virtual time.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sinew/core/clock.hpp"
#include "sinew/core/image.hpp"
#include "sinew/core/observation.hpp"
#include "sinew/core/status.hpp"
#include "sinew/motion/joint_limits.hpp"
#include "sinew/runtime/robot.hpp"
#include "sinew/sim/instruction.hpp"
#include "sinew/sim/scenes/tabletop_look.hpp"

namespace sinew::sim {

class Simulation;

/// How the tabletop robot is built.
struct TabletopOptions {
  std::uint64_t seed = 0;               ///< of the first layout
  int camera_height = 128;              ///< of "front" and "wrist" in observations, pixels
  int camera_width = 128;               ///< pixels
  bool render_cameras = true;           ///< false: observations have no cameras, and no OpenGL is needed
  std::optional<JointLimits> limits{};  ///< instead of tabletop_limits(); tightened to what the arm can do
  /// Observations also tell where the objects are, which no camera of a real robot does: for targets in training only.
  bool privileged = false;
};

/// One object of the scene in the arm's base frame, which is also the world's.
struct ObjectPose {
  std::string name;                  ///< "cube_red", "plate_yellow", ...
  std::array<double, 3> position;    ///< of its centre (a plate: of its foot), m
  std::array<double, 4> quaternion;  ///< base_from_object, w x y z
};

/// The tabletop robot: joints j1 to j7 (rad) and gripper (opening, m). Its clock is the simulation's and moves only in
/// `wait_until`. Cheap to move; one thread at a time, which need not be the one that built it.
class MujocoRobot {
 public:
  /// Throws Error when a size is not 1 to 4096, the limits do not fit the joints, or cameras are wanted and neither EGL
  /// nor OSMesa is installed.
  static MujocoRobot tabletop(const TabletopOptions& options = {});

  MujocoRobot(MujocoRobot&&) noexcept;
  MujocoRobot& operator=(MujocoRobot&&) noexcept;
  ~MujocoRobot();

  /// Places everything anew, arm at rest, gripper open; with an instruction, so that it can be done. The clock goes on: it
  /// never runs backwards. Throws Error for an invalid instruction.
  void reset(std::uint64_t seed, const std::optional<Instruction>& instruction = std::nullopt);
  /// Changes light, colours and cameras from the next frame on; a reset keeps them. Cheap. Throws Error for numbers that are
  /// not finite, negative factors and light from below.
  void set_look(const TabletopLook& look);
  [[nodiscard]] const TabletopLook& look() const noexcept;

  [[nodiscard]] Time now() const noexcept;
  /// Steps the physics (1 ms) until the clock is at `time` or just past it. `not_finite` when the physics diverged.
  Status wait_until(Time time) noexcept;
  /// Cameras "front" and "wrist"; channels "joint_position" [8] "rad,m", "joint_velocity" [8] "rad/s,m/s" and "tool_pose"
  /// [7] "m,quat_wxyz" (base_from_tool); when privileged, "object_position" [18] "m": the positions of objects(), and "cube_yaw" [3] "rad",
  /// about the vertical. All stamped now. `backend_failed` when the frame could not be drawn.
  Status observe(std::string_view instruction, Observation& observation) noexcept;
  /// Measured joint positions `[8]`, rad and m.
  Status positions(std::span<double> q) const noexcept;
  /// Targets `[8]` of the position servos. `bad_shape`, `not_finite` or `out_of_range` (outside the position limits) change nothing.
  Status command(std::span<const double> q) noexcept;
  /// Holds the arm where it is; the gripper keeps its last target, so that a held object is not dropped.
  void stop() noexcept;
  [[nodiscard]] const JointLimits& limits() const noexcept;

  /// The same arm as URDF text: base "link0", tip "tool".
  [[nodiscard]] std::string urdf() const;
  /// True when `instruction` has been done for 0.3 s. Put: the cube rests on its plate, centre within 5 cm, gripper open, tool
  /// above 6 cm. Stack: it rests on the other cube, centres within 2 cm across, heights right to 5 mm, gripper open, tool 6 cm
  /// above the lower one's top. Push: it lies beyond the line of its side, 12 cm from the middle, has moved at least
  /// 6 cm towards it since the reset and less than 4 cm along x, lies still and flat on the table, tool above 6 cm. Throws Error for an
  /// unknown instruction.
  [[nodiscard]] bool succeeded(std::string_view instruction) const;
  /// Draws "front" or "wrist" as in observations, or "video" with shadows and smoothed edges, in the present look. Throws Error for another
  /// name, a size that is not 1 to 4096, or when there is no OpenGL.
  void render(std::string_view camera, int height, int width, Image& image);
  /// Cubes, then plates.
  [[nodiscard]] std::vector<ObjectPose> objects() const;
  /// What the demonstrator looks at; shared so that it may outlive the robot.
  [[nodiscard]] std::shared_ptr<const Simulation> simulation() const noexcept;

 private:
  explicit MujocoRobot(std::shared_ptr<Simulation> simulation);
  std::shared_ptr<Simulation> simulation_;
};

static_assert(Robot<MujocoRobot>);

}  // namespace sinew::sim
