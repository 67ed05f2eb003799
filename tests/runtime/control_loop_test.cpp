// SPDX-License-Identifier: Apache-2.0
#include "sinew/runtime/control_loop.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <cmath>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include "affine_policy.hpp"
#include "ideal_robot.hpp"
#include "sinew/core/error.hpp"
#include "sinew/record/recording.hpp"
#include "sinew/runtime/replay.hpp"
#include "sinew/testing/no_alloc.hpp"

using sinew::Status;
using sinew::Time;
using sinew::testing::IdealRobot;
using sinew::testing::RealRobot;

namespace {

sinew::Policy affine_policy() {
  const sinew::testing::TemporaryDirectory directory;
  sinew::testing::write_affine_policy(directory);
  return sinew::Policy::load(directory.path());
}

/// Largest backward differences of the commands, in limits of the robot.
void check_within_limits(const IdealRobot& robot, double dt) {
  for (std::size_t i = 2; i < robot.commands.size(); ++i)
    for (std::size_t j = 0; j < 2; ++j) {
      const double q = robot.commands[i][j];
      const double dq = (q - robot.commands[i - 1][j]) / dt;
      const double ddq = (q - 2 * robot.commands[i - 1][j] + robot.commands[i - 2][j]) / (dt * dt);
      CHECK(std::isfinite(q));
      CHECK(std::abs(q) <= 1.5);
      CHECK(std::abs(dq) <= 1 + 1e-9);
      CHECK(std::abs(ddq) <= 5 + 1e-6);
    }
}

}  // namespace

TEST_CASE("control loop: follows the policy within the limits") {
  IdealRobot robot;
  auto policy = affine_policy();
  sinew::ControlLoop loop(robot, policy);
  REQUIRE(loop.reset() == Status::ok);
  CHECK(loop.run_for("go", std::chrono::seconds(3)) == Status::ok);
  CHECK(robot.commands.size() == 600);
  CHECK(loop.trace().ticks().size() == 600);
  CHECK(loop.trace().inferences().size() == 30);
  check_within_limits(robot, 0.005);
  // Each chunk says "stay, then climb by 0.2 rad per 0.1 s": followed for 0.1 s at a time, the joints climb until the
  // card's statistics (2 rad) or the robot's limit (1.5 rad) ends it.
  CHECK(robot.q[0] > 0.5);
  CHECK(robot.q[0] <= 1.5);
}

TEST_CASE("control loop: one long run and many short ones give the same commands") {
  IdealRobot one;
  IdealRobot many;
  auto policy = affine_policy();
  sinew::ControlLoop long_loop(one, policy);
  REQUIRE(long_loop.reset() == Status::ok);
  REQUIRE(long_loop.run_for("go", std::chrono::milliseconds(900)) == Status::ok);
  auto other = affine_policy();
  sinew::ControlLoop short_loop(many, other);
  REQUIRE(short_loop.reset() == Status::ok);
  for (int i = 0; i < 9; ++i) REQUIRE(short_loop.run_for("go", std::chrono::milliseconds(100)) == Status::ok);
  CHECK(one.commands == many.commands);
}

TEST_CASE("control loop: comes to rest within the limits when the policy falls silent") {
  IdealRobot robot;
  auto policy = affine_policy();
  sinew::ControlLoop loop(robot, policy);
  REQUIRE(loop.reset() == Status::ok);
  REQUIRE(loop.run_for("go", std::chrono::seconds(1)) == Status::ok);
  robot.camera_works = false;
  CHECK(loop.run_for("go", std::chrono::seconds(3)) == Status::timeout);
  CHECK_FALSE(loop.last_error().empty());
  check_within_limits(robot, 0.005);
  CHECK(robot.commands.back()[0] == doctest::Approx(robot.commands[robot.commands.size() - 20][0]).epsilon(1e-9));
  CHECK(loop.trace().ticks().back().status == Status::stopped);
}

TEST_CASE("control loop: ends when the robot refuses a command, and needs reset first") {
  IdealRobot robot;
  auto policy = affine_policy();
  sinew::ControlLoop loop(robot, policy);
  CHECK(loop.run_for("go", std::chrono::seconds(1)) == Status::not_ready);
  REQUIRE(loop.reset() == Status::ok);
  robot.accepts = false;
  CHECK(loop.run_for("go", std::chrono::seconds(1)) == Status::out_of_range);
  CHECK(robot.stopped);
  CHECK(loop.halted());
  robot.accepts = true;
  CHECK(loop.run_for("go", std::chrono::seconds(1)) == Status::not_ready);
  REQUIRE(loop.reset() == Status::ok);
  CHECK(loop.run_for("go", std::chrono::seconds(1)) == Status::ok);
}

