// SPDX-License-Identifier: Apache-2.0
// A filter with random limits, an adversary and a judge.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "adversaries.hpp"
#include "limit_checker.hpp"
#include "sinew/motion/command_filter.hpp"

namespace sinew::testing {

/// How the length of the tick varies.
enum class Ticks {
  constant,
  jitter,   ///< by a fifth
  jumps,    ///< one to three ticks at a time
  repeats,  ///< now and then a tick without length, which must change nothing
  extremes  ///< the shortest and the longest that there is among them
};

class Duel {
 public:
  Duel(std::size_t dof, Time dt, std::uint64_t stream)
      : random_(stream), limits_(random_limits(dof, random_)), filter_(limits_, dt), checker_(limits_), dt_(dt), q_(dof), target_(dof) {
    for (std::size_t i = 0; i < dof; ++i) q_[i] = random_.uniform(limits_.lower[i], limits_.upper[i]);
    if (filter_.reset(q_) != Status::ok) blame("reset to a pose within the limits was refused");
    target_ = sent_ = q_;
  }

  void run(const Adversary& adversary, long ticks, Ticks kind) {
    const bool constant = kind == Ticks::constant || kind == Ticks::repeats;
    varied_ = varied_ || !constant;
    for (long k = 0; k < ticks; ++k, ++tick_) {
      const Time dt = next_tick(kind);
      aim(adversary, to_seconds(dt));
      const bool first_repeats = kind == Ticks::repeats && random_.below(5) == 0;
      if (first_repeats) repeat();
      step(filter_, dt, constant);
      if (filter_.status() != expected()) blame("wrong status");
    }
  }

  /// Stops a copy, judged as well, in ticks of one length. After ticks that varied it may have to change its jerk within a tick.
  void stop() {
    CommandFilter copy = filter_;
    copy.stop();
    std::vector<double> seconds(q_.size(), 0.0);
    for (int k = 0; k < 400000 && !copy.at_rest(); ++k) {
      step(copy, dt_, !varied_);
      if (copy.status() != Status::stopped) blame("a stop that does not say so");
      for (std::size_t i = 0; i < q_.size(); ++i)
        if (copy.velocity()[i] != 0 || copy.acceleration()[i] != 0) seconds[i] = (k + 2) * to_seconds(dt_);
    }
    if (!copy.at_rest()) blame("a stop that does not end");
    for (std::size_t i = 0; i < q_.size(); ++i) slowest_stop_ = std::max(slowest_stop_, seconds[i] / allowed_stop(i));
    stops_ += q_.size();
  }

  /// Empty, or what was not kept.
  [[nodiscard]] std::string verdict() const {
    constexpr LimitChecker::Real kBound = 1e-12L;  // relative to each limit, at the ticks and at the extrema between them
    const auto& excess = checker_.excess();
    std::string text = blame_;
    if (!checker_.finite()) text += "not finite; ";
    if (excess.worst() > kBound || excess.mismatch > kBound)
      text += fmt::format("excess: position {:.3g}, velocity {:.3g}, acceleration {:.3g}, jerk {:.3g}, mismatch {:.3g}; ",
                          static_cast<double>(excess.position), static_cast<double>(excess.velocity),
                          static_cast<double>(excess.acceleration), static_cast<double>(excess.jerk), static_cast<double>(excess.mismatch));
    // A stop that was found for ticks of other lengths is followed as it is, unless one for the present length is found.
    if (slowest_stop_ > (varied_ ? 1.5 : 1.0)) text += fmt::format("a stop took {:.4g} of what it may; ", slowest_stop_);
    return text;
  }

  [[nodiscard]] const LimitChecker& checker() const { return checker_; }
  [[nodiscard]] const CommandFilter& filter() const { return filter_; }
  [[nodiscard]] std::uint64_t joint_steps() const { return joint_steps_; }
  /// Joints that were stopped, and the longest time that one took, relative to what it may take.
  [[nodiscard]] std::uint64_t stops() const { return stops_; }
  [[nodiscard]] double slowest_stop() const { return slowest_stop_; }

 private:
  void blame(const char* what) {
    if (blame_.find(what) == std::string::npos) blame_ += fmt::format("{} at tick {}; ", what, tick_);
  }

