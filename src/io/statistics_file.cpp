// SPDX-License-Identifier: Apache-2.0
#include "sinew/io/statistics_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include "sinew/core/error.hpp"
#include "sinew/io/file.hpp"
#include "sinew/io/json_cursor.hpp"
#include "sinew/io/safetensors.hpp"
#include "sinew/io/sha256.hpp"
#include "sinew/io/text.hpp"

namespace sinew {

namespace {

constexpr std::array<std::string_view, 6> kFormats{"sinew", "lerobot", "lerobot_safetensors", "openpi", "openvla", "groot"};
constexpr std::array<std::string_view, 8> kNames{"mean", "std", "min", "max", "q01", "q10", "q90", "q99"};
constexpr JsonLimits kLimits{.max_bytes = std::size_t{64} << 20, .max_nodes = 4'000'000};

/// Rows of one statistic.
struct Rows {
  std::vector<double> values;
  std::size_t steps = 1;
};

/// The statistics of one entry while they come in: each may have one row or one per step.
class Entry {
 public:
  /// Says what is wrong with them together, or nothing.
  [[nodiscard]] std::string add(std::string_view name, Rows rows) {
    if (rows.values.empty()) return "at least one number";
    const std::size_t dim = rows.values.size() / rows.steps;
    if (dim_ != 0 && dim != dim_) return fmt::format("{} numbers, as the others of this key", dim_);
    if (steps_ != 1 && rows.steps != 1 && rows.steps != steps_) return fmt::format("{} steps, as the others of this key", steps_);
    dim_ = dim;
    steps_ = std::max(steps_, rows.steps);
    rows_.emplace_back(name, std::move(rows));
    return "";
  }
  [[nodiscard]] std::string add_mask(std::vector<std::uint8_t> mask) {
    mask_ = std::move(mask);
    return "";
  }
  /// Both must agree once everything is there.
  [[nodiscard]] bool mask_fits() const noexcept { return mask_.empty() || dim_ == 0 || mask_.size() == dim_; }

  [[nodiscard]] VectorStatistics take() const {
    VectorStatistics statistics{.mask = mask_, .steps = steps_};
    for_each_statistic(statistics, [&](std::string_view name, std::vector<double>& values) {
      for (const auto& [known, rows] : rows_)
        for (std::size_t step = 0; known == name && step < steps_ / rows.steps; ++step)
          values.insert(values.end(), rows.values.begin(), rows.values.end());
    });
    return statistics;
  }

