// SPDX-License-Identifier: Apache-2.0
// What a policy wants the robot to do: a short, timed sequence of targets.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sinew/core/clock.hpp"
#include "sinew/core/status.hpp"

namespace sinew {

/// What the columns of a chunk are.
enum class ActionSpace : std::uint8_t {
  joint_position,  ///< one column per joint of the robot, in its joint order, rad or m
  tool_pose,       ///< base_from_tool of each tool: x y z (m), quaternion w x y z; then the columns of grippers and other joints
  base_pose        ///< waypoints of a mobile base: x, y (m), heading (rad), in the world, or in the body frame of the observation
};

/// Name of the enumerator.
[[nodiscard]] std::string_view to_string(ActionSpace space) noexcept;

/// Targets `[horizon, dim]`, row-major, in SI units. Row i is due at `t0 + i * dt`.
struct ActionChunk {
  ActionSpace space = ActionSpace::joint_position;
  int horizon = 0;
  int dim = 0;
  std::vector<double> values;
  Time t0{};  ///< in the robot's monotonic clock; usually the time of the observation
  Time dt{};
  std::uint64_t sequence = 0;          ///< grows by one for each chunk of a policy
  std::uint64_t observation_id = 0;    ///< the observation that it was computed from
  std::uint64_t joint_order_hash = 0;  ///< `hash_joint_order` of the columns; 0 = not stated

  ActionChunk() = default;
  ActionChunk(int horizon_, int dim_) { resize(horizon_, dim_); }
  /// Sets the size; allocates only when it grows. Throws Error for a negative size.
  void resize(int new_horizon, int new_dim);
  /// Targets `[dim]` of one step, 0 <= i < horizon.
  [[nodiscard]] std::span<double> step(int i) noexcept;
  [[nodiscard]] std::span<const double> step(int i) const noexcept;
};

/// A number that differs when joint names or their order differ (FNV-1a over the names, each ended by NUL). Never 0.
[[nodiscard]] std::uint64_t hash_joint_order(std::span<const std::string> names) noexcept;

}  // namespace sinew
