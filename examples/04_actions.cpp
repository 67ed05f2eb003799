// SPDX-License-Identifier: Apache-2.0
// One chunk of tool poses through three action languages and back: camera-frame deltas in 80 dimensions, bins, FAST.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <sinew/sinew.hpp>
#include <vector>

using namespace sinew;
constexpr std::size_t kSteps = 16, kDim = 7;  // six numbers of a pose and a gripper

void check(Status status) {
  if (status != Status::ok) throw std::runtime_error(std::string(to_string(status)));
}
ToolPose<double> pose(double x, double y, double z, const Eigen::Vector3d& rotvec) { return {{x, y, z}, quaternion_exp(rotvec)}; }

int main() try {
  // Where tool and camera stand now, and the poses (m, rad) that the policy wants: a reach with a turn of the wrist; the gripper closes.
  const PoseAnchor anchor{pose(0.4, 0, 0.3, {3.14, 0, 0}), pose(1, 0.2, 0.8, {-2, 0.5, 0.4})};
  const PoseRule rule{.frame = PoseFrame::camera};
  PoseWalk encoder(rule, anchor);
  std::vector<ToolPose<double>> targets;
  std::vector<double> rows(kSteps * kDim), back(rows.size());
  for (std::size_t i = 0; i < kSteps; ++i) {
    const double s = static_cast<double>(i) / 15;
    targets.push_back(pose(0.4 + 0.15 * s, 0.1 * std::sin(3 * s), 0.3 - 0.2 * s, {3.14, 0, 0.6 * s}));
    check(encoder.encode(targets.back(), std::span(rows).subspan(i * kDim, 6)));
    rows[i * kDim + 6] = 1 - std::clamp(4 * s - 2.5, 0.0, 1.0);
  }

  // What a model sees is normalised; the statistics are those of this one chunk.
  VectorStatistics statistics{.q01 = std::vector<double>(kDim, 1e9), .q99 = std::vector<double>(kDim, -1e9)};
  for (std::size_t i = 0; i < rows.size(); ++i) {
    statistics.q01[i % kDim] = std::min(statistics.q01[i % kDim], rows[i]);
    statistics.q99[i % kDim] = std::max(statistics.q99[i % kDim], rows[i]);
  }
  const Normalizer normalizer(statistics, NormalizationMode::quantile, "qwen", kDim);
  std::vector<float> chunk(rows.size()), canonical(kSteps * kCanonicalDim), decoded(rows.size());
  check(normalizer.forward(rows, chunk));

  const auto report = [&](const char* name, std::size_t tokens) {
    check(normalizer.inverse(decoded, back));
    PoseWalk walk(rule, anchor);
    double off = 0;
    for (std::size_t i = 0; i < kSteps; ++i) {
      ToolPose<double> target;
      check(walk.decode(std::span(back).subspan(i * kDim, 6), target));
      off = std::max(off, (target.position - targets[i].position).norm());
    }
    fmt::print("{:9} {:3} ids, position off by {:.3f} mm\n", name, tokens, 1000 * off);
  };

  const CanonicalLayout layout({{CanonicalPart::left_tool, 6}, {CanonicalPart::left_gripper, 1}});  // 1. Qwen-RobotManip: slots
  check(layout.pack<float>(chunk, canonical));
  check(layout.unpack<float>(canonical, decoded));
  report("canonical", 0);

  const BinTokenizer bins({.vocab_size = 32000});  // 2. OpenVLA: one token per number
  std::vector<TokenId> ids(chunk.size() * 4);
  check(bins.encode(std::span<const float>(chunk), std::span(ids).first(chunk.size())));
  check(bins.decode(std::span(ids).first(chunk.size()), std::span(decoded)));
  report("bins", chunk.size());

  std::vector<std::vector<float>> variations(200, chunk);  // 3. FAST: the whole chunk as text, a vocabulary learned from variations
  std::vector<FastChunk<const float>> views;
  for (std::size_t i = 0; i < variations.size(); ++i) {
    for (float& value : variations[i]) value *= 0.3F + 0.7F * static_cast<float>(i % 50) / 49;
    views.push_back({variations[i], kDim});
  }
  const auto fast = FastTokenizer::fit(views, {.vocab_size = 512, .scale = 20});
  FastScratch scratch;
  FastEncoded encoded;
  check(fast.encode(FastChunk<const float>{chunk, kDim}, scratch, ids, encoded));
  check(fast.decode(std::span(ids).first(encoded.count), {}, scratch, {decoded, kDim}));
  report("FAST", encoded.count);
} catch (const std::exception& error) {
  fmt::print(stderr, "{}\n", error.what());
  return EXIT_FAILURE;
}
