// SPDX-License-Identifier: Apache-2.0
// What a control loop did, tick by tick, in memory that was taken before it began.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sinew/core/clock.hpp"
#include "sinew/core/status.hpp"

namespace sinew {

/// One control tick, without its vectors.
struct TickRecord {
  Time time{};
  Time duration{};             ///< of timeline and filter, operating system's clock
  Status status = Status::ok;  ///< of the timeline or the filter, whichever spoke first
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
};

/// A bounded history of ticks and inferences. When it is full, further entries are counted and dropped.
class ControlTrace {
 public:
  /// Room for `ticks` ticks of `dof` joints and `inferences` inferences.
  ControlTrace(int dof, std::size_t ticks, std::size_t inferences);

  void clear() noexcept;
  /// All spans `[dof]`. Never allocates.
  void add_tick(const TickRecord& tick, std::span<const double> target, std::span<const double> command, std::span<const double> velocity,
                std::span<const double> acceleration, std::span<const double> measured) noexcept;
  void add_inference(const InferenceRecord& inference) noexcept;

  [[nodiscard]] int dof() const noexcept { return dof_; }
  [[nodiscard]] std::span<const TickRecord> ticks() const noexcept { return ticks_; }
  [[nodiscard]] std::span<const InferenceRecord> inferences() const noexcept { return inferences_; }
  [[nodiscard]] std::size_t dropped() const noexcept { return dropped_; }
  /// `[ticks, dof]`, row-major, rad or m and their derivatives.
  [[nodiscard]] std::span<const double> target() const noexcept { return target_; }
  [[nodiscard]] std::span<const double> command() const noexcept { return command_; }
  [[nodiscard]] std::span<const double> velocity() const noexcept { return velocity_; }
  [[nodiscard]] std::span<const double> acceleration() const noexcept { return acceleration_; }
  [[nodiscard]] std::span<const double> measured() const noexcept { return measured_; }

 private:
  int dof_;
  std::size_t dropped_ = 0;
  std::vector<TickRecord> ticks_;
  std::vector<InferenceRecord> inferences_;
  std::vector<double> target_;
  std::vector<double> command_;
  std::vector<double> velocity_;
  std::vector<double> acceleration_;
  std::vector<double> measured_;
};

}  // namespace sinew
