// SPDX-License-Identifier: Apache-2.0
// Where a tool may be and how fast it may go, kept on top of the joint limits.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "sinew/core/clock.hpp"
#include "sinew/core/status.hpp"
#include "sinew/kinematics/chain.hpp"
#include "sinew/motion/command_filter.hpp"

namespace sinew {

/// A half space that a point must stay in: normal . p >= offset, in the base frame of the chain, m. The normal has length 1.
struct ToolPlane {
  std::array<double, 3> normal{0, 0, 1};
  double offset = 0;
};

/// What holds for one point of the tool. Base frame of the chain, SI units.
struct ToolBox {
  static constexpr double kOpen = std::numeric_limits<double>::infinity();

  std::array<double, 3> point{0, 0, 0};                 ///< in the frame of the tip, m
  std::array<double, 3> lower{-kOpen, -kOpen, -kOpen};  ///< keep-in box, m
  std::array<double, 3> upper{kOpen, kOpen, kOpen};
  std::vector<ToolPlane> planes;  ///< keep-out walls: the allowed side of each
  double speed = 1.0;             ///< m/s of the point
};

/// Steps a CommandFilter so that the tool keeps its box and its speed.
///
/// A tick towards the target is accepted only if the whole stop that follows it, should it come, keeps the tool inside and slow enough: it
/// is walked with forward kinematics, in pieces so short that the tool cannot leave and come back between two of them. Else the joints
/// take one tick of the stop that was walked before. So the tool slows down, stops inside, and never jumps; joint limits hold all the
/// same. While ticks are refused the joints are slowed down (`CommandFilter::set_speed_scale`), so that the tool comes to the wall gently.
///
/// What is kept is the commanded position of one point: give a box for each point that matters, or a smaller one.
/// Nothing but the constructor allocates or throws. One thread at a time.
class ToolGuard {
 public:
  /// The chain's joints are the first ones of the filter. Throws Error for a box that is empty or not finite where it must be, a speed that
  /// is not positive, a plane without a unit normal, a chain with more joints than the filter.
  ToolGuard(Chain<> chain, ToolBox box, const CommandFilter& filter, int tip = 0);

  /// In place of `filter.step`: the same filter each time. Returns what `step` would; `out_of_range` when the tool is outside already, or
  /// could not stop inside: then it brakes.
  [[nodiscard]] Status step(CommandFilter& filter, std::span<const double> target, Time dt, std::span<double> q) noexcept;

  /// Whether a stop from the filter's present state keeps the box and the speed.
  [[nodiscard]] bool stop_is_inside(const CommandFilter& filter) const noexcept;
  /// Ticks that were refused since construction.
  [[nodiscard]] std::uint64_t interventions() const noexcept { return interventions_; }
  [[nodiscard]] const ToolBox& box() const noexcept { return box_; }

 private:
  /// What a walk along a stop keeps from the walls, and of the speed.
  struct Reserve {
    double pieces;  ///< share of a piece
    double speed;
  };
  [[nodiscard]] bool keeps(const CommandFilter& filter, const Reserve& reserve) const noexcept;
  [[nodiscard]] bool is_inside(double margin, double speed) const noexcept;

  Chain<> chain_;
  ToolBox box_;
  int tip_;
  CommandFilter trial_;
  double scale_ = 1;
  std::uint64_t interventions_ = 0;
  mutable std::vector<double> q_;
  mutable std::vector<double> dq_;
};

}  // namespace sinew
