// SPDX-License-Identifier: Apache-2.0
// Action chunks, which come late, overlapping and sometimes wrong, as one target for every instant.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "sinew/core/action_chunk.hpp"
#include "sinew/core/clock.hpp"
#include "sinew/core/status.hpp"

namespace sinew {

/// What becomes of the chunks before when a new one comes. All but `replace` change over within `blend`.
enum class ChunkMerge : std::uint8_t {
  replace,  ///< the new one at once: the target may step, the filter will not
  blend,    ///< from the old to the new
  ensemble  ///< each sample becomes the mean of all predictions of its moment, ACT's weights (TemporalEnsembler), then as `blend`
};

[[nodiscard]] std::string_view to_string(ChunkMerge merge) noexcept;

/// What a timeline accepts, and how it reads between samples. Times are positive.
struct ChunkTimelineOptions {
  int max_horizon = 128;  ///< longest chunk, steps; sizes the buffers
  ChunkMerge merge = ChunkMerge::blend;
  Time blend = std::chrono::milliseconds(100);     ///< a new chunk replaces the old one over this time; 0 = at once
  double ensemble_coefficient = 0.01;              ///< weight exp(-coefficient i), i = 0 for the oldest: above 0 favours old predictions
  int ensemble_chunks = 16;                        ///< that are remembered
  Time validity = std::chrono::milliseconds(100);  ///< the plan is over so long after its last sample: its last stretch is slowed down
  Time max_lead = std::chrono::seconds(2);         ///< how far ahead of now a chunk may begin
  Time max_age = std::chrono::seconds(2);          ///< how far before now a chunk may begin: the age of its observation
  Time max_dt = std::chrono::seconds(2);           ///< longest step of a chunk
  Time dt = Time{};                                ///< the only step that is accepted; 0 = any
  ActionSpace space = ActionSpace::joint_position;
  std::vector<int> hold_columns = {};        ///< grippers: each sample holds until the next one, never interpolated
  std::vector<int> quaternion_columns = {};  ///< first of four columns w x y z: read and blended by slerp
  std::uint64_t joint_order_hash = 0;        ///< `hash_joint_order` of the robot; 0 = do not compare
  std::vector<double> lower = {};            ///< absolute envelope `[dof]`, rad or m; empty = none
  std::vector<double> upper = {};            ///< `[dof]`; given together with `lower`
  double tolerance = 0;                      ///< how far outside the envelope a value may lie, rad or m
};

/// The time-indexed buffer between decoder and CommandFilter.
///
/// Between samples the target is a monotone quintic in time: velocity and acceleration have no steps, and it stays between the two
/// samples, so that what was checked for the samples (envelope, finiteness) holds for every target. A new chunk takes over when it is
/// pushed or, if that is later, at its `t0`; from then on the target is `(1 - w) old + w new` with w growing smoothly from 0 to 1 within
/// `blend`; hold columns change over at once. Position, velocity and acceleration of the target have no steps whatever the pushes are
/// (hold and quaternion columns, `replace`, and a blend of 0, aside).
///
/// When no chunk follows, the motion slows down along its path over the last `validity` of the plan and as long again, and rests on the
/// last sample. Give a validity of the time that the robot takes to stop.
///
/// Nothing but the constructor allocates or throws. One thread at a time.
class ChunkTimeline {
 public:
  /// The largest number that a chunk may hold: beyond it is a slip of units.
  static constexpr double kLargest = 1e9;

  /// For chunks of `dof` columns. Throws Error for options that make no sense.
  explicit ChunkTimeline(int dof, ChunkTimelineOptions options = {});
  ChunkTimeline(ChunkTimeline&&) noexcept;
  ChunkTimeline& operator=(ChunkTimeline&&) noexcept;
  ~ChunkTimeline();

  /// Takes a chunk at time `now` (same clock as its `t0`), or refuses it and leaves everything as it was:
  /// `bad_shape` (another space, number of columns or joint order, no rows), `over_capacity` (longer than `max_horizon`), `not_finite`,
  /// `stale` (sequence not newer, or observation older, than the accepted one's; begun more than `max_age` ago; every sample in the past),
  /// `out_of_range` (step or start time out of bounds, a value outside the envelope or beyond kLargest, a quaternion not of length 1).
  [[nodiscard]] Status push(const ActionChunk& chunk, Time now) noexcept;
  /// What `push` would say.
  [[nodiscard]] Status check(const ActionChunk& chunk, Time now) const noexcept;

  /// Writes the target `[dof]` for time `t`. `ok`; `stopped` from `validity` after the last sample on: the last sample
  /// holds; `not_ready` before the first push and `bad_shape` for another size of `target`: then nothing is written.
  /// Before the first sample the target is the first sample.
  [[nodiscard]] Status at(Time t, std::span<double> target) const noexcept;

  /// Moves everything that is planned later in time: how a PathGovernor slows down along the path.
  void delay(Time by) noexcept;
  /// The first row of the accepted chunk that is due after `now`; its horizon when none is. What a policy gets back as the prefix for
  /// real-time chunking begins here.
  [[nodiscard]] int first_row_after(Time now) const noexcept;

  /// Forgets the plans, not what is stale: motion was interrupted, and what comes next must not blend from what was.
  void drop_plans() noexcept;
  /// Forgets every chunk and sequence number.
  void clear() noexcept;

  [[nodiscard]] int dof() const noexcept;
  [[nodiscard]] bool empty() const noexcept;
  /// Of the accepted chunk; 0 when empty.
  [[nodiscard]] std::uint64_t sequence() const noexcept;
  [[nodiscard]] std::uint64_t observation_id() const noexcept;
  /// When `at` begins to return `stopped`; 0 when empty.
  [[nodiscard]] Time end() const noexcept;
  [[nodiscard]] const ChunkTimelineOptions& options() const noexcept;

 private:
  struct Plans;
  std::unique_ptr<Plans> plans_;
};

}  // namespace sinew
