// SPDX-License-Identifier: Apache-2.0
// A backbone and a head as one model: prompt tensors to what a decoder reads.
#pragma once

#include <filesystem>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "sinew/core/error.hpp"
#include "sinew/core/status.hpp"
#include "sinew/nn/prompt_tensors.hpp"
#include "sinew/nn/registry.hpp"

namespace sinew::nn {

/// Reads the prompt, runs the backbone over it and the head over what that gave.
template <TensorOps Ops>
class JoinedModel {
 public:
  using BackboneEntry = typename ModelRegistry<Ops>::BackboneEntry;
  using HeadEntry = typename ModelRegistry<Ops>::HeadEntry;

  /// The head's weights begin with "action_model.", its configuration is `config`'s entry "action_head". Throws Error.
  JoinedModel(const Loader<Ops>& loader, const BackboneEntry& backbone, const HeadEntry& head, const JsonCursor& config,
              const TensorSpecs& offered, const std::filesystem::path& directory)
      : prompt_(offered),
        backbone_(backbone.load(loader, config, sequence(head.new_tokens(config.at("action_head"))))),
        head_(head.load(loader.part("action_model"), config.at("action_head"), inputs(offered, directory))) {
    spec_ = head_.spec();
    spec_.inputs = prompt_.specs();
    spec_.inputs.insert(spec_.inputs.end(), head_.spec().inputs.begin(), head_.spec().inputs.end());
    for (const std::int64_t depth : spec_.depths)
      if (depth < 0 || depth > backbone_.depth())
        fail(ErrorCode::invalid_argument,
             {"model", "hidden states of the head", fmt::format("depths up to {}", backbone_.depth()), fmt::format("{}", depth), ""});
  }

  [[nodiscard]] const HeadSpec& spec() const noexcept { return spec_; }
  /// Tensors of the prompt that do not fit: the status, and why in prompt_error().
  [[nodiscard]] Status read(const TensorMap& in) noexcept { return prompt_.read(in, backbone_.vocab_size()); }
  [[nodiscard]] std::string_view prompt_error() const noexcept { return prompt_.last_error(); }

  /// Behind a read() of the same tensors that went well.
  void act(Ops& ops, const TensorMap& in, TensorMap& out) {
    states_.clear();
    auto* const states = spec_.depths.empty() ? nullptr : &states_;
    const auto hidden = backbone_.prefill(ops, prompt_.input(), spec_.depths, states);
    head_.act(ops, {.hidden = hidden, .states = states_, .prompt = &prompt_.input(), .backbone = &backbone_}, in, out);
    states_.clear();
  }
  void reset() { head_.reset(); }

 private:
  [[nodiscard]] SequenceOptions sequence(std::int64_t new_tokens) const {
    return {.max_tokens = prompt_.max_tokens() + new_tokens, .cached = new_tokens > 0, .logits = new_tokens > 0};
  }
  [[nodiscard]] HeadInputs inputs(const TensorSpecs& offered, const std::filesystem::path& directory) const {
    return {.offered = offered,
            .hidden_size = backbone_.hidden_size(),
            .vocab_size = backbone_.vocab_size(),
            .depth = backbone_.depth(),
            .image_token = backbone_.image_token(),
            .merge = backbone_.merge(),
            .directory = directory};
  }

  PromptTensors prompt_;
  AnyBackbone<Ops> backbone_;
  AnyHead<Ops> head_;
  HeadSpec spec_;
  std::vector<typename Ops::Tensor> states_;
};

}  // namespace sinew::nn
