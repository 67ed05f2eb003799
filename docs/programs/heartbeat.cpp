// SPDX-License-Identifier: Apache-2.0
// A control process that beats, as docs/watchdog.md shows it: heartbeat [NAME].
#include <fmt/format.h>

#include <sinew/sinew.hpp>
#include <string>
#include <thread>

int main(int argc, char** argv) try {
  using namespace std::chrono_literals;
  const std::string name = argc > 1 ? argv[1] : "left_arm";
  const sinew::SteadyClock clock;
  const std::uint64_t chunk_sequence = 1;
  const auto chunk_end = clock.now() + 1s;
  const bool accepted = true, at_rest = false;
  std::uint64_t tick = 0;

  // docs: begin set-up
  sinew::Heartbeat heart(name);  // throws sinew::Error
  // docs: end set-up
  for (int i = 0; i < 20; ++i) {
    std::this_thread::sleep_for(2ms);
    // docs: begin tick
    heart.beat({.sequence = ++tick,
                .time = clock.now(),
                .action = chunk_sequence,
                .horizon_end = chunk_end,
                .valid = accepted,
                .holding = at_rest});
    // docs: end tick
  }
  fmt::print("{} beats as '{}'\n", tick, name);
  return EXIT_SUCCESS;
} catch (const sinew::Error& error) {
  fmt::print(stderr, "{}\n", error.what());
  return 2;
}
