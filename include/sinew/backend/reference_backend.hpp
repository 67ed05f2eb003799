// SPDX-License-Identifier: Apache-2.0
// The plain backend: an affine policy in two loops. The first thing to compare another backend with, and the smallest
// policy that is real: a linear regression from state to chunk.
#pragma once

#include <string_view>
#include <vector>

#include "sinew/backend/backend.hpp"
#include "sinew/backend/registry.hpp"

namespace sinew {

/// Parameters of `actions = weight * state + bias`.
struct AffineModel {
  int state_dim = 0;
  int horizon = 0;
  int action_dim = 0;
  std::vector<float> weight{};  ///< `[horizon * action_dim, state_dim]`
  std::vector<float> bias{};    ///< `[horizon * action_dim]`
};

/// Computes `actions [horizon, action_dim]` from `state [state_dim]`; reads nothing else. Allocates nothing in `infer`.
class ReferenceBackend {
 public:
  /// Throws Error when the sizes disagree or a parameter is not finite.
  explicit ReferenceBackend(AffineModel model);
  /// Reads `config.json` of a policy directory: {"architecture": "affine", "weight": [[...]], "bias": [...]}.
  static ReferenceBackend load(const BackendRequest& request);

  [[nodiscard]] const ModelSpec& spec() const noexcept { return spec_; }
  [[nodiscard]] Status infer(const TensorMap& in, TensorMap& out) noexcept;
  [[nodiscard]] std::string_view last_error() const noexcept { return error_; }

 private:
  AffineModel model_;
  ModelSpec spec_;
  std::string_view error_;
};

static_assert(Backend<ReferenceBackend>);

}  // namespace sinew