TEST_CASE("control loop: a measurement that is no number stops the robot") {
  IdealRobot robot;
  auto policy = affine_policy();
  sinew::ControlLoop loop(robot, policy);
  REQUIRE(loop.reset() == Status::ok);
  REQUIRE(loop.run_for("go", std::chrono::milliseconds(200)) == Status::ok);
  CHECK_FALSE(loop.halted());
  robot.q[1] = std::numeric_limits<double>::quiet_NaN();
  const auto before = robot.commands.size();
  CHECK(loop.run_for("go", std::chrono::seconds(5)) == Status::not_finite);
  CHECK(robot.stopped);
  CHECK(loop.halted());
  // It comes to rest on what was commanded, within the limits, and then the run ends.
  CHECK(robot.commands.size() > before);
  CHECK(robot.commands.size() < before + 200);
  check_within_limits(robot, 0.005);
  CHECK(loop.safety().mode() == sinew::SafetyMode::fault);
  CHECK(loop.safety().cause() == sinew::SafetyEvent::measurement_bad);
  REQUIRE(loop.reset() == Status::ok);
  CHECK(loop.safety().mode() == sinew::SafetyMode::armed);
}

TEST_CASE("control loop: starts from a joint measured just beyond its stop, not from one far outside") {
  IdealRobot robot;
  auto policy = affine_policy();
  sinew::ControlLoop loop(robot, policy);
  robot.q = {1.5005, 0};
  CHECK(loop.reset() == Status::ok);
  robot.q = {1.6, 0};
  CHECK(loop.reset() == Status::out_of_range);
  CHECK_FALSE(loop.last_error().empty());
  robot.q = {std::numeric_limits<double>::quiet_NaN(), 0};
  CHECK(loop.reset() == Status::not_finite);
}

TEST_CASE("control loop: a tick allocates nothing") {
  REQUIRE(sinew::testing::counting_works());
  IdealRobot robot;
  auto policy = affine_policy();
  sinew::ControlLoop loop(robot, policy);
  REQUIRE(loop.reset() == Status::ok);
  REQUIRE(loop.run_for("go", std::chrono::milliseconds(200)) == Status::ok);
  const sinew::testing::HeapCallCounter heap;
  const auto before = robot.commands.size();
  REQUIRE(loop.run_for("go", std::chrono::milliseconds(500)) == Status::ok);
  // The fake robot's log allocates one vector for each command; nothing else may.
  CHECK(heap.count() == robot.commands.size() - before);
}

TEST_CASE("control loop: with a recorder attached, ticks between two inferences allocate nothing, and every command is kept") {
  REQUIRE(sinew::testing::counting_works());
  const sinew::testing::TemporaryDirectory directory;
  IdealRobot robot;
  auto policy = affine_policy();
  sinew::Recorder recorder(directory.path() / "a.mcap");
  sinew::ControlLoop loop(robot, policy, {.recorder = &recorder});
  REQUIRE(loop.reset() == Status::ok);
  REQUIRE(loop.run_for("go", std::chrono::milliseconds(1010)) == Status::ok);  // one tick after an inference
  const sinew::testing::HeapCallCounter heap;
  const auto before = robot.commands.size();
  REQUIRE(loop.run_for("go", std::chrono::milliseconds(80)) == Status::ok);
  CHECK(heap.count() == robot.commands.size() - before);
  CHECK(recorder.close());
  CHECK(recorder.dropped() == 0);
  sinew::Recording recording(directory.path() / "a.mcap");
  std::size_t commands = 0, observations = 0, chunks = 0, modes = 0;
  for (sinew::Record record; recording.next(record);) {
    if (const auto* command = std::get_if<sinew::RecordedCommand>(&record.content)) CHECK(command->values == robot.commands[commands++]);
    observations += std::holds_alternative<sinew::Observation>(record.content);
    chunks += std::holds_alternative<sinew::RecordedChunk>(record.content);
    if (const auto* event = std::get_if<sinew::RecordedEvent>(&record.content)) modes += event->kind == "mode";
  }
  CHECK(commands == robot.commands.size());
  CHECK(observations == loop.trace().inferences().size());
  CHECK(chunks == observations);
  CHECK(modes >= 1);  // init -> run
  CHECK(sinew::replay(sinew::read_motion_log(directory.path() / "a.mcap"), loop.limits(), loop.motion().options()).different == 0);
}

