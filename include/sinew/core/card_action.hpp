// SPDX-License-Identifier: Apache-2.0
// What the numbers of a policy mean: normalisation, and the action part of its card.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sinew {

/// How a vector is mapped to and from the policy's normalised space.
enum class NormalizationMode : std::uint8_t {
  identity,
  mean_std,
  min_max,
  quantile,    ///< 1 % and 99 %
  quantile10,  ///< 10 % and 90 %
  scale,       ///< by the larger of |min| and |max|
  binary,      ///< 0 or 1 by a threshold
  sin_cos      ///< sines of all dimensions, then their cosines
};
inline constexpr std::array kNormalizationModes{NormalizationMode::identity, NormalizationMode::mean_std,   NormalizationMode::min_max,
                                                NormalizationMode::quantile, NormalizationMode::quantile10, NormalizationMode::scale,
                                                NormalizationMode::binary,   NormalizationMode::sin_cos};

/// Mode, rule (whose formula: where the epsilon sits, what clips) and key in the statistics file.
struct NormalizationCard {
  NormalizationMode mode = NormalizationMode::identity;
  std::string rule;  ///< whose formula, e.g. "qwen" (core/normalizer.hpp); empty for identity
  std::string key;   ///< entry of the statistics file; empty for identity

  friend bool operator==(const NormalizationCard&, const NormalizationCard&) = default;
};

/// What the numbers that the policy emits mean.
enum class DecoderKind : std::uint8_t {
  joint_absolute,  ///< joint positions (rad or m) for every joint
  tool_delta,      ///< position delta (m) and rotation vector (rad), base axes, from the tool pose of the observation; then grippers (m)
  parts            ///< what ActionCard::parts say, one after the other (since 1.2)
};

/// Normalisation of one part, where the parts of a row have different ones.
struct PartNormalizationCard {
  NormalizationMode mode = NormalizationMode::identity;
  std::string rule;
  std::string key;
  int first = 0;  ///< dimension of the statistics that belongs to the part's first column

  friend bool operator==(const PartNormalizationCard&, const PartNormalizationCard&) = default;
};

/// Joint positions, rad or m.
struct JointsPartCard {
  int size = 0;
  std::string relative_to;  ///< channel with the positions that the values are relative to; empty: they are absolute
  int first = 0;            ///< value of that channel that belongs to the part's first column

  friend bool operator==(const JointsPartCard&, const JointsPartCard&) = default;
};

/// The pose of a tool; see action/delta_pose.hpp for the names.
struct ToolPartCard {
  std::string channel;           ///< with base_from_tool, unit "m,quat_wxyz"
  std::string frame;             ///< "base", "tool" or "camera"
  std::string reference;         ///< "absolute", "first" or "previous"
  std::string rotation;          ///< layout, e.g. "rotvec"
  double position_scale = 1;     ///< m per unit of the policy's translation: 0.05 for controllers like LIBERO's, 1 for metres
  double rotation_scale = 1;     ///< rad per unit of its rotation; 1 but for angles (rotvec, rpy)
  std::string camera;            ///< channel with base_from_camera for frame "camera", else empty
  bool camera_optional = false;  ///< a robot without that channel has no calibration: the numbers are in base axes

  friend bool operator==(const ToolPartCard&, const ToolPartCard&) = default;
};

/// One gripper.
struct GripperPartCard {
  std::string convention;  ///< which number is open, e.g. "openvla"; see action/gripper.hpp
  double open = 0;         ///< the joint's position when open, m or rad
  double closed = 0;       ///< and when closed

  friend bool operator==(const GripperPartCard&, const GripperPartCard&) = default;
};

/// A waypoint of a mobile base: x, y (m), heading (rad).
struct WaypointPartCard {
  std::vector<double> scale;  ///< what the policy's values are multiplied by, m, m, rad
  std::string reference;      ///< "first": each in the body frame of the observation; "previous": in that of the waypoint before
  std::string channel;        ///< world_from_body as x, y, heading, unit "m,m,rad"; empty: waypoints stay in the body frame

  friend bool operator==(const WaypointPartCard&, const WaypointPartCard&) = default;
};

