// SPDX-License-Identifier: Apache-2.0
// The policy card: plain structs that say, with units, what a policy was trained on and what it emits.
// io/card_json.hpp reads and writes them as sinew.json; docs/policy_card.md describes every field.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sinew/core/card_action.hpp"
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

/// The state vector: the named channels, concatenated in this order.
struct StateCard {
  std::vector<SensorCard> channels;
  NormalizationCard normalization;

  /// Sum of the channel sizes.
  [[nodiscard]] int size() const noexcept;

  friend bool operator==(const StateCard&, const StateCard&) = default;
};

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

}  // namespace sinew
