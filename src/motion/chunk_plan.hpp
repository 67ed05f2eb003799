// SPDX-License-Identifier: Apache-2.0
// Private to motion: samples in time as a curve with continuous velocity and acceleration.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sinew/core/clock.hpp"

namespace sinew::detail {

/// How each column of a plan is read between samples.
enum class ColumnKind : std::uint8_t {
  smooth,     ///< a curve
  hold,       ///< each sample until the next
  quaternion  ///< the first of four, w x y z: slerp
};

/// From 0 at x <= 0 to 1 at x >= 1 with no velocity or acceleration at either end.
[[nodiscard]] double smooth_step(double x) noexcept;

/// `target` becomes what lies between `old` and it at `weight`, 0 to 1; hold columns keep the new value. All `[columns]`.
void blend_columns(std::span<const ColumnKind> kinds, std::span<const double> old, double weight, std::span<double> target) noexcept;

/// Position of a column in time, and its derivatives by the second.
struct ColumnState {
  double position = 0;
  double velocity = 0;
  double acceleration = 0;
};

/// Samples `[horizon, columns]` at t0 + i dt. Nothing but `allocate` takes memory.
class ChunkPlan {
 public:
  void allocate(int max_horizon, std::span<const ColumnKind> kinds);
  [[nodiscard]] bool empty() const noexcept { return horizon_ == 0; }
  void clear() noexcept { horizon_ = 0; }

  /// Takes the times, and gives the samples to be written: then `shape` must follow, or `set_row` for each row and `take_ranges`.
  [[nodiscard]] std::span<double> begin(int horizon, Time t0, Time dt) noexcept;
  /// Finds velocities and accelerations at the samples. The motion along the last `ending` is slowed down to rest over twice that time.
  void shape(Time ending) noexcept;
  /// In place of `shape`: takes a row with its derivatives, `[columns]`.
  void set_row(int row, std::span<const ColumnState> states) noexcept;
  /// In place of the range of its samples: keeps smooth columns within the ranges of two plans.
  void take_ranges(const ChunkPlan& a, const ChunkPlan& b) noexcept;
  /// Moves all samples in time.
  void delay(Time by) noexcept { t0_ += by; }

  /// Writes `[columns]`; before the first sample it is the first, after the end the last.
  void read(Time t, std::span<double> values) const noexcept;
  /// The same with derivatives, `[columns]`; those of columns that are not smooth are 0.
  void read_states(Time t, std::span<ColumnState> states) const noexcept;
  [[nodiscard]] std::span<const double> samples() const noexcept { return {values_.data(), static_cast<std::size_t>(horizon_) * width()}; }

  [[nodiscard]] int horizon() const noexcept { return horizon_; }
  [[nodiscard]] Time t0() const noexcept { return t0_; }
  [[nodiscard]] Time dt() const noexcept { return dt_; }
  /// Of the last sample, before it is slowed down.
  [[nodiscard]] Time last() const noexcept { return t0_ + dt_ * (horizon_ - 1); }
  /// When the motion ends.
  [[nodiscard]] Time end() const noexcept { return last() + ending_; }

 private:
  /// A place between two samples.
  struct Place {
    std::size_t index = 0;
    double share = 0;        ///< 0 at the sample, below 1
    double rate = 1;         ///< of the plan's time
    double rate_change = 0;  ///< per second
  };

  [[nodiscard]] std::size_t width() const noexcept { return kinds_.size(); }
  [[nodiscard]] Place place(Time t) const noexcept;

  std::vector<ColumnKind> kinds_;
  int horizon_ = 0;
  Time t0_{};
  Time dt_{};
  Time ending_{};
  std::vector<double> values_;
  std::vector<double> slopes_;  // velocity at the samples, per step
  std::vector<double> bends_;   // acceleration at the samples, per step squared
  std::vector<double> least_;   // `[columns]` that the curve may reach: the range of the samples
  std::vector<double> most_;
};

}  // namespace sinew::detail
