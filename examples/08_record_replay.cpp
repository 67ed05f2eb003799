// SPDX-License-Identifier: Apache-2.0
// Records the tabletop arm, is killed in the middle, recovers what was acknowledged, and computes the same commands again from the file.
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>

#include <sinew/sim/demonstrator.hpp>
#include <sinew/sim/mujoco_robot.hpp>
#include <sinew/sinew.hpp>

using namespace std::chrono_literals;

namespace {

const std::string kInstruction = "put the red cube on the yellow plate";

/// The same robot and loop for the run and for its repetition.
struct Bench {
  sinew::sim::MujocoRobot robot = sinew::sim::MujocoRobot::tabletop({.seed = 7});
  sinew::Policy policy;
  sinew::ControlLoop<sinew::sim::MujocoRobot> loop;

  explicit Bench(sinew::Recorder* recorder)
      : policy(load(robot)),
        loop(robot, policy, {.chain = sinew::Chain<>::from_urdf(robot.urdf(), "link0", "tool"), .recorder = recorder}) {}
  static sinew::Policy load(sinew::sim::MujocoRobot& robot) {
    auto registry = sinew::BackendRegistry::with_defaults();
    sinew::sim::add_demonstrator(registry, robot);  // stands in for a model: it sees the simulator's state
    return sinew::Policy::load(SINEW_MODELS "/tabletop_demonstrator", registry);
  }
};

/// In a process of its own, which dies without warning after three seconds of the robot's time.
void record_and_die(const std::filesystem::path& file) {
  const Bench described(nullptr);  // what the recording says of policy and robot
  const sinew::PolicyCard& card = described.policy.card();
  const sinew::JointLimits& limits = described.loop.limits();
  const sinew::RecordWriterOptions options{
      .joint_names = card.action.joint_names,
      .limits = sinew::LimitsCard{limits.lower, limits.upper, limits.velocity, limits.acceleration, limits.jerk},
      .chunk_interval = 100ms};
  sinew::Recorder recorder(file, &card, {.file = options, .wait_for_room = true});  // a simulator may wait
  Bench bench(&recorder);
  recorder.add_event(bench.robot.now(), "episode", R"({"index": 0, "seed": 7, "instruction": ")" + kInstruction + R"("})");
  if (bench.loop.reset() != sinew::Status::ok) return;
  (void)bench.loop.run_for(kInstruction, 3s);
  fmt::print("killed after {} records, of which {} are with the kernel\n", recorder.acknowledged() + 1, recorder.acknowledged());
  std::fflush(stdout);
  ::raise(SIGKILL);
}

}  // namespace

int main(int argc, char** argv) try {
  const std::filesystem::path folder = argc > 1 ? argv[1] : "record_replay", file = folder / "run.mcap";
  std::filesystem::create_directories(folder);
  std::filesystem::remove(file);
  const pid_t child = ::fork();
  if (child == 0) {
    record_and_die(file);
    ::_exit(EXIT_FAILURE);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  if (!WIFSIGNALED(status)) return EXIT_FAILURE;

  const auto report = sinew::recover(file);
  fmt::print("recovered {} messages in {} chunks, up to record {}\n", report.messages, report.chunks, report.last_sequence);
  const Bench bench(nullptr);
  const auto again = sinew::replay(sinew::read_motion_log(file), bench.loop.limits(), bench.loop.motion().options());
  fmt::print("{} ticks replayed, {} differ\n", again.ticks, again.different);
  fmt::print("`sinew export {} --to lerobot DIR` makes a dataset of it\n", file.string());
  return again.ticks > 400 && again.different == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
} catch (const sinew::Error& error) {
  fmt::print(stderr, "{}\n", error.what());
  return 2;
}
