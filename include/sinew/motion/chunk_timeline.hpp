// SPDX-License-Identifier: Apache-2.0
// Action chunks, which come late, overlapping and sometimes wrong, as one target for every instant.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sinew/core/action_chunk.hpp"
#include "sinew/core/clock.hpp"
#include "sinew/core/status.hpp"

namespace sinew {

/// What a timeline accepts, and how it reads between samples. Times are positive.
struct ChunkTimelineOptions {
  int max_horizon = 128;                           ///< longest chunk, steps; sizes the buffers
  Time blend = std::chrono::milliseconds(100);     ///< a new chunk replaces the old one over this time; 0 = at once
  Time validity = std::chrono::milliseconds(100);  ///< the last sample is held for so long before the plan counts as over
  Time max_lead = std::chrono::seconds(2);         ///< how far ahead of now a chunk may begin
  Time max_dt = std::chrono::seconds(2);           ///< longest step of a chunk
  std::vector<int> hold_columns = {};              ///< grippers: each sample holds until the next one, never interpolated
  std::uint64_t joint_order_hash = 0;              ///< `hash_joint_order` of the robot; 0 = do not compare
  std::vector<double> lower = {};                  ///< absolute envelope `[dof]`, rad or m; empty = none
  std::vector<double> upper = {};                  ///< `[dof]`; given together with `lower`
  double tolerance = 0;                            ///< how far outside the envelope a value may lie, rad or m
};

/// The time-indexed buffer between decoder and CommandFilter.
///
/// Between samples the target is a monotone cubic in time: its velocity has no steps, and it stays between the two
/// samples, so that what was checked for the samples (envelope, finiteness) holds for every target. A new chunk takes over when it is
/// pushed or, if that is later, at its `t0`; from then on the target is `(1 - w) old + w new` with w growing linearly from 0 to 1 within
/// `blend`; hold columns change over at once. The target is continuous in time whatever the pushes are (hold columns, and a blend of 0,
/// aside).
///
/// Nothing but the constructor allocates or throws. One thread at a time.
class ChunkTimeline {
 public:
  /// For chunks of `dof` columns. Throws Error for options that make no sense.
  explicit ChunkTimeline(int dof, ChunkTimelineOptions options = {});

  /// Takes a chunk at time `now` (same clock as its `t0`), or refuses it and leaves everything as it was:
  /// `bad_shape` (not joint positions, another number of columns, another joint order, no rows), `over_capacity` (longer
  /// than `max_horizon`), `not_finite`, `stale` (sequence not newer than the accepted one, or every sample in the past),
  /// `out_of_range` (step or start time out of bounds, or a value outside the envelope).
  [[nodiscard]] Status push(const ActionChunk& chunk, Time now) noexcept;

  /// Writes the target `[dof]` for time `t`. `ok`; `stopped` from `validity` after the last sample on: the last sample
  /// holds; `not_ready` before the first push and `bad_shape` for another size of `target`: then nothing is written.
  /// Before the first sample the target is the first sample.
  [[nodiscard]] Status at(Time t, std::span<double> target) const noexcept;

  /// Forgets every chunk and sequence number.
  void clear() noexcept;

  [[nodiscard]] int dof() const noexcept { return dof_; }
  [[nodiscard]] bool empty() const noexcept { return active_.horizon == 0; }
  /// Of the accepted chunk; 0 when empty.
  [[nodiscard]] std::uint64_t sequence() const noexcept { return sequence_; }
  /// When `at` begins to return `stopped`; 0 when empty.
  [[nodiscard]] Time end() const noexcept;
  [[nodiscard]] const ChunkTimelineOptions& options() const noexcept { return options_; }

 private:
  /// Samples `[horizon, dof]` at t0 + i * dt.
  struct Plan {
    int horizon = 0;
    Time t0{};
    Time dt{};
    std::vector<double> values;
  };

  [[nodiscard]] Status check(const ActionChunk& chunk, Time now) const noexcept;
  void read(const Plan& plan, Time t, std::span<double> target) const noexcept;
  void blended(Time t, std::span<double> target) const noexcept;
  void keep_old(Time now, Time start) noexcept;

  int dof_;
  ChunkTimelineOptions options_;
  Plan active_;
  Plan old_;      ///< what was due when the active chunk came, sampled over the blend; empty = nothing to blend
  Plan scratch_;  ///< the next `old_` while it is computed from the present one
  Time blend_start_{};
  std::vector<std::uint8_t> holds_;         ///< per column
  mutable std::vector<double> old_target_;  ///< of `blended`
  std::uint64_t sequence_ = 0;
};

}  // namespace sinew
