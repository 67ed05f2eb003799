// SPDX-License-Identifier: Apache-2.0
#include "sinew/runtime/takeover.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <cmath>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "affine_policy.hpp"
#include "ideal_robot.hpp"
#include "sinew/backend/reference_backend.hpp"
#include "sinew/core/error.hpp"
#include "sinew/record/recording.hpp"
#include "sinew/runtime/control_loop.hpp"
#include "sinew/runtime/replay.hpp"
#include "sinew/testing/no_alloc.hpp"

using sinew::Status;
using sinew::Time;
using sinew::testing::IdealRobot;
using sinew::testing::RealRobot;

namespace {

struct Calls {
  std::atomic<int> infer{0};
  std::atomic<int> reset{0};
};

/// The reference backend, with its calls counted.
struct CountedBackend {
  sinew::ReferenceBackend inner;
  Calls* calls;
  const sinew::ModelSpec& spec() const noexcept { return inner.spec(); }
  Status infer(const sinew::TensorMap& in, sinew::TensorMap& out) noexcept {
    ++calls->infer;
    return inner.infer(in, out);
  }
  std::string_view last_error() const noexcept { return inner.last_error(); }
  void reset() noexcept { ++calls->reset; }
};
static_assert(sinew::ResettableBackend<CountedBackend>);

sinew::Policy counted_policy(Calls& calls) {
  const sinew::testing::TemporaryDirectory directory;
  sinew::testing::write_affine_policy(directory);
  sinew::BackendRegistry registry;
  registry.add("reference", [&calls](const sinew::BackendRequest& request) {
    return sinew::AnyBackend(CountedBackend{sinew::ReferenceBackend::load(request), &calls});
  });
  return sinew::Policy::load(directory.path(), registry);
}

/// Sends both joints to one place while it is told to.
struct Script {
  std::atomic<bool> wants{false};
  double goal = 0.7;
  double frequency = 0;
  Status question = Status::ok;
  Status answer = Status::ok;
  bool throws = false;
  int rows = 3;
  std::atomic<int> acts{0};
  int firsts = 0;

  Status holds(const sinew::OperatorView&, bool& held) {
    held = wants;
    return question;
  }
  Status act(const sinew::OperatorView& view, sinew::ActionChunk& chunk) {
    if (throws) throw std::runtime_error("the joystick is gone");
    ++acts;
    firsts += view.first;
    chunk.resize(rows, 2);
    chunk.space = sinew::ActionSpace::joint_position;
    chunk.t0 = view.now;
    chunk.dt = std::chrono::milliseconds(200);
    std::fill(chunk.values.begin(), chunk.values.end(), goal);
    return answer;
  }
  std::string_view name() const { return "a \"script\""; }
  double rate() const { return frequency; }
  std::string_view last_error() const { return "no hands"; }
};
static_assert(sinew::Operator<Script>);

template <class R>
void check_within_limits(const R& robot, double dt) {
  for (std::size_t i = 2; i < robot.commands.size(); ++i)
    for (std::size_t j = 0; j < 2; ++j) {
      const double q = robot.commands[i][j], before = robot.commands[i - 1][j];
      CHECK(std::abs(q) <= 1.5);
      CHECK(std::abs(q - before) / dt <= 1 + 1e-9);
      CHECK(std::abs(q - 2 * before + robot.commands[i - 2][j]) / (dt * dt) <= 5 + 1e-6);
    }
}

/// One second of the policy, one of the script, one of the policy.
template <class Loop>
void three_seconds(Loop& loop, Script& script) {
  for (const bool wants : {false, true, false}) {
    script.wants = wants;
    REQUIRE(loop.run_for("go", std::chrono::seconds(1)) == Status::ok);
  }
}

}  // namespace

TEST_CASE("takeover: hands change without a jump, and the policy is not asked meanwhile and reset after") {
  Calls calls;
  IdealRobot robot;
  auto policy = counted_policy(calls);
  auto script = std::make_shared<Script>();
  sinew::ControlLoop loop(robot, policy, {.takeover_by = sinew::AnyOperator(script)});
  REQUIRE(loop.reset() == Status::ok);
  const int resets = calls.reset;
  three_seconds(loop, *script);
  CHECK(calls.infer == 20);
  CHECK(script->acts == 10);
  CHECK(script->firsts == 1);
  CHECK(calls.reset == resets + 1);
  check_within_limits(robot, 0.005);
  // The policy climbs, the script goes back to 0.7 rad, the policy climbs again.
  CHECK(robot.commands[199][0] > 0.8);
  CHECK(robot.commands[399][0] == doctest::Approx(0.7).epsilon(0.02));
  CHECK(robot.commands[599][0] > 0.8);
  const auto inferences = loop.trace().inferences();
  REQUIRE(inferences.size() == 30);
  for (std::size_t i = 0; i < inferences.size(); ++i) CHECK(inferences[i].operated == (i >= 10 && i < 20));
  CHECK(loop.safety().count(sinew::SafetyEvent::chunk_refused) == 0);
}

