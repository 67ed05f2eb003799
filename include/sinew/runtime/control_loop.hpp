// SPDX-License-Identifier: Apache-2.0
// Closes the loop: observation -> policy -> chunk -> joints -> timeline -> filter -> robot, on the robot's own clock.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sinew/core/mailbox.hpp"
#include "sinew/runtime/any_robot.hpp"
#include "sinew/runtime/chunk_memory.hpp"
#include "sinew/runtime/control_loop_options.hpp"
#include "sinew/runtime/control_trace.hpp"
#include "sinew/runtime/joint_resolver.hpp"
#include "sinew/runtime/motion_control.hpp"
#include "sinew/runtime/policy.hpp"
#include "sinew/runtime/realtime.hpp"
#include "sinew/runtime/takeover.hpp"

namespace sinew {

/// Drives one robot with one policy.
///
/// `run_for` uses one thread: between two ticks the policy runs to its end. That is right for simulators, replay and policies that are
/// faster than a tick, and it is deterministic. `run_threaded` runs inference in a thread of its own; two lock-free mailboxes carry chunks
/// one way and the commanded state the other, and the control thread never waits for the policy. One caller at a time; robot and policy
/// must outlive the loop.
///
/// Every command is within the tightest of the robot's, the card's and the user's limits in position, velocity, acceleration and jerk. When
/// chunks stay away the motion slows down along its path and comes to rest. Ticks that nobody had time for are skipped, never caught up:
/// the robot stood at its last command, and the motion starts from rest there. Modes and events: `safety_state.hpp`.
///
/// While an operator (`operator.hpp`) holds control the policy is not asked; the operator's chunks go the same way as the policy's. At the
/// hand-back the policy is reset.
template <Robot R>
class ControlLoop {
 public:
  /// Throws Error for rates that are not positive, a joint order of the card that is not the robot's, a missing chain, limits that
  /// exclude each other. Reads no state yet.
  ControlLoop(R& robot, Policy& policy, const ControlLoopOptions& options = {});

  /// Takes the measured joint positions as the start, forgets the old plan, and lifts a stop or a fault. The robot must stand still. Must
  /// come before a run, and after one that the robot or a fault ended.
  [[nodiscard]] Status reset() noexcept;
  /// Runs for `duration` of the robot's time. The status of the latest inference that failed (motion went on along the valid plan
  /// and then stopped), else of the robot, else ok. `last_error()` says more.
  [[nodiscard]] Status run_for(std::string_view instruction, Time duration) noexcept;
  /// The same with inference in a thread of its own. At the end the robot brakes to rest, and the thread is joined; ticks go on until then.
  /// `robot.observe` and `now` are called from there, while the other members are called here: the robot must allow that. Starting a
  /// thread may throw Error.
  [[nodiscard]] Status run_threaded(std::string_view instruction, Time duration);
  /// From the next tick on the robot brakes and stays; until `reset`. From any thread.
  void stop() noexcept { raise(SafetyEvent::stop); }
  /// Tells the control thread of something that it cannot see, such as `watchdog`. From any thread; takes effect at the next tick.
  void raise(SafetyEvent event) noexcept { raised_.fetch_or(1U << static_cast<unsigned>(event), std::memory_order_acq_rel); }

  [[nodiscard]] std::string_view last_error() const noexcept { return error_; }
  /// Whether the latest run ended before its time, because the robot failed; it was told to stop.
  [[nodiscard]] bool halted() const noexcept { return halted_; }
  /// Ticks since reset that were skipped because the policy or the robot took longer than a tick.
  [[nodiscard]] std::int64_t missed_ticks() const noexcept { return missed_ticks_; }
  [[nodiscard]] const ControlTrace& trace() const noexcept { return trace_; }
  [[nodiscard]] const SafetyState& safety() const noexcept { return motion_.safety(); }
  [[nodiscard]] const MotionControl& motion() const noexcept { return motion_; }
  /// Other limits of the user, in motion: see MotionControl. Those of robot and card hold beside them. Throws Error as the constructor. Not
  /// during `run_threaded`.
  [[nodiscard]] Status change_limits(const JointLimits& limits) {
    ControlLoopOptions options = options_;
    options.limits = limits;
    JointLimits changed = detail::loop_limits(std::as_const(robot_).limits(), policy_.card(), options);
    const Status status = motion_.change_limits(changed, robot_.now());
    if (status == Status::ok) limits_ = std::move(changed);
    return status;
  }
  /// The limits that hold: the robot's, the card's and the user's, whichever is tightest, with its source.
  [[nodiscard]] const JointLimits& limits() const noexcept { return limits_; }
  /// What the system gave the latest `run_threaded`.
  [[nodiscard]] const RealtimeReport& realtime() const noexcept { return realtime_; }
  /// The latest chunk as the control thread got it.
  [[nodiscard]] const ActionChunk& latest_chunk() const noexcept { return joints_; }
  /// The latest observation.
  [[nodiscard]] const Observation& latest_observation() const noexcept { return observation_; }

