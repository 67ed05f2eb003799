// SPDX-License-Identifier: Apache-2.0
// A backbone and a head on one set of operations: what the backends "cpu" and "torch" are.
#pragma once

#include <exception>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "sinew/backend/backend.hpp"
#include "sinew/backend/registry.hpp"
#include "sinew/core/fixed_text.hpp"
#include "sinew/io/json.hpp"
#include "sinew/nn/joined_model.hpp"
#include "sinew/nn/registry.hpp"

namespace sinew {

/// "qwen3_vl/flow_dit": backbone and head of a card's `architecture`; "act": no backbone, and a whole model. Throws Error when it has
/// another form.
[[nodiscard]] std::pair<std::string_view, std::string_view> split_architecture(std::string_view architecture);
/// Throws Error for a whole model that is not among `known`.
void require_model(std::span<const std::string_view> known, std::string_view name);

/// Runs the model of a policy directory. `config.json` is the backbone's, as Hugging Face writes it, with an entry "action_head" for the
/// head; of a whole model, its own.
template <nn::TensorOps Ops>
class NativeBackend {
 public:
  /// Throws Error for whatever is missing, malformed, unknown or left over.
  NativeBackend(Ops ops, const nn::ModelRegistry<Ops>& models, const BackendRequest& request)
      : NativeBackend(std::move(ops), models, request, split_architecture(request.card.architecture)) {}

  [[nodiscard]] const ModelSpec& spec() const noexcept { return spec_; }
  [[nodiscard]] std::string_view last_error() const noexcept { return error_.view(); }
  [[nodiscard]] const Ops& ops() const noexcept { return ops_; }

  [[nodiscard]] Status infer(const TensorMap& in, TensorMap& out) noexcept {
    error_.clear();
    try {
      auto* const joined = std::get_if<Joined>(&model_);
      if (joined != nullptr)
        if (const Status status = joined->read(in); status != Status::ok) {
          error_.format("{}", joined->prompt_error());
          return status;
        }
      if (const Status status = check(in, out); status != Status::ok) return status;
      auto scope = ops_.scope();
      std::visit([&](auto& model) { model.act(ops_, in, out); }, model_);
      return Status::ok;
    } catch (const std::exception& error) {
      error_.format("{}", std::string_view(error.what()).substr(0, std::string_view(error.what()).find('\n')));
    } catch (...) {
      error_.format("an exception of an unknown type");
    }
    return Status::backend_failed;
  }
  /// The next call draws its noise as the first one did.
  void reset() noexcept {
    std::visit([](auto& model) { model.reset(); }, model_);
  }

 private:
  using Names = std::pair<std::string_view, std::string_view>;
  using Joined = nn::JoinedModel<Ops>;
  using Model = std::variant<Joined, nn::AnyModel<Ops>>;

  NativeBackend(Ops ops, const nn::ModelRegistry<Ops>& models, const BackendRequest& request, const Names& names)
      : ops_(std::move(ops)), model_(load(ops_, models, request, names)) {
    const nn::HeadSpec& model = std::visit([](const auto& each) -> const nn::HeadSpec& { return each.spec(); }, model_);
    spec_ = {.name = request.card.architecture,
             .inputs = model.inputs,
             .outputs = model.outputs,
             .allocates = Ops::kAllocates,
             .optional_inputs = model.optional_inputs};
  }
  static Model load(Ops& ops, const nn::ModelRegistry<Ops>& models, const BackendRequest& request, const Names& names) {
    const bool whole = names.first.empty();
    if (whole) require_model(models.models(), names.second);
    auto rules = whole ? models.model(names.second).names : models.backbone(names.first).names;
    if (!whole) rules.push_back({"project_layers.", "action_model.project_layers."});  // StarVLA keeps them beside the head
    Weights weights = Weights::open(request.directory, rules);
    const Json config = Json::read_file(request.directory / "config.json");
    const nn::Loader<Ops> loader(ops, weights);
    Model model = whole ? Model(models.model(names.second)
                                    .load(loader, cursor(request, config), {.offered = request.offered, .directory = request.directory}))
                        : Model(Joined(loader, models.backbone(names.first), models.head(names.second), cursor(request, config),
                                       request.offered, request.directory));
    weights.require_all_used();
    return model;
  }
  static JsonCursor cursor(const BackendRequest& request, const Json& config) {
    return {config, (request.directory / "config.json").string()};
  }

  Status check(const TensorMap& in, TensorMap& out) noexcept {
    const auto refuse = [this](Status status, const TensorSpec& spec) {
      error_.format("tensor '{}': {}", spec.name, to_string(status));
      return status;
    };
    for (const auto& spec : spec_.inputs)
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
  Model model_;
  ModelSpec spec_;
  FixedText error_;
};

}  // namespace sinew
