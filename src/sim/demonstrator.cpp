// SPDX-License-Identifier: Apache-2.0
// From the simulator's state to normalised deltas: rolls the expert forward and writes where the tool will be.
#include "sinew/sim/demonstrator.hpp"

#include <fmt/format.h>

#include <Eigen/Geometry>
#include <array>
#include <cmath>
#include <numbers>
#include <utility>

#include "expert.hpp"
#include "simulation.hpp"
#include "sinew/core/error.hpp"
#include "sinew/io/card_json.hpp"
#include "sinew/io/statistics_file.hpp"
#include "sinew/observation/vla_encoder.hpp"

namespace sinew::sim {

namespace {

constexpr int kPoseSize = 7;
constexpr int kRowSize = 7;

/// Longest pause over which a plan goes on, and how far the arm's target may stay behind it.
constexpr Time kMaxPause = std::chrono::seconds(1);
constexpr double kMaxBehind = 0.10;
constexpr double kBeyond = 0.03;  // the line, aimed at, m
constexpr Time kPeriod = from_seconds(kExpertPeriod);

/// What is true now, whatever was planned.
void observe_truth(const Simulation& simulation, const Instruction& instruction, TaskState& task) noexcept {
  const Eigen::Isometry3d tool = simulation.base_from_tool();
  task.actual = tool.translation();
  task.actual_yaw = yaw_of(tool);
  std::array<double, kRobotJoints> q{};
  simulation.targets(q);
  task.grip = q[kArmJoints];
  simulation.positions(q);
  task.width = q[kArmJoints];
  const Eigen::Isometry3d cube = simulation.base_from_cube(instruction.cube);
  task.cube = cube.translation();
  task.cube_yaw = yaw_of(cube);
  task.task = instruction.task;
  switch (instruction.task) {
    case Task::put:
      task.target = simulation.base_from_plate(instruction.target).translation() + kPlateHeight * Eigen::Vector3d::UnitZ();
      break;
    case Task::stack:
      task.target = simulation.base_from_cube(instruction.target).translation() + kCubeHalf * Eigen::Vector3d::UnitZ();
      break;
    case Task::push:
      task.side = kSideSigns[static_cast<std::size_t>(instruction.target)];
      task.target.y() = task.side * (kPushLine + kBeyond);
      break;
  }
}

/// Writes the target (p + d, exp(w) R) of a row relative to the measured pose; the plan is `late` s older than the row.
void write_row(const TaskState& task, double late, const Eigen::Isometry3d& measured, std::span<double> row) noexcept {
  const double yaw = task.yaw + late * task.yaw_rate;
  const Eigen::Matrix3d target =
      (Eigen::AngleAxisd(yaw, Eigen::Vector3d::UnitZ()) * Eigen::AngleAxisd(std::numbers::pi, Eigen::Vector3d::UnitX())).toRotationMatrix();
  const Eigen::AngleAxisd turn(Eigen::Matrix3d(target * measured.linear().transpose()));
  const Eigen::Vector3d delta = task.tool + late * task.velocity - measured.translation();
  const Eigen::Vector3d rotation = turn.angle() * turn.axis();
  for (std::size_t i = 0; i < 3; ++i) {
    row[i] = delta[static_cast<Eigen::Index>(i)];
    row[3 + i] = rotation[static_cast<Eigen::Index>(i)];
  }
  // What the gripper is told now, not where it is: a target that is only held until the next plan must still move it.
  TaskState next = task;
  advance(next);
  row[6] = next.grip;
}

}  // namespace

/// Note [One plan]: a chunk that started at the arm's measured or commanded state would step back by the lag of timeline and
/// filter each time, and its feedback with that delay oscillates. So the plan is kept, and only the world is measured anew.
struct Demonstrator::Plan {
  bool valid = false;
  Instruction instruction;
  std::uint64_t episode = 0;
  Time time{};
  TaskState task;
};

Demonstrator::Demonstrator(std::shared_ptr<const Simulation> simulation, ModelSpec spec, Normalizer normalizer, int tool_offset,
                           int steps_per_row)
    : simulation_(std::move(simulation)),
      spec_(std::move(spec)),
      normalizer_(std::move(normalizer)),
      tool_offset_(tool_offset),
      steps_per_row_(steps_per_row),
      plan_(std::make_unique<Plan>()),
      rows_(spec_.outputs.front().capacity.count()) {}
Demonstrator::Demonstrator(Demonstrator&&) noexcept = default;
Demonstrator& Demonstrator::operator=(Demonstrator&&) noexcept = default;
Demonstrator::~Demonstrator() = default;

void Demonstrator::reset() noexcept { plan_->valid = false; }

void Demonstrator::continue_plan(const Instruction& instruction) noexcept {
  Plan& plan = *plan_;
  const Time now = simulation_->now();
  const bool same_task = plan.valid && plan.instruction == instruction && plan.episode == simulation_->episode();
  if (same_task && now >= plan.time && now - plan.time < kMaxPause) {
    for (; now - plan.time >= kPeriod; plan.time += kPeriod) advance(plan.task);
  } else {
    plan.valid = false;
  }
  const Eigen::Isometry3d target = simulation_->base_from_target_tool();
  if (!plan.valid || (plan.task.tool - target.translation()).norm() > kMaxBehind) {
    plan = {true, instruction, simulation_->episode(), now, {}};
    plan.task.tool = target.translation();
    plan.task.yaw = yaw_of(target);
  }
  observe_truth(*simulation_, instruction, plan.task);
}

Demonstrator Demonstrator::load(const BackendRequest& request, std::shared_ptr<const Simulation> simulation) {
  const PolicyCard& card = request.card;
  const auto require = [](bool condition, std::string_view what, std::string_view expected, std::string_view got) {
    if (!condition) fail(ErrorCode::unsupported, {"Demonstrator", what, expected, got, "use the card that comes with the demonstrator"});
  };
  require(card.action.decoder == DecoderKind::tool_delta && card.action.size() == kRowSize, "/action",
          "decoder tool_delta with one gripper", fmt::format("{} with {} columns", to_string(card.action.decoder), card.action.size()));
  require(card.state.normalization.mode == NormalizationMode::identity, "/state/normalization/mode", "identity",
          to_string(card.state.normalization.mode));
  const double steps = 1 / (card.action.rate * kExpertPeriod);
  const int steps_per_row = static_cast<int>(std::lround(steps));
  require(steps_per_row >= 1 && std::abs(steps - steps_per_row) < 1e-6, "/action/rate",
          fmt::format("{} Hz or a whole fraction of it", 1 / kExpertPeriod), fmt::format("{} Hz", card.action.rate));
  int tool_offset = 0;
  bool found = false;
  for (const auto& channel : card.state.channels) {
    found = channel.name == card.action.tool_channel && channel.size == kPoseSize;
    if (found) break;
    tool_offset += channel.size;
  }
  require(found, "/state/channels", fmt::format("the pose '{}' [7]", card.action.tool_channel), "no such channel");

  const Statistics statistics = read_statistics(request.directory, card.statistics);
  ModelSpec spec{"demonstrator", VlaEncoder(card, statistics).spec(), {{"actions", DType::f32, {card.action.horizon, kRowSize}}}, false};
  return {std::move(simulation), std::move(spec), make_normalizer(card.action.normalization, statistics, kRowSize, "Demonstrator"),
          tool_offset, steps_per_row};
}

Status Demonstrator::check(const TensorMap& in, const TensorMap& out) noexcept {
  const auto check_all = [this](const TensorSpecs& specs, const TensorMap& tensors, std::string_view side) {
    for (const TensorSpec& spec : specs) {
      const Status status = check_tensor(spec, tensors[spec.name]);
      if (status == Status::ok) continue;
      error_.format("{} '{}': {}", side, spec.name, to_string(status));
      return status;
    }
    return Status::ok;
  };
  error_.clear();
  const Status status = check_all(spec_.inputs, in, "input");
  return status != Status::ok ? status : check_all(spec_.outputs, out, "output");
}

Status Demonstrator::infer(const TensorMap& in, TensorMap& out) noexcept {
  if (const Status status = check(in, out); status != Status::ok) return status;
  const auto prompt = in["prompt"].as<std::uint8_t>();
  const auto state = in["state"].as<float>();
  const std::size_t tool = static_cast<std::size_t>(tool_offset_);
  if (state.size() < tool + kPoseSize) {
    error_.format("input 'state': {} values, {} needed", state.size(), tool + kPoseSize);
    return Status::bad_shape;
  }
  const auto instruction = find_instruction({reinterpret_cast<const char*>(prompt.data()), prompt.size()});
  if (!instruction) {
    error_.format("unknown instruction: expected {} with cubes {} and plates {}", kSentenceForms, fmt::join(kCubeColours, ", "),
                  fmt::join(kPlateColours, ", "));
    return Status::backend_failed;
  }
  Eigen::Isometry3d measured = Eigen::Isometry3d::Identity();
  measured.translation() << state[tool], state[tool + 1], state[tool + 2];
  measured.linear() =
      Eigen::Quaterniond(state[tool + 3], state[tool + 4], state[tool + 5], state[tool + 6]).normalized().toRotationMatrix();
  if (!measured.matrix().allFinite()) {
    error_.format("input 'state': the tool pose is not finite");
    return Status::not_finite;
  }
  continue_plan(*instruction);
  TaskState task = plan_->task;
  const double late = to_seconds(simulation_->now() - plan_->time);
  for (std::size_t row = 0; row < rows_.size(); row += kRowSize) {
    write_row(task, late, measured, std::span(rows_).subspan(row, kRowSize));
    for (int step = 0; step < steps_per_row_; ++step) advance(task);
  }
  Tensor& actions = out["actions"];
  if (const Status status = actions.set_shape(spec_.outputs.front().capacity); status != Status::ok) return status;
  return normalizer_.forward(rows_, actions.as<float>());
}

void add_demonstrator(BackendRegistry& registry, const MujocoRobot& robot) {
  registry.add("demonstrator", [simulation = robot.simulation()](const BackendRequest& request) {
    return AnyBackend(Demonstrator::load(request, simulation));
  });
}

}  // namespace sinew::sim