 private:
  std::vector<std::pair<std::string, Rows>> rows_;
  std::vector<std::uint8_t> mask_;
  std::size_t dim_ = 0;
  std::size_t steps_ = 1;
};

bool is_array(const JsonCursor& at) { return at.value().as_array() != nullptr; }

/// The number of `[[number]]`, the statistic of a channel.
double read_channel(const JsonCursor& at) {
  const auto inner = at.elements();
  if (inner.size() != 1) at.refuse("an array of one array of one number");
  const auto number = inner.front().numbers();
  if (number.size() != 1) inner.front().refuse("one number");
  return number.front();
}

/// The numbers of an array; LeRobot writes minimum and maximum of boolean features as booleans.
std::vector<double> read_numbers(const JsonCursor& at, bool booleans) {
  const auto elements = at.elements();
  if (!booleans || elements.empty() || elements.front().value().as_boolean() == nullptr) return at.numbers();
  std::vector<double> values;
  for (const JsonCursor& element : elements) values.push_back(element.boolean() ? 1 : 0);
  return values;
}

/// `[dim]`, `[steps, dim]`, or with `channels` `[dim, 1, 1]`.
Rows read_rows(const JsonCursor& at, bool channels) {
  const auto elements = at.elements();
  if (elements.empty() || !is_array(elements.front())) return {read_numbers(at, channels), 1};
  const auto first = elements.front().elements();
  Rows rows;
  if (channels && !first.empty() && is_array(first.front())) {
    for (const JsonCursor& element : elements) rows.values.push_back(read_channel(element));
    return rows;
  }
  rows.steps = elements.size();
  for (const JsonCursor& element : elements) {
    const std::vector<double> row = element.numbers();
    if (row.size() != first.size()) element.refuse(fmt::format("{} numbers, as in the first row", first.size()));
    rows.values.insert(rows.values.end(), row.begin(), row.end());
  }
  return rows;
}

std::vector<std::uint8_t> read_mask(const JsonCursor& at) {
  std::vector<std::uint8_t> mask;
  for (const JsonCursor& element : at.elements()) mask.push_back(element.boolean() ? 1 : 0);
  if (mask.empty()) at.refuse("at least one boolean");
  return mask;
}

/// What an entry of a format may hold.
struct EntryRules {
  bool mask = false;      ///< a member "mask"
  bool channels = false;  ///< statistics of images
  bool nulls = false;     ///< null for a statistic that there is not
  bool extras = false;    ///< "count" and "q50"
};

VectorStatistics read_entry(const JsonCursor& at, const EntryRules& rules) {
  Entry entry;
  for (const auto& [name, value] : at.members()) {
    if ((rules.nulls && value.is_null()) || (rules.extras && (name == "count" || name == "q50"))) continue;
    std::string wrong;
    if (rules.mask && name == "mask") {
      wrong = entry.add_mask(read_mask(value));
    } else if (std::ranges::find(kNames, name) != kNames.end()) {
      wrong = entry.add(name, read_rows(value, rules.channels));
    } else {
      const auto near = nearest_name(name, kNames);
      fail(ErrorCode::parse, {at.place(), fmt::format("unknown key {}", quote(name)), "one of " + join_names(kNames), "",
                              near.empty() ? "" : fmt::format("did you mean '{}'?", near)});
    }
    if (!wrong.empty()) value.refuse(wrong);
  }
  if (!entry.mask_fits()) at.at("mask").refuse("as many booleans as the statistics have numbers");
  return entry.take();
}

void insert(Statistics& statistics, const std::string& key, VectorStatistics value, const JsonCursor& at) {
  if (!statistics.emplace(key, std::move(value)).second) at.refuse("a key that no other entry has");
}

Statistics read_flat(const JsonCursor& root, const EntryRules& rules) {
  Statistics statistics;
  for (const auto& [key, entry] : root.members()) insert(statistics, key, read_entry(entry, rules), entry);
  return statistics;
}

Statistics read_openvla(const JsonCursor& root) {
  Statistics statistics;
  for (const auto& [owner, parts] : root.members()) {
    for (const auto& [part, entry] : parts.members()) {
      if (part == "num_transitions" || part == "num_trajectories") continue;
      insert(statistics, owner + '/' + part, read_entry(entry, {.mask = true}), entry);
    }
  }
  return statistics;
}

Statistics read_groot(const JsonCursor& root) {
  Statistics statistics;
  for (const auto& [owner, modalities] : root.members())
    for (const auto& [modality, groups] : modalities.members())
      for (const auto& [group, entry] : groups.members())
        insert(statistics, owner + '/' + modality + '/' + group, read_entry(entry, {}), entry);
  return statistics;
}

Statistics read_safetensors(const SafetensorsFile& file, const std::string& where) {
  std::map<std::string, Entry> entries;
  for (const auto& [name, view] : file.tensors()) {
    const auto refuse = [&](std::string_view expected, const std::string& got) {
      fail(ErrorCode::parse, {where, fmt::format("tensor {}", quote(name)), expected, got, ""});
    };
    const auto dot = name.rfind('.');
    const std::string statistic = dot == std::string::npos ? "" : name.substr(dot + 1);
    if (statistic == "count" || statistic == "q50") continue;
    if (std::ranges::find(kNames, statistic) == kNames.end()) refuse("a name that ends with one of ." + join_names(kNames), "another");
    const auto& shape = view.shape;
    const bool image = shape.size() == 3 && shape[1] == 1 && shape[2] == 1;
    if (shape.empty() || (shape.size() > 2 && !image))
      refuse("the shape [dim], [steps, dim] or [channels, 1, 1]", fmt::format("{} axes", shape.size()));
    if (view.count() > kLimits.max_nodes) refuse("fewer numbers", std::to_string(view.count()));
    const auto steps = static_cast<std::size_t>(shape.size() == 2 ? shape[0] : 1);
    Rows rows{file.doubles(name), std::max<std::size_t>(steps, 1)};
    if (const std::string wrong = entries[name.substr(0, dot)].add(statistic, std::move(rows)); !wrong.empty())
      refuse(wrong, fmt::format("{} in {} rows", view.count(), steps));
  }
  Statistics statistics;
  for (const auto& [key, entry] : entries) statistics.emplace(key, entry.take());
  return statistics;
}

}  // namespace

std::string_view to_string(StatisticsFormat format) noexcept { return kFormats[static_cast<std::size_t>(format)]; }

StatisticsFormat statistics_format(std::string_view name) {
  const auto found = std::ranges::find(kFormats, name);
  if (found == kFormats.end()) {
    const auto near = nearest_name(name, kFormats);
    fail(ErrorCode::unsupported, {"statistics", "format", "one of " + join_names(kFormats), quote(name),
                                  near.empty() ? "" : fmt::format("did you mean '{}'?", near)});
  }
  return static_cast<StatisticsFormat>(found - kFormats.begin());
}

Statistics statistics_from_json(const Json& json, StatisticsFormat format, const std::string& where) {
  const JsonCursor root(json, where);
  switch (format) {
    case StatisticsFormat::lerobot: return read_flat(root, {.channels = true, .extras = true});
    case StatisticsFormat::openpi: root.only_keys({"norm_stats"}); return read_flat(root.at("norm_stats"), {.nulls = true});
    case StatisticsFormat::openvla: return read_openvla(root);
    case StatisticsFormat::groot: return read_groot(root);
    case StatisticsFormat::sinew: return read_flat(root, {.mask = true});
    case StatisticsFormat::lerobot_safetensors: break;
  }
  fail(ErrorCode::invalid_argument, {where, "format", "one of JSON", to_string(format), "read_statistics reads the file"});
}

Statistics statistics_from_json(const Json& json, const std::string& where) {
  return statistics_from_json(json, StatisticsFormat::sinew, where);
}

Statistics read_statistics(const std::filesystem::path& path, StatisticsFormat format) {
  if (format == StatisticsFormat::lerobot_safetensors) return read_safetensors(SafetensorsFile(path), printable(path.string(), 512));
  return statistics_from_json(Json::read_file(path, kLimits), format, printable(path.string(), 512));
}

Statistics read_statistics(const std::filesystem::path& directory, const StatisticsCard& card) {
  if (card.file.empty()) return {};
  const StatisticsFormat format = statistics_format(card.format);
  const std::filesystem::path path = directory / card.file;
  const std::string where = printable(path.string(), 512);
  const std::vector<std::byte> bytes = read_binary_file(path, kLimits.max_bytes);  // once: what is hashed is what is parsed
  if (const auto digest = sha256(bytes); digest != card.sha256)
    fail(ErrorCode::parse,
         {where, "SHA-256 of the statistics", printable(card.sha256), digest, "the card was written for another statistics file"});
  if (format == StatisticsFormat::lerobot_safetensors) return read_safetensors(SafetensorsFile(bytes, where), where);
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return statistics_from_json(Json::parse(text, where, kLimits), format, where);
}

std::string statistics_key(const Statistics& statistics, std::string_view owner, std::string_view part) {
  std::vector<std::string_view> owners;
  for (const auto& [key, unused] : statistics) {
    const std::string_view name = key;
    if (name.size() > part.size() && name.ends_with(part) && name[name.size() - part.size() - 1] == '/')
      owners.push_back(name.substr(0, name.size() - part.size() - 1));
  }
  const std::string what = fmt::format("owner of {}", quote(part));
  const std::string known = owners.empty() ? "statistics that have it" : "one of " + printable(join_names(owners), 1024);
  if (owner.empty() && owners.size() != 1) fail(ErrorCode::invalid_argument, {"statistics", what, known, "none", "name one"});
  const auto found = owner.empty() ? owners.begin() : std::ranges::find(owners, owner);
  if (found == owners.end()) {
    const auto near = nearest_name(owner, owners);
    fail(ErrorCode::not_found, {"statistics", what, known, quote(owner), near.empty() ? "" : fmt::format("did you mean {}?", quote(near))});
  }
  return std::string(*found) + '/' + std::string(part);
}

}  // namespace sinew
