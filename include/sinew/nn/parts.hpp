// SPDX-License-Identifier: Apache-2.0
// The two halves of a policy's model: a backbone that sees and reads, a head that acts.
#pragma once

#include <fmt/format.h>

#include <concepts>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>
#include <vector>

#include "sinew/core/error.hpp"
#include "sinew/core/tensor_map.hpp"
#include "sinew/core/tensor_spec.hpp"
#include "sinew/nn/models/vision_language.hpp"
#include "sinew/nn/tensor_ops.hpp"

namespace sinew::nn {

/// Tensors of a head beside what the backbone gives, or of a whole model.
struct HeadSpec {
  TensorSpecs inputs;
  TensorSpecs outputs;
  TensorSpecs optional_inputs;
  std::vector<std::int64_t> depths{};  ///< of a head: whose hidden states it reads beside the last ones, ascending (Backbone)
};

/// What a head, or a whole model, can be given.
struct HeadInputs {
  TensorSpecs offered;           ///< that the encoder writes
  std::int64_t hidden_size = 0;  ///< of the backbone; what follows too
  std::int64_t vocab_size = 0;
  std::int64_t depth = 0;             ///< layers
  std::int64_t image_token = -1;      ///< id of an image's tokens
  std::int64_t merge = 1;             ///< patches per side of such a token
  std::filesystem::path directory{};  ///< of the policy, for what is no tensor
};

/// Throws Error where a head was made for hidden states of another width.
inline void require_width(std::string_view head, std::int64_t context_width, const HeadInputs& inputs) {
  if (context_width == inputs.hidden_size) return;
  fail(ErrorCode::invalid_argument,
       {head, "context_width", fmt::format("the backbone's {}", inputs.hidden_size), fmt::format("{}", context_width), ""});
}

template <TensorOps Ops>
class AnyBackbone;

/// What a backbone made of a prompt; valid during one act().
template <TensorOps Ops>
struct Context {
  typename Ops::Tensor hidden;                     ///< [tokens, hidden_size], behind the last norm
  std::span<const typename Ops::Tensor> states{};  ///< of HeadSpec::depths, each [tokens, hidden_size]
  const VisionLanguageInput* prompt = nullptr;     ///< ids, positions and grids of these tokens
  AnyBackbone<Ops>* backbone = nullptr;            ///< to go on with, for a head whose configuration asks for new tokens
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
  { constant.image_token() } -> std::convertible_to<std::int64_t>;
  { constant.merge() } -> std::convertible_to<std::int64_t>;  // patches per side of an image's token
  { backbone.prefill(ops, input, depths, states) } -> std::same_as<typename Ops::Tensor>;
  { backbone.step(ops, token) } -> std::same_as<typename Ops::Tensor>;
  { constant.logits(ops, hidden) } -> std::same_as<typename Ops::Tensor>;
};

/// Hidden states to what a decoder reads. `act` may throw Error; every input was checked against the specification. A head that generates
/// has a configuration with `new_tokens()`, the most that it adds to a prompt.
template <class H, class Ops>
concept Head =
    std::movable<H> && requires(H head, const H& constant, Ops& ops, const Context<Ops>& context, const TensorMap& in, TensorMap& out) {
      { constant.spec() } -> std::same_as<const HeadSpec&>;
      head.act(ops, context, in, out);
      head.reset();
    };

/// A model that is no backbone with a head: what the encoder writes to what a decoder reads.
template <class M, class Ops>
concept WholeModel = std::movable<M> && requires(M model, const M& constant, Ops& ops, const TensorMap& in, TensorMap& out) {
  { constant.spec() } -> std::same_as<const HeadSpec&>;
  model.act(ops, in, out);
  model.reset();
};

}  // namespace sinew::nn
