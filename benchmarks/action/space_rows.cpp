// SPDX-License-Identifier: Apache-2.0
// Normalisation, the decode path of an 80-D chunk, real-time chunking.
#include <fmt/format.h>

#include <Eigen/Geometry>
#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include "action/suite.hpp"
#include "sinew/action/parts_decoder.hpp"
#include "sinew/core/chunk_math.hpp"

namespace sinew::bench {

namespace {

constexpr std::size_t kEntries = 16;

std::vector<float> uniform(std::mt19937_64& random, std::size_t count, double low = -1, double high = 1) {
  std::uniform_real_distribution<double> distribution(low, high);
  std::vector<float> values(count);
  for (auto& value : values) value = static_cast<float>(distribution(random));
  return values;
}

void write(ActionSuite& suite, const char* name, const std::vector<float>& values) {
  suite.baselines().write(name, values.data(), values.size() * sizeof(float));
}

template <class Value>
bool near(std::span<const Value> ours, std::span<const std::byte> theirs, double tolerance) {
  if (theirs.size() != ours.size_bytes()) return false;
  std::vector<Value> expected(ours.size());
  std::memcpy(expected.data(), theirs.data(), theirs.size());
  return std::ranges::equal(
      ours, expected, [tolerance](Value a, Value b) { return std::abs(static_cast<double>(a) - static_cast<double>(b)) <= tolerance; });
}

void normalize_row(ActionSuite& suite) {
  constexpr std::size_t kDim = 14, kHorizon = 50;
  std::mt19937_64 random(3);
  const auto states = uniform(random, kEntries * kDim), actions = uniform(random, kEntries * kHorizon * kDim);
  auto mean = uniform(random, kDim);
  const auto std = uniform(random, kDim, 0.2, 2);
  VectorStatistics statistics{.mean = {mean.begin(), mean.end()}, .std = {std.begin(), std.end()}};
  const Normalizer normalizer(statistics, NormalizationMode::mean_std, "lerobot", kDim);
  mean.insert(mean.end(), std.begin(), std.end());
  write(suite, "states", states);
  write(suite, "actions", actions);
  write(suite, "stats", mean);

  std::vector<float> out(kDim + kHorizon * kDim);
  const ActionWork work{.run =
                            [&](std::size_t entry) {
                              const std::span<float> both(out);
                              const bool good =
                                  normalizer.forward(std::span(states).subspan(entry * kDim, kDim), both.first(kDim)) == Status::ok &&
                                  normalizer.forward(std::span(actions).subspan(entry * kHorizon * kDim, kHorizon * kDim),
                                                     both.subspan(kDim)) == Status::ok;
                              if (!good) out[0] = -99;
                              keep(out[0]);
                            },
                        .agrees = [&](std::span<const std::byte> theirs) { return near<float>(out, theirs, 2e-5); },
                        .entries = kEntries};
  suite.compare({.id = "A3/normalize",
                 .what = "normalise state [14] and action [50, 14], mean_std",
                 .unit = "ns",
                 .scale = 1e9,
                 .least_ratio = 60,
                 .most = 200,
                 .note = heap_note(work, "calls")},
                work);
}

/// Both arms of the canonical vector: joints unused, tools in camera axes, grippers.
PolicyCard canonical_card() {
  PolicyCard card;
  card.name = card.architecture = card.backend = "bench";
  card.prompt = {.name = "instruction", .fields = {}, .max_bytes = 64};
  card.state.channels = {{.name = "state", .unit = "rad", .size = 1, .rate = 100}};
  card.statistics = {.file = "stats.json", .sha256 = std::string(64, '0'), .format = "sinew"};
  auto& action = card.action;
  action.decoder = DecoderKind::parts;
  action.horizon = 16;
  action.rate = 10;
  action.normalization = {NormalizationMode::quantile, "openvla", "action"};
  for (int i = 0; i < 16; ++i) action.joint_names.push_back(fmt::format("joint_{}", i));
  action.layout = ActionLayoutCard{.name = "canonical", .width = 80, .rows = 16, .slots = {}};
  for (const char* side : {"left", "right"}) {
    action.layout->slots.push_back({fmt::format("{}_tool", side), 6});
    ActionPartCard tool;
    tool.name = fmt::format("{}_tool", side);
    tool.tool = ToolPartCard{tool.name, "camera", "first", "rotvec", 1, 1, "camera", false};
    action.parts.push_back(tool);
  }
  for (const char* side : {"left", "right"}) {
    action.layout->slots.push_back({fmt::format("{}_gripper", side), 1});
    ActionPartCard gripper;
    gripper.name = fmt::format("{}_gripper", side);
    gripper.gripper = GripperPartCard{"opening", 1, 0};
    action.parts.push_back(gripper);
  }
  return card;
}

/// The chunk as the baseline writes it: position and rotation matrix of each tool, then the grippers.
std::vector<double> as_matrices(const ActionChunk& chunk) {
  std::vector<double> out;
  for (int i = 0; i < chunk.horizon; ++i) {
    const auto row = chunk.step(i);
    for (std::size_t arm = 0; arm < 2; ++arm) {
      const auto pose = row.subspan(arm * 7, 7);
      out.insert(out.end(), pose.begin(), pose.begin() + 3);
      const Eigen::Matrix<double, 3, 3, Eigen::RowMajor> R = Eigen::Quaterniond(pose[3], pose[4], pose[5], pose[6]).toRotationMatrix();
      out.insert(out.end(), R.data(), R.data() + 9);
    }
    out.insert(out.end(), row.begin() + 14, row.end());
  }
  return out;
}

void decode_row(ActionSuite& suite) {
  std::mt19937_64 random(4);
  const auto chunks = uniform(random, kEntries * 16 * 80);
  auto low = uniform(random, 80, -0.5, -0.1);
  const auto high = uniform(random, 80, 0.1, 0.5);
  VectorStatistics statistics;
  statistics.q01.assign(low.begin(), low.end());
  statistics.q99.assign(high.begin(), high.end());
  low.insert(low.end(), high.begin(), high.end());
  Observation observation;
  std::vector<float> poses;
  for (const char* name : {"left_tool", "right_tool", "camera"}) {
    auto values = uniform(random, 7);
    const float norm = std::sqrt(values[3] * values[3] + values[4] * values[4] + values[5] * values[5] + values[6] * values[6]);
    for (std::size_t i = 3; i < 7; ++i) values[i] /= norm;
    observation.channels.push_back({name, "m,quat_wxyz", {values.begin(), values.end()}, {}});
    poses.insert(poses.end(), values.begin(), values.end());
  }
  write(suite, "canonical", chunks);
  write(suite, "canonical_stats", low);
  write(suite, "canonical_poses", poses);

  PartsDecoder decoder(canonical_card(), {{"action", statistics}});
  TensorMap tensors = make_tensors(decoder.spec());
  const auto numbers = tensors["actions"].as<float>();
  ActionChunk chunk;
  const ActionWork work{.run =
                            [&](std::size_t entry) {
                              std::copy_n(chunks.begin() + static_cast<std::ptrdiff_t>(entry * numbers.size()), numbers.size(),
                                          numbers.begin());
                              if (decoder.decode(tensors, observation, chunk) != Status::ok) chunk.values[0] = -99;
                              keep(chunk.values[0]);
                            },
                        .agrees = [&](std::span<const std::byte> theirs) { return near<double>(as_matrices(chunk), theirs, 2e-6); },
                        .entries = kEntries};
  suite.compare({.id = "A4/decode_80d",
                 .what = "[16, 80] to SI units, unpacked, two tools from camera axes to the base frame",
                 .unit = "us",
                 .scale = 1e6,
                 .most = 5,
                 .note = heap_note(work, "calls")},
                work);
}

void rtc_row(ActionSuite& suite) {
  constexpr std::size_t kHorizon = 50, kSize = kHorizon * 32;
  std::mt19937_64 random(5);
  const auto x = uniform(random, kEntries * kSize), v = uniform(random, kEntries * kSize), prefix = uniform(random, kEntries * kSize);
  write(suite, "rtc_x", x);
  write(suite, "rtc_v", v);
  write(suite, "rtc_prefix", prefix);
  std::vector<float> weights(kHorizon), out(kSize);
  const ActionWork work{.run =
                            [&](std::size_t entry) {
                              const std::size_t at = entry * kSize;
                              std::copy_n(v.begin() + static_cast<std::ptrdiff_t>(at), kSize, out.begin());
                              const ChunkPrefix<float> rest{std::span(prefix).subspan(at, kSize), static_cast<int>(kHorizon), 32};
                              const bool good = rtc_prefix_weights<float>(5, 25, PrefixSchedule::linear, weights) == Status::ok &&
                                                rtc_guide<float>(std::span(x).subspan(at, kSize), rest, weights,
                                                                 {0.4, FlowDirection::noise_at_one}, 10, out) == Status::ok;
                              if (!good) out[0] = -99;
                              keep(out[0]);
                            },
                        .agrees = [&](std::span<const std::byte> theirs) { return near<float>(out, theirs, 1e-5); },
                        .entries = kEntries};
  suite.compare({.id = "A5/rtc",
                 .what = "prefix weights and guidance of a chunk [50, 32]",
                 .unit = "us",
                 .scale = 1e6,
                 .most = 3,
                 .note = heap_note(work, "calls")},
                work);
}

}  // namespace

void space_rows(ActionSuite& suite) {
  normalize_row(suite);
  decode_row(suite);
  rtc_row(suite);
}

}  // namespace sinew::bench
