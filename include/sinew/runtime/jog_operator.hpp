// SPDX-License-Identifier: Apache-2.0
// Drives the tool by velocities, as a keyboard or a gamepad gives them.
#pragma once

#include <Eigen/Geometry>
#include <array>
#include <atomic>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sinew/core/mailbox.hpp"
#include "sinew/kinematics/chain.hpp"
#include "sinew/runtime/operator.hpp"

namespace sinew {

/// What the hands say.
struct JogInput {
  std::array<double, 3> velocity{};  ///< of the tool, m/s, base axes
  std::array<double, 3> turn{};      ///< of the tool, rad/s, base axes
  std::optional<double> gripper{};   ///< opening, m; none: as it is
};

/// How a JogOperator moves. All above 0.
struct JogOptions {
  double max_speed = 0.2;                         ///< m/s
  double max_turn = 1.0;                          ///< rad/s
  double widest_gripper = 0.08;                   ///< m
  double rate = 20;                               ///< Hz of its chunks
  Time deadman = std::chrono::milliseconds(300);  ///< an input moves the tool for so long, at most 2 s; then it holds
  Time step = std::chrono::milliseconds(100);     ///< between two rows of a chunk
  Time plan = std::chrono::milliseconds(1600);    ///< length of a chunk, where the loop takes that many rows; its end holds
  double leash = 0.05;                            ///< m: how far the target may run ahead of the commanded tool
  double turn_leash = 0.3;                        ///< rad
  std::string name = "jog";                       ///< in recordings
};

/// An Operator for hands: integrates a velocity of the tool from the pose that is commanded when it takes over. Without input it stays in
/// control and holds the tool where it is. The columns behind the chain's joints are grippers, and follow the input's.
///
/// `take_over`, `hand_back` and `in_control` may be called from any thread, `set_input` from one at a time. An input counts from the
/// inference instant at which it is first seen, on the robot's clock; what was said before the takeover does not count. Allocates only
/// while being made.
class JogOperator {
 public:
  /// Base to tool. Throws Error for options that make no sense.
  explicit JogOperator(Chain<> chain, JogOptions options = {});

  void take_over() noexcept { wanted_.store(true, std::memory_order_release); }
  void hand_back() noexcept { wanted_.store(false, std::memory_order_release); }
  [[nodiscard]] bool in_control() const noexcept { return wanted_.load(std::memory_order_acquire); }
  /// Speeds beyond the options' are scaled down, the opening is clamped. `not_finite` changes nothing.
  [[nodiscard]] Status set_input(const JogInput& input) noexcept;
  [[nodiscard]] const JogOptions& options() const noexcept { return options_; }

  [[nodiscard]] Status holds(const OperatorView& view, bool& held) noexcept;
  [[nodiscard]] Status act(const OperatorView& view, ActionChunk& chunk) noexcept;
  [[nodiscard]] std::string_view name() const noexcept { return options_.name; }
  [[nodiscard]] double rate() const noexcept { return options_.rate; }
  [[nodiscard]] std::string_view last_error() const noexcept { return "the commanded joints are not those of its chain and grippers"; }

 private:
  static constexpr std::size_t kMostGrippers = 8;
  struct Pose {
    Eigen::Vector3d position = Eigen::Vector3d::Zero();
    Eigen::Quaterniond rotation = Eigen::Quaterniond::Identity();
  };

  [[nodiscard]] Pose moved(double seconds) const noexcept;
  void begin(const Pose& here, std::span<const double> grippers) noexcept;
  void advance(const Pose& here, Time now) noexcept;
  void take_input(Time now) noexcept;

  Chain<> chain_;
  JogOptions options_;
  std::atomic<bool> wanted_{false};
  Mailbox<JogInput> inputs_;
  Pose target_;  // at updated_
  Eigen::Vector3d velocity_ = Eigen::Vector3d::Zero();
  Eigen::Vector3d turn_ = Eigen::Vector3d::Zero();
  std::array<double, kMostGrippers> grippers_{};
  Time updated_{};
  Time live_until_{};  // of the velocities
};

static_assert(Operator<JogOperator>);

}  // namespace sinew
