// SPDX-License-Identifier: Apache-2.0
#include "sinew/runtime/control_loop.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <system_error>

#include "sinew/core/error.hpp"

namespace sinew {

namespace detail {

JointLimits loop_limits(const JointLimits& robot, const PolicyCard& card, const ControlLoopOptions& options) {
  // 10 Hz to 20 kHz is what the filter's tick allows.
  const bool rates = options.control_rate >= 10 && options.control_rate <= 20000 && options.inference_rate >= 1e-3 &&
                     options.inference_rate <= options.control_rate;
  if (!rates)
    fail(ErrorCode::invalid_argument, {"ControlLoop", "rates", "control_rate of 10 to 20000 Hz, inference_rate of 0.001 Hz to control_rate",
                                       fmt::format("inference {} Hz, control {} Hz", options.inference_rate, options.control_rate), ""});
  if (!(options.trace_seconds > 0 && options.trace_seconds <= 86400))
    fail(ErrorCode::invalid_argument,
         {"ControlLoop", "trace_seconds", "above 0, at most a day", fmt::format("{}", options.trace_seconds), ""});
  if (options.realtime_priority < 0 || options.realtime_priority > 99)
    fail(ErrorCode::invalid_argument, {"ControlLoop", "realtime_priority", "0 to 99", fmt::format("{}", options.realtime_priority), ""});
  validate(robot, "ControlLoop");
  if (robot.names != card.action.joint_names)
    fail(ErrorCode::invalid_argument,
         {"ControlLoop", fmt::format("joint order of policy '{}'", card.name), fmt::format("the robot's: {}", fmt::join(robot.names, ", ")),
          fmt::format("{}", fmt::join(card.action.joint_names, ", ")), "a policy moves the robot that it was trained on"});
  std::vector<JointLimits> all{robot.sources.lower.empty() ? labelled(robot, "robot") : robot};
  if (card.limits) all.push_back(labelled(limits_from_card(*card.limits, card.action.joint_names), fmt::format("card '{}'", card.name)));
  if (options.limits) all.push_back(options.limits->sources.lower.empty() ? labelled(*options.limits, "user") : *options.limits);
  return combined(all);
}

namespace {

/// How long the last stretch of a plan is slowed down: as the robot needs to stop, but no part of a plan that a newer one will replace.
Time plan_validity(const PolicyCard& card, const JointLimits& limits, Time inference_period) {
  constexpr double kLeast = 0.05, kMost = 1.0;  // s
  double stop = kLeast;
  for (std::size_t i = 0; i < limits.velocity.size(); ++i)
    stop = std::max(stop, limits.velocity[i] / limits.acceleration[i] + limits.acceleration[i] / limits.jerk[i]);
  const double plan = (card.action.horizon - 1) / card.action.rate, spare = plan - 1.5 * to_seconds(inference_period);
  return from_seconds(std::clamp(std::min(stop, spare), kLeast, kMost));
}

}  // namespace

MotionControlOptions motion_options(const PolicyCard& card, const JointLimits& limits, const JointLimits& robot,
                                    const ControlLoopOptions& options) {
  // A chunk that asks for more than this share of a joint's range beyond the robot's own limits was not meant for it; what lies beyond
  // the limits that hold is clamped by the filter.
  constexpr double kEnvelopeMargin = 0.05;
  MotionControlOptions motion;
  motion.period = from_seconds(1 / options.control_rate);
  motion.on_path = options.on_path;
  motion.chain = options.chain;
  motion.tool_box = options.tool_box;
  motion.start_tolerance = options.start_tolerance;
  motion.log = options.log;
  motion.recorder = options.recorder;
  ChunkTimelineOptions& timeline = motion.timeline;
  timeline.max_horizon = card.action.horizon;
  timeline.merge = options.merge;
  timeline.validity = plan_validity(card, limits, from_seconds(1 / options.inference_rate));
  timeline.max_age = std::max(timeline.max_age, from_seconds(card.action.horizon / card.action.rate));
  timeline.joint_order_hash = hash_joint_order(limits.names);
  if (options.poses == PoseMode::differential && card.action.tools() > 0) {
    timeline.space = ActionSpace::tool_pose;
    for (int column = 7; column < card.action.chunk_size(); ++column) timeline.hold_columns.push_back(column);
    return motion;
  }
  timeline.hold_columns = card.action.gripper_joints();
  for (std::size_t i = 0; i < robot.lower.size(); ++i) {
    const double margin = kEnvelopeMargin * (robot.upper[i] - robot.lower[i]);
    timeline.lower.push_back(robot.lower[i] - margin);
    timeline.upper.push_back(robot.upper[i] + margin);
  }
  return motion;
}

JoinedThread::JoinedThread(std::function<void()> work, std::atomic<bool>& go_on, std::atomic<bool>& running) : go_on_(go_on) {
  try {
    thread_ = std::thread(std::move(work));
  } catch (const std::system_error& error) {
    go_on.store(false, std::memory_order_release);
    running.store(false, std::memory_order_release);
    fail(ErrorCode::failed, {"ControlLoop", "thread that infers", "one", "none", error.what()});
  }
}

JoinedThread::~JoinedThread() {
  go_on_.store(false, std::memory_order_release);
  thread_.join();
}

std::optional<JointResolver> loop_resolver(const PolicyCard& card, const ControlLoopOptions& options) {
  const bool for_operator = options.takeover_by && options.chain && card.action.tools() == 0;
  if (card.action.tools() == 0 && !for_operator) return std::nullopt;
  if (card.action.tools() > 1)
    fail(ErrorCode::unsupported, {"ControlLoop", "tools of the policy", "one", std::to_string(card.action.tools()),
                                  "resolve each arm's columns of the chunk with a JointResolver of its own"});
  if (!options.chain)
    fail(ErrorCode::invalid_argument, {"ControlLoop", "chain", "the kinematic chain from base to tool", "none",
                                       "the policy emits tool poses; pass Chain::from_urdf(...) in the options"});
  const auto& names = card.action.joint_names;
  // Columns behind the pose: grippers, and joints that no pose resolves to.
  const int behind = for_operator ? static_cast<int>(names.size()) - options.chain->dof() : card.action.chunk_size() - 7;
  if (behind < 0 || behind >= static_cast<int>(names.size()))
    fail(ErrorCode::invalid_argument,
         {"ControlLoop", "joint_names", fmt::format("more than the {} columns behind the pose", behind), std::to_string(names.size()), ""});
  const std::size_t arm = names.size() - static_cast<std::size_t>(behind);
  const std::vector<std::string> arm_names(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(arm));
  if (options.chain->joint_names() != arm_names)
    fail(ErrorCode::invalid_argument,
         {"ControlLoop", "joints of the chain", fmt::format("{}", fmt::join(arm_names, ", ")),
          fmt::format("{}", fmt::join(options.chain->joint_names(), ", ")), "the card's joint_names without its grippers"});
  if (options.poses == PoseMode::differential && !for_operator) return std::nullopt;
  return std::optional<JointResolver>(std::in_place, *options.chain, behind, options.resolver);
}

std::optional<Takeover> loop_takeover(const PolicyCard& card, const ControlLoopOptions& options, const MotionControl& motion) {
  if (!options.takeover_by) return std::nullopt;
  return std::optional<Takeover>(std::in_place, *options.takeover_by,
                                 TakeoverOptions{.space = motion.timeline().options().space,
                                                 .dim = motion.timeline().dof(),
                                                 .max_rows = card.action.horizon,
                                                 .control_period = motion.options().period,
                                                 .recorder = options.recorder});
}

double chunk_rate(const ControlLoopOptions& options) noexcept {
  return options.takeover_by ? std::max(options.inference_rate, options.takeover_by->rate()) : options.inference_rate;
}

}  // namespace detail

template class ControlLoop<AnyRobot>;

}  // namespace sinew