  [[nodiscard]] Time next_tick(Ticks kind) {
    switch (kind) {
      case Ticks::jitter:
        return std::clamp(Time(static_cast<Time::rep>(static_cast<double>(dt_.count()) * random_.uniform(0.8, 1.2))),
                          CommandFilter::kMinTick, CommandFilter::kMaxTick);
      case Ticks::jumps: return std::min(dt_ * static_cast<Time::rep>(1 + random_.below(3)), CommandFilter::kMaxTick);
      case Ticks::extremes: return random_.below(10) != 0 ? dt_ : random_.below(2) != 0 ? CommandFilter::kMinTick : CommandFilter::kMaxTick;
      default: return dt_;
    }
  }

  void aim(const Adversary& adversary, double dt) {
    const std::span<const double> q = filter_.position(), v = filter_.velocity(), a = filter_.acceleration();
    const auto victim = [&](std::size_t i) {
      return Victim{limits_, i, tick_, dt, to_seconds(dt_), time_, q[i], v[i], a[i], target_[i], random_, q, v};
    };
    for (std::size_t i = 0; i < q.size(); ++i) {
      Victim one = victim(i);
      target_[i] = adversary.target(one);
    }
    sent_ = target_;
    if (!adversary.of_all) return;
    Victim all = victim(0);
    adversary.of_all(all, sent_);
  }

  [[nodiscard]] Status expected() const {
    if (!sent_.empty() && sent_.size() != q_.size()) return Status::bad_shape;
    const auto finite = [](double x) { return std::isfinite(x); };
    return std::all_of(sent_.begin(), sent_.end(), finite) ? Status::ok : Status::not_finite;
  }

  /// Letting the acceleration go, then a stop from full velocity, in continuous time; four ticks for rounding up,
  /// of the longest length so far: the stop that is followed may be older than the present length.
  [[nodiscard]] double allowed_stop(std::size_t i) const {
    const double V = limits_.velocity[i], A = limits_.acceleration[i], J = limits_.jerk[i];
    const double release = std::min(A / J, std::sqrt(2 * V / J));
    return release + (V >= A * A / J ? V / A + A / J : 2 * std::sqrt(V / J)) + 4 * to_seconds(longest_);
  }

  void save(const CommandFilter& filter, std::vector<double>& state) const {
    state.clear();
    for (const auto values : {filter.position(), filter.velocity(), filter.acceleration()})
      state.insert(state.end(), values.begin(), values.end());
  }

  void repeat() {
    save(filter_, before_);
    const Time dt = Time(-static_cast<Time::rep>(random_.below(2)));
    if (filter_.step(sent_, dt, q_) != Status::out_of_range) blame("a tick without length was taken");
    save(filter_, after_);
    if (before_ != after_ || !std::equal(q_.begin(), q_.end(), before_.begin())) blame("a tick without length moved something");
  }

  void step(CommandFilter& filter, Time dt, bool constant) {
    const std::size_t dof = q_.size();
    longest_ = std::max(longest_, dt);
    save(filter, before_);
    const std::uint64_t splits = filter.split_ticks();
    (void)filter.step(sent_, dt, q_);
    // Which joint was split is not told: all joints of such a tick are judged by the weaker rule.
    const bool one_jerk = filter.split_ticks() == splits;
    if (constant && !one_jerk) blame("a constant tick changed its jerk within");
    for (std::size_t i = 0; i < dof; ++i) {
      const double from[3] = {before_[i], before_[dof + i], before_[2 * dof + i]};
      const double to[3] = {q_[i], filter.velocity()[i], filter.acceleration()[i]};
      checker_.add(i, from, to, to_seconds(dt), one_jerk);
    }
    joint_steps_ += dof;
    time_ += to_seconds(dt);
  }

  Random random_;
  JointLimits limits_;
  CommandFilter filter_;
  LimitChecker checker_;
  Time dt_;
  std::vector<double> q_;
  std::vector<double> target_;  ///< of each joint
  std::vector<double> sent_;    ///< what the filter got
  std::vector<double> before_;
  std::vector<double> after_;
  std::string blame_;
  bool varied_ = false;
  Time longest_{};
  long tick_ = 0;
  double time_ = 0;
  std::uint64_t joint_steps_ = 0;
  std::uint64_t stops_ = 0;
  double slowest_stop_ = 0;
};

}  // namespace sinew::testing
