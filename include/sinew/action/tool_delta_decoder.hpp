// SPDX-License-Identifier: Apache-2.0
// Decoder for policies that emit tool displacements relative to the first frame of the chunk.
#pragma once

#include <string>
#include <string_view>

#include "sinew/action/action_reader.hpp"
#include "sinew/action/decoder.hpp"

namespace sinew {

/// `actions f32 [horizon, 6 + grippers]` (normalised) to a chunk in space tool_pose.
///
/// A row is a position delta d (m) and a rotation vector w (rad), both in base axes and relative to the tool pose (p, R) of the
/// observation, not to the row before (Qwen-VLA: "delta relative to the first frame of the chunk"), then absolute gripper
/// openings (m). The target is (p + d, exp(w) R). Quaternions leave as w x y z: the first row with w >= 0, each later row in the
/// hemisphere of the row before, so that interpolation takes the short way.
///
/// The pose is the channel that the card names: base_from_tool, x y z (m) and quaternion w x y z, unit "m,quat_wxyz".
/// `joint_order_hash` is that of the card's joint_names, which the poses are solved into. On any other status than ok the chunk
/// is as it was, but for a rotation beyond 1e6 rad, which ends the writing at its row.
class ToolDeltaDecoder {
 public:
  /// Throws Error for a card that `validate` refuses, another decoder kind or missing statistics.
  ToolDeltaDecoder(const PolicyCard& card, const Statistics& statistics);

  [[nodiscard]] const TensorSpecs& spec() const noexcept { return reader_.spec(); }
  /// Beyond the reader's statuses: `missing` without the pose channel, `bad_shape` for another size or unit of it, `not_finite` or
  /// `out_of_range` (a quaternion whose norm is off 1 by more than 1e-3) for its values.
  [[nodiscard]] Status decode(const TensorMap& in, const Observation& observation, ActionChunk& chunk) noexcept;
  [[nodiscard]] std::string_view last_error() const noexcept { return error_.view(); }

 private:
  ActionReader reader_;
  std::string tool_channel_;
  FixedText error_;
};

static_assert(Decoder<ToolDeltaDecoder>);

}  // namespace sinew
