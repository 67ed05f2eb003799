// SPDX-License-Identifier: Apache-2.0
// Closes the loop: observation -> policy -> chunk -> joints -> timeline -> filter -> robot, on the robot's own clock.
#pragma once

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "sinew/core/mailbox.hpp"
#include "sinew/motion/heartbeat.hpp"
#include "sinew/record/recorder.hpp"
#include "sinew/runtime/any_robot.hpp"
#include "sinew/runtime/chunk_memory.hpp"
#include "sinew/runtime/control_trace.hpp"
#include "sinew/runtime/joint_resolver.hpp"
#include "sinew/runtime/motion_control.hpp"
#include "sinew/runtime/policy.hpp"
#include "sinew/runtime/realtime.hpp"
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

template <Robot R>
ControlLoop<R>::ControlLoop(R& robot, Policy& policy, const ControlLoopOptions& options)
    : robot_(robot),
      policy_(policy),
      options_(options),
      limits_(detail::loop_limits(std::as_const(robot).limits(), policy.card(), options)),
      control_period_(from_seconds(1 / options.control_rate)),
      inference_period_(from_seconds(1 / options.inference_rate)),
      resolver_(detail::loop_resolver(policy.card(), options)),
      motion_(limits_, detail::motion_options(policy.card(), limits_, std::as_const(robot).limits(), options)),
      takeover_(detail::loop_takeover(policy.card(), options, motion_)),
      trace_(limits_.dof(), static_cast<std::size_t>(options.trace_seconds * options.control_rate) + 1,
             static_cast<std::size_t>(options.trace_seconds * detail::chunk_rate(options)) + 1),
      chunk_(policy.make_chunk()),
      joints_(policy.card().action.horizon, motion_.timeline().dof()),
      measured_(static_cast<std::size_t>(limits_.dof())),
      command_(measured_),
      latest_command_(measured_),
      chunks_(joints_),
      commanded_(Commanded{measured_}) {
  error_.reserve(512);
  inference_error_.reserve(512);
  if (options.hand_back_prefix) memory_.emplace(policy);
  if (options.chunk_delay) {
    constexpr std::size_t kMostUnderWay = 64;
    deliveries_.assign(kMostUnderWay, {joints_, {}});
  }
}

template <Robot R>
Status ControlLoop<R>::reset() noexcept {
  ready_ = false;
  raised_.store(0, std::memory_order_release);  // a stop that comes from here on stays
  error_.clear();
  if (const Status status = robot_.positions(measured_); status != Status::ok)
    return keep_error(status, "the robot gave no joint positions");
  const Time now = robot_.now();
  if (!motion_.filter().at_rest()) motion_.skip(now, Time{});  // what moved when the last run ended has stood still meanwhile
  if (const Status status = motion_.arm(measured_, now); status != Status::ok)
    return keep_error(status, "the joints are measured outside their limits");
  if (resolver_) {
    if (const Status status = resolver_->set_posture(motion_.filter().position()); status != Status::ok)
      return keep_error(status, "the measured posture is refused");
  }
  trace_.clear();
  if (takeover_) takeover_->restart(now);
  policy_.reset();
  if (memory_) memory_->clear();
  fault_ = Status::ok;
  std::copy_n(motion_.filter().position().begin(), command_.size(), command_.begin());
  delivery_count_ = 0;
  inference_count_ = 0;
  missed_ticks_ = 0;
  next_tick_ = next_inference_ = now;
  ready_ = true;
  return Status::ok;
}

template <Robot R>
Status ControlLoop<R>::run_for(std::string_view instruction, Time duration) noexcept {
  if (!ready_) return keep_error(Status::not_ready, kNeedsReset);
  Status result = Status::ok;
  error_.clear();
  const Time end = robot_.now() + duration;
  halted_ = true;  // until the end is reached
  // Ticks lie on a grid from reset on, so that runs of any length give the same commands as one long run.
  while (next_tick_ < end) {
    if (const Status status = robot_.wait_until(next_tick_); status != Status::ok) return fail_robot(status, "the robot's clock failed");
    if (const Status status = skip_missed_ticks(); status != Status::ok) return status;
    if (next_tick_ >= next_inference_) {
      if (const Status status = infer(instruction, motion_.filter().position()); status != Status::ok) {
        result = status;
        error_.assign(inference_error_);
      }
      next_inference_ += period();
      if (const Status status = skip_missed_ticks(); status != Status::ok) return status;
    }
    if (const Status status = deliver_due(next_tick_); status != Status::ok) {
      result = status;
      error_.assign("chunk refused: ").append(to_string(status));
    }
    if (const Status status = tick(); status != Status::ok) return status;
    next_tick_ += control_period_;
  }
  if (const Status status = robot_.wait_until(end); status != Status::ok) return fail_robot(status, "the robot's clock failed");
  halted_ = false;
  if (options_.heartbeat != nullptr) options_.heartbeat->disarm();  // until the next run
  return result;
}

