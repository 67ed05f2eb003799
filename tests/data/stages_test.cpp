// SPDX-License-Identifier: Apache-2.0
// The stages that look at columns and pictures: what was put into smooth synthetic episodes is found, frame by frame, and nothing else.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "sinew/data/action_trend.hpp"
#include "sinew/data/camera_faults.hpp"
#include "sinew/data/extreme_values.hpp"
#include "sinew/data/sudden_change.hpp"
#include "smooth_motion.hpp"

using namespace sinew;

namespace {

constexpr std::size_t kFrames = 100;
constexpr double kPeriod = 0.05;
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
using Frames = std::vector<std::size_t>;

/// Smooth motion whose frames from `first` on are lost: NaN, or not there.
struct GappedColumn {
  std::vector<double> values;
  std::vector<std::size_t> missing;
  std::size_t behind = 0;  ///< the first frame after the gap
};

GappedColumn gapped_column(std::uint64_t stream, std::size_t first, std::size_t gap, bool absent) {
  GappedColumn column;
  const std::vector<double> whole = testing::SmoothMotion(1, stream).table(kFrames, kPeriod, 0);
  for (std::size_t i = 0; i < kFrames; ++i) {
    const bool lost = i >= first && i < first + gap;
    if (i == first + gap) column.behind = column.values.size();
    if (lost && absent) continue;
    column.missing.push_back(absent && i == first + gap ? gap : 0);
    column.values.push_back(lost ? kNan : whole[i]);
  }
  return column;
}

/// Told one frame ahead of done, then recorded `late` frames late.
std::vector<double> late_actions(const testing::SmoothMotion& motion, int late, double period = kPeriod) {
  return motion.table(kFrames, period, 1 - late);
}

}  // namespace

TEST_CASE("sudden change: distance and differences of a spike are those of a plain one") {
  std::vector<double> column(40, 1.5);
  column[20] += 0.3;
  const ColumnChange change = measure_change(column, kPeriod);
  for (std::size_t i = 0; i < column.size(); ++i) CHECK(change.residual[i] == doctest::Approx(i == 20 ? 0.3 : 0.0));
  CHECK(change.acceleration[20] == doctest::Approx(2 * 0.3 / (kPeriod * kPeriod)));
  CHECK(change.acceleration[19] == doctest::Approx(0.3 / (kPeriod * kPeriod)));
  CHECK(change.jerk[20] == doctest::Approx(3 * 0.3 / (kPeriod * kPeriod * kPeriod)));
  CHECK(change.jerk[10] == doctest::Approx(0.0));
  CHECK(sudden_frames(change, change_bounds(std::span(&change, 1))) == Frames{20});
  CHECK(sudden_frames(measure_change(std::vector<double>{0, 9, 0, 9}, kPeriod), {}).empty());
  CHECK(sudden_frames(measure_change(column, 0), {}).empty());
}

TEST_CASE("sudden change: jumps of 0.25 to 1 in every fourth of 80 smooth episodes are found, clean ones have none") {
  testing::Random random(1);
  std::vector<ColumnChange> clean, changes;
  std::vector<Frames> injected;
  for (std::uint64_t e = 0; e < 80; ++e) {
    std::vector<double> column = testing::SmoothMotion(1, 100 + e).table(kFrames, kPeriod, 0);
    clean.push_back(measure_change(column, kPeriod));
    injected.emplace_back();
    if (e % 4 == 0) {
      injected.back().push_back(5 + random.below(kFrames - 10));
      column[injected.back().front()] += random.uniform(0.25, 1) * (random.below(2) == 0 ? 1 : -1);
    }
    changes.push_back(measure_change(column, kPeriod));
  }
  const ChangeBounds usual = change_bounds(clean), bounds = change_bounds(changes);
  for (std::size_t e = 0; e < changes.size(); ++e) {
    CAPTURE(e);
    CHECK(sudden_frames(clean[e], usual).empty());
    const Frames found = sudden_frames(changes[e], bounds);
    CHECK(std::ranges::includes(found, injected[e]));
    if (injected[e].empty()) {
      CHECK(found.empty());
      continue;
    }
    // A jump moves the medians beside it, and the third differences up to two frames away: in fast motion these are found with it.
    CHECK(std::ranges::all_of(found, [&](std::size_t i) { return i + 2 >= injected[e].front() && i <= injected[e].front() + 2; }));
  }
}

