// SPDX-License-Identifier: Apache-2.0
// How a policy is executed: the concept that every backend meets. Nobody inherits from us.
#pragma once

#include <concepts>
#include <cstddef>
#include <span>
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

/// One of several inferences: what is read, what is filled, and how it went.
struct Inference {
  const TensorMap* in = nullptr;
  TensorMap* out = nullptr;
  Status status = Status::ok;
};

/// A backend that infers several observations in one call, at most `most_batch()`; 1 where its model cannot. Each gets what `infer` would
/// have given it, but for rounding, and a status of its own; `last_error()` is that of the first that failed.
template <class B>
concept BatchingBackend = Backend<B> && requires(B backend, const B& constant, std::span<Inference> several) {
  { constant.most_batch() } noexcept -> std::same_as<std::size_t>;
  { backend.infer_batch(several) } noexcept;
};

}  // namespace sinew
