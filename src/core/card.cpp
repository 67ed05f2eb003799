// SPDX-License-Identifier: Apache-2.0
#include "sinew/core/card.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "card_check.hpp"

namespace sinew {

std::string_view to_string(ProcessorKind kind) noexcept {
  static constexpr std::array<std::string_view, 20> kNames = {"raw",
                                                              "qwen2_vl",
                                                              "qwen2_5_vl",
                                                              "qwen3_vl",
                                                              "qwen3_5",
                                                              "openpi",
                                                              "pi0",
                                                              "pi05",
                                                              "pi0_lerobot04",
                                                              "pi05_lerobot04",
                                                              "smolvla",
                                                              "openvla",
                                                              "openvla_oft",
                                                              "groot_n15",
                                                              "groot_n16",
                                                              "groot_n17",
                                                              "groot_n17_albumentations",
                                                              "act",
                                                              "diffusion",
                                                              "starvla"};
  return kNames[static_cast<std::size_t>(kind)];
}
std::string_view to_string(NormalizationMode mode) noexcept {
  static constexpr std::array<std::string_view, kNormalizationModes.size()> kNames{"identity",   "mean_std", "min_max", "quantile",
                                                                                   "quantile10", "scale",    "binary",  "sin_cos"};
  return kNames[static_cast<std::size_t>(mode)];
}
std::string_view to_string(DecoderKind kind) noexcept {
  static constexpr std::array<std::string_view, 3> kNames = {"joint_absolute", "tool_delta", "parts"};
  return kNames[static_cast<std::size_t>(kind)];
}

int StateCard::size() const noexcept {
  int size = 0;
  for (const auto& channel : channels) size += channel.size;
  return size;
}

namespace {

using detail::check_action;
using detail::check_normalization;
using detail::Checker;
using detail::shown;

void check_cameras(const PolicyCard& card, const Checker& check) {
  check.require(card.cameras.size() <= 64, "/cameras", "at most 64 cameras", std::to_string(card.cameras.size()));
  check.unique(card.cameras, [](const CameraCard& camera) -> const std::string& { return camera.name; }, "/cameras");
  for (std::size_t i = 0; i < card.cameras.size(); ++i) {
    const auto& camera = card.cameras[i];
    check.bounded(camera.height, 8192, fmt::format("/cameras/{}/height", i));
    check.bounded(camera.width, 8192, fmt::format("/cameras/{}/width", i));
    check.text(camera.resample, fmt::format("/cameras/{}/resample", i));
    if (!camera.view.empty()) check.text(camera.view, fmt::format("/cameras/{}/view", i));
  }
}

/// A file name that stays inside the policy directory.
void check_file(const std::string& file, const Checker& check, std::string_view at) {
  check.text(file, at);
  check.require(file.find('/') == std::string::npos && file != "." && file != "..", at, "a file of the policy directory", shown(file));
}

void check_text(const TextCard& text, const Checker& check) {
  check_file(text.tokenizer, check, "/text/tokenizer");
  check.bounded(text.max_tokens, 1 << 20, "/text/max_tokens");
  check.require(text.padding == "none" || text.padding == "left" || text.padding == "right", "/text/padding", "'none', 'left' or 'right'",
                shown(text.padding));
  check.require(text.pad_id >= 0, "/text/pad_id", "a token id", std::to_string(text.pad_id));
}

void check_history(const HistoryCard& history, const Checker& check) {
  const auto offsets = [&](const std::vector<double>& values, std::string_view at) {
    const bool finite = std::ranges::all_of(values, [](double value) { return std::isfinite(value) && value >= -3600; });
    const bool ascending = std::ranges::is_sorted(values, std::ranges::less_equal()) && !values.empty() && values.size() <= 256;
    check.require(finite && ascending && values.back() == 0, at, "1 to 256 ascending offsets in s, from -3600, the last one 0",
                  values.empty() ? "none" : fmt::format("{} to {}", values.front(), values.back()));
  };
  offsets(history.camera_offsets, "/history/camera_offsets");
  offsets(history.state_offsets, "/history/state_offsets");
  check.positive(history.max_age, "/history/max_age");
  check.positive(history.max_skew, "/history/max_skew");
  check.require(history.max_age <= 3600 && history.max_skew <= 3600, "/history", "at most 3600 s", "more");
}

void check_state(const StateCard& state, const Checker& check) {
  check.require(!state.channels.empty() && state.channels.size() <= 256, "/state/channels", "1 to 256 channels",
                std::to_string(state.channels.size()));
  check.unique(state.channels, [](const SensorCard& sensor) -> const std::string& { return sensor.name; }, "/state/channels");
  std::int64_t total = 0;
  for (std::size_t i = 0; i < state.channels.size(); ++i) {
    const auto& channel = state.channels[i];
    check.text(channel.unit, fmt::format("/state/channels/{}/unit", i));
    check.bounded(channel.size, 65536, fmt::format("/state/channels/{}/size", i));
    check.positive(channel.rate, fmt::format("/state/channels/{}/rate", i));
    total += channel.size;
  }
  check.require(total <= 65536, "/state/channels", "at most 65536 values together", std::to_string(total));
}

/// What the prompt tells the model about the chunk must be what the card says of it.
void check_prompt(const PolicyCard& card, const Checker& check) {
  const auto agrees = [&](const char* field, double value) {
    const auto found = card.prompt.fields.find(field);
    if (found == card.prompt.fields.end()) return;
    double stated = 0;
    const char* end = found->second.data() + found->second.size();
    const auto [rest, error] = std::from_chars(found->second.data(), end, stated);
    check.require(error == std::errc() && rest == end && stated == value, fmt::format("/prompt/fields/{}", field),
                  fmt::format("{}, as in /action", value), shown(found->second));
  };
  agrees("fps", card.action.rate);
  agrees("chunk_size", card.action.horizon);
}

/// A tool pose that the policy also reads as state must have the form of a pose.
void check_tool_channel(const PolicyCard& card, const Checker& check) {
  for (std::size_t i = 0; i < card.state.channels.size(); ++i) {
    const auto& channel = card.state.channels[i];
    if (card.action.decoder == DecoderKind::tool_delta && channel.name == card.action.tool_channel)
      check.require(channel.size == 7 && channel.unit == "m,quat_wxyz", fmt::format("/state/channels/{}", i),
                    "7 values in 'm,quat_wxyz', because it is the tool channel",
                    fmt::format("{} in {}", channel.size, shown(channel.unit)));
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
    check.require(limits.lower[i] < limits.upper[i], fmt::format("/limits/lower/{}", i), "a value below the upper limit",
                  fmt::format("{}, not below {}", limits.lower[i], limits.upper[i]));
}

void check_statistics(const StatisticsCard& statistics, const Checker& check) {
  if (statistics.file.empty()) {
    check.require(statistics.sha256.empty(), "/statistics/sha256", "none without a statistics file", "one",
                  "name the file in /statistics/file");
    check.require(statistics.format.empty(), "/statistics/format", "none without a statistics file", shown(statistics.format));
    return;
  }
  check_file(statistics.file, check, "/statistics/file");
  check.text(statistics.format, "/statistics/format");
  const auto hexadecimal = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  check.require(statistics.sha256.size() == 64 && std::all_of(statistics.sha256.begin(), statistics.sha256.end(), hexadecimal),
                "/statistics/sha256", "64 lower-case hexadecimal digits", shown(statistics.sha256));
}

}  // namespace

void validate(const PolicyCard& card, const std::string& where) {
  const Checker check(where);
  check.text(card.name, "/name");
  check.text(card.architecture, "/architecture");
  check.text(card.backend, "/backend");
  const bool real = card.dtype == DType::f16 || card.dtype == DType::bf16 || card.dtype == DType::f32 || card.dtype == DType::f64;
  check.require(real, "/dtype", "f16, bf16, f32 or f64", to_string(card.dtype));
  check_cameras(card, check);
  check.text(card.prompt.name, "/prompt/name");
  check.bounded(card.prompt.max_bytes, 1 << 20, "/prompt/max_bytes");
  if (card.text) check_text(*card.text, check);
  if (card.history) check_history(*card.history, check);
  check_state(card.state, check);
  check_normalization(card.state.normalization, card.statistics, check, "/state/normalization");
  check_action(card, check);
  check_statistics(card.statistics, check);
  check_prompt(card, check);
  check_tool_channel(card, check);
  if (card.limits) check_limits(*card.limits, card.action.joint_names.size(), check);
}

}  // namespace sinew
