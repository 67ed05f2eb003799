// SPDX-License-Identifier: Apache-2.0
#include "sinew/core/card.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "sinew/core/error.hpp"

namespace sinew {

std::string_view to_string(ProcessorKind kind) noexcept { return kind == ProcessorKind::raw ? "raw" : "qwen3_vl"; }
std::string_view to_string(NormalizationMode mode) noexcept { return mode == NormalizationMode::identity ? "identity" : "quantile"; }
std::string_view to_string(DecoderKind kind) noexcept { return kind == DecoderKind::joint_absolute ? "joint_absolute" : "tool_delta"; }

int StateCard::size() const noexcept {
  int size = 0;
  for (const auto& channel : channels) size += channel.size;
  return size;
}

int ActionCard::size() const noexcept {
  const int joints = static_cast<int>(joint_names.size());
  return decoder == DecoderKind::joint_absolute ? joints : 6 + static_cast<int>(gripper_names.size());
}

namespace {

/// Carries the place of the card through the checks.
class Checker {
 public:
  explicit Checker(const std::string& where) : where_(where) {}

  void require(bool condition, std::string_view what, std::string_view expected, std::string_view got, std::string_view hint = "") const {
    if (!condition) fail(ErrorCode::invalid_argument, {where_, what, expected, got, hint});
  }
  void text(const std::string& value, std::string_view what) const { require(!value.empty(), what, "a non-empty text", "an empty one"); }
  void positive(double value, std::string_view what) const {
    require(std::isfinite(value) && value > 0, what, "a finite number above 0", fmt::format("{}", value));
  }
  void bounded(int value, int most, std::string_view what) const {
    require(value > 0 && value <= most, what, fmt::format("1 to {}", most), std::to_string(value));
  }
  template <class Entries, class Name>
  void unique(const Entries& entries, Name name, std::string_view what) const {
    std::set<std::string> seen;
    for (const auto& entry : entries) {
      text(name(entry), what);
      require(seen.insert(name(entry)).second, what, "each name once", fmt::format("'{}' twice", name(entry)));
    }
  }

 private:
  const std::string& where_;
};

void check_cameras(const PolicyCard& card, const Checker& check) {
  check.unique(card.cameras, [](const CameraCard& camera) { return camera.name; }, "/cameras names");
  for (std::size_t i = 0; i < card.cameras.size(); ++i) {
    const auto& camera = card.cameras[i];
    check.bounded(camera.height, 8192, fmt::format("/cameras/{}/height", i));
    check.bounded(camera.width, 8192, fmt::format("/cameras/{}/width", i));
    check.text(camera.resample, fmt::format("/cameras/{}/resample", i));
  }
}

void check_normalization(const NormalizationCard& normalization, const StatisticsCard& statistics, const Checker& check,
                         std::string_view what) {
  if (normalization.mode == NormalizationMode::identity) {
    check.require(normalization.rule.empty() && normalization.key.empty(), what, "neither rule nor key with mode identity", "one of them",
                  "the identity reads no statistics");
    return;
  }
  check.text(normalization.rule, fmt::format("{}/rule", what));
  check.text(normalization.key, fmt::format("{}/key", what));
  check.require(!statistics.file.empty(), what, "a statistics file for a mode other than identity", "none", "name it in /statistics/file");
}

void check_action(const PolicyCard& card, const Checker& check) {
  const auto& action = card.action;
  check.require(!action.joint_names.empty() && action.joint_names.size() <= 64, "/action/joint_names", "1 to 64 joints",
                std::to_string(action.joint_names.size()));
  check.unique(action.joint_names, [](const std::string& name) { return name; }, "/action/joint_names");
  check.unique(action.gripper_names, [](const std::string& name) { return name; }, "/action/gripper_names");
  for (std::size_t i = 0; i < action.gripper_names.size(); ++i) {
    const std::size_t place = action.joint_names.size() - action.gripper_names.size() + i;
    const bool last = action.gripper_names.size() <= action.joint_names.size() && action.joint_names[place] == action.gripper_names[i];
    check.require(last, "/action/gripper_names", "the last of joint_names, in the same order",
                  fmt::format("'{}'", action.gripper_names[i]));
  }
  check.bounded(action.horizon, 4096, "/action/horizon");
  check.positive(action.rate, "/action/rate");
  check_normalization(action.normalization, card.statistics, check, "/action/normalization");
  if (action.decoder == DecoderKind::tool_delta) {
    check.text(action.tool_channel, "/action/tool_channel");
  } else {
    check.require(action.tool_channel.empty(), "/action/tool_channel", "no tool channel with decoder joint_absolute",
                  fmt::format("'{}'", action.tool_channel));
  }
}

void check_limits(const LimitsCard& limits, std::size_t joints, const Checker& check) {
  const auto column = [&](const std::vector<double>& values, std::string_view what, bool positive) {
    check.require(values.size() == joints, fmt::format("/limits/{}", what), fmt::format("{} values, one per joint", joints),
                  std::to_string(values.size()));
    for (const double value : values)
      check.require(std::isfinite(value) && (!positive || value > 0), fmt::format("/limits/{}", what),
                    positive ? "finite values above 0" : "finite values", fmt::format("{}", value));
  };
  column(limits.lower, "lower", false);
  column(limits.upper, "upper", false);
  column(limits.velocity, "velocity", true);
  column(limits.acceleration, "acceleration", true);
  column(limits.jerk, "jerk", true);
  for (std::size_t i = 0; i < joints; ++i)
    check.require(limits.lower[i] < limits.upper[i], fmt::format("/limits of joint {}", i), "lower < upper",
                  fmt::format("{} and {}", limits.lower[i], limits.upper[i]));
}

}  // namespace

void validate(const PolicyCard& card, const std::string& where) {
  const Checker check(where);
  check.text(card.name, "/name");
  check.text(card.architecture, "/architecture");
  check.text(card.backend, "/backend");
  check_cameras(card, check);
  check.text(card.prompt.name, "/prompt/name");
  check.bounded(card.prompt.max_bytes, 1 << 20, "/prompt/max_bytes");
  check.require(!card.state.channels.empty(), "/state/channels", "at least one channel", "none");
  check.unique(card.state.channels, [](const SensorCard& sensor) { return sensor.name; }, "/state/channels names");
  for (std::size_t i = 0; i < card.state.channels.size(); ++i) {
    const auto& channel = card.state.channels[i];
    check.text(channel.unit, fmt::format("/state/channels/{}/unit", i));
    check.bounded(channel.size, 65536, fmt::format("/state/channels/{}/size", i));
    check.positive(channel.rate, fmt::format("/state/channels/{}/rate", i));
  }
  check_normalization(card.state.normalization, card.statistics, check, "/state/normalization");
  check_action(card, check);
  if (!card.statistics.file.empty()) {
    const auto hexadecimal = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
    check.require(
        card.statistics.sha256.size() == 64 && std::all_of(card.statistics.sha256.begin(), card.statistics.sha256.end(), hexadecimal),
        "/statistics/sha256", "64 lower-case hexadecimal digits", fmt::format("'{}'", card.statistics.sha256));
    check.require(card.statistics.file.find('/') == std::string::npos && card.statistics.file != "..", "/statistics/file",
                  "a file of the policy directory", fmt::format("'{}'", card.statistics.file));
  }
  if (card.limits) check_limits(*card.limits, card.action.joint_names.size(), check);
}

}  // namespace sinew
