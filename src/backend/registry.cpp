// SPDX-License-Identifier: Apache-2.0
#include "sinew/backend/registry.hpp"

#include <fmt/format.h>

#include "sinew/backend/cpu/cpu_backend.hpp"
#include "sinew/backend/reference_backend.hpp"
#include "sinew/core/error.hpp"

namespace sinew {

BackendRegistry BackendRegistry::with_defaults() {
  BackendRegistry registry;
  registry.add("cpu", cpu_backend());
  registry.add("reference", [](const BackendRequest& request) { return AnyBackend(ReferenceBackend::load(request)); });
  return registry;
}

void BackendRegistry::add(std::string name, BackendFactory factory) {
  if (name.empty() || !factory)
    fail(ErrorCode::invalid_argument, {"BackendRegistry::add", "backend", "a name and a factory", "an empty one", ""});
  const auto [place, added] = factories_.try_emplace(std::move(name), std::move(factory));
  if (!added)
    fail(ErrorCode::invalid_argument,
         {"BackendRegistry::add", fmt::format("backend '{}'", place->first), "a new name", "one that is registered already", ""});
}

AnyBackend BackendRegistry::make(std::string_view name, const BackendRequest& request) const {
  const auto found = factories_.find(name);
  if (found == factories_.end()) {
    const auto known = names();
    const auto near = nearest_name(name, known);
    fail(ErrorCode::not_found,
         {"BackendRegistry", fmt::format("backend '{}'", name), known.empty() ? "a registered backend" : "one of " + join_names(known),
          "no such name", near.empty() ? "" : fmt::format("did you mean '{}'?", near)});
  }
  return found->second(request);
}

std::vector<std::string_view> BackendRegistry::names() const {
  std::vector<std::string_view> names;
  for (const auto& [name, factory] : factories_) names.push_back(name);
  return names;
}

}  // namespace sinew
