// SPDX-License-Identifier: Apache-2.0
#include "motion/control.hpp"

#include <algorithm>
#include <cmath>

namespace sinew::bench {

namespace {

constexpr int kHorizon = 16;
constexpr Time kLatency = std::chrono::milliseconds(50);  // from the observation to its chunk

}  // namespace

Control::Control(int rate)
    : limits_(panda_limits()),
      motion_(limits_, 0.6, 0.4),
      filter_(limits_, kTick),
      timeline_(static_cast<int>(kDof), {.max_horizon = kHorizon}),
      chunk_(kHorizon, static_cast<int>(kDof)),
      target_(kDof),
      q_(kDof) {
  chunk_.dt = Time(std::chrono::seconds(1)) / rate;
  for (std::size_t i = 0; i < kDof; ++i) q_[i] = motion_.position(i, 0);
  good_ = filter_.reset(q_) == Status::ok;
}

void Control::prepare() {
  now_ += kTick;
  if (now_ < next_chunk_) return;
  next_chunk_ = now_ + chunk_.dt * (kHorizon / 2);
  chunk_.t0 = std::max(now_ - kLatency, Time{});
  ++chunk_.sequence;
  for (int step = 0; step < kHorizon; ++step)
    for (std::size_t i = 0; i < kDof; ++i) chunk_.step(step)[i] = motion_.position(i, to_seconds(chunk_.t0 + step * chunk_.dt));
  good_ = timeline_.push(chunk_, now_) == Status::ok && good_;
}

void Control::tick() {
  answers_[0] = timeline_.at(now_, target_);
  answers_[1] = filter_.step(target_, q_);
}

void Control::check() {
  good_ = good_ && answers_[0] == Status::ok && answers_[1] == Status::ok;
  for (std::size_t i = 0; i < kDof; ++i) {
    const double miss = std::abs(q_[i] - motion_.position(i, to_seconds(now_)));
    if (now_ > std::chrono::seconds(2)) worst_ = std::max(worst_, miss);
    const double moved = std::abs(q_[i] - last_[i]);
    if (now_ > kTick) good_ = good_ && moved <= limits_.velocity[i] * to_seconds(kTick);
    last_[i] = q_[i];
  }
}

}  // namespace sinew::bench
