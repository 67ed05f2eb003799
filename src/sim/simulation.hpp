// SPDX-License-Identifier: Apache-2.0
// The tabletop world in MuJoCo: model, state, stepping, success. Shared by the robot and the demonstrator.
#pragma once

#include <mujoco/mujoco.h>

#include <Eigen/Geometry>
#include <array>
#include <cmath>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "model_look.hpp"
#include "renderer.hpp"
#include "sinew/core/clock.hpp"
#include "sinew/core/observation.hpp"
#include "sinew/sim/instruction.hpp"
#include "sinew/sim/mujoco_robot.hpp"
#include "sinew/sim/scenes/tabletop.hpp"
#include "success.hpp"

namespace sinew::sim {

/// About the vertical, rad.
[[nodiscard]] inline double yaw_of(const Eigen::Isometry3d& pose) noexcept { return std::atan2(pose.linear()(1, 0), pose.linear()(0, 0)); }

/// Everything that moves. Poses are in the arm's base frame, which is the world's.
class Simulation {
 public:
  explicit Simulation(const TabletopOptions& options);

  void reset(std::uint64_t seed, const std::optional<Instruction>& instruction);
  void set_look(const TabletopLook& look);
  [[nodiscard]] const TabletopLook& look() const noexcept { return look_.look(); }
  [[nodiscard]] Time now() const noexcept { return now_; }
  /// Grows with every reset.
  [[nodiscard]] std::uint64_t episode() const noexcept { return episode_; }
  [[nodiscard]] Status advance(Time until) noexcept;
  [[nodiscard]] Status command(std::span<const double> q) noexcept;
  void hold() noexcept;
  [[nodiscard]] Status observe(std::string_view instruction, Observation& observation);

  [[nodiscard]] const JointLimits& limits() const noexcept { return limits_; }
  /// Measured positions and velocities, and targets of the servos, `[8]`.
  void positions(std::span<double, kRobotJoints> q) const noexcept;
  void velocities(std::span<double, kRobotJoints> dq) const noexcept;
  void targets(std::span<double, kRobotJoints> q) const noexcept;
  [[nodiscard]] Eigen::Isometry3d base_from_tool() const noexcept;
  /// Where the tool would be with the arm at the servos' targets. Uses scratch memory of the simulation.
  [[nodiscard]] Eigen::Isometry3d base_from_target_tool() const noexcept;
  [[nodiscard]] Eigen::Isometry3d base_from_cube(int cube) const noexcept;
  [[nodiscard]] Eigen::Isometry3d base_from_plate(int plate) const noexcept;
  /// Centre of a cube at the last reset.
  [[nodiscard]] bool succeeded(const Instruction& instruction) const noexcept { return successes_.succeeded(instruction); }

  /// Throws Error for an unknown camera or a bad size; false when OpenGL failed.
  [[nodiscard]] bool render(std::string_view camera, int height, int width, Image& image);

 private:
  struct DeleteModel {
    void operator()(mjModel* model) const noexcept { mj_deleteModel(model); }
  };
  struct DeleteData {
    void operator()(mjData* data) const noexcept { mj_deleteData(data); }
  };
  using Model = std::unique_ptr<mjModel, DeleteModel>;
  using Data = std::unique_ptr<mjData, DeleteData>;

  static Model load_model();
  [[nodiscard]] int id(mjtObj type, std::string_view name) const;
  [[nodiscard]] Eigen::Isometry3d body_pose(int body) const noexcept;
  [[nodiscard]] Eigen::Isometry3d site_pose(const mjData& data) const noexcept;
  void set_servos() noexcept;
  void update_kinematics() noexcept;
  [[nodiscard]] TableState table_state() const noexcept;
  void write_objects(Observation& observation) const;

  TabletopOptions options_;
  JointLimits limits_;
  Model model_;
  ModelLook look_;
  Data data_;
  Data scratch_;  // for poses of joint positions other than the measured ones
  std::unique_ptr<Renderer> renderer_;
  Time now_{};
  std::uint64_t next_id_ = 1;
  std::uint64_t episode_ = 0;
  int tool_ = 0;
  int finger_ = 0;  // first of the two fingers' places in qpos and qvel
  // The servos go from one command to the next in the time that lay between the last two, as a drive's interpolator does.
  std::array<double, kRobotJoints> from_{};
  std::array<double, kRobotJoints> target_{};
  Time command_time_{};
  Time ramp_{};
  std::array<int, kColours> cube_bodies_{};
  std::array<int, kColours> plate_bodies_{};
  std::array<int, kColours> cube_places_{};      // in qpos
  std::array<int, kColours> cube_velocities_{};  // in qvel
  SuccessCounter successes_;
};

}  // namespace sinew::sim
