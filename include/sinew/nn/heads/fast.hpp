// SPDX-License-Identifier: Apache-2.0
// Actions as text: the vision-language model goes on writing, in tokens that were added to its vocabulary for FAST (arXiv 2501.09747).
// Form: starVLA/starVLA @ 0ed0aad framework/VLM4A/QwenFast.py, which draws from all tokens and keeps those of the range; there a chunk that
// does not decode is zeros. Constrained decoding is ours.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <vector>

#include "sinew/core/error.hpp"
#include "sinew/nn/heads/fast_config.hpp"
#include "sinew/nn/heads/fast_grammar.hpp"
#include "sinew/nn/parts.hpp"
#include "sinew/nn/registry.hpp"

namespace sinew::nn {

/// Writes `action_ids i64 [n]`, n at most `max_tokens`: the action tokens, greedily chosen, in their order. What they stand for is the
/// decoder's business. When the constrained form does not come to its end within `max_tokens`, `act` throws Error.
template <TensorOps Ops>
class Fast {
 public:
  using Config = FastConfig;
  using Tensor = typename Ops::Tensor;

  /// Throws Error for tokens that the backbone does not have, and for more of them than the tokenizer has.
  Fast(const Loader<Ops>& /*loader*/, const Config& config, const HeadInputs& inputs)
      : config_(config), logits_(static_cast<std::size_t>(inputs.vocab_size)) {
    const std::int64_t vocab = inputs.vocab_size;
    const auto require = [&](bool condition, std::string_view what, const std::string& expected, std::int64_t got) {
      if (!condition) fail(ErrorCode::invalid_argument, {"fast", what, expected, fmt::format("{}", got), ""});
    };
    require(config.first + config.count <= vocab, "end of the action tokens", fmt::format("at most the backbone's {} tokens", vocab),
            config.first + config.count);
    for (const std::int64_t token : config.stop)
      require(token < vocab, "stop", fmt::format("one of the backbone's {} tokens", vocab), token);
    if (config.constrained) {
      const auto folder = config.tokenizer.empty() ? inputs.directory : inputs.directory / config.tokenizer;
      grammar_.emplace(folder / "tokenizer.json", config.horizon * config.action_dim);
      require(grammar_->tokens() <= config.count, "count", fmt::format("at least the tokenizer's {} tokens", grammar_->tokens()),
              config.count);
    }
    spec_.outputs = {{"action_ids", DType::i64, Shape{config.max_tokens}}};
    actions_.reserve(static_cast<std::size_t>(config.max_tokens));
  }

  [[nodiscard]] const HeadSpec& spec() const noexcept { return spec_; }

  void act(Ops& ops, const Context<Ops>& context, const TensorMap& /*in*/, TensorMap& out) {
    actions_.clear();
    if (grammar_) grammar_->reset();
    const std::int64_t n = context.hidden.size(0);
    std::int64_t token = pick(ops, context, ops.slice(context.hidden, 0, n - 1, n));
    for (std::int64_t made = 1; take(token); ++made) {
      if (made == config_.max_tokens) {
        if (grammar_)
          fail(ErrorCode::limit, {"fast", "coefficients", fmt::format("{} within {} tokens", grammar_->coefficients(), made),
                                  fmt::format("{}", grammar_->count()), "a larger max_tokens, or a model that was trained"});
        break;
      }
      auto scope = ops.scope();
      token = pick(ops, context, context.backbone->step(ops, token));
    }
    auto& ids = out["action_ids"];
    (void)ids.set_shape(Shape{static_cast<std::int64_t>(actions_.size())});  // within the capacity
    std::ranges::copy(actions_, ids.template as<std::int64_t>().begin());
  }
  void reset() noexcept {}

 private:
  /// The likeliest token that may be next.
  std::int64_t pick(Ops& ops, const Context<Ops>& context, const Tensor& hidden) {
    auto scope = ops.scope();
    ops.download(context.backbone->logits(ops, hidden), logits_);
    const std::int64_t begin = grammar_ ? config_.first : 0;
    const std::int64_t end = grammar_ ? config_.first + grammar_->tokens() : static_cast<std::int64_t>(logits_.size());
    std::int64_t best = -1;
    for (std::int64_t id = begin; id < end; ++id) {
      const float logit = logits_[static_cast<std::size_t>(id)];
      if (!std::isfinite(logit) || (best >= 0 && logit <= logits_[static_cast<std::size_t>(best)])) continue;
      if (!grammar_ || grammar_->allows(id - config_.first)) best = id;
    }
    if (best < 0) fail(ErrorCode::failed, {"fast", "next token", "a finite logit of a token that may follow", "none", ""});
    return best;
  }
  /// Keeps an action token; whether more may follow.
  bool take(std::int64_t token) {
    const std::int64_t action = token - config_.first;
    if (action >= 0 && action < config_.count) actions_.push_back(config_.model_ids ? token : action);
    if (!grammar_) return std::ranges::find(config_.stop, token) == config_.stop.end();
    grammar_->take(action);
    return !grammar_->complete();
  }

  Config config_;
  std::optional<FastGrammar> grammar_;
  HeadSpec spec_;
  std::vector<float> logits_;
  std::vector<std::int64_t> actions_;
};

}  // namespace sinew::nn
