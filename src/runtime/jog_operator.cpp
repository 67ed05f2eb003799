// SPDX-License-Identifier: Apache-2.0
#include "sinew/runtime/jog_operator.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "sinew/core/error.hpp"
#include "sinew/kinematics/forward.hpp"

namespace sinew {

namespace {

constexpr int kPoseColumns = 7;

void require(bool good, std::string_view what, double got) {
  if (!good) fail(ErrorCode::invalid_argument, {"JogOperator", what, "see JogOptions", fmt::format("{}", got), ""});
}

Eigen::Vector3d bounded(const std::array<double, 3>& vector, double most) noexcept {
  const Eigen::Vector3d v(vector[0], vector[1], vector[2]);
  const double norm = v.norm();
  return norm > most ? Eigen::Vector3d(v * (most / norm)) : v;
}

Eigen::Quaterniond rotation_of(const Eigen::Vector3d& vector) noexcept {
  const double angle = vector.norm();
  return angle == 0 ? Eigen::Quaterniond::Identity() : Eigen::Quaterniond(Eigen::AngleAxisd(angle, vector / angle));
}

}  // namespace

JogOperator::JogOperator(Chain<> chain, JogOptions options) : chain_(std::move(chain)), options_(std::move(options)) {
  const auto positive = [](double value, double most) { return value > 0 && value <= most; };
  require(positive(options_.max_speed, 10), "max_speed", options_.max_speed);
  require(positive(options_.max_turn, 30), "max_turn", options_.max_turn);
  require(positive(options_.widest_gripper, 1), "widest_gripper", options_.widest_gripper);
  require(positive(options_.rate, 1e4), "rate", options_.rate);
  require(positive(to_seconds(options_.deadman), 2), "deadman", to_seconds(options_.deadman));
  require(positive(to_seconds(options_.step), 1), "step", to_seconds(options_.step));
  require(positive(to_seconds(options_.plan), 10), "plan", to_seconds(options_.plan));
  require(positive(options_.leash, 1), "leash", options_.leash);
  require(positive(options_.turn_leash, 1), "turn_leash", options_.turn_leash);
}

Status JogOperator::set_input(const JogInput& input) noexcept {
  bool finite = std::isfinite(input.gripper.value_or(0));
  for (std::size_t i = 0; i < 3; ++i) finite = finite && std::isfinite(input.velocity[i]) && std::isfinite(input.turn[i]);
  if (!finite) return Status::not_finite;
  inputs_.back() = input;
  inputs_.publish();
  return Status::ok;
}

Status JogOperator::holds(const OperatorView&, bool& held) noexcept {
  held = in_control();
  if (!held) (void)inputs_.take();
  return Status::ok;
}

JogOperator::Pose JogOperator::moved(double seconds) const noexcept {
  return {target_.position + velocity_ * seconds, (rotation_of(turn_ * seconds) * target_.rotation).normalized()};
}

void JogOperator::begin(const Pose& here, std::span<const double> grippers) noexcept {
  target_ = here;
  velocity_.setZero();
  turn_.setZero();
  std::copy(grippers.begin(), grippers.end(), grippers_.begin());
}

/// The target comes to `now`, but where the arm cannot follow it waits: it stays on the path that was asked for, and only a way back leads
/// out of the leash.
void JogOperator::advance(const Pose& here, Time now) noexcept {
  const Pose next = moved(std::max(0.0, to_seconds(std::min(now, live_until_) - updated_)));
  updated_ = now;
  const auto distance = [&](const Pose& pose) { return (pose.position - here.position).norm(); };
  const auto angle = [&](const Pose& pose) { return here.rotation.angularDistance(pose.rotation); };
  if (distance(next) <= std::max(options_.leash, distance(target_))) target_.position = next.position;
  if (angle(next) <= std::max(options_.turn_leash, angle(target_))) target_.rotation = next.rotation;
}

void JogOperator::take_input(Time now) noexcept {
  if (const JogInput* input = inputs_.take(); input != nullptr) {
    velocity_ = bounded(input->velocity, options_.max_speed);
    turn_ = bounded(input->turn, options_.max_turn);
    if (input->gripper) grippers_.fill(std::clamp(*input->gripper, 0.0, options_.widest_gripper));
    live_until_ = now + options_.deadman;
  } else if (now >= live_until_) {
    velocity_.setZero();
    turn_.setZero();
  }
}

Status JogOperator::act(const OperatorView& view, ActionChunk& chunk) noexcept {
  const auto arm = static_cast<std::size_t>(chain_.dof());
  if (view.commanded.size() < arm || view.commanded.size() - arm > kMostGrippers || view.max_rows < 1) return Status::bad_shape;
  const auto grippers = view.commanded.subspan(arm);
  const Eigen::Isometry3d tool =
      forward(chain_, JointRef<Eigen::Dynamic>(Eigen::Map<const Eigen::VectorXd>(view.commanded.data(), chain_.dof())));
  const Pose here{tool.translation(), Eigen::Quaterniond(tool.linear())};
  if (view.first) begin(here, grippers);
  advance(here, view.now);
  take_input(view.now);
  const int rows = static_cast<int>(std::min<Time::rep>(options_.plan / options_.step + 1, view.max_rows));
  chunk.resize(rows, kPoseColumns + static_cast<int>(grippers.size()));
  chunk.space = ActionSpace::tool_pose;
  chunk.t0 = view.now;
  chunk.dt = options_.step;
  chunk.joint_order_hash = 0;
  const Time left = std::max(Time{}, live_until_ - view.now);
  for (int i = 0; i < rows; ++i) {
    const Pose pose = moved(to_seconds(std::min(i * options_.step, left)));
    const auto row = chunk.step(i);
    std::copy_n(pose.position.data(), 3, row.data());
    row[3] = pose.rotation.w();
    std::copy_n(pose.rotation.vec().data(), 3, row.data() + 4);
    std::copy_n(grippers_.begin(), grippers.size(), row.begin() + kPoseColumns);
  }
  return Status::ok;
}

}  // namespace sinew
