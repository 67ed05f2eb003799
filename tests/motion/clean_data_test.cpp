// SPDX-License-Identifier: Apache-2.0
// A policy that behaves is left alone: the filter hardly ever changes clean motions that keep the limits themselves.
#include <doctest/doctest.h>

#include <cstdio>

#include "pass_counter.hpp"
#include "test_seed.hpp"

using namespace sinew;
using namespace sinew::testing;
using std::chrono::milliseconds;

namespace {

constexpr std::size_t kDof = 8;

/// Seven arm joints (rad) and a gripper (m): what the manufacturer allows, or what is kind to the arm.
JointLimits arm(bool gentle) {
  if (gentle) {
    JointLimits limits = arm(false);
    limits.acceleration = {10, 10, 10, 10, 10, 10, 10, 4};
    limits.jerk = {300, 300, 300, 300, 300, 300, 300, 100};
    return limits;
  }
  return {{},
          {-2.8973, -1.7628, -2.8973, -3.0718, -2.8973, -0.0175, -2.8973, 0},
          {2.8973, 1.7628, 2.8973, -0.0698, 2.8973, 3.7525, 2.8973, 0.08},
          {2.175, 2.175, 2.175, 2.175, 2.61, 2.61, 2.61, 0.2},
          {15, 7.5, 10, 12.5, 15, 20, 20, 2},
          {7500, 3750, 5000, 6250, 7500, 10000, 10000, 40}};
}

/// Moves of least jerk from pose to pose, all joints together, as fast as `share` of every limit allows, with short rests between.
class Demonstration {
 public:
  Demonstration(std::uint64_t stream, const JointLimits& limits, double share)
      : random_(stream), limits_(limits), share_(share), moves_{{0, 0, pose(), {}}} {
    moves_[0].to = moves_[0].from;
  }

  [[nodiscard]] const std::vector<double>& start() const { return moves_[0].from; }
  void read(double t, std::span<double> q) {
    while (moves_.back().end + kRest <= t) add_move();
    std::size_t which = moves_.size() - 1;
    while (which > 0 && moves_[which].begin > t) --which;
    const Move& move = moves_[which];
    const double u = move.end > t ? (t - move.begin) / (move.end - move.begin) : 1.0;
    const double s = u * u * u * (10 + u * (6 * u - 15));
    for (std::size_t i = 0; i < kDof; ++i) q[i] = move.from[i] + s * (move.to[i] - move.from[i]);
  }

 private:
  static constexpr double kRest = 0.2;  // s
  struct Move {
    double begin, end;
    std::vector<double> from, to;
  };

  std::vector<double> pose() {
    std::vector<double> q(kDof);
    for (std::size_t i = 0; i < kDof; ++i) q[i] = limits_.lower[i] + (limits_.upper[i] - limits_.lower[i]) * random_.uniform(0.02, 0.98);
    return q;
  }

  void add_move() {
    Move move{moves_.back().end + kRest, 0, moves_.back().to, pose()};
    double seconds = 0.1;
    for (std::size_t i = 0; i < kDof; ++i) {
      const double d = std::abs(move.to[i] - move.from[i]) / share_;  // peaks of the quintic: 1.875 d / T, 5.774 d / T^2, 60 d / T^3
      seconds = std::max(
          {seconds, 1.875 * d / limits_.velocity[i], std::sqrt(5.774 * d / limits_.acceleration[i]), std::cbrt(60 * d / limits_.jerk[i])});
    }
    move.end = move.begin + seconds;
    moves_.push_back(std::move(move));
  }

  Random random_;
  JointLimits limits_;
  double share_;
  std::vector<Move> moves_;
};

/// A minute of a policy of `rate` that repeats a demonstration, 50 ms late, with new chunks after half of the old one.
PassCounter follow(Demonstration demonstration, const JointLimits& limits, int rate, int horizon) {
  const Time step = Time(std::chrono::seconds(1)) / rate;
  PassCounter counter(limits, {.lower = limits.lower, .upper = limits.upper});
  REQUIRE(counter.start(demonstration.start(), Time{}));
  ActionChunk chunk(horizon, static_cast<int>(kDof));
  chunk.dt = step;
  while (counter.now() < std::chrono::seconds(60)) {
    chunk.t0 = std::max(counter.now() - milliseconds(50), Time{});
    ++chunk.sequence;
    for (int i = 0; i < horizon; ++i) demonstration.read(to_seconds(chunk.t0 + i * step), chunk.step(i));
    REQUIRE(counter.push(chunk) == Status::ok);
    counter.run_until(counter.now() + step * (horizon / 2));
  }
  return counter;
}

}  // namespace

TEST_CASE("clean data: 99.99 % of the ticks pass as they are") {
  const auto percent = [](std::uint64_t passed, std::uint64_t ticks) {
    return 100.0 * static_cast<double>(passed) / static_cast<double>(ticks);
  };
  for (const bool gentle : {false, true}) {
    std::uint64_t all_ticks = 0, all_passed = 0, stream = 0;
    for (const double share : {0.5, 0.8, 0.95}) {
      const JointLimits limits = arm(gentle);
      std::uint64_t ticks = 0, passed = 0, refused = 0;
      double farthest = 0;
      for (const int rate : {10, 20, 30, 50}) {
        for (const int horizon : {16, 50}) {
          const PassCounter counter = follow(Demonstration(++stream, limits, share), limits, rate, horizon);
          ticks += counter.ticks;
          passed += counter.ticks - counter.changed;
          refused += counter.refused;
          farthest = std::max(farthest, counter.farthest);
        }
      }
      std::printf("moves at %.0f %% of the %s limits: %llu ticks, %.4f %% passed, farthest from a target %.4f\n", 100 * share,
                  gentle ? "gentle" : "full", static_cast<unsigned long long>(ticks), percent(passed, ticks), farthest);
      CHECK(refused == 0);
      // What lies between samples may ask for more than the motion did: where nothing is left to the limits, that is no clean data.
      if (share > 0.8) continue;
      all_ticks += ticks;
      all_passed += passed;
    }
    CHECK(percent(all_passed, all_ticks) >= 99.99);
    CHECK(all_ticks > 900000);
  }
}
