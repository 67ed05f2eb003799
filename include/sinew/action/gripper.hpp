// SPDX-License-Identifier: Apache-2.0
// Grippers: which number is open, by the name of who says so; snapping, holding, and ALOHA's angles.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "sinew/core/status.hpp"

namespace sinew {

/// What a convention does to values between open and closed.
enum class GripperSnap : std::uint8_t {
  none,
  above,  ///< strictly above the middle is the larger end, all else the smaller one
  sign    ///< the nearer end; the middle itself stays (numpy.sign)
};

/// Which number means open and which closed.
struct GripperRule {
  double open = 1;
  double closed = 0;
  GripperSnap snap = GripperSnap::none;

  friend bool operator==(const GripperRule&, const GripperRule&) = default;
};

/// Conventions by name.
///
/// | name | open | closed | snap | whose |
/// |---|---|---|---|---|
/// | `opening` | 1 | 0 | none | ours: share of the opening |
/// | `pi` | 0 | 1 | none | openpi inside (docs/norm_stats.md) |
/// | `aloha` | 1 | 0 | none | ALOHA, normalised linear |
/// | `droid` | 0 | 1 | above | DROID's robot, binarised at 0.5 |
/// | `libero` | -1 | 1 | none | LIBERO's environment action |
/// | `openvla` | 1 | 0 | sign | OpenVLA(-OFT) trained on LIBERO (moojink/openvla-oft @ 213c5ff experiments/robot/robot_utils.py) |
/// | `starvla` | 1 | 0 | above | StarVLA trained on LIBERO |
///
/// Throws Error that lists the names.
[[nodiscard]] GripperRule gripper_rule(std::string_view name);
[[nodiscard]] std::span<const std::string_view> gripper_rule_names() noexcept;

/// Share of the opening, 0 closed to 1 open, of a value; snapped as the rule says. Not clamped: what lies beyond an end stays beyond.
[[nodiscard]] double gripper_opening(const GripperRule& rule, double value) noexcept;
/// The value of a share of the opening.
[[nodiscard]] double gripper_value(const GripperRule& rule, double opening) noexcept;
/// A value of one convention in another.
[[nodiscard]] inline double convert_gripper(const GripperRule& from, const GripperRule& to, double value) noexcept {
  return gripper_value(to, gripper_opening(from, value));
}

/// Turns openings into relative commands and holds each large one for some steps, because a real gripper needs longer than a step
/// (simpler-env/SimplerEnv, policies for the Google robot: threshold 0.5, 15 steps). One thread.
class StickyGripper {
 public:
  struct Options {
    double threshold = 0.5;  ///< change of the opening that counts as a command
    int steps = 15;          ///< that the command is held, itself included
  };
  StickyGripper() : StickyGripper(Options{}) {}
  /// Throws Error for a threshold that is not positive or steps below 1.
  explicit StickyGripper(const Options& options);

  /// The command of this step for the `opening` that the policy wants: positive closes, negative opens, by how much; 0 at the first
  /// step. NaN is taken for "as before".
  [[nodiscard]] double step(double opening) noexcept;
  void reset() noexcept;

 private:
  Options options_;
  double before_ = 0;
  double held_ = 0;
  int left_ = 0;
  bool started_ = false;
};

/// ALOHA's gripper (openpi @ 15a9616 src/openpi/policies/aloha_policy.py). Its state is a share of a linear travel, pi0 was trained on
/// the angle (rad) of a motor, normalised by 0.5476 .. 1.6296 rad; its action is an angle that is only offset.
[[nodiscard]] double aloha_state_to_pi(double linear) noexcept;
[[nodiscard]] double aloha_action_from_pi(double angle) noexcept;
[[nodiscard]] double aloha_action_to_pi(double linear) noexcept;

inline constexpr int kAlohaDim = 14;  ///< twice six joints and a gripper
/// Signs between ALOHA's joints and pi's, for one arm with its gripper.
inline constexpr std::array<double, 7> kAlohaSigns = {1, -1, -1, 1, 1, 1, 1};

/// States, or actions `[rows, 14]`, between ALOHA's space and pi's, in place: signs of the joints, then the grippers' maps.
/// `bad_shape`; `not_finite`, nothing is written then.
[[nodiscard]] Status aloha_states_to_pi(std::span<double> states) noexcept;
[[nodiscard]] Status aloha_actions_from_pi(std::span<double> actions) noexcept;
[[nodiscard]] Status aloha_actions_to_pi(std::span<double> actions) noexcept;

}  // namespace sinew
