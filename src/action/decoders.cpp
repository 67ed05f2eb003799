// SPDX-License-Identifier: Apache-2.0
// ActionReader and the decoders built on it.
#include <fmt/format.h>

#include <Eigen/Geometry>
#include <algorithm>
#include <cmath>

#include "sinew/action/action_reader.hpp"
#include "sinew/action/joint_decoder.hpp"
#include "sinew/action/make_decoder.hpp"
#include "sinew/action/tool_delta_decoder.hpp"
#include "sinew/core/error.hpp"

namespace sinew {

namespace {

constexpr const char* kActions = "actions";
constexpr const char* kPoseUnit = "m,quat_wxyz";
constexpr int kPose = 7;   // x y z qw qx qy qz
constexpr int kDelta = 6;  // position, rotation vector

const PolicyCard& checked(const PolicyCard& card, DecoderKind kind, const std::string& where) {
  validate(card, where);
  if (card.action.decoder != kind)
    fail(ErrorCode::invalid_argument, {where, "/action/decoder", std::string(to_string(kind)), std::string(to_string(card.action.decoder)),
                                       "make_decoder picks by the card"});
  return card;
}

/// Unit quaternion of a rotation vector (rad). Below 1e-8 rad the sine is its argument to the last bit.
Eigen::Quaterniond exp_rotation(const Eigen::Vector3d& vector) noexcept {
  const double angle = vector.stableNorm();
  const double scale = angle > 1e-8 ? std::sin(angle / 2) / angle : 0.5;
  Eigen::Quaterniond rotation;
  rotation.w() = std::cos(angle / 2);
  rotation.vec() = scale * vector;
  return rotation;
}

}  // namespace

ActionReader::ActionReader(const PolicyCard& card, const Statistics& statistics, DecoderKind kind, const std::string& where)
    : horizon_(checked(card, kind, where).action.horizon),
      dim_(card.action.size()),
      dt_(from_seconds(1.0 / card.action.rate)),
      joint_order_hash_(hash_joint_order(card.action.joint_names)),
      normalizer_(make_normalizer(card.action.normalization, statistics, static_cast<std::size_t>(dim_), where + " /action/normalization")),
      values_(static_cast<std::size_t>(horizon_) * static_cast<std::size_t>(dim_)) {
  if (!normalizer_.has_inverse())
    fail(ErrorCode::unsupported,
         {where + " /action/normalization", "mode", "one with an inverse", to_string(card.action.normalization.mode), ""});
  if (normalizer_.steps() > 1 && static_cast<std::size_t>(horizon_) > normalizer_.steps())
    fail(ErrorCode::invalid_argument, {where + " /action/horizon", "steps",
                                       fmt::format("at most {}, as the statistics", normalizer_.steps()), std::to_string(horizon_), ""});
  specs_.push_back({kActions, DType::f32, {horizon_, dim_}});
}

Status ActionReader::read(const TensorMap& in, FixedText& error) noexcept {
  error.clear();
  const Tensor* actions = in.find(kActions);
  if (actions == nullptr || !*actions) {
    error.format("tensor '{}' is missing", kActions);
    return Status::missing;
  }
  if (actions->dtype() != DType::f32 || actions->shape() != specs_.front().capacity) {
    error.format("tensor '{}': expected f32 [{}, {}]", kActions, horizon_, dim_);
    return Status::bad_shape;
  }
  const Status status = normalizer_.inverse(actions->as<float>(), values_);
  if (status != Status::ok) error.format("tensor '{}': {}", kActions, to_string(status));
  return status;
}

std::span<const double> ActionReader::row(int i) const noexcept {
  const auto dim = static_cast<std::size_t>(dim_);
  return {values_.data() + static_cast<std::size_t>(i) * dim, dim};
}

Status ActionReader::start(ActionChunk& chunk, ActionSpace space, int columns, const Observation& observation) const noexcept {
  try {
    chunk.resize(horizon_, columns);
  } catch (const std::exception&) {
    return Status::over_capacity;
  }
  chunk.space = space;
  chunk.t0 = observation.time;
  chunk.dt = dt_;
  chunk.observation_id = observation.id;
  chunk.joint_order_hash = joint_order_hash_;
  return Status::ok;
}

JointDecoder::JointDecoder(const PolicyCard& card, const Statistics& statistics)
    : reader_(card, statistics, DecoderKind::joint_absolute, "JointDecoder") {}

Status JointDecoder::decode(const TensorMap& in, const Observation& observation, ActionChunk& chunk) noexcept {
  if (const Status status = reader_.read(in, error_); status != Status::ok) return status;
  if (const Status status = reader_.start(chunk, ActionSpace::joint_position, reader_.dim(), observation); status != Status::ok)
    return status;
  for (int i = 0; i < reader_.horizon(); ++i) std::ranges::copy(reader_.row(i), chunk.step(i).begin());
  return Status::ok;
}

ToolDeltaDecoder::ToolDeltaDecoder(const PolicyCard& card, const Statistics& statistics)
    : reader_(card, statistics, DecoderKind::tool_delta, "ToolDeltaDecoder"), tool_channel_(card.action.tool_channel) {}

Status ToolDeltaDecoder::check_pose(const Channel* channel) noexcept {
  if (channel == nullptr) {
    error_.format("channel '{}' (the tool pose) is missing from the observation", tool_channel_);
    return Status::missing;
  }
  const auto& values = channel->values;
  if (values.size() != kPose || (!channel->unit.empty() && channel->unit != kPoseUnit)) {
    error_.format("channel '{}': expected {} values in '{}', got {} in '{}'", tool_channel_, kPose, kPoseUnit, values.size(),
                  channel->unit);
    return Status::bad_shape;
  }
  if (!std::all_of(values.begin(), values.end(), [](double value) { return std::isfinite(value); })) {
    error_.format("channel '{}': a value is not finite", tool_channel_);
    return Status::not_finite;
  }
  const double norm = Eigen::Vector4d(values[3], values[4], values[5], values[6]).norm();
  if (std::abs(norm - 1) <= 1e-3) return Status::ok;
  error_.format("channel '{}': expected a unit quaternion, got norm {:.6g}", tool_channel_, norm);
  return Status::out_of_range;
}

Status ToolDeltaDecoder::decode(const TensorMap& in, const Observation& observation, ActionChunk& chunk) noexcept {
  if (const Status status = reader_.read(in, error_); status != Status::ok) return status;
  const Channel* channel = observation.find_channel(tool_channel_);
  if (const Status status = check_pose(channel); status != Status::ok) return status;
  const auto& pose = channel->values;
  const Eigen::Vector3d position(pose[0], pose[1], pose[2]);
  const Eigen::Quaterniond rotation = Eigen::Quaterniond(pose[3], pose[4], pose[5], pose[6]).normalized();

  const int columns = kPose + reader_.dim() - kDelta;
  if (const Status status = reader_.start(chunk, ActionSpace::tool_pose, columns, observation); status != Status::ok) return status;
  Eigen::Quaterniond before = Eigen::Quaterniond::Identity();  // makes the first row's w >= 0
  for (int i = 0; i < reader_.horizon(); ++i) {
    const auto row = reader_.row(i);
    const auto target = chunk.step(i);
    const Eigen::Vector3d target_position = position + Eigen::Vector3d(row[0], row[1], row[2]);
    Eigen::Quaterniond target_rotation = (exp_rotation({row[3], row[4], row[5]}) * rotation).normalized();
    if (target_rotation.dot(before) < 0) target_rotation.coeffs() = -target_rotation.coeffs();
    std::copy_n(target_position.data(), 3, target.begin());
    target[3] = target_rotation.w();
    std::copy_n(target_rotation.vec().data(), 3, target.begin() + 4);
    std::ranges::copy(row.subspan(kDelta), target.begin() + kPose);
    before = target_rotation;
  }
  return Status::ok;
}

AnyDecoder make_decoder(const PolicyCard& card, const Statistics& statistics) {
  if (card.action.decoder == DecoderKind::joint_absolute) return JointDecoder(card, statistics);
  return ToolDeltaDecoder(card, statistics);
}

}  // namespace sinew