template <Robot R>
Status ControlLoop<R>::run_threaded(std::string_view instruction, Time duration) {
  if (!ready_) return keep_error(Status::not_ready, kNeedsReset);
  error_.clear();
  inference_status_ = Status::ok;
  refused_.store(Status::ok, std::memory_order_relaxed);
  inference_error_.clear();
  halted_ = true;
  std::copy_n(motion_.filter().position().begin(), command_.size(), commanded_.back().q.begin());
  commanded_.publish();
  (void)chunks_.take();  // of a run before
  inferring_.store(true, std::memory_order_release);
  threaded_.store(true, std::memory_order_release);
  Status status = Status::ok;
  {
    const detail::JoinedThread thread([this, instruction] { keep_inferring(instruction); }, threaded_, inferring_);
    const RealtimeScope realtime(options_.realtime_priority, options_.lock_memory);
    realtime_ = realtime.report();
    status = tick_until(robot_.now() + duration);
  }
  if (status != Status::ok) return status;
  halted_ = false;
  if (options_.heartbeat != nullptr) options_.heartbeat->disarm();
  if (inference_status_ != Status::ok) {
    error_.assign(inference_error_);
    return inference_status_;
  }
  const Status refused = refused_.load(std::memory_order_relaxed);
  return refused == Status::ok ? refused : keep_error(refused, std::string("chunk refused: ").append(to_string(refused)));
}

/// Until `end`, and then until the robot rests and the thread that infers has done its last.
template <Robot R>
Status ControlLoop<R>::tick_until(Time end) noexcept {
  bool over = false;
  while (!over || !motion_.filter().at_rest() || inferring_.load(std::memory_order_acquire)) {
    if (const Status status = robot_.wait_until(next_tick_); status != Status::ok) return fail_robot(status, "the robot's clock failed");
    if (const Status status = skip_missed_ticks(); status != Status::ok) return status;
    if (!over && next_tick_ >= end) {
      over = true;
      threaded_.store(false, std::memory_order_release);
      motion_.raise(SafetyEvent::plan_over, next_tick_);
    }
    if (const ActionChunk* chunk = chunks_.take(); chunk != nullptr && !over)
      if (const Status refused = motion_.deliver(*chunk, next_tick_); refused != Status::ok)
        refused_.store(refused, std::memory_order_relaxed);
    if (const Status status = tick(); status != Status::ok) return status;
    std::copy(command_.begin(), command_.end(), commanded_.back().q.begin());
    commanded_.publish();
    next_tick_ += control_period_;
  }
  return Status::ok;
}

template <Robot R>
void ControlLoop<R>::keep_inferring(std::string_view instruction) noexcept {
  constexpr auto kNap = std::chrono::milliseconds(2);
  for (Time next = robot_.now(); threaded_.load(std::memory_order_acquire);) {
    if (const Time left = next - robot_.now(); left > Time{}) {
      std::this_thread::sleep_for(std::min<Time>(left, kNap));
      continue;
    }
    if (const Commanded* latest = commanded_.take(); latest != nullptr)
      std::copy(latest->q.begin(), latest->q.end(), latest_command_.begin());
    if (const Status status = infer(instruction, latest_command_); status != Status::ok) inference_status_ = status;
    next = std::max(next + period(), robot_.now());
  }
  inferring_.store(false, std::memory_order_release);
}

template <Robot R>
Status ControlLoop<R>::fail_robot(Status status, std::string_view text) noexcept {
  robot_.stop();
  ready_ = false;  // the robot stands where it stopped, not where it was told to be
  motion_.raise(SafetyEvent::command_refused, robot_.now());
  return keep_error(status, text);
}

