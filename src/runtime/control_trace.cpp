// SPDX-License-Identifier: Apache-2.0
#include "sinew/runtime/control_trace.hpp"

#include <algorithm>

namespace sinew {

namespace {

/// Nearest rank.
TimeStatistics statistics_of(std::vector<Time> times) {
  if (times.empty()) return {};
  std::sort(times.begin(), times.end());
  const auto at = [&](double share) {
    return times[std::min(times.size() - 1, static_cast<std::size_t>(share * static_cast<double>(times.size())))];
  };
  return {at(0.5), at(0.99), at(0.999), times.back()};
}

}  // namespace

ControlTrace::ControlTrace(int dof, std::size_t ticks, std::size_t inferences)
    : dof_(dof),
      ticks_(std::max<std::size_t>(1, ticks), 1),
      inferences_(std::max<std::size_t>(1, inferences), 1),
      target_(std::max<std::size_t>(1, ticks), static_cast<std::size_t>(dof)),
      command_(target_),
      velocity_(target_),
      acceleration_(target_),
      measured_(target_) {}

void ControlTrace::clear() noexcept {
  ticks_.clear();
  inferences_.clear();
  for (auto* column : {&target_, &command_, &velocity_, &acceleration_, &measured_}) column->clear();
}

void ControlTrace::add_tick(const TickRecord& tick, const TickVectors& vectors) noexcept {
  ticks_.add({&tick, 1});
  target_.add(vectors.target);
  command_.add(vectors.command);
  velocity_.add(vectors.velocity);
  acceleration_.add(vectors.acceleration);
  measured_.add(vectors.measured);
}

void ControlTrace::add_inference(const InferenceRecord& inference) noexcept { inferences_.add({&inference, 1}); }

ControlStatistics ControlTrace::statistics() const {
  ControlStatistics result{.ticks = ticks().size()};
  std::vector<Time> durations, latenesses;
  for (const TickRecord& tick : ticks()) {
    durations.push_back(tick.duration);
    latenesses.push_back(tick.lateness);
  }
  result.duration = statistics_of(std::move(durations));
  result.lateness = statistics_of(std::move(latenesses));
  return result;
}

}  // namespace sinew
