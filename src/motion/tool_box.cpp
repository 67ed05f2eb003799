// SPDX-License-Identifier: Apache-2.0
#include "sinew/motion/tool_box.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "sinew/core/error.hpp"
#include "sinew/kinematics/jacobian.hpp"

namespace sinew {

namespace {

// While ticks are refused the joints' speed falls by a tenth each, and comes back by a fiftieth.
constexpr double kSlower = 0.9, kFaster = 1.02;

[[noreturn]] void refuse(std::string_view what, std::string_view expected, const std::string& got) {
  fail(ErrorCode::invalid_argument, {"ToolGuard", what, expected, got, ""});
}

void check(const ToolBox& box) {
  for (std::size_t i = 0; i < 3; ++i) {
    if (!(box.lower[i] < box.upper[i]))
      refuse(fmt::format("box along axis {}", i), "lower below upper", fmt::format("[{}, {}]", box.lower[i], box.upper[i]));
    if (!std::isfinite(box.point[i])) refuse("point", "finite numbers", fmt::format("{}", box.point[i]));
  }
  if (!(box.speed > 0 && std::isfinite(box.speed))) refuse("speed", "a finite number above 0", fmt::format("{}", box.speed));
  for (const ToolPlane& plane : box.planes) {
    const double length = std::hypot(plane.normal[0], plane.normal[1], plane.normal[2]);
    if (!(std::abs(length - 1) < 1e-6) || !std::isfinite(plane.offset))
      refuse("plane", "a normal of length 1 and a finite offset", fmt::format("length {}, offset {}", length, plane.offset));
  }
}

}  // namespace

ToolGuard::ToolGuard(Chain<> chain, ToolBox box, const CommandFilter& filter, int tip)
    : chain_(std::move(chain)), box_(std::move(box)), tip_(tip), trial_(filter), q_(static_cast<std::size_t>(filter.dof())), dq_(q_) {
  check(box_);
  if (chain_.dof() < 1 || chain_.dof() > filter.dof())
    refuse("chain", fmt::format("1 to {} joints, the filter's first", filter.dof()), fmt::format("{}", chain_.dof()));
  if (tip < 0 || tip >= static_cast<int>(chain_.description().tips.size()))
    refuse("tip", fmt::format("0 to {}", chain_.description().tips.size() - 1), fmt::format("{}", tip));
}

// At q_ and dq_.
bool ToolGuard::is_inside(double margin, double speed) const noexcept {
  const auto dof = static_cast<Eigen::Index>(chain_.dof());
  const Eigen::Map<const Eigen::VectorXd> joints(q_.data(), dof), rates(dq_.data(), dof);
  Eigen::Matrix<double, 6, Eigen::Dynamic, 0, 6, kJointCapacity<Eigen::Dynamic>> J(6, dof);
  const Eigen::Isometry3d pose = jacobian(chain_, JointRef<Eigen::Dynamic>(joints), J, {.tip = tip_});
  const Twist twist = J.lazyProduct(rates);
  const Eigen::Vector3d arm = pose.linear() * Eigen::Vector3d(box_.point[0], box_.point[1], box_.point[2]), p = pose.translation() + arm;
  const Eigen::Vector3d velocity = twist.head<3>() + twist.tail<3>().cross(arm);
  bool inside = velocity.norm() <= speed;
  for (Eigen::Index i = 0; i < 3; ++i) {
    const auto axis = static_cast<std::size_t>(i);
    inside = inside && p[i] >= box_.lower[axis] + margin && p[i] <= box_.upper[axis] - margin;
  }
  for (const ToolPlane& plane : box_.planes)
    inside = inside && plane.normal[0] * p[0] + plane.normal[1] * p[1] + plane.normal[2] * p[2] >= plane.offset + margin;
  return inside;
}

// Between two places of the walk the tool is never farther from the nearer one than half a piece, and little faster than there. What is
// accepted keeps more than what is asked of a stop that was accepted before: the places of later walks along it are others.
bool ToolGuard::keeps(const CommandFilter& filter, const Reserve& reserve) const noexcept {
  constexpr double kPiece = 2e-3;  // m
  constexpr std::int64_t kMostPieces = 64;
  const Time length = filter.stop_time();
  const double way = to_seconds(length) * box_.speed;
  const std::int64_t pieces = std::clamp<std::int64_t>(static_cast<std::int64_t>(way / kPiece) + 1, 1, kMostPieces);
  const double margin = reserve.pieces * way / static_cast<double>(pieces);
  for (std::int64_t k = 0; k <= pieces; ++k) {
    if (filter.along_stop(length * k / pieces, q_, dq_) != Status::ok) return false;
    if (!is_inside(margin, box_.speed * (1 - reserve.speed))) return false;
  }
  return true;
}

bool ToolGuard::stop_is_inside(const CommandFilter& filter) const noexcept { return keeps(filter, {0.5, 0}); }

Status ToolGuard::step(CommandFilter& filter, std::span<const double> target, Time dt, std::span<double> q) noexcept {
  if (filter.dof() != static_cast<int>(q_.size())) return Status::bad_shape;
  trial_ = filter;
  const Status status = trial_.step(target, dt, q);
  if (status != Status::not_ready && status != Status::out_of_range && keeps(trial_, {0.75, 0.01})) {
    scale_ = std::min(1.0, scale_ * kFaster);
    (void)trial_.set_speed_scale(scale_);
    filter = trial_;
    return status;
  }
  if (status == Status::not_ready || q.size() != q_.size()) return status;
  ++interventions_;
  const bool was_inside = stop_is_inside(filter);
  scale_ = std::max(CommandFilter::kMinSpeedScale, scale_ * kSlower);
  (void)filter.set_speed_scale(scale_);
  const Status braked = filter.brake(dt, q);
  return was_inside && status != Status::out_of_range ? braked : Status::out_of_range;
}

}  // namespace sinew
