// SPDX-License-Identifier: Apache-2.0
// Target streams that try to drive a command filter out of its limits.
#pragma once

#include <algorithm>
#include <bit>
#include <cfloat>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "victim.hpp"

namespace sinew::testing {

struct Adversary {
  std::string name;
  std::function<double(Victim&)> target;                                ///< of one joint
  std::function<void(Victim&, std::vector<double>&)> of_all = nullptr;  ///< changes the target of all joints, its size too
};

/// Those that look at one joint.
inline std::vector<Adversary> joint_adversaries() {
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  constexpr double kInf = std::numeric_limits<double>::infinity();
  return {
      {"upper limit", [](Victim& x) { return x.upper(); }},
      {"lower limit", [](Victim& x) { return x.lower(); }},
      {"an ulp around the limit", [](Victim& x) { return std::nextafter(x.upper(), x.random.below(2) != 0 ? kInf : -kInf); }},
      {"always NaN", [](Victim&) { return kNan; }},
      {"sometimes NaN", [](Victim& x) { return x.random.below(7) == 0 ? kNan : x.anywhere(); }},
      {"signalling NaN", [](Victim& x) { return x.tick % 3 == 0 ? std::numeric_limits<double>::signaling_NaN() : x.upper(); }},
      {"infinities", [](Victim& x) { return x.tick % 2 == 0 ? kInf : -kInf; }},
      {"largest doubles", [](Victim& x) { return x.random.below(2) != 0 ? DBL_MAX : -DBL_MAX; }},
      {"denormals and minus zero", [](Victim& x) { return x.tick % 2 == 0 ? DBL_TRUE_MIN : -0.0; }},
      {"bang-bang at Nyquist", [](Victim& x) { return x.tick % 2 == 0 ? x.upper() : x.lower(); }},
      {"bang-bang at random times",
       [](Victim& x) { return x.random.below(60) != 0 ? x.last
                              : x.last > x.middle()   ? x.lower()
                                                      : x.upper(); }},
      {"random steps", [](Victim& x) { return x.random.below(100) != 0 ? x.last : x.anywhere(); }},
      {"white noise", [](Victim& x) { return x.anywhere(); }},
      {"small noise", [](Victim& x) { return x.middle() + 1e-3 * x.random.uniform(-1, 1) * x.range(); }},
      {"random walk", [](Victim& x) { return x.last + 0.05 * x.random.uniform(-1, 1) * x.range(); }},
      {"chirp", [](Victim& x) { return x.middle() + 0.6 * x.range() * x.wave(0.1 + 0.5 * x.time); }},
      {"sine beyond the range", [](Victim& x) { return x.middle() + 2 * x.range() * x.wave(0.7); }},
      {"slow drift to the limit", [](Victim& x) { return x.middle() + 0.02 * x.time * x.range(); }},
      {"degrees for radians", [](Victim& x) { return 57.29577951308232 * x.wave(0.3); }},
      {"10 Hz staircase", [](Victim& x) { return x.middle() + 0.45 * x.range() * std::sin(std::floor(10 * x.time)); }},
      {"sawtooth", [](Victim& x) { return x.lower() + x.range() * (0.8 * x.time - std::floor(0.8 * x.time)); }},
      {"against the motion", [](Victim& x) { return x.v > 0 ? x.lower() : x.upper(); }},
      {"with the motion", [](Victim& x) { return x.v >= 0 ? x.upper() : x.lower(); }},
      {"against the acceleration", [](Victim& x) { return x.a > 0 ? x.lower() : x.upper(); }},
      {"fast into the limit, then back", [](Victim& x) { return x.upper() - x.q > 0.02 * x.range() ? x.upper() : x.lower(); }},
      {"just behind the joint", [](Victim& x) { return x.q - 1e-3 * x.v; }},
      {"ramp that ends in a jump",
       [](Victim& x) { return x.tick % 300 == 299 ? x.lower() : x.lower() + x.range() * static_cast<double>(x.tick % 300) / 300; }},
      {"seek the largest velocity",
       [](Victim& x) { return std::fabs(x.v) < 0.99 * x.limits.velocity[x.joint] ? x.q + (x.v >= 0 ? 1 : -1) * x.range() : x.q; }},
      {"seek the largest acceleration", [](Victim& x) { return x.tick / 40 % 2 == 0 ? x.q + x.range() : x.q - x.range(); }},
      {"quiet, signalling and other NaN",
       [](Victim& x) {
         constexpr std::uint64_t kKinds[] = {0x7FF8000000000000, 0xFFF8000000000000, 0x7FF0000000000001,
                                             0xFFF4000000000000, 0x7FFFFFFFFFFFFFFF, 0x7FF8DEADBEEF0001};
         return x.random.below(40) == 0 ? std::bit_cast<double>(kKinds[x.random.below(6)]) : x.last;
       }},
      {"NaN, then as far as possible", [](Victim& x) { return x.tick % 2 == 0          ? kNan
                                                              : x.random.below(2) != 0 ? x.upper()
                                                                                       : x.lower(); }},
      {"minus zero", [](Victim&) { return -0.0; }},
      {"exactly where the joint is", [](Victim& x) { return x.q; }},
      {"an ulp from where the joint is", [](Victim& x) { return std::nextafter(x.q, x.tick % 2 == 0 ? kInf : -kInf); }},
      {"where the joint will be", [](Victim& x) { return x.q + x.dt * (x.v + 0.5 * x.dt * x.a); }},
      {"where a stop would end", [](Victim& x) { return x.q + x.direction() * x.stopping_distance(); }},
      {"brake at the last moment",
       [](Victim& x) { return x.upper() - x.q > x.stopping_distance() + x.v * x.dt ? x.upper() + x.range() : x.lower(); }},
      {"the limit, with tiny reversals", [](Victim& x) { return x.upper() - (x.tick % 50 < 3 ? 1e-9 * x.range() : 0.0); }},
      {"each limit in turn, touched and left",
       [](Victim& x) {
         const double goal = x.last > x.middle() ? x.upper() : x.lower();
         return std::fabs(x.q - goal) < 1e-7 * x.range() ? x.lower() + x.upper() - goal : goal;
       }},
      {"ramp at the velocity limit", [](Victim& x) { return x.last >= x.upper() ? x.lower() : x.last + x.velocity() * x.dt; }},
      {"ramp a little too fast", [](Victim& x) { return x.last >= x.upper() ? x.lower() : x.last + 1.0001 * x.velocity() * x.dt; }},
      {"parabola at the acceleration limit",
       [](Victim& x) {
         const double period = 2 * std::sqrt(x.range() / x.acceleration()), t = std::fmod(x.time, period) / period;
         return t < 0.5 ? x.lower() + 2 * x.range() * t * t : x.upper() - 2 * x.range() * (1 - t) * (1 - t);
       }},
      {"resonance of the loop", [](Victim& x) { return x.middle() + 0.5 * x.range() * x.wave(0.16 / std::fmax(2 * x.usual_dt, 5e-3)); }},
      {"resonances around the loop's",
       [](Victim& x) {
         return x.middle() + 0.1 * x.range() * x.wave((0.02 + 0.05 * std::fmod(x.time, 8.0)) / std::fmax(2 * x.usual_dt, 5e-3));
       }},
      {"in step with the jitter", [](Victim& x) { return x.dt > x.usual_dt ? x.q + x.range() : x.q - x.range(); }},
      {"against the jitter, near the loop's rate",
       [](Victim& x) { return x.middle() + (x.dt > x.usual_dt ? 0.5 : -0.5) * x.range() * x.wave(0.1 / std::fmax(2 * x.usual_dt, 5e-3)); }},
      {"a good motion, replayed from another pose",
       [](Victim& x) { return x.lower() + x.range() * (0.5 + 0.3 * std::sin(0.7 * x.time + 2.0 * static_cast<double>(x.tick / 400))); }},
      {"growing oscillation",
       [](Victim& x) { return x.middle() + 1e-6 * x.range() * std::exp(0.02 * static_cast<double>(x.tick % 1000)) * x.wave(3); }},
      {"square waves of all lengths", [](Victim& x) { return x.tick / (1 + x.tick / 100) % 2 == 0 ? x.upper() : x.lower(); }},
      {"mirror of the joint", [](Victim& x) { return 2 * x.middle() - x.q; }},
      {"seek the largest velocity with the largest acceleration",
       [](Victim& x) {
         return std::fabs(x.v) > 0.9 * x.velocity() && x.a * x.v <= 0 ? x.q - x.direction() * x.range() : x.q + x.direction() * x.range();
       }},
      {"steps of a nanometre", [](Victim& x) { return x.middle() + 1e-9 * static_cast<double>(x.random.below(3)); }},
  };
}

/// Those that look at all joints at once, or say nothing.
inline std::vector<Adversary> body_adversaries() {
  const auto anywhere = [](Victim& x) { return x.random.below(80) != 0 ? x.last : x.anywhere(); };
  const auto slow = [](Victim& x) { return x.middle() + 0.4 * x.range() * x.wave(0.3 + 0.05 * static_cast<double>(x.joint)); };
  return {
      {"joints in another order", slow,
       [](Victim&, std::vector<double>& target) { std::rotate(target.begin(), target.begin() + 1, target.end()); }},
      {"the order of joints changes", slow,
       [](Victim& x, std::vector<double>& target) {
         std::swap(target[x.random.below(target.size())], target[x.random.below(target.size())]);
       }},
      {"millimetres for metres", slow,
       [](Victim&, std::vector<double>& target) {
         for (double& value : target) value *= 1000;
       }},
      {"only the last joint moves", anywhere,
       [](Victim& x, std::vector<double>& target) { std::copy(x.all_q.begin(), x.all_q.end() - 1, target.begin()); }},
      {"long silence, then a jump", [](Victim& x) { return x.tick % 300 < 2 ? (x.last > x.middle() ? x.lower() : x.upper()) : x.last; },
       [](Victim& x, std::vector<double>& target) {
         if (x.tick % 300 > 4) target.clear();
       }},
      {"every other target missing", [](Victim& x) { return x.anywhere(); },
       [](Victim& x, std::vector<double>& target) {
         if (x.random.below(2) != 0) target.clear();
       }},
      {"another number of joints", anywhere,
       [](Victim& x, std::vector<double>& target) {
         if (x.random.below(5) == 0) target.resize(x.random.below(2 * target.size() + 2), 1.0);
       }},
      {"one lane without a number", anywhere,
       [](Victim& x, std::vector<double>& target) {
         if (x.random.below(3) == 0) target[x.random.below(target.size())] = std::numeric_limits<double>::quiet_NaN();
       }},
      {"the velocities as targets", slow,
       [](Victim& x, std::vector<double>& target) { std::copy(x.all_v.begin(), x.all_v.end(), target.begin()); }},
  };
}

inline std::vector<Adversary> adversaries() {
  std::vector<Adversary> all = joint_adversaries();
  for (Adversary& adversary : body_adversaries()) all.push_back(std::move(adversary));
  return all;
}

}  // namespace sinew::testing
