// SPDX-License-Identifier: Apache-2.0
// The action head of Qwen-RobotManip (arXiv 2606.17846v2, section on the action model): a flow-matching DiT over canonical states and
// actions, two tokens of 40 numbers for each moment and step, one for each end effector. Blocks attend to the sequence [states, noisy
// actions, learned queries], then in turns to the prompt's images (even blocks) and words (odd ones), then SwiGLU. Code and weights are not
// public: the form is that of python/sinew/train/robotmanip.py, which trains it.
//
// Published: width 768, 12 heads, 10 blocks, 16 x 80 actions, 4 Euler steps from t = 0, noise; the norms' condition is a sum of time, code
// of the end effector and whether cameras are known; half of a head turns with the camera's pose (queries, keys, values and outputs, as GTA
// and PRoPE do it), half with the time index; plane coordinates of patches through a linear layer, added to the images' tokens; earlier
// chunks as a token of the state and K' of the actions each, with embeddings of time and slot.
//
// Not published, chosen here (options are in robotmanip_dit_config.hpp):
// - the condition belongs to a token: left and right have the codes of their end effectors, learned queries none; adaLN-zero with gates
// (`gates`),
//   one per sub-layer;
// - the time index is the step of an action, m - moments + 1 of the state of moment m, 0 of queries, words and images (input
//   `image_times` for earlier frames); it turns values and outputs too (`rotate_values`);
// - words have the reference camera, so that theirs is the identity; each end effector may have a reference of its own;
// - a token whose 40 columns are all masked is hidden from the others; masked numbers go in and come out as 0;
// - hidden states are those behind the backbone's last norm; tokens of earlier chunks follow both the images' and the words'; their time
//   embedding counts from the newest chunk.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "sinew/core/error.hpp"
#include "sinew/nn/heads/chunk_sampler.hpp"
#include "sinew/nn/heads/robotmanip_inputs.hpp"
#include "sinew/nn/heads/robotmanip_net.hpp"
#include "sinew/nn/parts.hpp"

namespace sinew::nn {

/// Reads `state f32 [80]` or `[moments, 80]` where the head has state tokens, and the optional inputs of RobotManipInputs and ChunkSampler;
/// writes `actions f32 [horizon, 80]`.
template <TensorOps Ops>
class RobotManipPolicy {
 public:
  using Tensor = typename Ops::Tensor;
  using Config = RobotManipConfig;
  using Net = RobotManipNet<Ops>;

  /// Throws Error when the state that is offered, or the width of the hidden states, is not what the head was trained on.
  RobotManipPolicy(const Loader<Ops>& loader, const Config& config, const HeadInputs& inputs)
      : net_(loader, config), inputs_(config, inputs), sampler_(config.horizon, Config::kDim) {
    require_width("robotmanip_dit", config.context_width, inputs);
    const std::int64_t w = config.context_width;
    plane_.emplace(loader.linear("intrinsics", w, 2));
    if (config.context_chunks > 0) {
      const Loader<Ops> part = loader.part("context");
      earlier_state_.emplace(SiluMlp<Ops>::load(part.part("state_encoder"), {Config::kDim, w, w}));
      earlier_actions_.emplace(
          SiluMlp<Ops>::load(part.part("action_encoder"), {config.context_steps * Config::kDim, w, config.context_tokens * w}));
      earlier_time_.emplace(part.parameter("time.weight", Shape{config.context_chunks, w}));
      earlier_slot_.emplace(part.parameter("slot.weight", Shape{config.context_tokens, w}));
    }
    sampler_.declare(spec_);
    inputs_.declare(spec_);
    context_.reserve(static_cast<std::size_t>(config.layers));
    net_.condition(loader.ops(), config.end_effectors, false);
  }
  [[nodiscard]] const HeadSpec& spec() const noexcept { return spec_; }

  void act(Ops& ops, const Context<Ops>& prompt, const TensorMap& in, TensorMap& out) {
    const Config& c = net_.config();
    inputs_.read(in, *prompt.prompt);
    net_.condition(ops, inputs_.end_effectors(), inputs_.cameras_known());
    net_.set_sequence(inputs_.moments());
    read_prompt(ops, prompt.hidden);
    inputs_.place_sequence(net_.kinds());
    const TokenTurns<Ops> turns = turns_of(ops, inputs_.sequence());
    std::optional<Tensor> state;
    if (inputs_.moments() > 0) state = net_.encode_state(ops, ops.upload(inputs_.state(), Shape{2 * inputs_.moments(), Config::kToken}));
    const Shape chunk{std::int64_t{1}, c.horizon, Config::kDim};
    const Tensor mask = ops.upload(inputs_.mask(), chunk);
    const auto velocity = [&](const Tensor& x, std::int64_t k) {
      const Tensor tokens = split(ops, ops.reshape(ops.multiply(x, mask), Shape{c.horizon, Config::kDim}));
      const Tensor v = net_.velocity(ops, k, state ? &*state : nullptr, tokens, context_, turns, inputs_.seen());
      return ops.multiply(ops.reshape(joined(ops, v), chunk), mask);
    };
    const Tensor x = sampler_.sample(ops, in, c.steps, FlowDirection::noise_at_zero, velocity);
    ops.download(ops.multiply(x, mask), out["actions"].template as<float>());
    context_.clear();
  }
  void reset() noexcept { sampler_.reset(); }

