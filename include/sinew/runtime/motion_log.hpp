// SPDX-License-Identifier: Apache-2.0
// Everything that went into a MotionControl, in order and with its time, so that the same commands can be computed again.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sinew/core/action_chunk.hpp"
#include "sinew/core/clock.hpp"
#include "sinew/motion/joint_limits.hpp"
#include "sinew/motion/safety_state.hpp"

namespace sinew {

/// A call of a MotionControl.
struct MotionEntry {
  enum class Kind : std::uint8_t { arm, chunk, event, limits, skip, tick };

  Kind kind = Kind::tick;
  SafetyEvent event = SafetyEvent::rest;  ///< of `event`
  Time time{};
  Time dt{};              ///< of a tick; step of a chunk
  std::size_t first = 0;  ///< of its numbers: measured `[dof]` of arm and tick (none: not measured), values of a chunk, five limits
  std::size_t count = 0;
  std::size_t command = 0;  ///< of a tick: its command `[dof]`
  Time t0{};                ///< of a chunk, as the fields below
  int horizon = 0;
  int dim = 0;
  ActionSpace space = ActionSpace::joint_position;
  std::uint64_t sequence = 0;
  std::uint64_t observation_id = 0;
  std::uint64_t joint_order_hash = 0;
};

/// A log of bounded size in memory that was taken before. When it is full it takes nothing more, and says so: a log with a gap cannot be
/// replayed. One thread.
class MotionLog {
 public:
  /// Room for so many calls and numbers: a tick needs two numbers for each joint.
  MotionLog(std::size_t entries, std::size_t numbers);

  void clear() noexcept;
  [[nodiscard]] bool full() const noexcept { return full_; }
  [[nodiscard]] std::span<const MotionEntry> entries() const noexcept { return entries_; }
  [[nodiscard]] std::span<const double> numbers(const MotionEntry& entry) const noexcept {
    return std::span<const double>(numbers_).subspan(entry.first, entry.count);
  }
  [[nodiscard]] std::span<const double> command(const MotionEntry& entry, std::size_t dof) const noexcept {
    return std::span<const double>(numbers_).subspan(entry.command, dof);
  }

  /// What MotionControl calls. Never allocates.
  void add(MotionEntry entry, std::span<const double> numbers) noexcept;
  void add_chunk(const ActionChunk& chunk, Time now) noexcept;
  void add_limits(const JointLimits& limits, Time now) noexcept;
  void add_tick(MotionEntry entry, std::span<const double> measured, std::span<const double> command) noexcept;

 private:
  [[nodiscard]] bool has_room(std::size_t numbers) noexcept;
  std::size_t append(std::span<const double> numbers) noexcept;

  std::vector<MotionEntry> entries_;
  std::vector<double> numbers_;
  bool full_ = false;
};

}  // namespace sinew