template <Robot R>
Status ControlLoop<R>::skip_missed_ticks() noexcept {
  const Time late = robot_.now() - next_tick_;
  if (late < 2 * control_period_) return Status::ok;
  const auto missed = late / control_period_;
  missed_ticks_ += missed;
  next_tick_ += missed * control_period_;
  next_inference_ = std::max(next_inference_, next_tick_);
  motion_.skip(next_tick_, missed * control_period_);
  return Status::ok;
}

template <Robot R>
Status ControlLoop<R>::infer(std::string_view instruction, std::span<const double> commanded) noexcept {
  const SteadyClock clock;
  InferenceRecord record{.time = robot_.now()};
  const Time start = clock.now();
  record.status = robot_.observe(instruction, observation_);
  record.observe = clock.now() - start;
  if (record.status == Status::ok)
    record.status = choose(record, commanded);
  else
    inference_error_.assign("the robot gave no observation");
  if (record.status == Status::ok) record.status = hand_over(record);
  trace_.add_inference(record);
  return record.status;
}

/// Fills joints_ with what the policy wants, or the operator that holds control.
template <Robot R>
Status ControlLoop<R>::choose(InferenceRecord& record, std::span<const double> commanded) noexcept {
  Status status = Status::ok;
  const OperatorView view{observation_, commanded, record.time, motion_.timeline().options().max_horizon};
  if (takeover_) {
    status = takeover_->ask(view);
    if (status != Status::ok) inference_error_.assign(takeover_->last_error());
    if (takeover_->changed()) change_hands();
    record.operated = takeover_->held();
  }
  if (status == Status::ok) status = record.operated ? ask_operator(view, record) : ask_policy(record, commanded);
  if (options_.recorder != nullptr) (void)options_.recorder->add(observation_);
  return status;
}

template <Robot R>
Status ControlLoop<R>::ask_policy(InferenceRecord& record, std::span<const double> commanded) noexcept {
  Status status = policy_.act(observation_, chunk_, memory_ ? memory_->options(record.time) : ActOptions{});
  record.encode = policy_.timing().encode;
  record.infer = policy_.timing().infer;
  record.decode = policy_.timing().decode;
  if (status != Status::ok) {
    inference_error_.assign(policy_.last_error());
    return status;
  }
  const SteadyClock clock;
  const Time resolving = clock.now();
  if (resolver_ && chunk_.space == ActionSpace::tool_pose) {
    status = resolver_->resolve(chunk_, commanded, joints_);
    if (resolver_->resolved_rows() < chunk_.horizon) raise(SafetyEvent::pose_unreachable);
    if (status != Status::ok) inference_error_.assign("chunk refused: ").append(to_string(status));
  } else {
    std::swap(joints_, chunk_);
  }
  record.resolve = clock.now() - resolving;
  return status;
}

template <Robot R>
Status ControlLoop<R>::ask_operator(const OperatorView& view, InferenceRecord& record) noexcept {
  const SteadyClock clock;
  const Time asking = clock.now();
  const Status status = takeover_->act(view, resolver_ ? &*resolver_ : nullptr, joints_);
  record.infer = clock.now() - asking;
  if (takeover_->cut()) raise(SafetyEvent::pose_unreachable);
  if (status != Status::ok) inference_error_.assign(takeover_->last_error());
  return status;
}

/// Nothing that the policy said before is followed any longer, and nothing of it is taken up again.
template <Robot R>
void ControlLoop<R>::change_hands() noexcept {
  delivery_count_ = 0;
  if (memory_) memory_->clear();
  if (!takeover_->held()) policy_.reset();
}

