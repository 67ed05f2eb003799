// SPDX-License-Identifier: Apache-2.0
// R3: do a million recorded tool poses follow from their joints?
#include <Eigen/Geometry>
#include <algorithm>
#include <cmath>
#include <fstream>
#include <sstream>

#include "fk_baseline.hpp"
#include "record/suite.hpp"
#include "sinew/core/clock.hpp"
#include "sinew/kinematics/forward.hpp"
#include "sinew/kinematics/pose_error.hpp"

namespace sinew::bench {
namespace {

constexpr std::size_t kFrames = 1'000'000;

/// Joints within the limits, and their poses off by a millimetre or two.
void make_frames(const Chain<>& chain, std::vector<double>& q, std::vector<double>& poses) {
  const auto dof = static_cast<std::size_t>(chain.dof());
  q.resize(kFrames * dof);
  std::uint64_t state = 7;
  const auto uniform = [&] {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    return static_cast<double>(state >> 11) * 0x1p-53;
  };
  for (std::size_t i = 0; i < q.size(); ++i) {
    const auto j = static_cast<Eigen::Index>(i % dof);
    q[i] = chain.lower()[j] + (chain.upper()[j] - chain.lower()[j]) * uniform();
  }
  std::vector<double> exact(16 * kFrames);
  (void)forward_batch(chain, std::span<const double>(q), std::span(exact));
  for (std::size_t i = 0; i < kFrames; ++i) {
    const Eigen::Map<const Eigen::Matrix<double, 4, 4, Eigen::RowMajor>> pose(exact.data() + 16 * i);
    const Eigen::Quaterniond turn = Eigen::Quaterniond(Eigen::Matrix3d(pose.topLeftCorner<3, 3>())) *
                                    Eigen::Quaterniond(Eigen::AngleAxisd(0.01 * uniform(), Eigen::Vector3d::UnitX()));
    for (int k = 0; k < 3; ++k) poses.push_back(pose(k, 3) + 0.002 * (uniform() - 0.5));
    poses.insert(poses.end(), {turn.w(), turn.x(), turn.y(), turn.z()});
  }
}

double seconds_of(const auto& work) {
  const SteadyClock clock;
  const Time start = clock.now();
  work();
  return to_seconds(clock.now() - start);
}

double farthest(std::span<const double> a, std::span<const double> b) {
  double most = 0;
  for (std::size_t i = 0; i < a.size(); ++i) most = std::max(most, std::abs(a[i] - b[i]));
  return most;
}

}  // namespace

void fk_rows(Report& report) {
  if (!report.wants("R3/fk_scan")) return;
  std::ifstream file(SINEW_BENCH_MODELS "/robots/panda.urdf");
  std::stringstream text;
  text << file.rdbuf();
  const auto chain = Chain<>::from_urdf(text.str(), "panda_link0", "panda_hand_tcp");
  std::vector<double> q, poses, position(kFrames), angle(kFrames), our_position(kFrames), our_angle(kFrames), ours, theirs;
  make_frames(chain, q, poses);
  Row row{
      .id = "R3/fk_scan", .what = "tool poses of a million frames against forward kinematics, 7 joints", .unit = "ms", .bound = "≥ 15×"};
  const auto baseline = make_fk_baseline(text.str(), chain.joint_names(), "panda_hand_tcp", row.note);
  row.baseline = baseline ? baseline->name() : kAbsent;
  const PoseErrorSpans errors{.position = our_position, .angle = our_angle};  // memory of its own, as the baseline has
  for (int i = 0; i < 31; ++i) {
    ours.push_back(seconds_of([&] { (void)pose_errors(chain, q, poses, {}, errors); }));
    if (baseline && i < 7) theirs.push_back(seconds_of([&] { baseline->scan(q, poses, position, angle); }));
  }
  const Timing timing = summarize(ours);
  row.ours = 1e3 * timing.median;
  row.ours_p99 = 1e3 * timing.p99;
  row.ours_worst = 1e3 * timing.worst;
  row.n = timing.repetitions;
  if (baseline) {
    row.theirs = 1e3 * summarize(theirs).median;
    row.ratio = *row.theirs / row.ours;
    row.pass = *row.ratio >= 15;
    row.checked = farthest(errors.position, position) < 1e-12 && farthest(errors.angle, angle) < 1e-10;
  }
  report.add(row);
}

}  // namespace sinew::bench
