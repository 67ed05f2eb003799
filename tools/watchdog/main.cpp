// SPDX-License-Identifier: Apache-2.0
// sinew-watchdog: watches a control process from a process of its own and asks for a stop when its heartbeat fails (docs/watchdog.md).
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdio>

#include "arguments.hpp"
#include "sinew/core/error.hpp"
#include "sinew/runtime/realtime.hpp"
#include "stop_action.hpp"

namespace {

using namespace sinew;

enum Exit : int { ended = 0, set_up_failed = 1, bad_arguments = 2, tripped = 3, stop_failed = 4 };

std::atomic<bool> woken{false}, leaving{false}, rearming{false};

void on_signal(int signal) {
  (signal == SIGUSR1 ? rearming : leaving).store(true);
  woken.store(true);
}

void catch_signals() {
  struct sigaction action{};
  action.sa_handler = on_signal;
  for (const int signal : {SIGINT, SIGTERM, SIGUSR1}) ::sigaction(signal, &action, nullptr);
  // Whoever read the lines may end before this does.
  ::signal(SIGPIPE, SIG_IGN);
}

double milliseconds(Time time) { return 1e3 * to_seconds(time); }

/// Watches until it is asked to leave, or has tripped with `once`.
class Guard {
 public:
  explicit Guard(const watchdog::Arguments& arguments)
      : arguments_(arguments),
        stop_(arguments.stop),
        dog_(arguments.name, [this](const Trip& trip) { on_trip(trip); }, arguments.options) {}

  Exit run() {
    std::printf("watching %s: timeout %g ms, period %g ms\n", arguments_.name.c_str(), milliseconds(arguments_.options.timeout),
                milliseconds(arguments_.options.period));
    while (!leaving.load()) {
      // Cleared before the others are looked at: a signal from here on ends the watch below.
      woken.store(false);
      if (rearming.exchange(false)) rearm();
      if (leaving.load()) break;
      const WatchdogState before = dog_.state();
      const WatchdogState state = dog_.watch(woken);
      if (state == WatchdogState::tripped && before != state && arguments_.once) break;
      if (state != before && state != WatchdogState::tripped) print_state(state);
    }
    if (arguments_.once && trips_ > 0 && !stop_.wait()) complain();
    std::printf("left %s: %s, %d trips, worst gap between looks %.3f ms\n", arguments_.name.c_str(), to_string(dog_.state()).data(), trips_,
                milliseconds(dog_.worst_gap()));
    return trips_ == 0 ? ended : all_stopped_ ? tripped : stop_failed;
  }

 private:
  void on_trip(const Trip& trip) noexcept {
    const char* reason = to_string(trip.reason).data();
    if (!stop_.run(reason)) complain();
    ++trips_;
    // The stop first, the words second: a terminal may make them wait.
    std::printf("tripped: %s, %.3f ms after the last good beat %llu, stop asked for after %.3f ms more\n", reason,
                milliseconds(trip.at - trip.last_beat), static_cast<unsigned long long>(trip.sequence),
                milliseconds(SteadyClock().now() - trip.at));
  }

  void complain() noexcept {
    all_stopped_ = false;
    std::fprintf(stderr, "[sinew-watchdog] stop: %s\n", stop_.problem());
  }

  void rearm() {
    if (dog_.state() != WatchdogState::tripped) return;
    dog_.rearm();
    print_state(dog_.state());
  }

  static void print_state(WatchdogState state) { std::printf("%s\n", to_string(state).data()); }

  const watchdog::Arguments& arguments_;
  watchdog::StopAction stop_;
  Watchdog dog_;
  int trips_ = 0;
  bool all_stopped_ = true;
};

}  // namespace

int main(int count, char** words) {
  watchdog::Arguments arguments;
  try {
    arguments = watchdog::parse_arguments({words + 1, static_cast<std::size_t>(count - 1)});
  } catch (const Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return bad_arguments;
  }
  if (arguments.help) return std::fputs(watchdog::usage(), stdout) < 0 ? set_up_failed : ended;
  try {
    // Lines appear as they are printed, into a pipe too.
    std::setvbuf(stdout, nullptr, _IOLBF, 1024);
    catch_signals();
    Guard guard(arguments);
    std::printf("%s\n", request_realtime(arguments.priority, true).text.c_str());
    return guard.run();
  } catch (const Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return error.code() == ErrorCode::invalid_argument ? bad_arguments : set_up_failed;
  }
}
