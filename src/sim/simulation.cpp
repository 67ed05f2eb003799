// SPDX-License-Identifier: Apache-2.0
// Builds the model, steps it and reads it.
#include "simulation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "sinew/core/error.hpp"

namespace sinew::sim {

namespace {

constexpr Time kStep = std::chrono::milliseconds(1);
constexpr Time kUsualRamp = std::chrono::milliseconds(10);
constexpr Time kLongestRamp = std::chrono::milliseconds(20);
constexpr int kMaxPixels = 4096;

void require_size(int height, int width, std::string_view what) {
  if (height < 1 || width < 1 || height > kMaxPixels || width > kMaxPixels)
    fail(ErrorCode::invalid_argument,
         {"MujocoRobot", what, fmt::format("1 to {} pixels a side", kMaxPixels), fmt::format("{} x {}", height, width), ""});
}

/// The channel of that name, made when it is not there yet.
Channel& channel(Observation& observation, std::string_view name, std::string_view unit, std::size_t size) {
  Channel* found = observation.find_channel(name);
  if (found == nullptr) found = &observation.channels.emplace_back(Channel{std::string(name), std::string(unit), {}, {}});
  found->unit = unit;
  found->values.resize(size);
  found->stamp = observation.time;
  return *found;
}

Eigen::Isometry3d pose_of(const mjtNum* position, const mjtNum* matrix) noexcept {
  Eigen::Isometry3d pose = Eigen::Isometry3d::Identity();
  pose.translation() = Eigen::Map<const Eigen::Vector3d>(position);
  pose.linear() = Eigen::Map<const Eigen::Matrix<double, 3, 3, Eigen::RowMajor>>(matrix);
  return pose;
}

}  // namespace

Simulation::Model Simulation::load_model() {
  // A warning of the physics is reported as a Status; it must not also appear as a log file in the user's folder.
  mjLogConfig log = mju_getLogConfig();
  log.logto_file = false;
  mju_setLogConfig(log);
  std::array<char, 1024> text{};
  mjSpec* spec = mj_parseXMLString(tabletop_mjcf().c_str(), nullptr, text.data(), static_cast<int>(text.size()));
  mjModel* model = spec != nullptr ? mj_compile(spec, nullptr) : nullptr;
  if (spec != nullptr && model == nullptr) fmt::format_to_n(text.data(), text.size() - 1, "{}", mjs_getError(spec));
  if (spec != nullptr) mj_deleteSpec(spec);
  if (model == nullptr) fail(ErrorCode::internal, {"MujocoRobot", "the tabletop scene", "a model that MuJoCo accepts", text.data(), ""});
  return Model(model);
}

Simulation::Simulation(const TabletopOptions& options)
    : options_(options),
      limits_(tabletop_limits()),
      model_(load_model()),
      look_(*model_),
      data_(mj_makeData(model_.get())),
      scratch_(mj_makeData(model_.get())) {
  require_size(options.camera_height, options.camera_width, "camera size");
  if (options.limits) {
    validate(*options.limits, "MujocoRobot");
    limits_ = tightest(limits_, *options.limits);
  }
  tool_ = id(mjOBJ_SITE, "tool");
  finger_ = model_->jnt_qposadr[id(mjOBJ_JOINT, "finger_left_joint")];
  for (std::size_t i = 0; i < kColours; ++i) {
    cube_bodies_[i] = id(mjOBJ_BODY, fmt::format("cube_{}", kCubeColours[i]));
    plate_bodies_[i] = id(mjOBJ_BODY, fmt::format("plate_{}", kPlateColours[i]));
    const int joint = id(mjOBJ_JOINT, fmt::format("cube_{}", kCubeColours[i]));
    cube_places_[i] = model_->jnt_qposadr[joint];
    cube_velocities_[i] = model_->jnt_dofadr[joint];
  }
  if (options.render_cameras) renderer_ = std::make_unique<Renderer>(*model_);
  reset(options.seed, std::nullopt);
}

int Simulation::id(mjtObj type, std::string_view name) const {
  const int found = mj_name2id(model_.get(), type, std::string(name).c_str());
  if (found < 0) fail(ErrorCode::internal, {"MujocoRobot", "the tabletop scene", fmt::format("an object named '{}'", name), "none", ""});
  return found;
}

void Simulation::reset(std::uint64_t seed, const std::optional<Instruction>& instruction) {
  const TabletopLayout layout = instruction ? make_tabletop_layout(seed, *instruction) : make_tabletop_layout(seed);
  mj_resetData(model_.get(), data_.get());
  for (std::size_t i = 0; i < kColours; ++i) {
    const auto& plate = layout.plates[i];
    mjtNum* plate_position = data_->mocap_pos + 3 * model_->body_mocapid[plate_bodies_[i]];
    plate_position[0] = plate.x;
    plate_position[1] = plate.y;
    plate_position[2] = 0;
    const auto& cube = layout.cubes[i];
    const std::array<mjtNum, 7> pose{cube.x, cube.y, kCubeHalf, std::cos(cube.yaw / 2), 0, 0, std::sin(cube.yaw / 2)};
    std::copy(pose.begin(), pose.end(), data_->qpos + cube_places_[i]);
  }
  std::copy(layout.joints.begin(), layout.joints.end(), data_->qpos);
  std::copy(layout.joints.begin(), layout.joints.end(), target_.begin());
  data_->qpos[finger_] = data_->qpos[finger_ + 1] = kGripperWidth / 2;
  target_[kArmJoints] = kGripperWidth;
  from_ = target_;
  command_time_ = now_ - kUsualRamp;
  ramp_ = kUsualRamp;
  set_servos();
  successes_.reset(table_state());
  ++episode_;
  mj_forward(model_.get(), data_.get());
}

void Simulation::update_kinematics() noexcept {
  mj_kinematics(model_.get(), data_.get());
  mj_comPos(model_.get(), data_.get());
  mj_camlight(model_.get(), data_.get());
}

Status Simulation::advance(Time until) noexcept {
  if (now_ >= until) return Status::ok;
  while (now_ < until) {
    set_servos();
    mj_step(model_.get(), data_.get());
    now_ += kStep;
    // MuJoCo restarts the state when it diverges, and counts that.
    if (data_->warning[mjWARN_BADQPOS].number + data_->warning[mjWARN_BADQVEL].number + data_->warning[mjWARN_BADQACC].number > 0)
      return Status::not_finite;
    successes_.count(table_state());
  }
  // A step leaves the poses where they were at its beginning.
  update_kinematics();
  return Status::ok;
}

Status Simulation::command(std::span<const double> q) noexcept {
  constexpr double kRounding = 1e-9;
  if (q.size() != kRobotJoints) return Status::bad_shape;
  for (std::size_t i = 0; i < q.size(); ++i) {
    if (!std::isfinite(q[i])) return Status::not_finite;
    if (q[i] < limits_.lower[i] - kRounding || q[i] > limits_.upper[i] + kRounding) return Status::out_of_range;
  }
  std::copy_n(data_->ctrl, kRobotJoints, from_.begin());
  std::copy(q.begin(), q.end(), target_.begin());
  ramp_ = std::clamp(now_ - command_time_, kStep, kLongestRamp);
  command_time_ = now_;
  return Status::ok;
}

void Simulation::hold() noexcept {
  std::copy_n(data_->qpos, kArmJoints, target_.begin());
  from_ = target_;
  set_servos();
}

void Simulation::set_servos() noexcept {
  const double share = std::min(1.0, static_cast<double>((now_ + kStep - command_time_).count()) / static_cast<double>(ramp_.count()));
  for (std::size_t i = 0; i < target_.size(); ++i) data_->ctrl[i] = share < 1 ? std::lerp(from_[i], target_[i], share) : target_[i];
}

void Simulation::positions(std::span<double, kRobotJoints> q) const noexcept {
  std::copy_n(data_->qpos, kArmJoints, q.begin());
  q[kArmJoints] = data_->qpos[finger_] + data_->qpos[finger_ + 1];
}

void Simulation::velocities(std::span<double, kRobotJoints> dq) const noexcept {
  std::copy_n(data_->qvel, kArmJoints, dq.begin());
  dq[kArmJoints] = data_->qvel[finger_] + data_->qvel[finger_ + 1];
}

void Simulation::targets(std::span<double, kRobotJoints> q) const noexcept { std::ranges::copy(target_, q.begin()); }

Eigen::Isometry3d Simulation::site_pose(const mjData& data) const noexcept {
  return pose_of(data.site_xpos + 3 * tool_, data.site_xmat + 9 * tool_);
}

Eigen::Isometry3d Simulation::base_from_tool() const noexcept { return site_pose(*data_); }

Eigen::Isometry3d Simulation::base_from_target_tool() const noexcept {
  std::copy_n(target_.begin(), kArmJoints, scratch_->qpos);
  mj_kinematics(model_.get(), scratch_.get());
  return site_pose(*scratch_);
}

Eigen::Isometry3d Simulation::body_pose(int body) const noexcept { return pose_of(data_->xpos + 3 * body, data_->xmat + 9 * body); }

Eigen::Isometry3d Simulation::base_from_cube(int cube) const noexcept { return body_pose(cube_bodies_[static_cast<std::size_t>(cube)]); }
Eigen::Isometry3d Simulation::base_from_plate(int plate) const noexcept {
  return body_pose(plate_bodies_[static_cast<std::size_t>(plate)]);
}

TableState Simulation::table_state() const noexcept {
  TableState state;
  for (std::size_t i = 0; i < kColours; ++i) {
    state.cubes[i] = Eigen::Map<const Eigen::Vector3d>(data_->qpos + cube_places_[i]);
    state.speeds[i] = Eigen::Map<const Eigen::Vector3d>(data_->qvel + cube_velocities_[i]).norm();
    state.plates[i] = Eigen::Map<const Eigen::Vector2d>(data_->mocap_pos + 3 * model_->body_mocapid[plate_bodies_[i]]);
  }
  state.width = data_->qpos[finger_] + data_->qpos[finger_ + 1];
  state.tool_height = data_->site_xpos[3 * tool_ + 2];
  return state;
}

void Simulation::set_look(const TabletopLook& look) {
  look_.apply(*model_, look);
  mj_camlight(model_.get(), data_.get());
}

bool Simulation::render(std::string_view camera, int height, int width, Image& image) {
  require_size(height, width, "frame size");
  const int index = mj_name2id(model_.get(), mjOBJ_CAMERA, std::string(camera).c_str());
  if (index < 0) {
    constexpr std::array<std::string_view, 3> kCameras{"front", "wrist", "video"};
    fail(ErrorCode::not_found, {"MujocoRobot", "camera", join_names(kCameras), fmt::format("'{}'", camera), ""});
  }
  if (!renderer_) renderer_ = std::make_unique<Renderer>(*model_);
  const Look policy_look = look_.look().shadows ? Look::shaded : Look::policy;
  return renderer_->draw(*data_, index, height, width, camera == "video" ? Look::film : policy_look, image);
}

void Simulation::write_objects(Observation& observation) const {
  auto& values = channel(observation, "object_position", "m", 6 * kColours).values;
  for (std::size_t i = 0; i < kColours; ++i) {
    Eigen::Map<Eigen::Vector3d>(values.data() + 3 * i) = base_from_cube(static_cast<int>(i)).translation();
    Eigen::Map<Eigen::Vector3d>(values.data() + 3 * (kColours + i)) = base_from_plate(static_cast<int>(i)).translation();
  }
  auto& yaws = channel(observation, "cube_yaw", "rad", kColours).values;
  for (std::size_t i = 0; i < kColours; ++i) yaws[i] = yaw_of(base_from_cube(static_cast<int>(i)));
}

Status Simulation::observe(std::string_view instruction, Observation& observation) {
  observation.instruction = instruction;
  observation.time = now_;
  observation.id = next_id_++;
  positions(std::span<double, kRobotJoints>(channel(observation, "joint_position", "rad,m", kRobotJoints).values));
  velocities(std::span<double, kRobotJoints>(channel(observation, "joint_velocity", "rad/s,m/s", kRobotJoints).values));
  const Eigen::Isometry3d tool = base_from_tool();
  const Eigen::Quaterniond rotation(tool.linear());
  channel(observation, "tool_pose", "m,quat_wxyz", 7).values = {
      tool.translation().x(), tool.translation().y(), tool.translation().z(), rotation.w(), rotation.x(), rotation.y(), rotation.z()};
  if (options_.privileged) write_objects(observation);
  if (!options_.render_cameras) return Status::ok;
  for (const std::string_view name : {"front", "wrist"}) {
    CameraFrame* frame = observation.find_camera(name);
    if (frame == nullptr) frame = &observation.cameras.emplace_back(CameraFrame{std::string(name), {}, {}});
    frame->stamp = now_;
    if (!render(name, options_.camera_height, options_.camera_width, frame->image)) return Status::backend_failed;
  }
  return Status::ok;
}

}  // namespace sinew::sim
