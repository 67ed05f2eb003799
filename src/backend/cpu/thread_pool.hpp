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
  /// `function` must not throw.
  void run(std::int64_t parts, void (*function)(void*, std::int64_t), void* context) noexcept;

 private:
  void stop_workers() noexcept;
  void work() noexcept;
  void take_parts() noexcept;

  std::vector<std::thread> workers_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::atomic<std::uint64_t> generation_{0};  // of runs
  std::atomic<bool> stop_{false};
  std::atomic<std::int64_t> next_{0};
  std::atomic<int> busy_{0};  // workers that have not seen the end of the run
  std::int64_t parts_ = 0;
  void (*function_)(void*, std::int64_t) = nullptr;
  void* context_ = nullptr;
};

}  // namespace sinew
