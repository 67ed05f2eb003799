// SPDX-License-Identifier: Apache-2.0
// Motion of joints as sums of two slow sines: nothing in it is sudden, extreme or at rest.
#pragma once

#include <cmath>
#include <vector>

#include "test_seed.hpp"

namespace sinew::testing {

class SmoothMotion {
 public:
  SmoothMotion(std::size_t joints, std::uint64_t stream) {
    Random random(stream);
    for (std::size_t i = 0; i < 2 * joints; ++i)
      waves_.push_back({random.uniform(0.2, 0.5), random.uniform(1.0, 2.5), random.uniform(0.0, 6.28)});
  }

  /// `[frames, joints]` row-major, rad; row i is where the joints are at frame i + `ahead`.
  [[nodiscard]] std::vector<double> table(std::size_t frames, double period, int ahead) const {
    std::vector<double> values;
    for (std::size_t i = 0; i < frames; ++i)
      for (std::size_t w = 0; w < waves_.size(); w += 2)
        values.push_back(waves_[w].at(period * (static_cast<double>(i) + ahead)) +
                         waves_[w + 1].at(period * (static_cast<double>(i) + ahead)));
    return values;
  }

 private:
  struct Wave {
    double size, speed, phase;
    [[nodiscard]] double at(double t) const { return size * std::sin(speed * t + phase); }
  };
  std::vector<Wave> waves_;
};

}  // namespace sinew::testing