 private:
  static constexpr std::string_view kNeedsReset = "call reset() first: before the first run, and after one that the robot or a fault ended";

  /// The commanded state, for the thread that infers.
  struct Commanded {
    std::vector<double> q;
  };
  /// A chunk that is on its way.
  struct Delivery {
    ActionChunk chunk;
    Time due{};
  };

  Status infer(std::string_view instruction, std::span<const double> commanded) noexcept;
  Status choose(InferenceRecord& record, std::span<const double> commanded) noexcept;
  Status ask_policy(InferenceRecord& record, std::span<const double> commanded) noexcept;
  Status ask_operator(const OperatorView& view, InferenceRecord& record) noexcept;
  void change_hands() noexcept;
  Status hand_over(const InferenceRecord& record) noexcept;
  [[nodiscard]] Time period() const noexcept { return takeover_ ? takeover_->period(inference_period_) : inference_period_; }
  void keep_inferring(std::string_view instruction) noexcept;
  Status deliver_due(Time now) noexcept;
  Status tick() noexcept;
  Status end_of_fault(Status seen) noexcept;
  void beat(const TickOutcome& outcome) noexcept;
  Status fail_robot(Status status, std::string_view text) noexcept;
  Status skip_missed_ticks() noexcept;
  Status tick_until(Time end) noexcept;
  Status keep_error(Status status, std::string_view text) noexcept {
    error_.assign(text);
    return status;
  }

  R& robot_;
  Policy& policy_;
  ControlLoopOptions options_;
  JointLimits limits_;
  Time control_period_;
  Time inference_period_;
  std::optional<JointResolver> resolver_;
  std::optional<ChunkMemory> memory_;
  MotionControl motion_;
  std::optional<Takeover> takeover_;
  ControlTrace trace_;
  Observation observation_;
  ActionChunk chunk_;
  ActionChunk joints_;
  std::vector<double> measured_;
  std::vector<double> command_;
  std::vector<double> latest_command_;  // of the thread that infers
  std::vector<Delivery> deliveries_;    // with `chunk_delay`, in order of arrival
  std::size_t delivery_count_ = 0;
  std::uint64_t inference_count_ = 0;
  Mailbox<ActionChunk> chunks_;
  Mailbox<Commanded> commanded_;
  std::atomic<std::uint32_t> raised_{0};     // a bit for each event
  std::atomic<bool> threaded_{false};        // the thread that infers shall go on
  std::atomic<bool> inferring_{false};       // it has not ended
  std::atomic<Status> refused_{Status::ok};  // of the latest chunk that was refused in a threaded run
  Status inference_status_ = Status::ok;     // of the latest inference that failed; of the thread that infers
  std::string inference_error_;
  std::string error_;
  RealtimeReport realtime_;
  std::int64_t missed_ticks_ = 0;
  std::uint64_t beats_ = 0;
  Time next_tick_{};
  Time next_inference_{};
  Status fault_ = Status::ok;  // why the measurement ended the run
  bool ready_ = false;
  bool halted_ = false;
};

}  // namespace sinew

#include "sinew/runtime/control_loop_inference.hpp"
#include "sinew/runtime/control_loop_run.hpp"

namespace sinew {

extern template class ControlLoop<AnyRobot>;

}  // namespace sinew
