// SPDX-License-Identifier: Apache-2.0
// The watchdog against real processes that are stopped, killed, and go wrong in other ways; and the program itself.
#include "sinew/motion/watchdog.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <spawn.h>

#include <fstream>
#include <sstream>

#include "controller_process.hpp"
#include "temporary_directory.hpp"

using namespace sinew;
using namespace sinew::testing;
using namespace std::chrono_literals;

namespace {

std::string unique(const char* what) { return std::string("test-") + what + "-" + std::to_string(::getpid()); }

/// A machine that others use may not run a controller for a while; a trip is then right, and the trial says nothing.
Trial undisturbed_trial(const std::string& name, Fault fault, Random& random) {
  Trial trial = run_trial(name, fault, random, 80);
  for (int i = 0; i < 20 && trial.early && trial.silence >= 20ms; ++i) trial = run_trial(name, fault, random, 80);
  return trial;
}

TripReason expected_reason(Fault fault) {
  return fault == Fault::invalid ? TripReason::invalid : fault == Fault::expired ? TripReason::expired : TripReason::silent;
}

}  // namespace

TEST_CASE("watchdog: every failure of a real process asks for a stop") {
  Random random(1);
  std::vector<double> all;
  for (const Fault fault : kFaults) {
    std::vector<double> latencies;
    for (int i = 0; i < 24; ++i) {
      const Trial trial = undisturbed_trial(unique("fault"), fault, random);
      CAPTURE(name_of(fault));
      CAPTURE(i);
      REQUIRE(trial.detected);
      REQUIRE_FALSE(trial.early);
      CHECK(to_string(trial.reason) == to_string(expected_reason(fault)));
      CHECK(trial.latency < 200ms + 2 * trial.worst_gap);
      latencies.push_back(1e3 * to_seconds(trial.latency));
    }
    all.insert(all.end(), latencies.begin(), latencies.end());
    MESSAGE(name_of(fault) << ": p50 " << percentile(latencies, 0.5) << " ms, worst " << percentile(latencies, 1));
  }
  MESSAGE(all.size() << " trials: p50 " << percentile(all, 0.5) << " ms, p99 " << percentile(all, 0.99) << " ms, worst "
                     << percentile(all, 1) << " ms");
}

TEST_CASE("watchdog: a process that ends cleanly does not trip it") {
  for (int i = 0; i < 20; ++i) {
    ControllerProcess controller(unique("clean"));
    int stops = 0;
    const std::atomic<bool> never{false};
    Watchdog dog(unique("clean"), [&stops](const Trip&) { ++stops; }, {.timeout = 1s});
    CHECK(dog.watch(never) == WatchdogState::armed);
    controller.leave();
    CHECK(dog.watch(never) == WatchdogState::waiting);
    CHECK(stops == 0);
  }
}

