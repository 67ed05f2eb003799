// SPDX-License-Identifier: Apache-2.0
// Forwards the Robot interface to the simulation, turning exceptions of the tick into statuses.
#include "sinew/sim/mujoco_robot.hpp"

#include <fmt/format.h>

#include <utility>

#include "simulation.hpp"
#include "sinew/core/error.hpp"

namespace sinew::sim {

MujocoRobot::MujocoRobot(std::shared_ptr<Simulation> simulation) : simulation_(std::move(simulation)) {}
MujocoRobot::MujocoRobot(MujocoRobot&&) noexcept = default;
MujocoRobot& MujocoRobot::operator=(MujocoRobot&&) noexcept = default;
MujocoRobot::~MujocoRobot() = default;

MujocoRobot MujocoRobot::tabletop(const TabletopOptions& options) { return MujocoRobot(std::make_shared<Simulation>(options)); }

void MujocoRobot::reset(std::uint64_t seed, const std::optional<Instruction>& instruction) { simulation_->reset(seed, instruction); }
void MujocoRobot::set_look(const TabletopLook& look) { simulation_->set_look(look); }
const TabletopLook& MujocoRobot::look() const noexcept { return simulation_->look(); }
Time MujocoRobot::now() const noexcept { return simulation_->now(); }
Status MujocoRobot::wait_until(Time time) noexcept { return simulation_->advance(time); }

Status MujocoRobot::observe(std::string_view instruction, Observation& observation) noexcept {
  try {
    return simulation_->observe(instruction, observation);
  } catch (const std::exception&) {
    return Status::backend_failed;
  }
}

Status MujocoRobot::positions(std::span<double> q) const noexcept {
  if (q.size() != kRobotJoints) return Status::bad_shape;
  simulation_->positions(q.first<kRobotJoints>());
  return Status::ok;
}

Status MujocoRobot::command(std::span<const double> q) noexcept { return simulation_->command(q); }
void MujocoRobot::stop() noexcept { simulation_->hold(); }
const JointLimits& MujocoRobot::limits() const noexcept { return simulation_->limits(); }
std::string MujocoRobot::urdf() const { return tabletop_urdf(); }
bool MujocoRobot::succeeded(std::string_view instruction) const { return simulation_->succeeded(parse_instruction(instruction)); }

void MujocoRobot::render(std::string_view camera, int height, int width, Image& image) {
  if (!simulation_->render(camera, height, width, image))
    fail(ErrorCode::io,
         {"MujocoRobot", "OpenGL context", "one that becomes current", "a refusal of the driver", "is it in use on another thread?"});
}

std::vector<ObjectPose> MujocoRobot::objects() const {
  std::vector<ObjectPose> poses;
  const auto add = [&poses](std::string name, const Eigen::Isometry3d& pose) {
    const Eigen::Quaterniond q(pose.linear());
    poses.push_back(
        {std::move(name), {pose.translation().x(), pose.translation().y(), pose.translation().z()}, {q.w(), q.x(), q.y(), q.z()}});
  };
  for (int i = 0; i < kColours; ++i) add(fmt::format("cube_{}", kCubeColours[static_cast<std::size_t>(i)]), simulation_->base_from_cube(i));
  for (int i = 0; i < kColours; ++i)
    add(fmt::format("plate_{}", kPlateColours[static_cast<std::size_t>(i)]), simulation_->base_from_plate(i));
  return poses;
}

std::shared_ptr<const Simulation> MujocoRobot::simulation() const noexcept { return simulation_; }

}  // namespace sinew::sim
