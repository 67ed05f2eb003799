// SPDX-License-Identifier: Apache-2.0
// Times of single ticks, which are too short for the clocks of the other benchmarks, and the tail of many of them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace sinew::bench {

/// The processor's time stamp, ordered against the work around it; where there is none, the steady clock.
[[nodiscard]] std::uint64_t stamp() noexcept;
/// Seconds of one unit of `stamp`, measured.
[[nodiscard]] double stamp_seconds();
/// Processor time of this thread, ns.
[[nodiscard]] std::uint64_t thread_nanoseconds() noexcept;

/// Durations in units of a clock, from a buffer that never grows while it is filled.
class TickTimes {
 public:
  /// `unit`: seconds of the clock's.
  TickTimes(std::size_t capacity, double unit) : unit_(unit) { samples_.reserve(capacity); }
  void add(std::uint64_t duration) { samples_.push_back(static_cast<double>(duration)); }
  [[nodiscard]] std::size_t count() const { return samples_.size(); }
  /// Sorts; no more may be added then.
  void finish();
  /// s
  [[nodiscard]] double mean() const { return mean_ * unit_; }
  [[nodiscard]] double at(double share) const;
  /// "mean 0.6, p50 0.6, p99 0.7, p99.9 0.9, p99.99 2.1, worst 30 us".
  [[nodiscard]] std::string words() const;

 private:
  std::vector<double> samples_;
  double unit_;
  double mean_ = 0;
};

}  // namespace sinew::bench