TEST_CASE("sudden change: gaps of 1 to 60 frames, of NaN or of frames that are not there, give no findings; a jump near one is found") {
  for (std::size_t gap = 1; gap <= 60; ++gap)
    for (const bool absent : {false, true}) {
      CAPTURE(gap);
      CAPTURE(absent);
      testing::Random random(gap);
      std::vector<ColumnChange> clean, jumping;
      std::vector<std::size_t> jumps;
      for (std::uint64_t e = 0; e < 20; ++e) {
        const std::size_t first = random.below(kFrames - gap + 1);  // at an end too
        GappedColumn column = gapped_column(400 + e, first, gap, absent);
        clean.push_back(measure_change(column.values, kPeriod, {}, column.missing));
        jumps.push_back(first + gap + 10 < kFrames ? column.behind + 4 : first - std::min<std::size_t>(first, 6));
        if (e % 4 != 0 || jumps.back() < 6) jumps.back() = kFrames;  // none
        if (jumps.back() < kFrames) column.values[jumps.back()] += 0.5;
        jumping.push_back(measure_change(column.values, kPeriod, {}, column.missing));
      }
      const ChangeBounds usual = change_bounds(clean), bounds = change_bounds(jumping);
      for (std::size_t e = 0; e < clean.size(); ++e) {
        CAPTURE(e);
        CHECK(sudden_frames(clean[e], usual).empty());
        const Frames found = sudden_frames(jumping[e], bounds);
        CHECK((jumps[e] == kFrames || std::ranges::find(found, jumps[e]) != found.end()));
        CHECK(std::ranges::all_of(found, [&](std::size_t i) { return i + 2 >= jumps[e] && i <= jumps[e] + 2; }));
      }
    }
}

TEST_CASE("action trend: commands that are early or late by some frames are found so; unrelated ones are not believed") {
  const testing::SmoothMotion motion(3, 7);
  const double period = 4 * kPeriod;  // fast enough that a frame changes the correlation by more than least_gain
  const std::vector<double> states = motion.table(kFrames, period, 0);
  for (int late = -5; late <= 5; ++late) {
    CAPTURE(late);
    std::vector<double> actions = late_actions(motion, late, period);
    for (std::size_t i = 1; i < actions.size(); i += 3) actions[i] = -actions[i];  // a sign is no lag
    const TrendEpisode episode{states, actions, 3};
    CHECK(find_lag(std::span(&episode, 1)).lag == 1 - late);
  }
  std::vector<double> foreign(states.size());
  testing::Random random(3);
  for (double& value : foreign) value = random.uniform(-1, 1);
  const TrendEpisode episode{states, foreign, 3};
  CHECK(find_lag(std::span(&episode, 1)).lag == ActionTrendOptions{}.expected_lag);
  CHECK(find_lag({}).lag == ActionTrendOptions{}.expected_lag);
  const std::vector<double> slow = motion.table(kFrames, kPeriod, 0), slow_actions = late_actions(motion, 1);
  const TrendEpisode slow_episode{slow, slow_actions, 3};
  CHECK(find_lag(std::span(&slow_episode, 1)).lag == ActionTrendOptions{}.expected_lag);  // one frame gains less than least_gain
  CHECK(find_lag(std::span(&slow_episode, 1), {.least_gain = 0.001}).lag == 0);
}

TEST_CASE("action trend: shares of directions are all, none of a turned joint, and few of foreign commands") {
  const testing::SmoothMotion motion(3, 8);
  const std::vector<double> states = motion.table(kFrames, kPeriod, 0), rest(states.size(), 0.4);
  std::vector<double> actions = late_actions(motion, 0);
  const DirectionCount right = count_directions({states, actions, 3}, 1);
  CHECK(right.share() >= 0.99);
  CHECK(right.total() > 3 * kFrames / 2);
  for (std::size_t i = 2; i < actions.size(); i += 3) actions[i] = -actions[i];
  const DirectionCount turned = count_directions({states, actions, 3}, 1);
  CHECK(turned.agreeing[0] >= 0.99 * static_cast<double>(turned.moving[0]));
  CHECK(turned.agreeing[2] <= 0.01 * static_cast<double>(turned.moving[2]));
  const DirectionCount still = count_directions({rest, rest, 3}, 1);
  CHECK(still.total() == 0);
  CHECK(still.share() == 1.0);
  std::size_t rejected = 0;
  for (std::uint64_t e = 0; e < 20; ++e) {
    testing::Random random(200 + e);
    std::vector<double> foreign(states.size());
    for (double& value : foreign) value = random.uniform(-1, 1);
    rejected += count_directions({states, foreign, 3}, 1).share() < ActionTrendOptions{}.least_agreement ? 1 : 0;
  }
  CHECK(rejected == 20);
}

