// SPDX-License-Identifier: Apache-2.0
// Long run of the watchdog with real processes: SOAK_TRIALS (1000) failures on the machine as it is, half as many beside four busy
// processes, then SOAK_MINUTES (1) beside them without a failure. Real-time scheduling of the observer alone where the system permits it.
#include <cstdio>
#include <cstdlib>

#include "controller_process.hpp"

namespace {

using namespace sinew;
using namespace sinew::testing;
using namespace std::chrono_literals;

constexpr int kPriority = 80;

double number_of(const char* name, double otherwise) {
  const char* text = std::getenv(name);
  return text != nullptr ? std::strtod(text, nullptr) : otherwise;
}

std::string unique() { return "soak-" + std::to_string(::getpid()); }

/// Processes that do nothing but use the processor.
class Busy {
 public:
  explicit Busy(std::size_t count) : processes_(count) {
    for (pid_t& process : processes_) {
      process = ::fork();
      if (process != 0) continue;
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      for (;;) std::atomic_signal_fence(std::memory_order_seq_cst);
    }
  }
  Busy(const Busy&) = delete;
  Busy& operator=(const Busy&) = delete;
  ~Busy() {
    for (const pid_t process : processes_) {
      ::kill(process, SIGKILL);
      ::waitpid(process, nullptr, 0);
    }
  }

 private:
  std::vector<pid_t> processes_;
};

/// True when every failure was detected, none before it happened, and 99 of 100 within `bound` (ms).
bool try_failures(const char* title, int count, double bound) {
  Random random(1);
  std::vector<double> latencies;
  int missed = 0, silences = 0, wrong = 0;
  for (int i = 0; i < count; ++i) {
    const Trial trial = run_trial(unique(), kFaults[static_cast<std::size_t>(i) % kFaults.size()], random, kPriority);
    if (trial.early) {
      (trial.silence >= 20ms ? silences : wrong) += 1;
      continue;
    }
    missed += trial.detected ? 0 : 1;
    if (trial.detected) latencies.push_back(1e3 * to_seconds(trial.latency));
  }
  const double p99 = percentile(latencies, 0.99);
  std::printf(
      "%s: %zu failures, %d missed, p50 %.2f ms, p99 %.2f ms, p99.9 %.2f ms, worst %.2f ms; %d silences of the scheduler's, %d false "
      "trips\n",
      title, latencies.size(), missed, percentile(latencies, 0.5), p99, percentile(latencies, 0.999), percentile(latencies, 1), silences,
      wrong);
  std::fflush(stdout);
  return missed == 0 && wrong == 0 && p99 <= bound;
}

struct Quiet {
  std::uint64_t beats = 0;
  int silences = 0;  ///< trips while the controller really did not beat for 20 ms
  int wrong = 0;
  Time longest{};  ///< silence of the controller
};

/// A healthy controller for as long as this.
Quiet watch_quietly(Time length) {
  ControllerProcess controller(unique());
  Quiet quiet;
  std::thread observer([&] {
    become_realtime(kPriority);
    Watchdog dog(unique(), [&](const Trip& trip) {
      const Time silence = controller.silence(trip.at);
      (silence >= 20ms ? quiet.silences : quiet.wrong) += 1;
      quiet.longest = std::max(quiet.longest, silence);
    });
    const Time end = SteadyClock().now() + length;
    while (SteadyClock().now() < end) {
      std::this_thread::sleep_for(1ms);
      if (dog.look() != WatchdogState::tripped) continue;
      controller.forget_silences();
      dog.rearm();
    }
    quiet.longest = std::max(quiet.longest, controller.silence(Time(0)));
  });
  observer.join();
  quiet.beats = controller.beats();
  return quiet;
}

}  // namespace

int main() {
  bool realtime = false;
  std::thread([&realtime] { realtime = become_realtime(kPriority); }).join();
  std::printf("observer with SCHED_FIFO: %s\n", realtime ? "yes" : "not permitted");
  const int trials = static_cast<int>(number_of("SOAK_TRIALS", 1000));
  bool good = try_failures("as it is", trials, 30);
  const Busy busy(4);
  good = try_failures("beside four busy processes", trials / 2, 40) && good;
  const Quiet quiet = watch_quietly(from_seconds(60 * number_of("SOAK_MINUTES", 1)));
  std::printf("no failure, beside four busy processes: %llu beats, %d false trips, %d silences of the scheduler's (longest %.2f ms)\n",
              static_cast<unsigned long long>(quiet.beats), quiet.wrong, quiet.silences, 1e3 * to_seconds(quiet.longest));
  return good && quiet.wrong == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