/// To the control thread, now or in a while.
template <Robot R>
Status ControlLoop<R>::hand_over(const InferenceRecord& record) noexcept {
  const std::uint64_t index = inference_count_++;
  Status status = Status::ok;
  Time arrival = record.time;
  if (takeover_) joints_.sequence = takeover_->next_sequence();
  if (inferring_.load(std::memory_order_relaxed)) {  // even after it was told to end: motion_ is the control thread's
    chunks_.back() = joints_;
    chunks_.publish();
    arrival = robot_.now() + control_period_;
  } else if (!options_.chunk_delay || record.operated) {
    status = motion_.deliver(joints_, record.time);
  } else if (delivery_count_ == deliveries_.size()) {
    status = Status::over_capacity;
  } else {
    const Time delay = options_.chunk_delay(index);
    arrival = record.time + std::max(Time{}, delay);
    if (delay < Time{} || delay > std::chrono::hours(1))
      status = Status::out_of_range;
    else
      deliveries_[delivery_count_++] = {joints_, arrival};
  }
  if (status == Status::ok && memory_ && !record.operated) memory_->keep(policy_.outputs(), joints_, arrival);
  if (status != Status::ok) inference_error_.assign("chunk refused: ").append(to_string(status));
  return status;
}

template <Robot R>
Status ControlLoop<R>::deliver_due(Time now) noexcept {
  std::size_t kept = 0;
  Status result = Status::ok;
  for (std::size_t i = 0; i < delivery_count_; ++i) {
    if (deliveries_[i].due <= now) {
      if (const Status status = motion_.deliver(deliveries_[i].chunk, now); status != Status::ok) result = status;
    } else if (kept++ != i) {
      std::swap(deliveries_[kept - 1], deliveries_[i]);
    }
  }
  delivery_count_ = kept;
  return result;
}

template <Robot R>
Status ControlLoop<R>::tick() noexcept {
  const SteadyClock clock;
  TickRecord record{.time = next_tick_, .lateness = robot_.now() - next_tick_};
  const Status seen = robot_.positions(measured_);
  const std::uint32_t raised = raised_.exchange(0, std::memory_order_acq_rel);
  for (std::size_t i = 0; raised != 0 && i < kSafetyEvents; ++i)
    if ((raised >> i & 1U) != 0) motion_.raise(static_cast<SafetyEvent>(i), next_tick_);
  const Time start = clock.now();
  const TickOutcome outcome = motion_.tick(next_tick_, control_period_,
                                           seen == Status::ok ? std::span<const double>(measured_) : std::span<const double>(), command_);
  record.duration = clock.now() - start;
  record.status = outcome.status;
  record.mode = outcome.mode;
  const Status status = robot_.command(command_);
  const CommandFilter& filter = motion_.filter();
  trace_.add_tick(record, {motion_.target(), command_, filter.velocity(), filter.acceleration(), measured_});
  if (status != Status::ok) return fail_robot(status, "the robot refused a command");
  if (options_.heartbeat != nullptr) beat(outcome);
  if (options_.after_command) options_.after_command(record, motion_);
  return end_of_fault(seen);
}

template <Robot R>
void ControlLoop<R>::beat(const TickOutcome& outcome) noexcept {
  const Time now = SteadyClock().now();
  const ChunkTimeline& timeline = motion_.timeline();
  const bool follows = motion_.safety().follows_plan();
  options_.heartbeat->beat({.sequence = ++beats_,
                            .time = now,
                            .action = timeline.sequence(),
                            .horizon_end = now + std::max(Time{}, timeline.end() - next_tick_),
                            .valid = outcome.mode != SafetyMode::fault,
                            .holding = !follows});
}

/// Without a measured state the run ends, once the robot is at rest.
template <Robot R>
Status ControlLoop<R>::end_of_fault(Status seen) noexcept {
  const SafetyState& safety = motion_.safety();
  const bool stale = safety.mode() == SafetyMode::hold && safety.cause() == SafetyEvent::rest && seen != Status::ok;
  if (safety.mode() == SafetyMode::fault && fault_ == Status::ok) {
    const bool finite = std::all_of(measured_.begin(), measured_.end(), [](double q) { return std::isfinite(q); });
    fault_ = finite ? Status::out_of_range : Status::not_finite;
  }
  if (!motion_.filter().at_rest() || (safety.mode() != SafetyMode::fault && !stale)) return Status::ok;
  robot_.stop();
  ready_ = false;
  if (stale) return keep_error(seen, "the robot gave no joint positions");
  return keep_error(fault_, fault_ == Status::not_finite ? "the robot measured a joint position that is no number"
                                                         : "a joint was measured far outside its limits, or a fault was raised");
}

extern template class ControlLoop<AnyRobot>;

}  // namespace sinew
