// SPDX-License-Identifier: Apache-2.0
// Threads that share the work of one call.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

namespace sinew {

/// Runs a function on its threads and on the caller's. Workers look for work for a moment before they sleep: the products of one model
/// follow each other within microseconds.
class ThreadPool {
 public:
  /// `threads` - 1 workers are started. Throws Error when the system gives fewer.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  [[nodiscard]] int threads() const noexcept { return static_cast<int>(workers_.size()) + 1; }

  /// Calls `function(context, part)` for every part in [0, parts), each once, on any thread; returns when all are done. Must not be nested;
  /// `function` must not throw; parts below 2^32.
  void run(std::int64_t parts, void (*function)(void*, std::int64_t), void* context) noexcept;

 private:
  void stop_workers() noexcept;
  void work() noexcept;
  void take_parts(std::uint32_t run) noexcept;

  std::vector<std::thread> workers_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::atomic<bool> stop_{false};
  // Number of the run in the upper half, parts that nobody has taken in the lower: a worker that wakes late finds another number or no
  // parts, and nobody waits for it.
  std::atomic<std::uint64_t> ticket_{0};
  std::atomic<std::int64_t> unfinished_{0};          // parts
  void (*function_)(void*, std::int64_t) = nullptr;  // these two are read by who holds a part of the run, written when none is left
  void* context_ = nullptr;
};

}  // namespace sinew