TEST_CASE("extreme values: bounds are those of the sorted values; what lies beyond is found, NaN is not") {
  testing::Random random(5);
  std::vector<double> column(1001);
  for (double& value : column) value = random.uniform(-1, 1);
  std::vector<double> sorted = column;
  std::sort(sorted.begin(), sorted.end());  // of 1001 values the 1 % quantile is the 11th
  const double low = sorted[10] - 1.5 * (sorted[990] - sorted[10]), high = sorted[990] + 1.5 * (sorted[990] - sorted[10]);
  const ExtremeBounds bounds = extreme_bounds(column);
  CHECK(bounds.low == doctest::Approx(low));
  CHECK(bounds.high == doctest::Approx(high));
  CHECK(extreme_frames(column, bounds).empty());
  column[3] = high + 1e-6;
  column[700] = low - 1e-6;
  column[12] = kNan;
  column[13] = high - 1e-6;
  CHECK(extreme_frames(column, bounds) == Frames{3, 700});
  CHECK(extreme_frames(column, extreme_bounds(std::vector<double>(5, kNan))).empty());
  std::vector<double> resting(200, 2.0);
  resting[7] = 2.001;
  resting[8] = 2.002;
  CHECK(extreme_frames(resting, extreme_bounds(resting)) == Frames{8});
}

TEST_CASE("cameras: runs of black, blurred and frozen frames are found with their ends; absent and resting ones are none") {
  testing::Random random(6);
  CameraTrack camera{.name = "wrist", .brightness = {}, .sharpness = {}, .digest = {}};
  std::vector<double> joints;
  for (std::size_t i = 0; i < kFrames; ++i) {
    camera.brightness.push_back(random.uniform(80, 120));
    camera.sharpness.push_back(random.uniform(400, 500));
    camera.digest.push_back(1000 + i);
    joints.push_back(i < 60 ? 0.02 * static_cast<double>(i) : 1.2);
  }
  CHECK(camera_faults(camera, joints, usual_sharpness(camera)).empty());
  for (std::size_t i = 10; i <= 14; ++i) camera.brightness[i] = camera.sharpness[i] = 1;  // black, and so not blurred too
  for (std::size_t i = 20; i <= 21; ++i) camera.sharpness[i] = 20;
  for (std::size_t i = 30; i <= 35; ++i) camera.digest[i] = 5;
  for (std::size_t i = 70; i <= 90; ++i) camera.digest[i] = 6;  // at rest
  for (std::size_t i = 50; i <= 55; ++i) {
    camera.brightness[i] = camera.sharpness[i] = kNan;  // no picture
    camera.digest[i] = 0;
  }
  const std::vector<CameraFault> faults = camera_faults(camera, joints, usual_sharpness(camera));
  REQUIRE(faults.size() == 3);
  const auto is = [](const CameraFault& fault, CameraFaultKind kind, std::size_t first, std::size_t last) {
    return fault.kind == kind && fault.first == first && fault.last == last;
  };
  CHECK(is(faults[0], CameraFaultKind::black, 10, 14));
  CHECK(is(faults[1], CameraFaultKind::blurred, 20, 21));
  CHECK(is(faults[2], CameraFaultKind::frozen, 31, 35));
  CHECK(faults[2].value == doctest::Approx(0.1));
  CHECK(usual_sharpness({}) == 0.0);
}

TEST_CASE("cameras: rest beyond its time is idle until something, a gripper's command too, moves") {
  std::vector<double> joints(kFrames, 0.5), actions(kFrames, 0.0);
  const CameraFaultOptions options{.idle_time = 1.98};  // between the 39th and the 40th frame of rest
  auto faults = idle_frames(joints, actions, kFrames, kPeriod, options);
  REQUIRE(faults.size() == 1);
  CHECK(faults[0].first == 40);
  CHECK(faults[0].last == 99);
  for (std::size_t i = 50; i < kFrames; ++i) actions[i] = 0.04;
  faults = idle_frames(joints, actions, kFrames, kPeriod, options);
  REQUIRE(faults.size() == 2);
  CHECK(faults[0].last == 49);
  CHECK(faults[1].first == 90);
  CHECK(idle_frames(testing::SmoothMotion(1, 9).table(kFrames, kPeriod, 0), actions, kFrames, kPeriod, options).empty());
  CHECK(idle_frames({}, {}, 0, kPeriod, options).empty());
}
