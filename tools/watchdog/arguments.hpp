// SPDX-License-Identifier: Apache-2.0
// The command line of sinew-watchdog.
#pragma once

#include <sys/types.h>

#include <optional>
#include <span>
#include <string>

#include "sinew/motion/watchdog.hpp"

namespace sinew::watchdog {

/// What to do at a trip; at least one of the three.
struct StopRequest {
  std::optional<std::string> command;  ///< for /bin/sh -c
  std::optional<std::string> file;     ///< created or overwritten with one line
  int signal = 0;                      ///< 0: none
  pid_t process = 0;                   ///< who gets the signal
};

struct Arguments {
  bool help = false;
  bool once = false;  ///< ends after a trip
  std::string name;
  int priority = 80;  ///< SCHED_FIFO; 0 does not ask
  WatchdogOptions options;
  StopRequest stop;
};

/// The text of --help.
[[nodiscard]] const char* usage() noexcept;

/// Throws Error(invalid_argument) "[sinew-watchdog] what: expected X, got Y (hint)". `words` without the program's name.
[[nodiscard]] Arguments parse_arguments(std::span<const char* const> words);

}  // namespace sinew::watchdog
