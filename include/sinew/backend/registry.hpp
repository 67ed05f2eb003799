// SPDX-License-Identifier: Apache-2.0
// Backends by name: an ordinary object that is passed to Policy::load. No globals, no static registration.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "sinew/backend/any_backend.hpp"
#include "sinew/core/card.hpp"
#include "sinew/core/tensor_spec.hpp"

namespace sinew {

/// What a factory needs to build a backend for one policy.
struct BackendRequest {
  std::filesystem::path directory;  ///< the policy directory
  const PolicyCard& card;
  TensorSpecs offered{};  ///< what the encoder writes: names and capacities
};

/// Builds a backend for one policy, or throws Error.
using BackendFactory = std::function<AnyBackend(const BackendRequest& request)>;

/// Maps a backend's name to the function that builds it.
class BackendRegistry {
 public:
  /// An empty registry.
  BackendRegistry() = default;
  /// The backends that need nothing beyond sinew::sinew: "cpu" (cpu/cpu_backend.hpp), "reference".
  static BackendRegistry with_defaults();

  /// Throws Error when the name is empty or taken.
  void add(std::string name, BackendFactory factory);
  /// Builds a backend. Throws Error that lists the known names when `name` is not one of them.
  [[nodiscard]] AnyBackend make(std::string_view name, const BackendRequest& request) const;
  [[nodiscard]] bool contains(std::string_view name) const { return factories_.find(name) != factories_.end(); }
  /// Known names, sorted.
  [[nodiscard]] std::vector<std::string_view> names() const;

 private:
  std::map<std::string, BackendFactory, std::less<>> factories_;
};

}  // namespace sinew