namespace {

/// Its clock runs on while it looks: observing takes longer than many ticks.
struct SlowRobot : IdealRobot {
  std::vector<Time> times;
  Status observe(std::string_view instruction, sinew::Observation& observation) noexcept {
    const Status status = IdealRobot::observe(instruction, observation);
    clock.advance(std::chrono::milliseconds(62));
    return status;
  }
  Status command(std::span<const double> target) noexcept {
    times.push_back(clock.now());
    return IdealRobot::command(target);
  }
};
static_assert(sinew::Robot<SlowRobot>);

}  // namespace

TEST_CASE("control loop: ticks that nobody had time for are skipped, not caught up in a burst") {
  SlowRobot robot;
  auto policy = affine_policy();
  sinew::ControlLoop loop(robot, policy);
  REQUIRE(loop.reset() == Status::ok);
  REQUIRE(loop.run_for("go", std::chrono::seconds(2)) == Status::ok);
  robot.clock.advance(std::chrono::seconds(5));  // the caller was busy with something else
  REQUIRE(loop.run_for("go", std::chrono::seconds(1)) == Status::ok);
  CHECK(loop.missed_ticks() > 1000);
  CHECK(robot.commands.size() + static_cast<std::size_t>(loop.missed_ticks()) == 1600);
  for (std::size_t i = 1; i < robot.commands.size(); ++i) {
    const double dt = sinew::to_seconds(robot.times[i] - robot.times[i - 1]);
    CHECK(dt > 0.0025);
    for (std::size_t j = 0; j < 2; ++j) CHECK(std::abs(robot.commands[i][j] - robot.commands[i - 1][j]) / dt <= 1 * 2.0 + 1e-9);
  }
}

TEST_CASE("control loop: refuses what does not belong together") {
  IdealRobot robot;
  auto policy = affine_policy();
  CHECK_THROWS_AS(sinew::ControlLoop(robot, policy, {.control_rate = 0}), sinew::Error);
  CHECK_THROWS_AS(sinew::ControlLoop(robot, policy, {.control_rate = 10, .inference_rate = 20}), sinew::Error);
  robot.joint_limits.names = {"b", "a"};
  CHECK_THROWS_WITH_AS(sinew::ControlLoop(robot, policy), doctest::Contains("joint order"), sinew::Error);
}

TEST_CASE("control loop: a robot behind AnyRobot gives the same commands") {
  IdealRobot direct;
  auto shared = std::make_shared<IdealRobot>();
  auto policy = affine_policy();
  {
    sinew::ControlLoop loop(direct, policy);
    REQUIRE(loop.reset() == Status::ok);
    REQUIRE(loop.run_for("go", std::chrono::milliseconds(500)) == Status::ok);
  }
  sinew::AnyRobot any(shared);
  sinew::ControlLoop loop(any, policy);
  REQUIRE(loop.reset() == Status::ok);
  REQUIRE(loop.run_for("go", std::chrono::milliseconds(500)) == Status::ok);
  CHECK(direct.commands == shared->commands);
}

