// SPDX-License-Identifier: Apache-2.0
// Every pair of mode and event, against the rules in words.
#include "sinew/motion/safety_state.hpp"

#include <doctest/doctest.h>

#include <set>
#include <string>

#include "test_seed.hpp"

using namespace sinew;
using Mode = SafetyMode;
using Event = SafetyEvent;

namespace {

/// The rules, written as sentences and not as a table.
Mode rule(Mode mode, Event event) {
  // Whatever goes wrong with the robot itself is a fault, in every mode.
  if (event == Event::measurement_bad || event == Event::command_refused || event == Event::watchdog) return Mode::fault;
  // Arming starts from rest: it does not interrupt motion.
  const bool moves = mode == Mode::run || mode == Mode::degraded || mode == Mode::stopping;
  if (event == Event::arm) return moves ? mode : Mode::armed;
  if (mode == Mode::fault || mode == Mode::init) return mode;
  // A plan that begins where the robot is starts or continues motion.
  if (event == Event::near_target) return Mode::run;
  if (event == Event::rest) return mode == Mode::stopping ? Mode::hold : mode;
  if (event == Event::stop || event == Event::measurement_stale) return moves ? Mode::stopping : Mode::hold;
  if (event == Event::plan_over) return moves ? Mode::stopping : mode;
  // All else degrades a robot that follows a plan, and means nothing to one that does not.
  return mode == Mode::run ? Mode::degraded : mode;
}

}  // namespace

TEST_CASE("safety state: every event in every mode does what the rules say") {
  for (std::size_t m = 0; m < kSafetyModes; ++m)
    for (std::size_t e = 0; e < kSafetyEvents; ++e) {
      CAPTURE(to_string(static_cast<Mode>(m)));
      CAPTURE(to_string(static_cast<Event>(e)));
      CHECK(to_string(next_mode(static_cast<Mode>(m), static_cast<Event>(e))) ==
            to_string(rule(static_cast<Mode>(m), static_cast<Event>(e))));
    }
}

TEST_CASE("safety state: names are distinct") {
  std::set<std::string> names;
  for (std::size_t m = 0; m < kSafetyModes; ++m) names.insert(std::string(to_string(static_cast<Mode>(m))));
  for (std::size_t e = 0; e < kSafetyEvents; ++e) names.insert(std::string(to_string(static_cast<Event>(e))));
  CHECK(names.size() == kSafetyModes + kSafetyEvents);
}

TEST_CASE("safety state: a stop is latched until the robot is armed again; a fault is left by nothing else") {
  SafetyState state;
  CHECK(state.mode() == Mode::init);
  state.apply(Event::arm);
  CHECK(state.apply(Event::near_target) == Mode::run);
  CHECK(state.apply(Event::stop) == Mode::stopping);
  CHECK(state.apply(Event::near_target) == Mode::stopping);
  CHECK(state.apply(Event::arm) == Mode::stopping);  // not while it moves
  CHECK(state.latched());
  CHECK(state.apply(Event::rest) == Mode::hold);
  CHECK(state.apply(Event::near_target) == Mode::hold);
  CHECK(state.apply(Event::arm) == Mode::armed);
  CHECK_FALSE(state.latched());
  CHECK(state.apply(Event::near_target) == Mode::run);
  CHECK(state.apply(Event::watchdog) == Mode::fault);
  CHECK(state.cause() == Event::watchdog);
  sinew::testing::Random random(1);
  for (int i = 0; i < 1000; ++i) {
    const auto event = static_cast<Event>(random.below(kSafetyEvents));
    if (event != Event::arm) CHECK(state.apply(event) == Mode::fault);
  }
  CHECK(state.cause() == Event::watchdog);
  CHECK(state.count(Event::arm) == 3);
  CHECK(state.apply(Event::arm) == Mode::armed);
}

TEST_CASE("safety state: without a stop, a plan that ends is followed by the next") {
  SafetyState state;
  state.apply(Event::arm);
  state.apply(Event::near_target);
  CHECK(state.apply(Event::plan_ending) == Mode::degraded);
  CHECK(state.apply(Event::plan_over) == Mode::stopping);
  CHECK(state.apply(Event::rest) == Mode::hold);
  CHECK(state.apply(Event::far_target) == Mode::hold);
  CHECK(state.apply(Event::near_target) == Mode::run);
}
