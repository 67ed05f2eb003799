// SPDX-License-Identifier: Apache-2.0
#include "sinew/runtime/control_trace.hpp"

#include <initializer_list>
#include <utility>

namespace sinew {

ControlTrace::ControlTrace(int dof, std::size_t ticks, std::size_t inferences) : dof_(dof) {
  ticks_.reserve(ticks);
  inferences_.reserve(inferences);
  for (auto* column : {&target_, &command_, &velocity_, &acceleration_, &measured_}) column->reserve(ticks * static_cast<std::size_t>(dof));
}

void ControlTrace::clear() noexcept {
  ticks_.clear();
  inferences_.clear();
  dropped_ = 0;
  for (auto* column : {&target_, &command_, &velocity_, &acceleration_, &measured_}) column->clear();
}

void ControlTrace::add_tick(const TickRecord& tick, std::span<const double> target, std::span<const double> command,
                            std::span<const double> velocity, std::span<const double> acceleration,
                            std::span<const double> measured) noexcept {
  if (ticks_.size() == ticks_.capacity()) {
    ++dropped_;
    return;
  }
  ticks_.push_back(tick);
  const std::initializer_list<std::pair<std::vector<double>*, std::span<const double>>> columns = {
      {&target_, target}, {&command_, command}, {&velocity_, velocity}, {&acceleration_, acceleration}, {&measured_, measured}};
  for (const auto& [column, values] : columns) column->insert(column->end(), values.begin(), values.end());
}

void ControlTrace::add_inference(const InferenceRecord& inference) noexcept {
  if (inferences_.size() == inferences_.capacity()) {
    ++dropped_;
  } else {
    inferences_.push_back(inference);
  }
}

}  // namespace sinew
