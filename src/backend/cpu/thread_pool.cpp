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

void ThreadPool::take_parts() noexcept {
  for (std::int64_t part = next_.fetch_add(1, std::memory_order_relaxed); part < parts_;
       part = next_.fetch_add(1, std::memory_order_relaxed))
    function_(context_, part);
}

void ThreadPool::run(std::int64_t parts, void (*function)(void*, std::int64_t), void* context) noexcept {
  function_ = function;
  context_ = context;
  parts_ = parts;
  next_.store(0, std::memory_order_relaxed);
  busy_.store(static_cast<int>(workers_.size()), std::memory_order_relaxed);
  {
    const std::scoped_lock lock(mutex_);  // a worker between its look and its sleep must not miss this
    generation_.fetch_add(1, std::memory_order_release);
  }
  wake_.notify_all();
  take_parts();
  while (busy_.load(std::memory_order_acquire) != 0)
    if (!look_for([this] { return busy_.load(std::memory_order_acquire) == 0; })) std::this_thread::yield();
}

void ThreadPool::work() noexcept {
  for (std::uint64_t seen = 0;;) {
    const auto called = [&] { return stop_.load(std::memory_order_acquire) || generation_.load(std::memory_order_acquire) != seen; };
    if (!look_for(called)) {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, called);
    }
    if (stop_.load(std::memory_order_acquire)) return;
    seen = generation_.load(std::memory_order_acquire);
    take_parts();
    busy_.fetch_sub(1, std::memory_order_release);
  }
}

}  // namespace sinew
