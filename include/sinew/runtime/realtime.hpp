// SPDX-License-Identifier: Apache-2.0
// What the operating system gives a control thread.
#pragma once

#include <string>

namespace sinew {

/// What a thread asked for, and got.
struct RealtimeReport {
  bool scheduled = false;  ///< SCHED_FIFO
  bool locked = false;     ///< all memory of the process, now and later
  std::string text;        ///< one line for a log: what was refused, and what would permit it
};

/// Asks for SCHED_FIFO at `priority` (1 to 99; 0: does not ask) for the calling thread, and for memory that is never paged out. Refusal is
/// no error: the loop runs as the system lets it, and its statistics say how that was. At its end the thread is scheduled as before; memory
/// stays locked.
class RealtimeScope {
 public:
  RealtimeScope(int priority, bool lock_memory);
  ~RealtimeScope();
  RealtimeScope(const RealtimeScope&) = delete;
  RealtimeScope& operator=(const RealtimeScope&) = delete;

  [[nodiscard]] const RealtimeReport& report() const noexcept { return report_; }

 private:
  RealtimeReport report_;
  int policy_before_ = 0;
  int priority_before_ = 0;
};

}  // namespace sinew
