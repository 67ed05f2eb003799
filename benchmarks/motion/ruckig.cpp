// SPDX-License-Identifier: Apache-2.0
// Ruckig's community version behind the benchmark's interface.
#include <algorithm>
#include <ruckig/ruckig.hpp>
#include <vector>

#include "motion/generator.hpp"

namespace sinew::bench {

namespace {

constexpr std::size_t kDof = 7;

class Ruckig final : public Generator {
 public:
  Ruckig(const JointLimits& limits, Time tick) : generator_(to_seconds(tick)) {
    // What is compared moves each joint by itself; this is also the fastest of its modes.
    input_.synchronization = ruckig::Synchronization::None;
    set_limits(limits);
  }

  std::string name() const override { return SINEW_BENCH_RUCKIG; }

  void start(std::span<const double> q) override {
    std::copy_n(q.begin(), kDof, input_.current_position.begin());
    input_.target_position = input_.current_position;
    input_.current_velocity.fill(0);
    input_.current_acceleration.fill(0);
    input_.target_velocity.fill(0);
    output_.new_position = input_.current_position;
    output_.new_velocity.fill(0);
    generator_.reset();
  }

  void set_limits(const JointLimits& limits) override {
    std::copy_n(limits.velocity.begin(), kDof, input_.max_velocity.begin());
    std::copy_n(limits.acceleration.begin(), kDof, input_.max_acceleration.begin());
    std::copy_n(limits.jerk.begin(), kDof, input_.max_jerk.begin());
  }

  bool step(std::span<const double> target, std::span<const double> target_velocity) override {
    if (!target.empty()) std::copy_n(target.begin(), kDof, input_.target_position.begin());
    if (!target_velocity.empty()) std::copy_n(target_velocity.begin(), kDof, input_.target_velocity.begin());
    const auto result = generator_.update(input_, output_);
    output_.pass_to_input(input_);
    return result == ruckig::Result::Working || result == ruckig::Result::Finished;
  }

  std::span<const double> position() const override { return output_.new_position; }
  std::span<const double> velocity() const override { return output_.new_velocity; }

  void keep_problem() override { problems_.push_back(input_); }
  std::size_t problems() const override { return problems_.size(); }
  bool solve(std::size_t problem) override {
    const auto result = generator_.calculate(problems_[problem], trajectory_);
    return result == ruckig::Result::Working || result == ruckig::Result::Finished;
  }

 private:
  ruckig::Ruckig<kDof> generator_;
  ruckig::InputParameter<kDof> input_;
  ruckig::OutputParameter<kDof> output_;
  ruckig::Trajectory<kDof> trajectory_;
  std::vector<ruckig::InputParameter<kDof>> problems_;
};

}  // namespace

std::unique_ptr<Generator> open_ruckig(const JointLimits& limits, Time tick, std::string&) {
  return std::make_unique<Ruckig>(limits, tick);
}

}  // namespace sinew::bench
