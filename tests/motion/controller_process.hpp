// SPDX-License-Identifier: Apache-2.0
// A real process that beats at 1 kHz and fails on request, a watchdog beside it, and how long it took from the failure to the stop.
#pragma once

#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "sinew/motion/watchdog.hpp"
#include "test_seed.hpp"

namespace sinew::testing {

/// How a controller fails.
enum class Fault : int { none, stopped, killed, livelock, invalid, expired };
inline constexpr std::array kFaults{Fault::stopped, Fault::killed, Fault::livelock, Fault::invalid, Fault::expired};
inline std::string name_of(Fault fault) {
  constexpr std::array kNames{"none", "SIGSTOP", "SIGKILL", "loops without beats", "beats without content", "repeats an action"};
  return kNames[static_cast<std::size_t>(fault)];
}

/// The child beats until it is killed. Its parent sees its notes.
class ControllerProcess {
 public:
  explicit ControllerProcess(std::string name) : name_(std::move(name)) {
    void* memory = ::mmap(nullptr, sizeof(Notes), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::runtime_error("no shared memory for a test");
    notes_ = new (memory) Notes();
    process_ = ::fork();
    if (process_ == 0) work();
  }
  ControllerProcess(const ControllerProcess&) = delete;
  ControllerProcess& operator=(const ControllerProcess&) = delete;
  ~ControllerProcess() {
    ::kill(process_, SIGKILL);
    ::waitpid(process_, nullptr, 0);
    ::shm_unlink(("/sinew." + name_).c_str());
    ::munmap(notes_, sizeof(Notes));
  }

  [[nodiscard]] pid_t process() const { return process_; }
  /// Fails now and returns when that was.
  Time fail(Fault fault) {
    Time at = SteadyClock().now();
    if (fault == Fault::stopped) ::kill(process_, SIGSTOP);
    if (fault == Fault::killed) ::kill(process_, SIGKILL);
    if (fault == Fault::stopped || fault == Fault::killed) return at;
    notes_->fault.store(static_cast<int>(fault));
    while (notes_->failed_at.load() == 0) std::this_thread::yield();
    return Time(notes_->failed_at.load());
  }
  /// Ends the heartbeat cleanly and the process with it.
  void leave() {
    notes_->leaving.store(true);
    while (!notes_->left.load()) std::this_thread::yield();
  }
  [[nodiscard]] std::uint64_t beats() const { return notes_->beats.load(); }
  /// The longest silence of the healthy controller, by its own notes, the one that goes on at this time included: what the scheduler did.
  [[nodiscard]] Time silence(Time at) const {
    const Time last(notes_->last_beat.load());  // read first: the gap that a newer beat ends is noted before it
    return std::max(Time(notes_->worst_gap.load()), at - last);
  }
  /// Waits for the next beats and begins to note silences anew.
  void forget_silences() {
    const std::uint64_t beats = notes_->beats.load();
    while (notes_->beats.load() < beats + 2) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    notes_->worst_gap.store(0);
  }

 private:
  struct Notes {
    std::atomic<int> fault{0};
    std::atomic<bool> leaving{false}, left{false};
    std::atomic<std::int64_t> failed_at{0}, worst_gap{0}, last_beat{0};
    std::atomic<std::uint64_t> beats{0};
  };

  [[noreturn]] void work() {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // it must not outlive a test that is killed
    {
      Heartbeat heart(name_);
      Beat beat{.action = 1, .valid = true};
      Time next = SteadyClock().now();
      notes_->last_beat.store(next.count());
      while (!notes_->leaving.load()) {
        tick(heart, beat);
        next = std::max(next + std::chrono::milliseconds(1), beat.time);
        std::this_thread::sleep_for(next - SteadyClock().now());
      }
    }
    notes_->left.store(true);
    ::_exit(0);
  }

  void note(Time now) {
    const std::int64_t gap = now.count() - notes_->last_beat.load();
    if (gap > notes_->worst_gap.load()) notes_->worst_gap.store(gap);
    notes_->last_beat.store(now.count());
  }

  void tick(Heartbeat& heart, Beat& beat) {
    const auto fault = static_cast<Fault>(notes_->fault.load());
    const Time now = SteadyClock().now();
    const bool fresh = fault != Fault::none && notes_->failed_at.load() == 0;
    if (fresh) notes_->failed_at.store(now.count());
    if (fault == Fault::none) note(now);
    ++beat.sequence;
    beat.time = now;
    beat.valid = fault != Fault::invalid;
    if (beat.sequence % 16 == 0 && fault != Fault::expired) ++beat.action;
    if (fault != Fault::expired)
      beat.horizon_end = now + std::chrono::milliseconds(500);
    else if (fresh)
      beat = {beat.sequence, now, beat.action + 1, now, true, false};  // an action that ends here, and is never followed by another
    notes_->beats.store(beat.sequence);
    while (fault == Fault::livelock) std::atomic_signal_fence(std::memory_order_seq_cst);
    heart.beat(beat);
  }

  std::string name_;
  Notes* notes_ = nullptr;
  pid_t process_ = -1;
};

/// What a trial found.
struct Trial {
  bool detected = false;
  bool early = false;  ///< tripped before the failure; `silence` says whether the controller really was silent
  Time latency{};      ///< from the failure to the callback
  Time silence{};      ///< the longest of the controller until then, by its own notes
  TripReason reason{};
  Time worst_gap{};  ///< between two looks of the watchdog: what the scheduler did to it
};

/// Asks for real-time scheduling of this thread alone, and says whether it got that; 0 does not ask.
inline bool become_realtime(int priority) {
  const sched_param parameters{.sched_priority = priority};
  return priority > 0 && ::pthread_setschedparam(::pthread_self(), SCHED_FIFO, &parameters) == 0;
}

/// One controller, one failure at a random phase, one watchdog thread in another process than the controller's.
inline Trial run_trial(const std::string& name, Fault fault, Random& random, int priority = 0) {
  ControllerProcess controller(name);
  std::atomic<std::int64_t> stopped_at{0};
  std::atomic<bool> armed{false}, interrupt{false};
  Trial trial;
  std::thread observer([&] {
    become_realtime(priority);
    Watchdog dog(name, [&](const Trip& trip) {
      stopped_at.store(SteadyClock().now().count());
      trial.reason = trip.reason;
      trial.silence = controller.silence(trip.at);
    });
    while (!interrupt.load() && dog.state() != WatchdogState::tripped) armed.store(dog.watch(interrupt) != WatchdogState::waiting);
    trial.worst_gap = dog.worst_gap();
  });
  while (!armed.load()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  std::this_thread::sleep_for(std::chrono::microseconds(3000 + random.below(20000)));
  const Time failed_at = controller.fail(fault);
  for (int i = 0; i < 2000 && stopped_at.load() == 0; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  interrupt.store(true);
  observer.join();
  trial.detected = stopped_at.load() != 0;
  trial.latency = Time(stopped_at.load()) - failed_at;
  trial.early = trial.detected && trial.latency <= Time(0);
  return trial;
}

/// The value below which this part of them lies.
inline double percentile(std::vector<double> values, double part) {
  std::sort(values.begin(), values.end());
  return values.at(std::min(values.size() - 1, static_cast<std::size_t>(part * static_cast<double>(values.size()))));
}

}  // namespace sinew::testing
