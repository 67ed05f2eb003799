// SPDX-License-Identifier: Apache-2.0
// The two halves of a policy's model: a backbone that sees and reads, a head that acts.
#pragma once

#include <concepts>
#include <cstdint>
#include <span>
#include <vector>

#include "sinew/core/tensor_map.hpp"
#include "sinew/core/tensor_spec.hpp"
#include "sinew/nn/models/vision_language.hpp"

namespace sinew::nn {

/// Tensors of a head beside the hidden states.
struct HeadSpec {
  TensorSpecs inputs;
  TensorSpecs outputs;
  TensorSpecs optional_inputs;
};

/// What a head can be given.
struct HeadInputs {
  TensorSpecs offered;           ///< that the encoder writes
  std::int64_t hidden_size = 0;  ///< of the backbone
};

/// Images and words to hidden states and on to words.
/// - `prefill(ops, input, depths, states)` begins a sequence and gives the hidden states `[tokens, hidden_size]` behind the last norm;
/// those of
///   `depths`, ascending, go to `states` (0: embeddings, d: behind layer d - 1, before the last norm);
/// - `step(ops, token)` adds one token and gives its hidden state `[1, hidden_size]`; for sequences that were loaded `cached`;
/// - `logits(ops, hidden)` `[n, vocab_size]`, for models that were loaded with `logits`.
template <class B, class Ops>
concept Backbone = std::movable<B> && requires(B backbone, const B& constant, Ops& ops, const VisionLanguageInput& input,
                                               std::int64_t token, const typename Ops::Tensor& hidden, std::span<const std::int64_t> depths,
                                               std::vector<typename Ops::Tensor>* states) {
  { constant.hidden_size() } -> std::convertible_to<std::int64_t>;
  { constant.vocab_size() } -> std::convertible_to<std::int64_t>;
  { constant.depth() } -> std::convertible_to<std::int64_t>;  // layers
  { backbone.prefill(ops, input, depths, states) } -> std::same_as<typename Ops::Tensor>;
  { backbone.step(ops, token) } -> std::same_as<typename Ops::Tensor>;
  { constant.logits(ops, hidden) } -> std::same_as<typename Ops::Tensor>;
};

/// Hidden states to what a decoder reads. `act` may throw Error; every input was checked against the specification.
template <class H, class Ops>
concept Head = std::movable<H> &&
               requires(H head, const H& constant, Ops& ops, const typename Ops::Tensor& hidden, const TensorMap& in, TensorMap& out) {
                 { constant.spec() } -> std::same_as<const HeadSpec&>;
                 head.act(ops, hidden, in, out);
                 head.reset();
               };

}  // namespace sinew::nn
