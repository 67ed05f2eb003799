// SPDX-License-Identifier: Apache-2.0
// The demonstrator: a scripted policy behind the Backend concept. It reads the simulator's state, not the pixels.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "sinew/backend/registry.hpp"
#include "sinew/core/fixed_text.hpp"
#include "sinew/core/normalizer.hpp"
#include "sinew/sim/instruction.hpp"
#include "sinew/sim/mujoco_robot.hpp"

namespace sinew::sim {

/// Does the instructions of the tabletop, all three families, for one tabletop robot.
///
/// Reads `prompt u8 [n]` (the instruction stands somewhere in it) and, of `state f32 [dim]`, the measured tool pose that its
/// deltas are relative to; the other inputs of the card's encoder only have to be there. Writes `actions f32 [horizon, 7]`:
/// position delta (m) and rotation vector (rad) in base axes, gripper opening (m), normalised as the card says, one row per
/// 1 / rate. A plan goes on where the one before it would be by now, and starts anew at the arm's present target after a
/// reset, another instruction, a pause, or when the arm has not followed. `backend_failed` for a prompt
/// without a known instruction; last_error() lists what is known. Allocates nothing in `infer`.
class Demonstrator {
 public:
  /// Throws Error when the card's action or state is not what the demonstrator writes and reads.
  static Demonstrator load(const BackendRequest& request, std::shared_ptr<const Simulation> simulation);

  [[nodiscard]] const ModelSpec& spec() const noexcept { return spec_; }
  [[nodiscard]] Status infer(const TensorMap& in, TensorMap& out) noexcept;
  [[nodiscard]] std::string_view last_error() const noexcept { return error_.view(); }
  /// Forgets the plan.
  void reset() noexcept;
  Demonstrator(Demonstrator&&) noexcept;
  Demonstrator& operator=(Demonstrator&&) noexcept;
  ~Demonstrator();

 private:
  struct Plan;
  Demonstrator(std::shared_ptr<const Simulation> simulation, ModelSpec spec, Normalizer normalizer, int tool_offset, int steps_per_row);
  void continue_plan(const Instruction& instruction) noexcept;
  [[nodiscard]] Status check(const TensorMap& in, const TensorMap& out) noexcept;

  std::shared_ptr<const Simulation> simulation_;
  ModelSpec spec_;
  Normalizer normalizer_;
  int tool_offset_;    // of the tool pose in `state`
  int steps_per_row_;  // of the expert
  std::unique_ptr<Plan> plan_;
  std::vector<double> rows_;
  FixedText error_;
};

static_assert(ResettableBackend<Demonstrator>);

/// Registers "demonstrator" for the world of `robot`; the backend keeps that world alive, not the robot object.
void add_demonstrator(BackendRegistry& registry, const MujocoRobot& robot);

}  // namespace sinew::sim
