// SPDX-License-Identifier: Apache-2.0
// GR00T's names for parts of a state or action: slices of meta/modality.json, rotation types, and the groups of N1.7 as a card's parts.
#pragma once

#include <Eigen/Core>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sinew/core/card.hpp"
#include "sinew/io/json.hpp"

namespace sinew {

/// Columns `[begin, end)` of the flat vector of a data set.
struct ModalitySlice {
  std::string name;
  int begin = 0;
  int end = 0;
  std::string rotation;      ///< rotation_type of the file; empty: no rotation
  bool absolute = true;      ///< of actions: false for displacements
  std::string original_key;  ///< feature of the data set; empty: observation.state, or action
};

/// meta/modality.json of a LeRobot data set that GR00T (and StarVLA) read.
struct Modality {
  std::vector<ModalitySlice> state;
  std::vector<ModalitySlice> action;

  /// The slice of that name. Throws Error that lists the names.
  [[nodiscard]] static const ModalitySlice& find(std::span<const ModalitySlice> slices, std::string_view name);
};

/// Reads the file. Throws Error: parse, or invalid_argument for slices that are empty, overlap or have an unknown rotation type. `video`
/// and `annotation` are not looked at.
[[nodiscard]] Modality read_modality(const std::filesystem::path& path);
[[nodiscard]] Modality modality_from_json(const Json& json, const std::string& where);

/// Rotation matrix of numbers in a rotation type of GR00T N1.5 and StarVLA: axis_angle, quaternion (w x y z, of any length but 0),
/// rotation_6d (rows), matrix, euler_angles_{rpy, ryp, pry, pyr, yrp, ypr}: turns about x (r), y (p) and z (y) in the order of the letters,
/// each about the axes as the ones before have turned them (pytorch3d 0.7.6 by way of StarVLA 0ed0aad
/// starVLA/dataloader/gr00t_lerobot/transform/state_action.py). nullopt for another count of numbers, for numbers that are no rotation, and
/// for types that there are not.
[[nodiscard]] std::optional<Eigen::Matrix3d> groot_rotation_matrix(std::span<const double> values, std::string_view type) noexcept;
/// Numbers of a type; 0 for types that there are not.
[[nodiscard]] int groot_rotation_size(std::string_view type) noexcept;

/// What N1.7's files leave to the caller.
struct GrootGroupOptions {
  std::string embodiment;  ///< prefix of the statistics' keys, "<embodiment>/action/<group>"; empty: none
  std::vector<std::string>
      channels;  ///< of each group: what relative values refer to ("m,quat_wxyz" for end effectors); empty: its state_key, else its name
  std::vector<int> sizes;        ///< of each group
  bool use_relative = false;     ///< use_relative_action of the processor
  bool use_percentiles = false;  ///< of absolute groups; relative ones never have them
};

/// The parts of a card for `modality_config.action` of a GR00T N1.7 processor_config.json (modality_keys, action_configs): end effectors
/// as tool parts in rot6d_rows (xyz+rot6d) or rotvec (xyz+rotvec), the others as joints, each with its own normalisation by rule "groot".
/// Relative end effectors are composed in SE(3) (huggingface/lerobot @ 7427f31 src/lerobot/policies/groot/utils.py). Tools come first
/// in a card; a configuration in another order, or with "delta" groups, is refused.
[[nodiscard]] std::vector<ActionPartCard> groot_action_parts(const Json& action_config, const GrootGroupOptions& options);

}  // namespace sinew
