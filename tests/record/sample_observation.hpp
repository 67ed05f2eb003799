// SPDX-License-Identifier: Apache-2.0
// Two cameras with random pixels and a channel, all that follows from the time.
#pragma once

#include <cstdint>

#include "sinew/core/observation.hpp"
#include "test_seed.hpp"

namespace sinew::testing {

inline Observation make_observation(Time time, int side = 32) {
  Random random(static_cast<std::uint64_t>(time.count()) + 3);
  Observation observation;
  observation.time = time;
  observation.id = static_cast<std::uint64_t>(time.count());
  observation.instruction = "put the red cube on the yellow plate";
  for (const char* name : {"front", "wrist"}) {
    auto& frame = observation.cameras.emplace_back();
    frame.name = name;
    frame.stamp = time;
    frame.image.resize(side, side, 3);
    for (auto& pixel : frame.image.pixels()) pixel = static_cast<std::uint8_t>(random.bits());
  }
  observation.channels.push_back({"joint_position", "rad", {0.1, -0.2, 0.3}, time});
  return observation;
}

}  // namespace sinew::testing
