// SPDX-License-Identifier: Apache-2.0
#include "kinematics/baseline.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include <exception>
#include <filesystem>
#include <map>

namespace sinew::bench {

namespace {

/// Why CMake did not offer the module; empty when it did.
std::string reason_not_configured(const std::string& name) {
  static const std::map<std::string, std::string> reasons = {SINEW_BENCH_REASONS};
  for (const auto& [library, reason] : reasons)
    if (name.starts_with(library)) return reason;
  return {};
}

}  // namespace

std::unique_ptr<Baseline> open_baseline(const std::string& name, const BaselineRobot& robot, std::string& why) {
  const std::string path = fmt::format("{}/{}.so", SINEW_BENCH_BASELINES, name);
  if (!std::filesystem::exists(path)) {
    const std::string reason = reason_not_configured(name);
    why = reason.empty() ? fmt::format("{}.so is not built (build the target bench_baselines)", name) : reason;
    return nullptr;
  }
  // Deep binding: the libraries bring other releases of libraries that we link too.
  void* module = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
  auto* make = module != nullptr ? reinterpret_cast<MakeBaseline*>(dlsym(module, "make_baseline")) : nullptr;
  if (make == nullptr) {
    why = dlerror();
    return nullptr;
  }
  try {
    return std::unique_ptr<Baseline>(make(robot));
  } catch (const std::exception& error) {
    why = fmt::format("{}: {}", name, error.what());
    return nullptr;
  }
}

}  // namespace sinew::bench