/// Columns that the robot does not take.
struct UnusedPartCard {
  int size = 0;

  friend bool operator==(const UnusedPartCard&, const UnusedPartCard&) = default;
};

/// Consecutive columns of an action: exactly one of the kinds.
struct ActionPartCard {
  std::string name;
  std::optional<JointsPartCard> joints;
  std::optional<ToolPartCard> tool;
  std::optional<GripperPartCard> gripper;
  std::optional<WaypointPartCard> waypoint;
  std::optional<UnusedPartCard> unused;
  std::optional<PartNormalizationCard> normalization;  ///< absent: the values are as ActionCard::normalization leaves them

  friend bool operator==(const ActionPartCard&, const ActionPartCard&) = default;
};

/// Dimensions of a canonical slot; see action/canonical.hpp for the names.
struct CanonicalSlotCard {
  std::string part;
  int size = 0;

  friend bool operator==(const CanonicalSlotCard&, const CanonicalSlotCard&) = default;
};

/// A tensor that is wider or longer than what the parts say (since 1.2).
struct ActionLayoutCard {
  std::string name;                      ///< "canonical": 80 dimensions with slots; "padded": the first columns and rows count
  int width = 0;                         ///< columns of the tensor
  int rows = 0;                          ///< of the tensor, at least the horizon
  std::vector<CanonicalSlotCard> slots;  ///< of "canonical", in the order of the parts

  friend bool operator==(const ActionLayoutCard&, const ActionLayoutCard&) = default;
};

/// Actions as token ids instead of numbers (since 1.2).
struct ActionTokensCard {
  std::string language;  ///< "bins" or "fast"
  std::string mapping;   ///< from the model's ids to those of the language; see action/fast_tokenizer.hpp
  std::string folder;    ///< of "fast": subfolder of the policy directory with processor_config.json and tokenizer.json, "" for itself
  int vocab_size = 0;    ///< of the model, where ids are counted from its end
  int bins = 0;          ///< of "bins", edges included
  int max_tokens = 0;    ///< capacity of the id tensor
  bool relaxed = false;  ///< clip ids to bins, cut or fill FAST's coefficients (LeRobot's relaxed decoding), instead of refusing

  friend bool operator==(const ActionTokensCard&, const ActionTokensCard&) = default;
};

/// The action chunk.
struct ActionCard {
  DecoderKind decoder = DecoderKind::joint_absolute;
  std::vector<std::string> joint_names;    ///< joint order of the commands that the chunk leads to, grippers last
  std::vector<std::string> gripper_names;  ///< the joints among them that are grippers: absolute opening, m
  std::string tool_channel;                ///< channel with base_from_tool, for tool_delta
  int horizon = 0;                         ///< steps per chunk
  double rate = 0;                         ///< Hz of the steps
  NormalizationCard normalization;         ///< of a row as the tensor has it
  std::vector<ActionPartCard> parts;       ///< of decoder parts (since 1.2)
  std::optional<ActionLayoutCard> layout;  ///< absent: rows are the parts, one after the other (since 1.2)
  std::optional<ActionTokensCard> tokens;  ///< absent: numbers (since 1.2)

  /// Columns of the action tensor, or of the rows that its tokens stand for.
  [[nodiscard]] int size() const noexcept;
  /// Columns that the parts speak of.
  [[nodiscard]] int parts_size() const noexcept;
  /// Columns of the chunk that a decoder makes of it.
  [[nodiscard]] int chunk_size() const noexcept;
  /// Tools whose poses are in the chunk; 0: it holds joints, or waypoints.
  [[nodiscard]] int tools() const noexcept;
  /// The joints that are grippers, as places in joint_names.
  [[nodiscard]] std::vector<int> gripper_joints() const;

  friend bool operator==(const ActionCard&, const ActionCard&) = default;
};

/// Columns of one part.
[[nodiscard]] int part_size(const ActionPartCard& part) noexcept;

[[nodiscard]] std::string_view to_string(NormalizationMode mode) noexcept;
[[nodiscard]] std::string_view to_string(DecoderKind kind) noexcept;

}  // namespace sinew
