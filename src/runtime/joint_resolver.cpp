// SPDX-License-Identifier: Apache-2.0
#include "sinew/runtime/joint_resolver.hpp"

#include <Eigen/Geometry>
#include <algorithm>
#include <cmath>
#include <utility>

#include "sinew/core/error.hpp"

namespace sinew {

namespace {
constexpr double kQuaternionTolerance = 1e-3;  // as the decoder's
}

JointResolver::JointResolver(Chain<> chain, int grippers, const JointResolverOptions& options)
    : chain_(std::move(chain)), grippers_(grippers), options_(options), seed_(chain_.neutral()), posture_(chain_.neutral()) {
  if (grippers < 0) fail(ErrorCode::invalid_argument, {"JointResolver", "grippers", "0 or more", std::to_string(grippers), ""});
}

Status JointResolver::set_posture(std::span<const double> q) noexcept {
  if (q.size() < static_cast<std::size_t>(chain_.dof())) return Status::bad_shape;
  for (int i = 0; i < chain_.dof(); ++i)
    if (!std::isfinite(q[static_cast<std::size_t>(i)])) return Status::not_finite;
  std::copy_n(q.data(), chain_.dof(), posture_.data());
  return Status::ok;
}

Status JointResolver::resolve(const ActionChunk& poses, std::span<const double> q, ActionChunk& joints) noexcept {
  rows_ = 0;
  const int dof = chain_.dof();
  const auto room = static_cast<std::size_t>(poses.horizon) * static_cast<std::size_t>(dim());
  if (poses.space != ActionSpace::tool_pose || poses.dim != 7 + grippers_ || poses.horizon < 1 ||
      poses.values.size() != static_cast<std::size_t>(poses.horizon) * static_cast<std::size_t>(poses.dim) ||
      q.size() < static_cast<std::size_t>(dof))
    return Status::bad_shape;
  if (joints.values.capacity() < room) return Status::over_capacity;
  joints.resize(poses.horizon, dim());
  std::copy_n(q.data(), dof, seed_.data());
  // The measured joints may lie a rounding error outside the limits that the search keeps exactly.
  seed_ = seed_.cwiseMax(chain_.lower()).cwiseMin(chain_.upper());
  for (; rows_ < poses.horizon; ++rows_) {
    const auto row = poses.step(rows_);
    Eigen::Isometry3d base_from_tool = Eigen::Isometry3d::Identity();
    base_from_tool.translation() << row[0], row[1], row[2];
    const Eigen::Quaterniond rotation(row[3], row[4], row[5], row[6]);
    const double norm = rotation.norm();
    if (!std::isfinite(norm) || !base_from_tool.translation().allFinite()) return Status::not_finite;
    if (std::abs(norm - 1) > kQuaternionTolerance) return Status::out_of_range;
    base_from_tool.linear() = rotation.normalized().toRotationMatrix();
    const auto result =
        inverse(chain_, base_from_tool, seed_, scratch_,
                {.tolerance = options_.tolerance, .max_restarts = 0, .posture = &posture_, .posture_gain = options_.posture_gain});
    if (!result || (result.q - seed_).cwiseAbs().maxCoeff() > options_.max_joint_step) break;
    seed_ = result.q;
    const auto out = joints.step(rows_);
    std::copy_n(seed_.data(), dof, out.data());
    std::copy_n(row.data() + 7, grippers_, out.data() + dof);
  }
  if (rows_ == 0) return Status::unreachable;
  joints.resize(rows_, dim());
  joints.space = ActionSpace::joint_position;
  joints.t0 = poses.t0;
  joints.dt = poses.dt;
  joints.sequence = poses.sequence;
  joints.observation_id = poses.observation_id;
  joints.joint_order_hash = poses.joint_order_hash;
  return Status::ok;
}

}  // namespace sinew
