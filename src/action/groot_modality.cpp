// SPDX-License-Identifier: Apache-2.0
#include "sinew/action/groot_modality.hpp"

#include <fmt/format.h>

#include <Eigen/Geometry>
#include <algorithm>
#include <array>
#include <cmath>

#include "sinew/core/error.hpp"
#include "sinew/io/json_cursor.hpp"
#include "sinew/io/text.hpp"
#include "sinew/kinematics/rotation.hpp"

namespace sinew {

namespace {

constexpr std::string_view kEuler = "euler_angles_";
constexpr std::array<std::string_view, 10> kTypes = {"axis_angle",       "quaternion",       "rotation_6d",      "matrix",
                                                     "euler_angles_rpy", "euler_angles_ryp", "euler_angles_pry", "euler_angles_pyr",
                                                     "euler_angles_yrp", "euler_angles_ypr"};

/// R1(a) R2(b) R3(c), the letters r, p, y standing for x, y, z.
std::optional<Eigen::Matrix3d> from_euler(std::span<const double> angles, std::string_view letters) noexcept {
  Eigen::Matrix3d R = Eigen::Matrix3d::Identity();
  for (std::size_t i = 0; i < 3; ++i) {
    if (!(std::abs(angles[i]) <= kLargestAngle)) return std::nullopt;
    const Eigen::Vector3d axis = Eigen::Vector3d::Unit(letters[i] == 'r' ? 0 : letters[i] == 'p' ? 1 : 2);
    R = R * Eigen::AngleAxisd(angles[i], axis).toRotationMatrix();
  }
  return R;
}

std::vector<ModalitySlice> read_slices(const JsonCursor& at) {
  std::vector<ModalitySlice> slices;
  for (const auto& [name, entry] : at.members()) {
    ModalitySlice slice{.name = name,
                        .begin = static_cast<int>(entry.at("start").integer(0, 65535)),
                        .end = static_cast<int>(entry.at("end").integer(1, 65536)),
                        .rotation = {},
                        .original_key = {}};
    if (slice.end <= slice.begin) entry.at("end").refuse(fmt::format("more than start, {}", slice.begin));
    if (const auto rotation = entry.optional("rotation_type"); rotation && !rotation->is_null()) {
      slice.rotation = kTypes[rotation->one_of(kTypes)];
      if (groot_rotation_size(slice.rotation) != slice.end - slice.begin)
        rotation->refuse(fmt::format("a rotation of {} numbers", slice.end - slice.begin));
    }
    if (const auto absolute = entry.optional("absolute"); absolute && !absolute->is_null()) slice.absolute = absolute->boolean();
    if (const auto key = entry.optional("original_key"); key && !key->is_null()) slice.original_key = key->text();
    for (const auto& other : slices)
      if (other.original_key == slice.original_key && slice.begin < other.end && other.begin < slice.end)
        entry.at("start").refuse(fmt::format("columns that {} does not have", quote(other.name)));
    slices.push_back(std::move(slice));
  }
  return slices;
}

/// GR00T's files have the values of its enums ("xyz+rot6d") or their names ("XYZ_ROT6D").
std::string enum_value(const JsonCursor& at, std::initializer_list<std::string_view> values) {
  const auto plain = [](std::string_view text) {
    std::string result(text);
    for (char& c : result) c = c == '+' ? '_' : c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    return result;
  };
  for (const auto value : values)
    if (plain(at.text()) == plain(value)) return std::string(value);
  (void)at.one_of(values);
  return {};
}

ActionPartCard group_part(const std::string& name, const JsonCursor& config, const GrootGroupOptions& options, std::size_t g) {
  const std::string rep = enum_value(config.at("rep"), {"absolute", "relative", "delta"});
  const std::string type = enum_value(config.at("type"), {"eef", "non_eef"}),
                    format = enum_value(config.at("format"), {"default", "xyz+rot6d", "xyz+rotvec"});
  if (rep == "delta") config.at("rep").refuse("'absolute' or 'relative'", "deltas from step to step are not decoded");
  const bool relative = rep == "relative" && options.use_relative;
  const auto state_key = config.optional("state_key");
  const bool named = !options.channels.empty() && !options.channels[g].empty();
  const std::string channel = named ? options.channels[g] : state_key && !state_key->is_null() ? state_key->text() : name;
  ActionPartCard part;
  part.name = name;
  if (type == "eef") {
    const bool rot6d = format == "xyz+rot6d";
    if (!rot6d && format != "xyz+rotvec") config.at("format").refuse("'xyz+rot6d' or 'xyz+rotvec'");
    part.tool = ToolPartCard{.channel = relative ? channel : "",
                             .frame = relative ? "tool" : "base",
                             .reference = relative ? "first" : "absolute",
                             .rotation = rot6d ? "rot6d_rows" : "rotvec",
                             .camera = ""};
  } else {
    part.joints = JointsPartCard{.size = options.sizes[g], .relative_to = relative ? channel : ""};
  }
  if (part_size(part) != options.sizes[g]) config.refuse(fmt::format("{} columns for group {}", options.sizes[g], quote(name)));
  const std::string prefix = options.embodiment.empty() ? "" : options.embodiment + "/";
  part.normalization =
      PartNormalizationCard{.mode = options.use_percentiles && !relative ? NormalizationMode::quantile : NormalizationMode::min_max,
                            .rule = "groot",
                            .key = prefix + (relative ? "relative_action/" : "action/") + name};
  return part;
}

}  // namespace

const ModalitySlice& Modality::find(std::span<const ModalitySlice> slices, std::string_view name) {
  std::vector<std::string_view> names;
  for (const auto& slice : slices) names.push_back(slice.name);
  return slices[find_name(name, names, "Modality", "slice")];
}

Modality read_modality(const std::filesystem::path& path) {
  return modality_from_json(Json::read_file(path), printable(path.string(), 512));
}

Modality modality_from_json(const Json& json, const std::string& where) {
  const JsonCursor root(json, where);
  return {read_slices(root.at("state")), read_slices(root.at("action"))};
}

int groot_rotation_size(std::string_view type) noexcept {
  const auto found = std::ranges::find(kTypes, type);
  if (found == kTypes.end()) return 0;
  const auto place = found - kTypes.begin();
  return place == 1 ? 4 : place == 2 ? 6 : place == 3 ? 9 : 3;
}

std::optional<Eigen::Matrix3d> groot_rotation_matrix(std::span<const double> values, std::string_view type) noexcept {
  const int size = groot_rotation_size(type);
  if (size == 0 || values.size() != static_cast<std::size_t>(size)) return std::nullopt;
  if (type.starts_with(kEuler)) return from_euler(values, type.substr(kEuler.size()));
  if (type == "axis_angle") return to_matrix(values, RotationLayout::rotvec);
  if (type == "quaternion") {  // of any length, as pytorch3d takes it
    const Eigen::Quaterniond q(values[0], values[1], values[2], values[3]);
    const double norm = q.norm();
    return norm > 1e-9 && std::isfinite(norm) ? std::optional(matrix_from_quaternion(q)) : std::nullopt;
  }
  if (type == "rotation_6d") return to_matrix(values, RotationLayout::rot6d_rows);
  const Eigen::Matrix3d R = Eigen::Map<const Eigen::Matrix<double, 3, 3, Eigen::RowMajor>>(values.data());
  return is_rotation(R) ? std::optional(R) : std::nullopt;
}

std::vector<ActionPartCard> groot_action_parts(const Json& action_config, const GrootGroupOptions& options) {
  const JsonCursor root(action_config, "groot_action_parts");
  const auto keys = root.at("modality_keys").texts();
  const auto configs = root.at("action_configs").elements();
  if (configs.size() != keys.size()) root.at("action_configs").refuse(fmt::format("{} entries, one for each key", keys.size()));
  if (options.sizes.size() != keys.size() || (!options.channels.empty() && options.channels.size() != keys.size()))
    fail(ErrorCode::invalid_argument, {"groot_action_parts", "sizes and channels", fmt::format("one for each of {} groups", keys.size()),
                                       fmt::format("{} and {}", options.sizes.size(), options.channels.size()), ""});
  std::vector<ActionPartCard> parts;
  for (std::size_t g = 0; g < keys.size(); ++g) {
    parts.push_back(group_part(keys[g], configs[g], options, g));
    if (parts.back().tool && g > 0 && !parts[g - 1].tool) configs[g].refuse("end effectors before the other groups");
  }
  return parts;
}

}  // namespace sinew