TEST_CASE("takeover: is recorded with who and when, and replays to the bit") {
  const sinew::testing::TemporaryDirectory directory;
  Calls calls;
  IdealRobot robot;
  auto policy = counted_policy(calls);
  auto script = std::make_shared<Script>();
  sinew::Recorder recorder(directory.path() / "a.mcap");
  sinew::ControlLoop loop(robot, policy, {.recorder = &recorder, .takeover_by = sinew::AnyOperator(script)});
  REQUIRE(loop.reset() == Status::ok);
  three_seconds(loop, *script);
  script->wants = true;
  REQUIRE(loop.run_for("go", std::chrono::milliseconds(200)) == Status::ok);
  REQUIRE(loop.reset() == Status::ok);  // ends what is under way
  CHECK(recorder.close());
  std::vector<std::string> events;
  std::vector<bool> intervened;  // at each observation
  std::uint64_t sequence = 0;
  sinew::Recording recording(directory.path() / "a.mcap");
  for (sinew::Record record; recording.next(record);) {
    if (const auto* event = std::get_if<sinew::RecordedEvent>(&record.content); event != nullptr && event->kind == "intervention")
      events.push_back(event->text);
    if (std::holds_alternative<sinew::Observation>(record.content)) intervened.push_back(events.size() % 2 == 1);
    if (const auto* chunk = std::get_if<sinew::RecordedChunk>(&record.content)) {
      CHECK(chunk->status == "ok");
      CHECK(chunk->chunk.sequence == ++sequence);
      if (intervened.back()) CHECK(chunk->chunk.values == std::vector<double>(6, 0.7));
    }
  }
  const std::string begin = R"({"begin":true,"by":"a \"script\""})", end = R"({"begin":false})";
  CHECK(events == std::vector<std::string>{begin, end, begin, end});
  REQUIRE(intervened.size() == 32);
  for (std::size_t i = 0; i < intervened.size(); ++i) CHECK(intervened[i] == ((i >= 10 && i < 20) || i >= 30));
  const sinew::Replay again = sinew::replay(sinew::read_motion_log(directory.path() / "a.mcap"), loop.limits(), loop.motion().options());
  CHECK(again.ticks == robot.commands.size());
  CHECK(again.different == 0);
}

TEST_CASE("takeover: an operator that fails or throws brings the arm to rest, and the policy does not step in") {
  for (const int how : {0, 1, 2, 3}) {
    CAPTURE(how);
    Calls calls;
    IdealRobot robot;
    auto policy = counted_policy(calls);
    auto script = std::make_shared<Script>();
    sinew::ControlLoop loop(robot, policy, {.takeover_by = sinew::AnyOperator(script)});
    REQUIRE(loop.reset() == Status::ok);
    REQUIRE(loop.run_for("go", std::chrono::milliseconds(500)) == Status::ok);
    const int asked = calls.infer;
    script->wants = true;
    if (how == 0) script->answer = Status::timeout;
    if (how == 1) script->throws = true;
    if (how == 2) script->question = Status::timeout;
    if (how == 3) script->rows = 4;  // more than the loop takes
    const Status expected = how == 1 ? Status::backend_failed : how == 3 ? Status::over_capacity : Status::timeout;
    CHECK(loop.run_for("go", std::chrono::seconds(3)) == expected);
    CHECK(loop.last_error().find(how == 1 ? "the joystick is gone" : how == 3 ? "over_capacity" : "no hands") != std::string_view::npos);
    CHECK_FALSE(loop.halted());
    CHECK(calls.infer == asked);
    check_within_limits(robot, 0.005);
    CHECK(loop.motion().filter().at_rest());
    // Works again: goes on from where the arm stands.
    script->answer = script->question = Status::ok;
    script->throws = false;
    script->rows = 3;
    script->goal = robot.q[0];
    REQUIRE(loop.run_for("go", std::chrono::milliseconds(300)) == Status::ok);
    check_within_limits(robot, 0.005);
    CHECK(loop.safety().follows_plan());
  }
}

