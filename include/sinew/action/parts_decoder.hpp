// SPDX-License-Identifier: Apache-2.0
// Decoder that a card puts together from parts: joints, tool poses, grippers, waypoints, in any layout and any language.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sinew/action/action_reader.hpp"
#include "sinew/action/decoder.hpp"
#include "sinew/action/delta_pose.hpp"
#include "sinew/action/gripper.hpp"
#include "sinew/action/waypoints.hpp"

namespace sinew {

/// Decodes actions as the card's parts say (docs/action_spaces.md). The chunk holds
/// - `joint_position`: joints and grippers, one column per joint name, or
/// - `tool_pose`: base_from_tool of every tool part, then the columns of the other parts, or
/// - `base_pose`: waypoints, in the world when the part names the channel of world_from_body, else in the body frame.
///
/// What values are relative to comes from the observation that is passed, which must be the one that the inference used; the chunk
/// carries its id. On any other status than ok the chunk is as it was.
class PartsDecoder {
 public:
  /// Throws Error for a card that `validate` refuses, another decoder kind, an unknown name, missing statistics or tokenizers.
  PartsDecoder(const PolicyCard& card, const Statistics& statistics, ActionTokens tokens = {});

  [[nodiscard]] const TensorSpecs& spec() const noexcept { return reader_.spec(); }
  /// Beyond the reader's statuses: `missing` for a channel, `bad_shape` for its size or unit, `not_finite`, `out_of_range` for its
  /// values, or for numbers of the policy that are no rotation.
  [[nodiscard]] Status decode(const TensorMap& in, const Observation& observation, ActionChunk& chunk) noexcept;
  [[nodiscard]] std::string_view last_error() const noexcept { return error_.view(); }
  /// True when camera-frame numbers are read in base axes: the card allows it, and the first observation had no pose of the camera.
  /// That is a property of the robot, so an observation that differs from the first one is refused as `missing`.
  [[nodiscard]] bool camera_unknown() const noexcept { return camera_ == Camera::unknown; }

 private:
  enum class Camera : std::uint8_t { undecided, known, unknown };
  struct Part {
    ActionPartCard card;
    int first = 0;   // column of a row
    int size = 0;    // columns of a row
    int column = 0;  // of the chunk
    PoseRule pose;
    GripperRule gripper;
    WaypointScale scale;
    std::string unit;  // of the channel that joints are relative to
  };
  [[nodiscard]] Status decode_part(const Part& part, const Observation& observation) noexcept;
  [[nodiscard]] Status decode_joints(const Part& part, const Observation& observation) noexcept;
  [[nodiscard]] Status decode_tool(const Part& part, const Observation& observation) noexcept;
  [[nodiscard]] Status find_camera(const ToolPartCard& card, const Observation& observation, ToolPose<double>& pose) noexcept;
  [[nodiscard]] Status decode_waypoints(const Part& part, const Observation& observation) noexcept;
  void decode_gripper(const Part& part) noexcept;
  /// Columns of a part in step `i` of what is being decoded.
  [[nodiscard]] std::span<double> target(const Part& part, int i, int size) noexcept;

  ActionReader reader_;
  std::vector<Part> parts_;  // without the unused ones
  ActionSpace space_ = ActionSpace::joint_position;
  int columns_ = 0;
  Camera camera_ = Camera::undecided;
  std::vector<double> values_;  // [horizon, columns], until all of them are good
  FixedText error_;
};

static_assert(Decoder<PartsDecoder>);

}  // namespace sinew
