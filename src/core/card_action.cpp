// SPDX-License-Identifier: Apache-2.0
// What a card says of actions: sizes that follow from it, and what no decoder could mean.
#include <algorithm>
#include <cmath>
#include <cstdint>

#include "card_check.hpp"

namespace sinew {

int part_size(const ActionPartCard& part) noexcept {
  if (part.joints) return part.joints->size;
  if (part.unused) return part.unused->size;
  if (part.waypoint) return 3;
  if (!part.tool) return part.gripper ? 1 : 0;
  // Of the layouts in kinematics/rotation.hpp; the decoder checks the name.
  const std::string& rotation = part.tool->rotation;
  return 3 + (rotation.starts_with("rot6d") ? 6 : rotation == "xyzw" || rotation == "wxyz" ? 4 : 3);
}

int ActionCard::parts_size() const noexcept {
  int size = 0;
  for (const auto& part : parts) size += part_size(part);
  return size;
}

int ActionCard::size() const noexcept {
  if (decoder == DecoderKind::joint_absolute) return static_cast<int>(joint_names.size());
  if (decoder == DecoderKind::tool_delta) return 6 + static_cast<int>(gripper_names.size());
  return layout ? layout->width : parts_size();
}

int ActionCard::tools() const noexcept {
  if (decoder != DecoderKind::parts) return decoder == DecoderKind::tool_delta ? 1 : 0;
  return static_cast<int>(std::ranges::count_if(parts, [](const ActionPartCard& part) { return part.tool.has_value(); }));
}

int ActionCard::chunk_size() const noexcept {
  if (decoder != DecoderKind::parts) return size() + tools();  // a rotation vector leaves as a quaternion
  int columns = 0;
  for (const auto& part : parts) columns += part.tool ? 7 : part.unused ? 0 : part_size(part);
  return columns;
}

std::vector<int> ActionCard::gripper_joints() const {
  std::vector<int> joints;
  const int names = static_cast<int>(joint_names.size());
  if (decoder != DecoderKind::parts) {
    for (int i = names - static_cast<int>(gripper_names.size()); i < names; ++i) joints.push_back(i);
    return joints;
  }
  int joint = names;  // the parts behind the tools are the last joints
  for (const auto& part : parts) joint -= part.joints ? part.joints->size : part.gripper ? 1 : 0;
  for (const auto& part : parts) {
    if (part.gripper) joints.push_back(joint);
    joint += part.joints ? part.joints->size : part.gripper ? 1 : 0;
  }
  return joints;
}

namespace detail {

void check_normalization(const NormalizationCard& normalization, const StatisticsCard& statistics, const Checker& check,
                         std::string_view at) {
  if (normalization.mode == NormalizationMode::identity) {
    check.require(normalization.rule.empty() && normalization.key.empty(), at, "neither rule nor key with mode identity", "one of them",
                  "the identity reads no statistics");
    return;
  }
  check.text(normalization.rule, fmt::format("{}/rule", at));
  check.text(normalization.key, fmt::format("{}/key", at));
  check.require(!statistics.file.empty(), at, "a statistics file for a mode other than identity", "none", "name it in /statistics/file");
}

namespace {

void check_part(const ActionPartCard& part, const PolicyCard& card, const Checker& check, const std::string& at) {
  const int kinds = static_cast<int>(part.joints.has_value()) + static_cast<int>(part.tool.has_value()) +
                    static_cast<int>(part.gripper.has_value()) + static_cast<int>(part.waypoint.has_value()) +
                    static_cast<int>(part.unused.has_value());
  check.require(kinds == 1, at, "one of joints, tool, gripper, waypoint and unused", std::to_string(kinds));
  if (part.joints) check.bounded(part.joints->size, 65536, at + "/joints/size");
  if (part.joints)
    check.require(part.joints->first >= 0 && (part.joints->first == 0 || !part.joints->relative_to.empty()), at + "/joints/first",
                  "a place in the channel of relative_to, 0 without one", std::to_string(part.joints->first));
  if (part.unused) check.bounded(part.unused->size, 65536, at + "/unused/size");
  if (part.joints && !part.joints->relative_to.empty()) {
    const auto found = std::ranges::find(card.state.channels, part.joints->relative_to, &SensorCard::name);
    const std::int64_t end = std::int64_t{part.joints->first} + part.joints->size;  // either may be the largest int
    check.require(found != card.state.channels.end() && end <= found->size, at + "/joints/relative_to",
                  fmt::format("a channel of /state with {} values and more", end), shown(part.joints->relative_to));
  }
  if (part.tool) {
    const auto scale = [&](double value, const char* what) {
      check.require(value > 0 && value <= 1e6, fmt::format("{}/tool/{}", at, what), "a number above 0, up to 1e6",
                    fmt::format("{}", value));
    };
    scale(part.tool->position_scale, "position_scale");
    scale(part.tool->rotation_scale, "rotation_scale");
    check.require(part.tool->rotation_scale == 1 || part.tool->rotation == "rotvec" || part.tool->rotation == "rpy" ||
                      part.tool->rotation == "xyz_intrinsic",
                  at + "/tool/rotation_scale", "1 but for angles", fmt::format("{}", part.tool->rotation_scale));
    check.require(part.tool->reference != "absolute" || part.tool->channel.empty(), at + "/tool/channel", "none for absolute poses",
                  shown(part.tool->channel));
    if (part.tool->reference != "absolute") check.text(part.tool->channel, at + "/tool/channel");
    if (part.tool->frame == "camera") {
      check.text(part.tool->camera, at + "/tool/camera");
    } else {
      check.require(part.tool->camera.empty() && !part.tool->camera_optional, at + "/tool/camera", "no camera but with frame 'camera'",
                    shown(part.tool->camera));
    }
    check.require(!part.tool->camera_optional || part.tool->reference != "absolute", at + "/tool/camera_optional",
                  "false for absolute poses, which mean nothing in other axes", "true");
  }
  if (part.gripper)
    check.require(
        std::abs(part.gripper->open) <= 1e6 && std::abs(part.gripper->closed) <= 1e6 && part.gripper->open != part.gripper->closed,
        at + "/gripper", "two positions, open and closed, up to 1e6", fmt::format("{}, {}", part.gripper->open, part.gripper->closed));
  if (part.waypoint) {
    const auto& scale = part.waypoint->scale;
    check.require(scale.size() == 3 && std::ranges::all_of(scale, [](double s) { return s > 0 && s <= 1e6; }), at + "/waypoint/scale",
                  "three numbers above 0, up to 1e6", std::to_string(scale.size()));
  }
  if (!part.normalization) return;
  const auto& own = *part.normalization;
  check_normalization({own.mode, own.rule, own.key}, card.statistics, check, at + "/normalization");
  check.require(own.first >= 0 && card.action.normalization.mode == NormalizationMode::identity, at + "/normalization",
                "a first dimension from 0, and mode identity in /action/normalization", std::to_string(own.first),
                "one normalisation at a time");
}

/// Columns of the chunk, in the order of the robot: tools first, then one for each name behind the joints that the tools resolve to.
void check_columns(const ActionCard& action, const Checker& check) {
  int joints = 0;
  bool behind = false;
  for (const auto& part : action.parts) {
    check.require(!(part.tool && behind), "/action/parts", "tools before joints and grippers", shown(part.name));
    behind = behind || part.joints || part.gripper;
    joints += part.joints ? part.joints->size : part.gripper ? 1 : 0;
  }
  const int names = static_cast<int>(action.joint_names.size());
  check.require(action.tools() > 0 ? joints < names : joints == names, "/action/parts",
                action.tools() > 0
                    ? fmt::format("fewer joints and grippers than the {} joint_names, which hold those of the arms too", names)
                    : fmt::format("joints and grippers for the {} joint_names", names),
                std::to_string(joints));
}

void check_parts(const PolicyCard& card, const Checker& check) {
  const auto& action = card.action;
  if (action.decoder != DecoderKind::parts) {
    check.require(action.parts.empty() && !action.layout && !action.tokens, "/action",
                  "parts, layout and tokens with decoder 'parts' alone", "one of them");
    return;
  }
  check.require(!action.parts.empty() && action.parts.size() <= 64, "/action/parts", "1 to 64 parts", std::to_string(action.parts.size()));
  check.unique(action.parts, [](const ActionPartCard& part) -> const std::string& { return part.name; }, "/action/parts");
  int kept = 0, waypoints = 0;
  for (std::size_t i = 0; i < action.parts.size(); ++i) {
    check_part(action.parts[i], card, check, fmt::format("/action/parts/{}", i));
    kept += action.parts[i].unused ? 0 : 1;
    waypoints += action.parts[i].waypoint ? 1 : 0;
  }
  check.require(kept > 0, "/action/parts", "a part that the robot takes", "unused ones alone");
  check.require(waypoints == 0 || (waypoints == 1 && kept == 1), "/action/parts", "a waypoint alone, or none",
                std::to_string(waypoints) + " with others");
  if (waypoints == 0) check_columns(action, check);
}

void check_layout(const ActionCard& action, const Checker& check) {
  const auto& layout = *action.layout;
  const bool canonical = layout.name == "canonical";
  check.require(canonical || layout.name == "padded", "/action/layout/name", "'canonical' or 'padded'", shown(layout.name));
  check.bounded(layout.rows, 4096, "/action/layout/rows");
  check.require(layout.rows >= action.horizon, "/action/layout/rows", fmt::format("at least the horizon, {}", action.horizon),
                std::to_string(layout.rows));
  check.bounded(layout.width, 65536, "/action/layout/width");
  check.require(layout.slots.empty() != canonical, "/action/layout/slots", canonical ? "the slots of the embodiment" : "none",
                std::to_string(layout.slots.size()));
  int slots = 0;
  for (std::size_t i = 0; i < layout.slots.size(); ++i) {
    check.text(layout.slots[i].part, fmt::format("/action/layout/slots/{}/part", i));
    check.bounded(layout.slots[i].size, 80, fmt::format("/action/layout/slots/{}/size", i));
    slots += layout.slots[i].size;
  }
  const int parts = action.parts_size();
  check.require(canonical ? slots == parts : parts <= layout.width, "/action/parts",
                canonical ? fmt::format("{} columns, as the slots have", slots) : fmt::format("at most {} columns", layout.width),
                std::to_string(parts));
}

void check_tokens(const ActionCard& action, const Checker& check) {
  const int rows = action.layout ? action.layout->rows : action.horizon;
  check.require(rows == action.horizon, "/action/layout/rows",
                fmt::format("the horizon, {}, because tokens stand for whole chunks", action.horizon), std::to_string(rows));
  const auto& tokens = *action.tokens;
  const bool bins = tokens.language == "bins";
  check.require(bins || tokens.language == "fast", "/action/tokens/language", "'bins' or 'fast'", shown(tokens.language));
  check.text(tokens.mapping, "/action/tokens/mapping");
  check.bounded(tokens.max_tokens, 1 << 20, "/action/tokens/max_tokens");
  const int values = action.horizon * std::min(action.size(), 65536);
  check.require(!bins || tokens.max_tokens >= values, "/action/tokens/max_tokens", fmt::format("at least {}, an id for each value", values),
                std::to_string(tokens.max_tokens));
  check.require(bins ? tokens.bins >= 2 && tokens.bins <= 65536 && tokens.folder.empty() : tokens.bins == 0, "/action/tokens/bins",
                bins ? "2 to 65536 bins and no folder" : "0: FAST has none", std::to_string(tokens.bins));
  check.require(tokens.folder.find('/') == std::string::npos && tokens.folder != "." && tokens.folder != "..", "/action/tokens/folder",
                "a subfolder of the policy directory", shown(tokens.folder));
  check.require(tokens.vocab_size >= 0, "/action/tokens/vocab_size", "a size", std::to_string(tokens.vocab_size));
}

}  // namespace

void check_action(const PolicyCard& card, const Checker& check) {
  const auto& action = card.action;
  const bool waypoints = std::ranges::any_of(action.parts, [](const ActionPartCard& part) { return part.waypoint.has_value(); });
  check.require(action.joint_names.empty() == waypoints && action.joint_names.size() <= 64, "/action/joint_names",
                waypoints ? "none: the chunk is waypoints" : "1 to 64 joints", std::to_string(action.joint_names.size()));
  check.unique(action.joint_names, [](const std::string& name) -> const std::string& { return name; }, "/action/joint_names");
  check.unique(action.gripper_names, [](const std::string& name) -> const std::string& { return name; }, "/action/gripper_names");
  for (std::size_t i = 0; i < action.gripper_names.size(); ++i) {
    const std::size_t place = action.joint_names.size() - action.gripper_names.size() + i;
    const bool last = action.gripper_names.size() <= action.joint_names.size() && action.joint_names[place] == action.gripper_names[i];
    check.require(last, "/action/gripper_names", "the last of joint_names, in the same order", shown(action.gripper_names[i]));
  }
  check.bounded(action.horizon, 4096, "/action/horizon");
  check.require(action.rate >= 1e-3 && action.rate <= 1e6, "/action/rate", "0.001 to 1000000 Hz", fmt::format("{}", action.rate));
  check_normalization(action.normalization, card.statistics, check, "/action/normalization");
  if (action.decoder == DecoderKind::tool_delta) {
    check.text(action.tool_channel, "/action/tool_channel");
  } else {
    check.require(action.tool_channel.empty(), "/action/tool_channel", "no tool channel but with decoder tool_delta",
                  shown(action.tool_channel));
  }
  check_parts(card, check);
  if (action.layout) check_layout(action, check);
  if (action.tokens) check_tokens(action, check);
}

}  // namespace detail

}  // namespace sinew
