// SPDX-License-Identifier: Apache-2.0
// One chunk of tool poses through three action languages and back: camera-frame deltas in 80 dimensions, bins, FAST.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <sinew/sinew.hpp>
#include <vector>

namespace {

constexpr int kSteps = 16, kDim = 7;  // six numbers of a pose and a gripper

sinew::ToolPose<double> pose(double x, double y, double z, const Eigen::Vector3d& rotvec) {
  return {{x, y, z}, sinew::quaternion_exp(rotvec)};
}

void check(sinew::Status status) {
  if (status != sinew::Status::ok) throw std::runtime_error(std::string(sinew::to_string(status)));
}

}  // namespace

int main() try {
  // Where tool and camera stand now, and the poses (m, rad) that the policy wants: a reach with a turn of the wrist; the gripper closes.
  const sinew::PoseAnchor anchor{pose(0.4, 0, 0.3, {3.14, 0, 0}), pose(1, 0.2, 0.8, {-2, 0.5, 0.4})};
  const sinew::PoseRule rule{.frame = sinew::PoseFrame::camera};
  std::vector<sinew::ToolPose<double>> targets;
  std::vector<double> rows(kSteps * kDim), back(rows.size());
  sinew::PoseWalk encoder(rule, anchor);
  for (int i = 0; i < kSteps; ++i) {
    const double s = i / 15.0;
    targets.push_back(pose(0.4 + 0.15 * s, 0.1 * std::sin(3 * s), 0.3 - 0.2 * s, {3.14, 0, 0.6 * s}));
    const auto row = std::span(rows).subspan(static_cast<std::size_t>(i) * kDim, kDim);
    check(encoder.encode(targets.back(), row.first(6)));
    row[6] = 1 - std::clamp(4 * s - 2.5, 0.0, 1.0);
  }

  // What a model sees is normalised; the statistics are those of this one chunk.
  sinew::VectorStatistics statistics{.q01 = std::vector<double>(kDim, 1e9), .q99 = std::vector<double>(kDim, -1e9)};
  for (std::size_t i = 0; i < rows.size(); ++i) {
    statistics.q01[i % kDim] = std::min(statistics.q01[i % kDim], rows[i]);
    statistics.q99[i % kDim] = std::max(statistics.q99[i % kDim], rows[i]);
  }
  const sinew::Normalizer normalizer(statistics, sinew::NormalizationMode::quantile, "qwen", kDim);
  std::vector<float> chunk(rows.size()), canonical(kSteps * sinew::kCanonicalDim), decoded(rows.size());
  check(normalizer.forward(rows, chunk));

  const auto report = [&](const char* name, const std::string& size) {
    check(normalizer.inverse(decoded, back));
    sinew::PoseWalk walk(rule, anchor);
    double position = 0, gripper = 0;
    for (int i = 0; i < kSteps; ++i) {
      const auto row = std::span<const double>(back).subspan(static_cast<std::size_t>(i) * kDim, kDim);
      sinew::ToolPose<double> target;
      check(walk.decode(row.first(6), target));
      position = std::max(position, (target.position - targets[static_cast<std::size_t>(i)].position).cwiseAbs().maxCoeff());
      gripper = std::max(gripper, std::abs(row[6] - rows[static_cast<std::size_t>(i) * kDim + 6]));
    }
    fmt::print("{:9} {:8} position off by {:.3f} mm, gripper by {:.4f}\n", name, size, 1000 * position, gripper);
  };

  // 1. Qwen-RobotManip: the slots of the canonical vector.
  const sinew::CanonicalLayout layout({{sinew::CanonicalPart::left_tool, 6}, {sinew::CanonicalPart::left_gripper, 1}});
  check(layout.pack<float>(chunk, canonical));
  check(layout.unpack<float>(canonical, decoded));
  report("canonical", "numbers");

  // 2. OpenVLA: one token per number.
  const sinew::BinTokenizer bins({.vocab_size = 32000});
  std::vector<sinew::TokenId> ids(chunk.size() * 4);
  check(bins.encode(std::span<const float>(chunk), std::span(ids).first(chunk.size())));
  check(bins.decode(std::span(ids).first(chunk.size()), decoded));
  report("bins", fmt::format("{} ids", chunk.size()));

  // 3. FAST: the whole chunk as text; the vocabulary is learned from variations of it.
  std::vector<std::vector<float>> variations(200, chunk);
  std::vector<sinew::FastChunk<const float>> views;
  for (std::size_t i = 0; i < variations.size(); ++i) {
    for (std::size_t k = 0; k < chunk.size(); ++k)
      variations[i][k] *= 0.3F + 0.7F * static_cast<float>((i * 37 + k % kDim * 59) % 200) / 200;
    views.push_back({variations[i], kDim});
  }
  const auto fast = sinew::FastTokenizer::fit(views, {.vocab_size = 512, .scale = 20});
  sinew::FastScratch scratch;
  sinew::FastEncoded encoded;
  check(fast.encode({chunk, kDim}, scratch, ids, encoded));
  check(fast.decode(std::span(ids).first(encoded.count), {}, scratch, {decoded, kDim}));
  report("FAST", fmt::format("{} ids", encoded.count));
  return EXIT_SUCCESS;
} catch (const std::exception& error) {
  fmt::print(stderr, "{}\n", error.what());
  return EXIT_FAILURE;
}
