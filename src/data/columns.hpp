// SPDX-License-Identifier: Apache-2.0
// A data set by columns: what stages 1 and 3 look at.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sinew/data/curate.hpp"

namespace sinew {

/// What the numbers of a column are.
enum class ColumnKind : std::uint8_t { position, quaternion, other };

/// Kinds of a channel's columns by its unit, "rad,m" or "m,quat_wxyz": each word but the first stands for one column (a quaternion for
/// four) at the end, the first for all before.
[[nodiscard]] std::vector<ColumnKind> column_kinds(std::string_view unit, std::size_t width);

/// One column of one episode.
struct ColumnPart {
  std::size_t file = 0;
  std::size_t episode = 0;
  double period = 0;  ///< s
  std::vector<double> values;
};

/// One column of all episodes. Quaternions are on one side: each row's sign is the one nearer to the row before.
struct Column {
  std::string name;  ///< "joint_position/j3", "action/gripper", "tool_pose/0"
  ColumnKind kind = ColumnKind::other;
  bool gripper = false;
  std::vector<ColumnPart> parts;
};

/// All columns of channels and actions.
[[nodiscard]] std::vector<Column> gather_columns(std::span<const CurationFile> files);

/// Column `index` of a row-major table.
[[nodiscard]] std::vector<double> column_of(std::span<const double> table, std::size_t width, std::size_t index);

/// Frames that an episode lacks before each of its own, by their times.
[[nodiscard]] std::vector<std::size_t> missing_frames(const Episode& episode);

/// Whether joint `index` of a file's actions is a gripper.
[[nodiscard]] bool is_gripper(const CurationFile& file, std::size_t index);

}  // namespace sinew
