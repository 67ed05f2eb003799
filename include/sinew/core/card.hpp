// SPDX-License-Identifier: Apache-2.0
// The policy card: plain structs that say, with units, what a policy was trained on and what it emits.
// io/card_json.hpp reads and writes them as sinew.json; docs/policy_card.md describes every field.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sinew/core/dtype.hpp"

namespace sinew {

/// How the pixels of one camera become a tensor.
enum class ProcessorKind : std::uint8_t {
  raw,       ///< `u8 [height, width, 3]`, resized when the camera has another size
  qwen2_vl,  ///< Qwen patches: smart resize, scale, normalise, 2x2 block order (observation/image_processor.hpp)
  qwen2_5_vl,
  qwen3_vl,
  qwen3_5,
  openpi,  ///< the others: one image each (observation/frame_recipe.hpp)
  pi0,
  pi05,
  pi0_lerobot04,
  pi05_lerobot04,
  smolvla,
  openvla,
  openvla_oft,
  groot_n15,
  groot_n16,
  groot_n17,
  groot_n17_albumentations,
  act,
  diffusion,
  starvla
};

/// Whether a processor makes patches of one tensor for all cameras.
[[nodiscard]] constexpr bool is_qwen(ProcessorKind kind) noexcept {
  return kind >= ProcessorKind::qwen2_vl && kind <= ProcessorKind::qwen3_5;
}

/// One camera as the policy expects it.
struct CameraCard {
  std::string name;  ///< as in Observation::cameras
  std::string view;  ///< view tag in prompts, e.g. "ego", "cam_left_wrist"; may be empty
  ProcessorKind processor = ProcessorKind::raw;
  std::string resample;     ///< resize rule by name, e.g. "pil_bicubic"
  int height = 0;           ///< of the frames that the policy was trained on, pixels
  int width = 0;            ///< pixels
  bool rotate_180 = false;  ///< turn the frame before anything else

  friend bool operator==(const CameraCard&, const CameraCard&) = default;
};

/// One sensor channel that the policy reads.
struct SensorCard {
  std::string name;  ///< as in Observation::channels
  std::string unit;  ///< must equal Channel::unit
  int size = 0;      ///< number of values
  double rate = 0;   ///< Hz

  friend bool operator==(const SensorCard&, const SensorCard&) = default;
};

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

/// The state vector: the named channels, concatenated in this order.
struct StateCard {
  std::vector<SensorCard> channels;
  NormalizationCard normalization;

  /// Sum of the channel sizes.
  [[nodiscard]] int size() const noexcept;

  friend bool operator==(const StateCard&, const StateCard&) = default;
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

/// The prompt: a template by name and its constant fields; `instruction` comes with each observation.
struct PromptCard {
  std::string name;                           ///< e.g. "qwen_vla"; "instruction" passes the bare text
  std::map<std::string, std::string> fields;  ///< e.g. robot_tag, arms
  int max_bytes = 0;                          ///< capacity of the UTF-8 prompt tensor

  friend bool operator==(const PromptCard&, const PromptCard&) = default;
};

/// Text as token ids: the tokenizer of the policy directory and how its ids are laid out.
struct TextCard {
  std::string tokenizer;  ///< file of the directory: "tokenizer.json" or a SentencePiece ".model"
  int max_tokens = 0;     ///< capacity of the id tensors, image tokens included
  std::string padding;    ///< to max_tokens: "none", "left" or "right"
  int pad_id = 0;
  bool add_special_tokens = false;  ///< what the tokenizer puts around a text, e.g. BOS
  bool positions = false;           ///< write `position_ids`: multi-section rotary positions of the Qwen-VL generations

  friend bool operator==(const TextCard&, const TextCard&) = default;
};

/// Which moments of the past the policy sees, and how old a sample may be.
struct HistoryCard {
  std::vector<double> camera_offsets;  ///< s, ascending, the last one 0: a frame of every camera for each
  std::vector<double> state_offsets;   ///< s, ascending, the last one 0
  double max_age = 0;                  ///< s: a sample farther from its moment is refused
  double max_skew = 0;                 ///< s: between the cameras of one moment

  friend bool operator==(const HistoryCard&, const HistoryCard&) = default;
};

/// Statistics file of the policy directory.
struct StatisticsCard {
  std::string file;    ///< relative to the directory; empty when nothing is normalised
  std::string sha256;  ///< of the file, 64 hexadecimal digits
  std::string format;  ///< whose layout the file has, see io/statistics_file.hpp; empty without a file (since 1.2)

  friend bool operator==(const StatisticsCard&, const StatisticsCard&) = default;
};

/// Joint limits of the policy's own, one value per entry of ActionCard::joint_names.
struct LimitsCard {
  std::vector<double> lower;         ///< rad or m
  std::vector<double> upper;         ///< rad or m
  std::vector<double> velocity;      ///< rad/s or m/s
  std::vector<double> acceleration;  ///< rad/s^2 or m/s^2
  std::vector<double> jerk;          ///< rad/s^3 or m/s^3

  friend bool operator==(const LimitsCard&, const LimitsCard&) = default;
};

/// The whole card. Nothing here has a default that could hide a mistake: the reader demands every field.
struct PolicyCard {
  std::string format_version = "1.2";  ///< major.minor of the card's own format
  std::string name;
  std::string architecture;  ///< model that the backend must run, e.g. "affine", "demonstrator"
  std::string backend;       ///< preferred entry of the backend registry
  DType dtype = DType::f32;  ///< of the model's arithmetic
  std::vector<CameraCard> cameras;
  PromptCard prompt;
  std::optional<TextCard> text;        ///< absent: the prompt goes out as UTF-8 (since 1.1)
  std::optional<HistoryCard> history;  ///< absent: the current observation alone (since 1.1)
  StateCard state;
  ActionCard action;
  StatisticsCard statistics;
  std::optional<LimitsCard> limits;

  friend bool operator==(const PolicyCard&, const PolicyCard&) = default;
};

/// Throws Error for what no reader could accept: empty or duplicate names, sizes or rates that are not positive and
/// finite, limits of the wrong length, grippers that are not joints, a normalisation without statistics.
/// `where` begins the message.
void validate(const PolicyCard& card, const std::string& where);

[[nodiscard]] std::string_view to_string(ProcessorKind kind) noexcept;
[[nodiscard]] std::string_view to_string(NormalizationMode mode) noexcept;
[[nodiscard]] std::string_view to_string(DecoderKind kind) noexcept;

}  // namespace sinew