#ifdef SINEW_WATCHDOG_PROGRAM
namespace {

/// The program with these arguments; what it printed goes to files.
class Program {
 public:
  Program(const TemporaryDirectory& folder, std::vector<std::string> words) : output_(folder.path() / "output") {
    words.insert(words.begin(), SINEW_WATCHDOG_PROGRAM);
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_addopen(&actions, 1, output_.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ::posix_spawn_file_actions_adddup2(&actions, 1, 2);
    REQUIRE(::posix_spawn(&process_, argv[0], &actions, nullptr, argv.data(), environ) == 0);
    ::posix_spawn_file_actions_destroy(&actions);
  }
  ~Program() {
    if (process_ > 0) ::kill(process_, SIGKILL);
    if (process_ > 0) ::waitpid(process_, nullptr, 0);
  }
  void signal(int number) const { ::kill(process_, number); }
  int exit_code() {
    int status = 0;
    ::waitpid(process_, &status, 0);
    process_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }
  [[nodiscard]] std::string output() const {
    std::stringstream text;
    text << std::ifstream(output_).rdbuf();
    return text.str();
  }
  /// False when the text does not come within ten seconds.
  [[nodiscard]] bool says(const std::string& text) const {
    for (int i = 0; i < 10000 && output().find(text) == std::string::npos; ++i) std::this_thread::sleep_for(1ms);
    return output().find(text) != std::string::npos;
  }

 private:
  std::filesystem::path output_;
  pid_t process_ = -1;
};

bool contains(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("sinew-watchdog: bad arguments are named, with code 2") {
  const TemporaryDirectory folder;
  const std::pair<std::vector<std::string>, const char*> cases[] = {
      {{}, "[sinew-watchdog] --name: expected the name of a heartbeat, got none (see --help)"},
      {{"--name", "a"},
       "[sinew-watchdog] what to do at a trip: expected --stop-command, --stop-signal or --stop-file, got none (see --help)"},
      {{"--nane", "a"}, "did you mean '--name'?"},
      {{"--name"}, "[sinew-watchdog] --name: expected a value after it, got nothing"},
      {{"--name", "a", "--stop-signal", "TERM"}, "--stop-signal and --pid: expected both or neither, got no --pid"},
      {{"--name", "a", "--stop-signal", "FOO", "--pid", "99"}, "expected INT, TERM, USR1"},
      {{"--name", "a", "--timeout-ms", "20x"}, "--timeout-ms: expected a number from"},
      {{"--name", "a", "--timeout-ms", "nan"}, "--timeout-ms: expected a number from"},
      {{"--name", "a", "--stop-command", "true", "--timeout-ms", "2000"},
       "[WatchdogOptions] timeout: expected 1 ms to 1000 ms, got 2000 ms"},
      {{"--name", "a/b", "--stop-command", "true"}, "name of the heartbeat: expected 1 to 64 letters"},
  };
  for (const auto& [words, text] : cases) {
    Program program(folder, words);
    CHECK(program.exit_code() == 2);
    CAPTURE(program.output());
    CHECK(contains(program.output(), text));
  }
  Program help(folder, {"--help"});
  CHECK(help.exit_code() == 0);
  Program nowhere(folder, {"--name", "a", "--stop-file", "/no/such/folder/file"});
  CHECK(nowhere.exit_code() == 1);
}

TEST_CASE("sinew-watchdog: signal, file and command at a trip, then code 3") {
  const TemporaryDirectory folder;
  ControllerProcess controller(unique("program"));
  const pid_t victim = ::fork();
  if (victim == 0) {
    ::signal(SIGTERM, SIG_DFL);  // doctest's own handler came with the fork
    ::pause();
    ::_exit(0);
  }
  Program program(
      folder, {"--name", unique("program"), "--stop-file", folder.path() / "stop", "--stop-command",
               "echo here > " + (folder.path() / "command").string(), "--stop-signal", "TERM", "--pid", std::to_string(victim), "--once"});
  REQUIRE(program.says("armed"));
  controller.fail(Fault::stopped);
  CHECK(program.exit_code() == 3);
  int status = 0;
  ::waitpid(victim, &status, 0);
  CHECK(WIFSIGNALED(status));
  std::string line;
  std::getline(std::ifstream(folder.path() / "stop"), line);
  CHECK(line == "silent");
  std::getline(std::ifstream(folder.path() / "command"), line);
  CHECK(line == "here");
  CAPTURE(program.output());
  CHECK(contains(program.output(), "tripped: silent"));
}

TEST_CASE("sinew-watchdog: a stop that fails is code 4, a clean life code 0") {
  const TemporaryDirectory folder;
  {
    ControllerProcess controller(unique("fails"));
    Program program(folder, {"--name", unique("fails"), "--stop-command", "exit 7", "--once"});
    REQUIRE(program.says("armed"));
    controller.fail(Fault::killed);
    CHECK(program.exit_code() == 4);
    CHECK(contains(program.output(), "the stop command failed"));
  }
  ControllerProcess controller(unique("ends"));
  Program program(folder, {"--name", unique("ends"), "--stop-command", "true", "--timeout-ms", "1000"});
  REQUIRE(program.says("armed"));
  controller.leave();
  REQUIRE(program.says("waiting"));
  program.signal(SIGTERM);
  CHECK(program.exit_code() == 0);
}

TEST_CASE("sinew-watchdog: stays tripped until USR1, then watches the next process") {
  const TemporaryDirectory folder;
  Program program(folder, {"--name", unique("again"), "--stop-file", folder.path() / "stop"});
  REQUIRE(program.says("watching"));
  {
    ControllerProcess controller(unique("again"));
    REQUIRE(program.says("armed"));
    controller.fail(Fault::killed);
    REQUIRE(program.says("tripped: silent"));
  }
  program.signal(SIGUSR1);
  REQUIRE(program.says("waiting\n"));
  ControllerProcess controller(unique("again"));
  REQUIRE(program.says("waiting\narmed\n"));
  program.signal(SIGTERM);
  CHECK(program.exit_code() == 3);
}
#endif
