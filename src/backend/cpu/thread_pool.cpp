// SPDX-License-Identifier: Apache-2.0
#include "thread_pool.hpp"

#include <fmt/format.h>

#include <chrono>
#include <system_error>

#include "sinew/core/error.hpp"

namespace sinew {

namespace {

constexpr auto kLookFor = std::chrono::microseconds(100);
constexpr int kLooksPerClock = 64;  // a look is much cheaper than the clock

inline void pause() noexcept {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

/// Whether `condition` became true within kLookFor.
template <class Condition>
bool look_for(const Condition& condition) noexcept {
  const auto end = std::chrono::steady_clock::now() + kLookFor;
  do {
    for (int i = 0; i < kLooksPerClock; ++i) {
      if (condition()) return true;
      pause();
    }
  } while (std::chrono::steady_clock::now() < end);
  return false;
}

std::uint32_t run_of(std::uint64_t ticket) noexcept { return static_cast<std::uint32_t>(ticket >> 32); }
std::uint32_t left_of(std::uint64_t ticket) noexcept { return static_cast<std::uint32_t>(ticket); }

}  // namespace

ThreadPool::ThreadPool(int threads) {
  try {
    for (int i = 1; i < threads; ++i) workers_.emplace_back([this] { work(); });
  } catch (const std::system_error& error) {
    stop_workers();  // the destructor does not run
    fail(ErrorCode::failed, {"ThreadPool", "threads", fmt::format("{}", threads), fmt::format("{}", workers_.size() + 1), error.what()});
  }
}

ThreadPool::~ThreadPool() { stop_workers(); }

void ThreadPool::stop_workers() noexcept {
  {
    const std::scoped_lock lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  for (auto& worker : workers_) worker.join();
}

void ThreadPool::take_parts(std::uint32_t run) noexcept {
  std::uint64_t ticket = ticket_.load(std::memory_order_acquire);
  while (run_of(ticket) == run && left_of(ticket) != 0) {
    if (!ticket_.compare_exchange_weak(ticket, ticket - 1, std::memory_order_acq_rel, std::memory_order_acquire)) continue;
    function_(context_, static_cast<std::int64_t>(left_of(ticket)) - 1);
    unfinished_.fetch_sub(1, std::memory_order_release);
    ticket = ticket_.load(std::memory_order_acquire);
  }
}

void ThreadPool::run(std::int64_t parts, void (*function)(void*, std::int64_t), void* context) noexcept {
  if (parts <= 0) return;
  function_ = function;
  context_ = context;
  unfinished_.store(parts, std::memory_order_relaxed);
  const std::uint32_t number = run_of(ticket_.load(std::memory_order_relaxed)) + 1;
  {
    const std::scoped_lock lock(mutex_);  // a worker between its look and its sleep must not miss this
    ticket_.store(std::uint64_t{number} << 32 | static_cast<std::uint64_t>(parts), std::memory_order_release);
  }
  wake_.notify_all();
  take_parts(number);
  const auto done = [this] { return unfinished_.load(std::memory_order_acquire) == 0; };
  while (!look_for(done)) std::this_thread::yield();
}

void ThreadPool::work() noexcept {
  for (std::uint32_t seen = 0;;) {
    const auto called = [&] { return stop_.load(std::memory_order_acquire) || run_of(ticket_.load(std::memory_order_acquire)) != seen; };
    if (!look_for(called)) {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, called);
    }
    if (stop_.load(std::memory_order_acquire)) return;
    seen = run_of(ticket_.load(std::memory_order_acquire));
    take_parts(seen);
  }
}

}  // namespace sinew
