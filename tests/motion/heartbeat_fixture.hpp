// SPDX-License-Identifier: Apache-2.0
// Names and beats for tests of the heartbeat.
#pragma once

#include <unistd.h>

#include <chrono>
#include <string>

#include "sinew/motion/heartbeat.hpp"

namespace sinew::testing {

/// A name that no other test program uses.
inline std::string heartbeat_name(const char* what) { return std::string("test-") + what + "-" + std::to_string(::getpid()); }

/// A good beat, now.
inline Beat beat_at(std::uint64_t sequence) {
  const Time now = SteadyClock().now();
  return {.sequence = sequence, .time = now, .action = 1, .horizon_end = now + std::chrono::seconds(1), .valid = true, .holding = false};
}

}  // namespace sinew::testing
