// SPDX-License-Identifier: Apache-2.0
// Stands in for ruckig.cpp where Ruckig's source is not at hand.
#include "motion/generator.hpp"

namespace sinew::bench {

std::unique_ptr<Generator> open_ruckig(const JointLimits&, Time, std::string& why) {
  why = "Ruckig's source is not there: run scripts/fetch_ruckig and configure again";
  return nullptr;
}

}  // namespace sinew::bench
