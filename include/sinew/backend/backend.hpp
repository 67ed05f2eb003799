// SPDX-License-Identifier: Apache-2.0
// How a policy is executed: the concept that every backend meets. Nobody inherits from us.
#pragma once

#include <concepts>
#include <string_view>

#include "sinew/backend/model_spec.hpp"
#include "sinew/core/status.hpp"
#include "sinew/core/tensor_map.hpp"

namespace sinew {

/// Tensors in, tensors out. A backend knows neither cameras nor joints. One thread at a time uses one backend.
///
/// `infer` reads the inputs of `spec()` in their current shapes, sets the current shape of every output and fills it. It
/// does not throw; what it has to say beyond the status it keeps in `last_error()` until the next call.
template <class B>
concept Backend = std::movable<B> && requires(B backend, const B& constant, const TensorMap& in, TensorMap& out) {
  { constant.spec() } noexcept -> std::same_as<const ModelSpec&>;
  { backend.infer(in, out) } noexcept -> std::same_as<Status>;
  { constant.last_error() } noexcept -> std::same_as<std::string_view>;
};

/// A backend that keeps state between calls (history, caches) and can forget it.
template <class B>
concept ResettableBackend = Backend<B> && requires(B backend) {
  { backend.reset() } noexcept;
};

}  // namespace sinew
