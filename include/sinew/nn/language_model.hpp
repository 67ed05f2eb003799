// SPDX-License-Identifier: Apache-2.0
// A backbone alone: hidden states and text of a Hugging Face directory.
#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "sinew/core/error.hpp"
#include "sinew/io/json.hpp"
#include "sinew/nn/registry.hpp"
#include "sinew/nn/token_picker.hpp"

namespace sinew::nn {

/// Of one text.
struct GenerateOptions {
  std::int64_t max_new_tokens = 64;
  std::vector<std::int64_t> stop{};  ///< tokens that end the text; the one that did is part of it
  PickOptions pick{};
};

/// A vision-language model with a cache. One thread at a time uses one object.
template <TensorOps Ops>
class LanguageModel {
 public:
  using Tensor = typename Ops::Tensor;

  /// Reads `config.json` and the weights; `name` is that of the backbone. Without `logits` the output matrix, which many policies lack, is
  /// not read, and there are hidden states only. Throws Error.
  LanguageModel(Ops ops, const ModelRegistry<Ops>& models, const std::filesystem::path& directory, std::string_view name,
                std::int64_t max_tokens, bool logits = true)
      : ops_(std::move(ops)),
        max_tokens_(max_tokens),
        logits_(logits),
        backbone_(load(ops_, models, directory, name, max_tokens, logits)) {}

  [[nodiscard]] std::int64_t hidden_size() const { return backbone_.hidden_size(); }
  [[nodiscard]] std::int64_t vocab_size() const { return backbone_.vocab_size(); }
  [[nodiscard]] std::int64_t depth() const { return backbone_.depth(); }
  [[nodiscard]] Ops& ops() noexcept { return ops_; }

  /// Hidden states behind the last norm, `out [n, hidden_size]`; of other depths (Backbone) `[depths, n, hidden_size]` to `at_depths`.
  void hidden_states(const VisionLanguageInput& input, std::span<float> out, std::span<const std::int64_t> depths = {},
                     std::span<float> at_depths = {}) {
    auto scope = ops_.scope();
    check_ids(input.ids);
    const std::size_t size = input.ids.size() * static_cast<std::size_t>(hidden_size());
    for (std::size_t i = 0; i < depths.size(); ++i)
      if (depths[i] < 0 || depths[i] > depth() || (i > 0 && depths[i] <= depths[i - 1]))
        fail(ErrorCode::invalid_argument, {"hidden_states", "depths", fmt::format("ascending, 0 to {}", depth()), "others", ""});
    if (out.size() != size || at_depths.size() != depths.size() * size)
      fail(ErrorCode::invalid_argument, {"hidden_states", "outputs", "[n, hidden_size] and [depths, n, hidden_size]", "others", ""});
    ops_.download(backbone_.prefill(ops_, input, depths, &states_), out);
    for (std::size_t i = 0; i < states_.size(); ++i) ops_.download(states_[i], at_depths.subspan(i * size, size));
  }
  /// Logits of every token, `out [n, vocab_size]`.
  void logits(const VisionLanguageInput& input, std::span<float> out) {
    auto scope = ops_.scope();
    check_ids(input.ids);
    require_logits("logits");
    ops_.download(backbone_.logits(ops_, backbone_.prefill(ops_, input)), out);
  }
  /// Tokens that follow. Throws Error when the prompt and what may follow exceed the model's tokens.
  [[nodiscard]] std::vector<std::int64_t> generate(const VisionLanguageInput& input, const GenerateOptions& options) {
    check_ids(input.ids);
    require_logits("generate");
    const auto prompt = static_cast<std::int64_t>(input.ids.size());
    if (options.max_new_tokens < 0 || prompt > max_tokens_ || options.max_new_tokens > max_tokens_ - prompt)
      fail(ErrorCode::limit, {"generate", "tokens of prompt and text", fmt::format("at most {}", max_tokens_),
                              fmt::format("{} and {}", prompt, options.max_new_tokens), "load with more max_tokens"});
    TokenPicker picker(options.pick, vocab_size());
    std::vector<float> logits(static_cast<std::size_t>(vocab_size()));
    std::vector<std::int64_t> text;
    const auto next = [&](const Tensor& hidden) {
      ops_.download(backbone_.logits(ops_, hidden), logits);
      text.push_back(picker.pick(logits));
      if (text.back() < 0) fail(ErrorCode::failed, {"generate", "logits", "finite numbers", "none", ""});
    };
    const auto more = [&] {
      return static_cast<std::int64_t>(text.size()) < options.max_new_tokens &&
             std::ranges::find(options.stop, text.back()) == options.stop.end();
    };
    if (options.max_new_tokens == 0) return text;
    {
      auto scope = ops_.scope();
      const Tensor hidden = backbone_.prefill(ops_, input);
      next(ops_.slice(hidden, 0, hidden.size(0) - 1, hidden.size(0)));
    }
    while (more()) {
      auto scope = ops_.scope();
      next(backbone_.step(ops_, text.back()));
    }
    return text;
  }

 private:
  static AnyBackbone<Ops> load(Ops& ops, const ModelRegistry<Ops>& models, const std::filesystem::path& directory, std::string_view name,
                               std::int64_t max_tokens, bool logits) {
    const auto& entry = models.backbone(name);
    if (max_tokens < 1 || max_tokens > kMostTokens)
      fail(ErrorCode::invalid_argument,
           {"language model", "max_tokens", fmt::format("1 to {}", kMostTokens), fmt::format("{}", max_tokens), ""});
    const Json config = Json::read_file(directory / "config.json");
    Weights weights = Weights::open(directory, entry.names);
    auto backbone = entry.load(Loader<Ops>(ops, weights), JsonCursor(config, (directory / "config.json").string()),
                               {.max_tokens = max_tokens, .cached = true, .logits = logits});
    weights.ignore("action_model.");
    weights.require_all_used();
    return backbone;
  }
  void require_logits(std::string_view what) const {
    if (!logits_)
      fail(ErrorCode::invalid_argument, {what, "model", "one with an output matrix", "one that was loaded without", "logits = true"});
  }
  void check_ids(std::span<const std::int64_t> ids) const {
    const auto vocab = vocab_size();
    for (const auto id : ids)
      if (id < 0 || id >= vocab)
        fail(ErrorCode::invalid_argument, {"language model", "token", fmt::format("0 to {}", vocab - 1), fmt::format("{}", id), ""});
  }

  static constexpr std::int64_t kMostTokens = 1 << 20;
  Ops ops_;
  std::int64_t max_tokens_;
  bool logits_;
  AnyBackbone<Ops> backbone_;
  std::vector<Tensor> states_;
};

}  // namespace sinew::nn
