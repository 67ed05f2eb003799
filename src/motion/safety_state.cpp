// SPDX-License-Identifier: Apache-2.0
// The table of modes and events.
#include "sinew/motion/safety_state.hpp"

namespace sinew {

namespace {

using enum SafetyMode;
using Row = std::array<SafetyMode, kSafetyEvents>;

// clang-format off
constexpr std::array<Row, kSafetyModes> kTable = {{
  //  arm    near      far       refused   pose      limits    missed    ending    over      stale     bad    refused watchdog stop      rest
  {armed, init,     init,     init,     init,     init,     init,     init,     init,     init,     fault, fault, fault, init,     init},      // init
  {armed, run,      armed,    armed,    armed,    armed,    armed,    armed,    armed,    hold,     fault, fault, fault, hold,     armed},     // armed
  {run,   run,      degraded, degraded, degraded, degraded, degraded, degraded, stopping, stopping, fault, fault, fault, stopping, run},       // run
  {degraded, run,   degraded, degraded, degraded, degraded, degraded, degraded, stopping, stopping, fault, fault, fault, stopping, degraded},  // degraded
  {stopping, run,   stopping, stopping, stopping, stopping, stopping, stopping, stopping, stopping, fault, fault, fault, stopping, hold},      // stopping
  {armed, run,      hold,     hold,     hold,     hold,     hold,     hold,     hold,     hold,     fault, fault, fault, hold,     hold},      // hold
  {armed, fault,    fault,    fault,    fault,    fault,    fault,    fault,    fault,    fault,    fault, fault, fault, fault,    fault},     // fault
}};
// clang-format on

}  // namespace

std::string_view to_string(SafetyMode mode) noexcept {
  switch (mode) {
    case init: return "init";
    case armed: return "armed";
    case run: return "run";
    case degraded: return "degraded";
    case stopping: return "stopping";
    case hold: return "hold";
    case fault: return "fault";
  }
  return "unknown";
}

std::string_view to_string(SafetyEvent event) noexcept {
  constexpr std::array<std::string_view, kSafetyEvents> kNames = {
      "arm",         "near_target", "far_target", "chunk_refused",     "pose_unreachable", "limits_changing",
      "tick_missed", "plan_ending", "plan_over",  "measurement_stale", "measurement_bad",  "command_refused",
      "watchdog",    "stop",        "rest"};
  const auto index = static_cast<std::size_t>(event);
  return index < kNames.size() ? kNames[index] : "unknown";
}

SafetyMode next_mode(SafetyMode mode, SafetyEvent event) noexcept {
  return kTable[static_cast<std::size_t>(mode)][static_cast<std::size_t>(event)];
}

SafetyMode SafetyState::apply(SafetyEvent event) noexcept {
  ++counts_[static_cast<std::size_t>(event)];
  if (event == SafetyEvent::stop) latched_ = true;
  if (latched_ && event == SafetyEvent::near_target) return mode_;
  const SafetyMode next = next_mode(mode_, event);
  if (event == SafetyEvent::arm && next == armed) latched_ = false;
  if (next != mode_) cause_ = event;
  return mode_ = next;
}

}  // namespace sinew
