// SPDX-License-Identifier: Apache-2.0
// Rates and parts of a control loop, and what follows from them.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <thread>

#include "sinew/motion/heartbeat.hpp"
#include "sinew/record/recorder.hpp"
#include "sinew/runtime/control_trace.hpp"
#include "sinew/runtime/joint_resolver.hpp"
#include "sinew/runtime/motion_control.hpp"
#include "sinew/runtime/takeover.hpp"

namespace sinew {

/// How chunks of tool poses become joints.
enum class PoseMode : std::uint8_t {
  ahead,        ///< each chunk as it comes, by inverse kinematics on one branch of solutions; a pose without one ends the chunk before it
  differential  ///< each tick, by one step of differential kinematics from the command
};

/// Rates and parts of a control loop.
struct ControlLoopOptions {
  double control_rate = 200;           ///< Hz of the commands
  double inference_rate = 10;          ///< Hz of the policy, at most control_rate
  std::optional<Chain<>> chain = {};   ///< base to tool; needed when the policy emits tool poses, and for a tool box
  JointResolverOptions resolver = {};  ///< of tool poses, ahead
  PoseMode poses = PoseMode::ahead;
  std::optional<JointLimits> limits = {};  ///< the user's own, beside the robot's and the card's: numbers may be left open (infinite)
  ChunkMerge merge = ChunkMerge::blend;
  bool hand_back_prefix = false;  ///< real-time chunking: the model gets the rest of its latest chunk (ChunkMemory)
  bool on_path = false;           ///< joints that cannot follow slow down all: see PathGovernor
  std::optional<ToolBox> tool_box = {};
  double start_tolerance = 0.35;  ///< rad or m: see MotionControlOptions
  double trace_seconds = 60;      ///< room of the trace
  Recorder* recorder = nullptr;  ///< gets every observation, and all that goes into the motion control and comes out; must outlive the loop
  MotionLog* log = nullptr;      ///< gets all that the control thread takes, for `replay`; must outlive the loop
  /// For `run_for`: how much later than its observation the chunk of inference `i` arrives, in robot time. A simulator's clock stands still
  /// while the policy runs; this puts the lateness of a real one back. Empty: at once.
  std::function<Time(std::uint64_t)> chunk_delay = {};
  int realtime_priority = 0;  ///< for `run_threaded`: SCHED_FIFO of the control thread, 1 to 99, where permitted; 0 = do not ask
  bool lock_memory = false;   ///< for `run_threaded`: mlockall, where permitted
  std::optional<AnyOperator> takeover_by = {};  ///< may take control from the policy at an inference instant, and hand it back
  Heartbeat* heartbeat = nullptr;               ///< beats after each command that the robot took; a policy in `run_for` makes it pause
  /// Called after each command that the robot took, on the control thread: to feed a watchdog. Must not block or throw.
  std::function<void(const TickRecord&, const MotionControl&)> after_command = {};
};

namespace detail {
/// The checks and derived numbers of a loop, compiled once for every robot type.
JointLimits loop_limits(const JointLimits& robot, const PolicyCard& card, const ControlLoopOptions& options);
MotionControlOptions motion_options(const PolicyCard& card, const JointLimits& limits, const JointLimits& robot,
                                    const ControlLoopOptions& options);
std::optional<JointResolver> loop_resolver(const PolicyCard& card, const ControlLoopOptions& options);
std::optional<Takeover> loop_takeover(const PolicyCard& card, const ControlLoopOptions& options, const MotionControl& motion);
/// Hz at which chunks may come.
double chunk_rate(const ControlLoopOptions& options) noexcept;
/// A thread that is told to end and joined, however its owner is left. Throws Error when the system gives none.
class JoinedThread {
 public:
  JoinedThread(std::function<void()> work, std::atomic<bool>& go_on, std::atomic<bool>& running);
  ~JoinedThread();
  JoinedThread(const JoinedThread&) = delete;
  JoinedThread& operator=(const JoinedThread&) = delete;

 private:
  std::atomic<bool>& go_on_;
  std::thread thread_;
};
}  // namespace detail

}  // namespace sinew
