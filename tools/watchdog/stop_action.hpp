// SPDX-License-Identifier: Apache-2.0
// How sinew-watchdog asks for a stop: everything that can be prepared is, so that a trip allocates nothing.
#pragma once

#include <spawn.h>
#include <sys/types.h>

#include <array>
#include <string>

#include "arguments.hpp"

namespace sinew::watchdog {

/// One thread. Signal first, then file, then command: the quickest first, and none waits for another.
class StopAction {
 public:
  /// Throws Error: not_found (no such process), io (the file's folder does not exist, the system refused).
  explicit StopAction(const StopRequest& request);
  StopAction(const StopAction&) = delete;
  StopAction& operator=(const StopAction&) = delete;
  ~StopAction();

  /// Does all that was asked for. False when a part failed; `problem` says which.
  bool run(const char* reason) noexcept;
  /// Waits for the command of the last `run`; false when it failed. True when there is none.
  bool wait() noexcept;
  /// The last failure, or null.
  [[nodiscard]] const char* problem() const noexcept { return problem_; }

 private:
  bool send_signal() noexcept;
  bool write_file(const char* reason) noexcept;
  bool spawn() noexcept;
  bool failed(const char* problem) noexcept;

  StopRequest request_;
  std::array<char*, 4> argv_{};
  std::string shell_ = "/bin/sh", flag_ = "-c";
  posix_spawnattr_t attributes_{};
  int target_ = -1;   // a descriptor of the process: its number may come to mean another
  pid_t child_ = -1;  // the command, while it runs
  const char* problem_ = nullptr;
};

}  // namespace sinew::watchdog