TEST_CASE("takeover: an operator has its own rate while it holds control") {
  Calls calls;
  IdealRobot robot;
  auto policy = counted_policy(calls);
  auto script = std::make_shared<Script>();
  script->frequency = 40;
  sinew::ControlLoop loop(robot, policy, {.takeover_by = sinew::AnyOperator(script)});
  REQUIRE(loop.reset() == Status::ok);
  three_seconds(loop, *script);
  CHECK(script->acts >= 37);
  CHECK(script->acts <= 40);
  CHECK(calls.infer >= 19);
  CHECK(calls.infer <= 21);
  script->frequency = -1;
  CHECK_THROWS_AS(sinew::ControlLoop(robot, policy, {.takeover_by = sinew::AnyOperator(script)}), sinew::Error);
}

TEST_CASE("takeover: chunks of the policy that were under way are not followed") {
  Calls calls;
  IdealRobot robot;
  auto policy = counted_policy(calls);
  auto script = std::make_shared<Script>();
  sinew::ControlLoop loop(
      robot, policy,
      {.chunk_delay = [](std::uint64_t) { return std::chrono::milliseconds(150); }, .takeover_by = sinew::AnyOperator(script)});
  REQUIRE(loop.reset() == Status::ok);
  three_seconds(loop, *script);
  check_within_limits(robot, 0.005);
  CHECK(robot.commands[399][0] == doctest::Approx(0.7).epsilon(0.02));
  CHECK(loop.safety().count(sinew::SafetyEvent::chunk_refused) == 0);
}

TEST_CASE("takeover: a loop with an operator that never takes over gives the commands of one without") {
  Calls calls;
  IdealRobot with, without;
  auto policy = counted_policy(calls);
  {
    sinew::ControlLoop loop(with, policy, {.takeover_by = sinew::AnyOperator(std::make_shared<Script>())});
    REQUIRE(loop.reset() == Status::ok);
    REQUIRE(loop.run_for("go", std::chrono::seconds(1)) == Status::ok);
  }
  sinew::ControlLoop loop(without, policy);
  REQUIRE(loop.reset() == Status::ok);
  REQUIRE(loop.run_for("go", std::chrono::seconds(1)) == Status::ok);
  CHECK(with.commands == without.commands);
}

TEST_CASE("takeover: ticks and inferences allocate nothing, whoever holds control") {
  REQUIRE(sinew::testing::counting_works());
  Calls calls;
  IdealRobot robot;
  auto policy = counted_policy(calls);
  auto script = std::make_shared<Script>();
  sinew::ControlLoop loop(robot, policy, {.takeover_by = sinew::AnyOperator(script)});
  REQUIRE(loop.reset() == Status::ok);
  three_seconds(loop, *script);
  const sinew::testing::HeapCallCounter heap;
  const auto before = robot.commands.size();
  three_seconds(loop, *script);
  CHECK(heap.count() == robot.commands.size() - before);  // the fake robot's log
}

TEST_CASE("takeover: in a threaded run, from another thread; the same commands again without threads") {
  const sinew::testing::TemporaryDirectory directory;
  Calls calls;
  RealRobot robot;
  auto policy = counted_policy(calls);
  auto script = std::make_shared<Script>();
  script->frequency = 50;
  sinew::MotionLog log(10000, 100000);
  sinew::Recorder recorder(directory.path() / "a.mcap");
  sinew::ControlLoop loop(robot, policy,
                          {.inference_rate = 20, .recorder = &recorder, .log = &log, .takeover_by = sinew::AnyOperator(script)});
  REQUIRE(loop.reset() == Status::ok);
  std::thread hand([&] {
    for (const bool wants : {true, false}) {
      std::this_thread::sleep_for(std::chrono::milliseconds(500));
      script->wants = wants;
    }
  });
  const Status status = loop.run_threaded("go", std::chrono::milliseconds(1500));
  hand.join();
  INFO(loop.last_error());
  CHECK(status == Status::ok);
  CHECK(script->acts >= 3);  // machines are shared
  CHECK(script->firsts == 1);
  CHECK(calls.infer >= 3);
  CHECK(loop.motion().filter().at_rest());
  const sinew::Replay again = sinew::replay(log, loop.limits(), loop.motion().options());
  CHECK(again.ticks == robot.commands.size());
  CHECK(again.different == 0);
  CHECK(recorder.close());
  int begins = 0, ends = 0;
  sinew::Recording recording(directory.path() / "a.mcap");
  for (sinew::Record record; recording.next(record);)
    if (const auto* event = std::get_if<sinew::RecordedEvent>(&record.content); event != nullptr && event->kind == "intervention")
      ++(event->text.find("true") != std::string::npos ? begins : ends);
  CHECK(begins == 1);
  CHECK(ends == 1);
}
