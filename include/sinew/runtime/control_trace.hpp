// SPDX-License-Identifier: Apache-2.0
// What a control loop did, tick by tick, in memory that was taken before it began.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "sinew/core/clock.hpp"
#include "sinew/core/status.hpp"
#include "sinew/motion/safety_state.hpp"

namespace sinew {

/// One control tick, without its vectors.
struct TickRecord {
  Time time{};
  Time lateness{};             ///< from when the tick was due to when it began, robot's clock
  Time duration{};             ///< of timeline and filter, operating system's clock
  Status status = Status::ok;  ///< of the timeline or the filter, whichever spoke first
  SafetyMode mode = SafetyMode::init;
};

/// One inference: stage times, operating system's clock.
struct InferenceRecord {
  Time time{};
  Time observe{};
  Time encode{};
  Time infer{};
  Time decode{};
  Time resolve{};
  Status status = Status::ok;
  bool operated = false;  ///< an operator held control: `infer` is its time, resolving included
};

/// The vectors of a tick, each `[dof]`: rad or m, and their time derivatives.
struct TickVectors {
  std::span<const double> target;
  std::span<const double> command;
  std::span<const double> velocity;
  std::span<const double> acceleration;
  std::span<const double> measured;
};

/// Percentiles of a duration over the ticks that the trace holds.
struct TimeStatistics {
  Time p50{};
  Time p99{};
  Time p999{};
  Time worst{};
};

/// What the trace says about the ticks that it holds.
struct ControlStatistics {
  std::size_t ticks = 0;
  TimeStatistics duration;  ///< of timeline and filter
  TimeStatistics lateness;  ///< of the wake-up
};

namespace detail {

/// The latest `capacity` rows, always one array, the oldest first: each row is written twice, `capacity` rows apart.
template <class T>
class MirroredRing {
 public:
  MirroredRing(std::size_t capacity, std::size_t width) : capacity_(capacity), width_(width), rows_(2 * capacity * width) {}

  void clear() noexcept { count_ = 0; }
  void add(std::span<const T> row) noexcept {
    const std::size_t at = count_++ % capacity_;
    for (const std::size_t place : {at, at + capacity_})
      std::copy_n(row.begin(), width_, rows_.begin() + static_cast<std::ptrdiff_t>(place * width_));
  }
  [[nodiscard]] std::span<const T> rows() const noexcept {
    const std::size_t first = count_ < capacity_ ? 0 : count_ % capacity_;
    return std::span<const T>(rows_).subspan(first * width_, std::min(count_, capacity_) * width_);
  }
  [[nodiscard]] std::size_t overwritten() const noexcept { return count_ < capacity_ ? 0 : count_ - capacity_; }

 private:
  std::size_t capacity_;
  std::size_t width_;
  std::size_t count_ = 0;
  std::vector<T> rows_;
};

}  // namespace detail

/// The latest ticks and inferences. When it is full, the oldest make room. Ticks may come from one thread and inferences from another;
/// nobody may read meanwhile.
class ControlTrace {
 public:
  /// Room for `ticks` ticks of `dof` joints and `inferences` inferences, at least one each.
  ControlTrace(int dof, std::size_t ticks, std::size_t inferences);

  void clear() noexcept;
  /// Never allocates.
  void add_tick(const TickRecord& tick, const TickVectors& vectors) noexcept;
  void add_inference(const InferenceRecord& inference) noexcept;

  [[nodiscard]] int dof() const noexcept { return dof_; }
  [[nodiscard]] std::span<const TickRecord> ticks() const noexcept { return ticks_.rows(); }
  [[nodiscard]] std::span<const InferenceRecord> inferences() const noexcept { return inferences_.rows(); }
  /// Ticks and inferences that made room for later ones.
  [[nodiscard]] std::size_t dropped() const noexcept { return ticks_.overwritten() + inferences_.overwritten(); }
  /// `[ticks, dof]`, row-major, rad or m and their derivatives.
  [[nodiscard]] std::span<const double> target() const noexcept { return target_.rows(); }
  [[nodiscard]] std::span<const double> command() const noexcept { return command_.rows(); }
  [[nodiscard]] std::span<const double> velocity() const noexcept { return velocity_.rows(); }
  [[nodiscard]] std::span<const double> acceleration() const noexcept { return acceleration_.rows(); }
  [[nodiscard]] std::span<const double> measured() const noexcept { return measured_.rows(); }
  /// Sorts copies: not for the control thread.
  [[nodiscard]] ControlStatistics statistics() const;

 private:
  int dof_;
  detail::MirroredRing<TickRecord> ticks_;
  detail::MirroredRing<InferenceRecord> inferences_;
  detail::MirroredRing<double> target_;
  detail::MirroredRing<double> command_;
  detail::MirroredRing<double> velocity_;
  detail::MirroredRing<double> acceleration_;
  detail::MirroredRing<double> measured_;
};

}  // namespace sinew