TEST_CASE("control loop: inference in a thread of its own; the control thread does not wait for it") {
  RealRobot robot;
  robot.observing = std::chrono::milliseconds(60);  // twelve ticks
  auto policy = affine_policy();
  sinew::MotionLog log(10000, 100000);
  std::uint64_t beats = 0;
  sinew::ControlLoop loop(
      robot, policy,
      {.inference_rate = 20, .log = &log, .after_command = [&](const sinew::TickRecord&, const sinew::MotionControl&) { ++beats; }});
  CHECK(loop.run_threaded("go", std::chrono::seconds(1)) == Status::not_ready);
  REQUIRE(loop.reset() == Status::ok);
  const Status status = loop.run_threaded("go", std::chrono::milliseconds(1500));
  INFO(loop.last_error());
  CHECK(status == Status::ok);
  // Machines are shared: some ticks may be missed, but far fewer than the inferences would cost (twelve of every twenty).
  CHECK(robot.commands.size() + static_cast<std::size_t>(loop.missed_ticks()) >= 299);
  CHECK(loop.missed_ticks() < 100);
  CHECK(loop.trace().inferences().size() >= 8);
  CHECK(robot.q[0].load() > 0.2);
  CHECK(beats == robot.commands.size());
  CHECK(loop.trace().statistics().ticks == robot.commands.size());
  // It ends at rest, and goes on from there after a pause.
  CHECK(loop.motion().filter().at_rest());
  CHECK(loop.safety().mode() == sinew::SafetyMode::hold);
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  const auto first = robot.commands.size();
  (void)loop.run_threaded("go", std::chrono::milliseconds(300));  // its chunks may begin too far away by now
  CHECK(std::abs(robot.commands[first][0] - robot.commands[first - 1][0]) < 1e-6);
  // The same commands again, without threads.
  const sinew::Replay again = sinew::replay(log, loop.limits(), loop.motion().options());
  CHECK(again.ticks == robot.commands.size());
  CHECK(again.different == 0);
}

TEST_CASE("control loop: a stop from another thread brakes, and the loop goes on holding until reset") {
  RealRobot robot;
  auto policy = affine_policy();
  sinew::ControlLoop loop(robot, policy);
  REQUIRE(loop.reset() == Status::ok);
  std::thread stopper([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(400));
    loop.stop();
  });
  (void)loop.run_threaded("go", std::chrono::milliseconds(1200));
  stopper.join();
  CHECK(loop.safety().mode() == sinew::SafetyMode::hold);
  CHECK(loop.safety().latched());
  CHECK(loop.motion().filter().at_rest());
  const auto n = robot.commands.size();
  REQUIRE(n > 60);
  CHECK(robot.commands[n - 1] == robot.commands[n - 20]);
  REQUIRE(loop.reset() == Status::ok);
  CHECK(loop.safety().mode() == sinew::SafetyMode::armed);
}

TEST_CASE("control loop: late chunks on a clock that does not run are late all the same, and the motion keeps the limits") {
  for (const int late_ms : {0, 80, 250, 900}) {
    CAPTURE(late_ms);
    IdealRobot robot;
    auto policy = affine_policy();
    sinew::ControlLoop loop(robot, policy, {.on_path = late_ms == 80, .chunk_delay = [late_ms](std::uint64_t i) {
                                              return std::chrono::milliseconds(i % 7 == 3 ? 3 * late_ms : late_ms);
                                            }});
    REQUIRE(loop.reset() == Status::ok);
    (void)loop.run_for("go", std::chrono::seconds(3));
    CHECK(robot.commands.size() == 600);
    check_within_limits(robot, 0.005);
    const std::size_t quiet = static_cast<std::size_t>(late_ms) / 5;
    for (std::size_t i = 0; i < quiet; ++i) CHECK(robot.commands[i] == robot.commands[0]);  // nothing has arrived yet
    if (late_ms < 100) CHECK(robot.q[0] > 0.3);
  }
}

TEST_CASE("control loop: limits of the user hold too, each with its source; a tool box needs a chain") {
  IdealRobot robot;
  auto policy = affine_policy();
  const double open = std::numeric_limits<double>::infinity();
  const sinew::JointLimits user{{}, {-open, -open}, {open, 0.5}, {0.3, open}, {open, open}, {open, open}};
  sinew::ControlLoop loop(robot, policy, {.limits = user});
  CHECK(loop.limits().velocity == std::vector<double>{0.3, 1});
  CHECK(loop.limits().sources.velocity[0] == "user");
  CHECK(loop.limits().upper[1] == 0.5);
  REQUIRE(loop.reset() == Status::ok);
  REQUIRE(loop.run_for("go", std::chrono::seconds(2)) == Status::ok);
  for (std::size_t i = 1; i < robot.commands.size(); ++i)
    CHECK(std::abs(robot.commands[i][0] - robot.commands[i - 1][0]) <= 0.3 * 0.005 * (1 + 1e-9));
  CHECK_THROWS_WITH_AS(sinew::ControlLoop(robot, policy, {.tool_box = sinew::ToolBox{}}), doctest::Contains("chain"), sinew::Error);
}
