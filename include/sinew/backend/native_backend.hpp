// SPDX-License-Identifier: Apache-2.0
// A backbone and a head on one set of operations: what the backends "cpu" and "torch" are.
#pragma once

#include <exception>
#include <string>
#include <string_view>
#include <utility>

#include "sinew/backend/backend.hpp"
#include "sinew/backend/registry.hpp"
#include "sinew/core/fixed_text.hpp"
#include "sinew/io/json.hpp"
#include "sinew/nn/prompt_tensors.hpp"
#include "sinew/nn/registry.hpp"

namespace sinew {

/// "qwen3_vl/flow_dit": backbone and head of a card's `architecture`. Throws Error when it has another form.
[[nodiscard]] std::pair<std::string_view, std::string_view> split_architecture(std::string_view architecture);

/// Runs the model of a policy directory. `config.json` is the backbone's, as Hugging Face writes it, with an entry "action_head" for the
/// head.
template <nn::TensorOps Ops>
class NativeBackend {
 public:
  /// Throws Error for whatever is missing, malformed, unknown or left over.
  NativeBackend(Ops ops, const nn::ModelRegistry<Ops>& models, const BackendRequest& request)
      : NativeBackend(std::move(ops), models, request, split_architecture(request.card.architecture)) {}

  [[nodiscard]] const ModelSpec& spec() const noexcept { return spec_; }
  [[nodiscard]] std::string_view last_error() const noexcept { return error_.view(); }

  [[nodiscard]] Status infer(const TensorMap& in, TensorMap& out) noexcept {
    error_.clear();
    try {
      if (const Status status = prompt_.read(in, backbone_.vocab_size()); status != Status::ok) {
        error_.format("{}", prompt_.last_error());
        return status;
      }
      if (const Status status = check(in, out); status != Status::ok) return status;
      auto scope = ops_.scope();
      head_.act(ops_, backbone_.prefill(ops_, prompt_.input()), in, out);
      return Status::ok;
    } catch (const std::exception& error) {
      error_.format("{}", std::string_view(error.what()).substr(0, std::string_view(error.what()).find('\n')));
    } catch (...) {
      error_.format("an exception of an unknown type");
    }
    return Status::backend_failed;
  }
  /// The next call draws its noise as the first one did.
  void reset() noexcept { head_.reset(); }

 private:
  using Names = std::pair<std::string_view, std::string_view>;

  NativeBackend(Ops ops, const nn::ModelRegistry<Ops>& models, const BackendRequest& request, const Names& names)
      : NativeBackend(std::move(ops), models, request, names, Weights::open(request.directory, models.backbone(names.first).names),
                      Json::read_file(request.directory / "config.json")) {}
  NativeBackend(Ops ops, const nn::ModelRegistry<Ops>& models, const BackendRequest& request, const Names& names, Weights weights,
                const Json& config)
      : ops_(std::move(ops)),
        prompt_(request.offered),
        backbone_(models.backbone(names.first)
                      .load(nn::Loader<Ops>(ops_, weights), cursor(request, config), {.max_tokens = prompt_.max_tokens()})),
        head_(models.head(names.second)(nn::Loader<Ops>(ops_, weights, "action_model."), cursor(request, config).at("action_head"),
                                        {.offered = request.offered, .hidden_size = backbone_.hidden_size()})) {
    weights.require_all_used();
    spec_ = {.name = request.card.architecture,
             .inputs = prompt_.specs(),
             .outputs = head_.spec().outputs,
             .allocates = Ops::kAllocates,
             .optional_inputs = head_.spec().optional_inputs};
    spec_.inputs.insert(spec_.inputs.end(), head_.spec().inputs.begin(), head_.spec().inputs.end());
  }
  static JsonCursor cursor(const BackendRequest& request, const Json& config) {
    return {config, (request.directory / "config.json").string()};
  }

  Status check(const TensorMap& in, TensorMap& out) noexcept {
    const auto refuse = [this](Status status, const TensorSpec& spec) {
      error_.format("tensor '{}': {}", spec.name, to_string(status));
      return status;
    };
    for (const auto& spec : head_.spec().inputs)
      if (const Status status = check_tensor(spec, in[spec.name]); status != Status::ok) return refuse(status, spec);
    for (const auto& spec : spec_.optional_inputs)
      if (const Tensor* const tensor = in.find(spec.name); tensor != nullptr && *tensor)
        if (const Status status = check_tensor(spec, *tensor); status != Status::ok) return refuse(status, spec);
    for (const auto& spec : spec_.outputs) {
      Tensor& tensor = out[spec.name];
      if (!tensor) return refuse(Status::missing, spec);
      if (tensor.dtype() != spec.dtype) return refuse(Status::bad_shape, spec);
      if (const Status status = tensor.set_shape(spec.capacity); status != Status::ok) return refuse(status, spec);
    }
    return Status::ok;
  }

  Ops ops_;
  nn::PromptTensors prompt_;
  nn::AnyBackbone<Ops> backbone_;
  nn::AnyHead<Ops> head_;
  ModelSpec spec_;
  FixedText error_;
};

}  // namespace sinew