 private:
  /// Keys and values of all blocks.
  void read_prompt(Ops& ops, const Tensor& hidden) {
    Tensor images = ops.gather_rows(hidden, inputs_.image_rows()), words = ops.gather_rows(hidden, inputs_.word_rows());
    if (const auto plane = inputs_.plane(); !plane.empty())
      ops.add_into(images, (*plane_)(ops, ops.upload(plane, Shape{images.size(0), std::int64_t{2}})), 1);
    if (inputs_.chunks() > 0) {
      const Tensor earlier = read_chunks(ops);
      images = ops.concat(0, {images, earlier});
      words = ops.concat(0, {words, earlier});
    }
    const TokenTurns<Ops> turns = turns_of(ops, inputs_.images());
    context_.clear();
    for (std::int64_t i = 0; i < net_.layers(); ++i)
      context_.push_back(Net::sees_images(i) ? net_.keys_values(ops, i, images, turns) : net_.keys_values(ops, i, words, {}));
  }
  /// Tokens `[chunks (1 + context_tokens), context_width]`, oldest first.
  Tensor read_chunks(Ops& ops) {
    const Config& c = net_.config();
    const std::int64_t n = inputs_.chunks(), w = c.context_width, slots = c.context_tokens;
    const Tensor times = ops.gather_rows(ops.view(*earlier_time_), inputs_.chunk_ages());
    const Tensor states = (*earlier_state_)(ops, ops.upload(inputs_.chunk_states(), Shape{n, Config::kDim}));
    ops.add_into(states, times, 1);
    const Tensor actions = (*earlier_actions_)(ops, ops.upload(inputs_.chunk_actions(), Shape{n, c.context_steps * Config::kDim}));
    Tensor tokens = ops.add(ops.reshape(actions, Shape{n, slots, w}), ops.view(*earlier_slot_));
    for (std::int64_t i = 0; i < n; ++i) {
      const Tensor chunk = ops.reshape(ops.slice(tokens, 0, i, i + 1), Shape{slots, w}), time = ops.slice(times, 0, i, i + 1);
      ops.copy_into(chunk, ops.add(chunk, ops.reshape(time, Shape{w})));
    }
    tokens = ops.concat(1, {ops.reshape(states, Shape{n, std::int64_t{1}, w}), tokens});
    return ops.reshape(tokens, Shape{n * (1 + slots), w});
  }
  static TokenTurns<Ops> turns_of(Ops& ops, const TurnTables& tables) {
    TokenTurns<Ops> turns;
    const auto up = [&](const std::vector<float>& values) { return ops.upload(values, Shape{tables.tokens, tables.width}); };
    if (!tables.cos.empty()) {
      turns.cos = up(tables.cos);
      turns.sin = up(tables.sin);
      turns.back = up(tables.back);
    }
    const auto matrices = [&](const std::vector<float>& values) {
      return ops.upload(values, Shape{tables.tokens, std::int64_t{4}, std::int64_t{4}});
    };
    if (!tables.pose.empty()) turns.pose = matrices(tables.pose);
    if (!tables.query.empty()) turns.query = matrices(tables.query);
    if (!tables.inverse.empty()) turns.inverse = matrices(tables.inverse);
    return turns;
  }
  /// `[horizon, 80]` to tokens `[2 horizon, 40]`, and back.
  static Tensor split(Ops& ops, const Tensor& rows) {
    const auto range = [&](std::int64_t from, std::int64_t count) { return ops.slice(rows, 1, from, from + count); };
    const Tensor sides = ops.concat(1, {range(0, Config::kArm), range(2 * Config::kArm, Config::kSpare), range(Config::kArm, Config::kArm),
                                        range(2 * Config::kArm + Config::kSpare, Config::kSpare)});
    return ops.reshape(sides, Shape{2 * rows.size(0), Config::kToken});
  }
  static Tensor joined(Ops& ops, const Tensor& tokens) {
    const Tensor rows = ops.reshape(tokens, Shape{tokens.size(0) / 2, Config::kDim});
    const auto range = [&](std::int64_t token, std::int64_t from, std::int64_t to) {
      return ops.slice(rows, 1, token * Config::kToken + from, token * Config::kToken + to);
    };
    return ops.concat(1, {range(0, 0, Config::kArm), range(1, 0, Config::kArm), range(0, Config::kArm, Config::kToken),
                          range(1, Config::kArm, Config::kToken)});
  }

  Net net_;
  RobotManipInputs inputs_;
  ChunkSampler sampler_;
  HeadSpec spec_;
  std::optional<Linear<Ops>> plane_;
  std::optional<SiluMlp<Ops>> earlier_state_, earlier_actions_;
  std::optional<typename Ops::Parameter> earlier_time_, earlier_slot_;
  std::vector<typename Net::KeysValues> context_;
};

}  // namespace sinew::nn
