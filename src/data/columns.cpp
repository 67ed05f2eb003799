// SPDX-License-Identifier: Apache-2.0
#include "columns.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

namespace sinew {

namespace {

ColumnKind kind_of(std::string_view word) {
  if (word == "rad" || word == "m") return ColumnKind::position;
  return word.starts_with("quat") ? ColumnKind::quaternion : ColumnKind::other;
}

/// Gives each quaternion of a table the sign that is nearer to the one before; what is not finite has no say.
void unroll(std::vector<double>& table, std::size_t width, std::size_t first) {
  std::size_t before = 0;
  for (std::size_t row = width; row + width <= table.size(); row += width) {
    double product = 0, squares = 0;
    for (std::size_t k = first; k < first + 4; ++k) {
      product += table[row + k] * table[before + k];
      squares += table[row + k] * table[row + k];
    }
    if (product < 0)
      for (std::size_t k = first; k < first + 4; ++k) table[row + k] = -table[row + k];
    if (std::isfinite(squares)) before = row;
  }
}

class Gatherer {
 public:
  explicit Gatherer(std::span<const CurationFile> files) : files_(files) {}

  std::vector<Column> run() {
    for (file_ = 0; file_ < files_.size(); ++file_)
      for (episode_ = 0; episode_ < files_[file_].episodes.size(); ++episode_) {
        const Episode& episode = *files_[file_].episodes[episode_];
        for (const EpisodeChannel& channel : episode.channels)
          add(channel.name, channel.values, channel.width, column_kinds(channel.unit, channel.width));
        add("action", episode.actions, episode.dof, std::vector(episode.dof, ColumnKind::position));
      }
    return std::move(columns_);
  }

 private:
  void add(const std::string& name, std::vector<double> table, std::size_t width, const std::vector<ColumnKind>& kinds) {
    const CurationFile& file = files_[file_];
    const Episode& episode = *file.episodes[episode_];
    const bool joints = width == file.joint_names.size();
    for (std::size_t c = 0; c + 3 < width; ++c)
      if (kinds[c] == ColumnKind::quaternion && (c == 0 || kinds[c - 1] != ColumnKind::quaternion)) unroll(table, width, c);
    for (std::size_t c = 0; c < width; ++c) {
      const std::string full = joints ? name + '/' + file.joint_names[c] : fmt::format("{}/{}", name, c);
      const auto [place, fresh] = places_.try_emplace(full, columns_.size());
      if (fresh) columns_.push_back({full, kinds[c], joints && is_gripper(file, c), {}});
      columns_[place->second].parts.push_back({file_, episode_, episode.period(), column_of(table, width, c)});
    }
  }

  std::span<const CurationFile> files_;
  std::size_t file_ = 0;
  std::size_t episode_ = 0;
  std::vector<Column> columns_;
  std::map<std::string, std::size_t> places_;
};

}  // namespace

std::vector<ColumnKind> column_kinds(std::string_view unit, std::size_t width) {
  std::vector<std::string_view> words;
  while (true) {
    const std::size_t comma = unit.find(',');
    words.push_back(unit.substr(0, comma));
    if (comma == std::string_view::npos) break;
    unit.remove_prefix(comma + 1);
  }
  std::vector<ColumnKind> tail;
  for (std::size_t i = 1; i < words.size(); ++i) tail.insert(tail.end(), words[i].starts_with("quat") ? 4 : 1, kind_of(words[i]));
  if (words.size() == 1 && words[0].starts_with("quat") && width != 4) return std::vector(width, ColumnKind::other);
  if (tail.size() > width) return std::vector(width, ColumnKind::other);
  std::vector<ColumnKind> kinds(width - tail.size(), kind_of(words[0]));
  kinds.insert(kinds.end(), tail.begin(), tail.end());
  return kinds;
}

std::vector<Column> gather_columns(std::span<const CurationFile> files) { return Gatherer(files).run(); }

std::vector<double> column_of(std::span<const double> table, std::size_t width, std::size_t index) {
  std::vector<double> column;
  column.reserve(width == 0 ? 0 : table.size() / width);
  for (std::size_t i = index; i < table.size(); i += width) column.push_back(table[i]);
  return column;
}

std::vector<std::size_t> missing_frames(const Episode& episode) {
  std::vector<std::size_t> missing(episode.frames());
  const double period = episode.period();
  for (std::size_t i = 1; period > 0 && i < missing.size(); ++i)
    missing[i] = static_cast<std::size_t>(std::max(0.0, std::round(to_seconds(episode.times[i] - episode.times[i - 1]) / period) - 1));
  return missing;
}

bool is_gripper(const CurationFile& file, std::size_t index) {
  return index < file.joint_names.size() && std::ranges::find(file.gripper_names, file.joint_names[index]) != file.gripper_names.end();
}

}  // namespace sinew
