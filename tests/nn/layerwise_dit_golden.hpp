// SPDX-License-Identifier: Apache-2.0
// The layer-wise flow-matching heads against StarVLA's QwenPI and QwenPI_v3, on any set of operations. Sizes and tolerances come from the
// files.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "flow_dit_golden.hpp"
#include "golden.hpp"
#include "sinew/core/error.hpp"
#include "sinew/io/weights.hpp"
#include "sinew/nn/heads/layerwise_dit.hpp"
#include "sinew/nn/sampler.hpp"
#include "temporary_directory.hpp"

namespace sinew::testing {

inline nn::LayerwiseDitConfig layerwise_dit_config(const JsonCursor& config) {
  const auto size = [&](const char* key) { return config.at(key).integer(1); };
  const nn::FlowDitConfig dit{.width = size("W"),
                              .heads = size("W") / size("hd"),
                              .layers = size("layers"),
                              .context_width = size("W"),
                              .output_width = 0,
                              .mlp_width = size("decoder_hidden"),
                              .future_tokens = size("FUT"),
                              .horizon = size("T"),
                              .action_dim = size("A"),
                              .state_dim = size("SD"),
                              .positions = size("maxlen"),
                              .steps = size("N"),
                              .buckets = 1000,
                              .interleave_self_attention = config.at("interleave_self_attention").boolean()};
  return {.dit = dit, .context_width = size("LLM"), .realtime = {}};
}

template <nn::TensorOps Ops>
class LayerwiseDitGolden {
 public:
  using Tensor = typename Ops::Tensor;

  LayerwiseDitGolden(Ops& ops, const std::string& area, const std::string& name)
      : ops_(ops), golden_(read_golden_case(area, name)), config_(layerwise_dit_config(golden_.json().at("config"))) {
    const TemporaryDirectory folder;
    std::filesystem::copy_file(golden_directory() / area / golden_.json().at("weights_file").text(), folder.path() / "model.safetensors");
    const std::vector<NameRule> rules = {{"w.project_layers.", "action_model.project_layers."}, {"w.", ""}};
    Weights weights = Weights::open(folder.path(), rules);
    model_.emplace(nn::Loader<Ops>(ops, weights, "action_model."), config_);
    weights.require_all_used();
    batch_ = golden_.tensor("noise").shape[0];
  }

  void check_sampling() {
    const auto pieces = tolerance_of(golden_, "Pieces"), full = tolerance_of(golden_, "Full sampling");
    const auto& c = config_.dit;
    auto scope = ops_.scope();
    read_hidden_states(pieces);
    std::optional<Tensor> state;
    if (golden_.tensors.contains("state")) {
      state = encode_state(golden_.f32("state"), batch_);
      CHECK(worst_ratio(read(*state), golden_.f32("state_features"), pieces) <= 1);
    }
    const Tensor* const token = state ? &*state : nullptr;
    const auto buckets = nn::flow_buckets(c.steps, c.buckets);
    CHECK(std::ranges::equal(buckets, golden_.tensor("timestep_buckets").as_i64()));
    check_first_step(token, buckets[0], pieces);
    const Tensor x = ops_.copy(ops_.upload(golden_.f32("noise"), Shape{batch_, c.horizon, c.action_dim}));
    nn::sample_flow(ops_, x, c.steps, FlowDirection::noise_at_zero, [&](const Tensor& actions, std::int64_t k) {
      CAPTURE(k);
      CHECK(worst_ratio(read(actions), step_of("x_steps", k), full) <= 1);
      const Tensor v = model_->dit().velocity(ops_, token, actions, moment(k), context_);
      CHECK(worst_ratio(read(v), step_of("velocity", k), full) <= 1);
      return v;
    });
    CHECK(worst_ratio(read(x), golden_.f32("actions"), full) <= 1);
  }

  /// Every run of the file, one sequence after the other; a run that needs gradients where there are none is refused.
  void check_realtime() {
    int runs = 0;
    for (const auto& [name, run] : golden_.json().at("runs").members()) {
      CAPTURE(name);
      for (std::int64_t b = 0; b < batch_; ++b) {
        CAPTURE(b);
        check_run(name, run, b);
      }
      ++runs;
    }
    CHECK(runs >= 1);
  }

 private:
  nn::FlowPrefix prefix_of(const JsonCursor& run, std::vector<float>& rows, std::int64_t b) const {
    const auto& c = config_.dit;
    const auto horizon = static_cast<int>(c.horizon);
    const auto number = [&](const char* key, std::int64_t otherwise) {
      const auto found = run.optional(key);
      return static_cast<int>(found ? found->integer(0, c.horizon) : otherwise);
    };
    nn::FlowPrefix prefix{.delay = number("inference_delay", 0), .schedule = PrefixSchedule::exp};
    prefix.mode = run.at("mode").text() == "pigdm" ? nn::PrefixMode::jacobian : nn::PrefixMode::overwrite;
    if (const auto schedule = run.optional("prefix_attention_schedule")) prefix.schedule = prefix_schedule(schedule->text());
    if (const auto most = run.optional("max_guidance_weight")) prefix.max_weight = most->number();
    prefix.end = horizon - number("suffix_length", prefix.delay);
    // The reference fills a short chunk with zeros, and lets them pull.
    const auto values = row_of("prev_action_chunk", 0, b);
    rows.assign(values.begin(), values.end());
    std::fill(rows.begin() + number("prev_steps", 0) * c.action_dim, rows.end(), 0.0F);
    prefix.chunk = {rows, horizon, static_cast<int>(c.action_dim)};
    return prefix;
  }

  void check_run(const std::string& name, const JsonCursor& run, std::int64_t b) {
    const auto& c = config_.dit;
    const auto actions = tolerance_of(golden_, "actions");
    auto scope = ops_.scope();
    read_features(b, !name.ends_with("_nomask"));
    std::optional<Tensor> state;
    if (golden_.tensors.contains("state")) state = encode_state(row_of("state", 0, b), 1);
    std::vector<float> rows;
    const nn::FlowPrefix prefix = prefix_of(run, rows, b);
    nn::PrefixBuffers buffers(c.horizon, c.action_dim);
    buffers.fill(prefix);
    const std::int64_t done = prefix.mode == nn::PrefixMode::overwrite ? prefix.delay : 0;
    const auto velocity = [&](const Tensor& x, std::int64_t k) {
      CAPTURE(k);
      CHECK(worst_ratio(read(x), row_of(name + ".x_steps", k, b), actions) <= 1);
      const Tensor v = model_->dit().velocity(ops_, state ? &*state : nullptr, x, moment(k), context_,
                                              {.rows = done, .moment = &model_->dit().moment(ops_, c.buckets - 1)});
      CHECK(worst_ratio(read(v), row_of(name + ".velocity", k, b), actions) <= 1);
      return v;
    };
    const Tensor x = ops_.copy(ops_.upload(row_of("noise", 0, b), Shape{1, c.horizon, c.action_dim}));
    const auto sample = [&] { nn::sample_flow(ops_, x, c.steps, FlowDirection::noise_at_zero, velocity, prefix, buffers); };
    if (prefix.mode == nn::PrefixMode::jacobian && !nn::Differentiable<Ops>) {
      CHECK_THROWS_WITH_AS(sample(), doctest::Contains("a backend that differentiates"), Error);
      return;
    }
    sample();
    CHECK(worst_ratio(read(x), row_of(name + ".actions", 0, b), actions) <= 1);
    if constexpr (nn::Differentiable<Ops>)
      if (prefix.mode == nn::PrefixMode::jacobian) check_products(name, velocity, b);
  }

  /// The recorded products with the Jacobian of the action that the velocity leads to.
  template <class Velocity>
  void check_products(const std::string& name, const Velocity& velocity, std::int64_t b) {
    const auto& c = config_.dit;
    const Shape shape{1, c.horizon, c.action_dim};
    for (std::int64_t k = 0; k < c.steps; ++k) {
      const auto way = static_cast<float>(1 - nn::flow_step(k, c.steps, FlowDirection::noise_at_zero).t);
      const Tensor at = ops_.copy(ops_.upload(row_of(name + ".x_steps", k, b), shape));
      const auto error = ops_.upload(row_of(name + ".weighted_error", k, b), shape);
      const auto leads_to = [&](const Tensor& x) { return ops_.combine(1, x, way, velocity(x, k)); };
      const auto taken = ops_.vjp(leads_to, at, [&](const Tensor&) { return error; });
      CHECK(worst_ratio(read(taken.value), row_of(name + ".x1_hat", k, b), tolerance_of(golden_, "actions")) <= 1);
      CHECK(worst_ratio(read(taken.gradient), row_of(name + ".vjp", k, b), tolerance_of(golden_, "vjp values")) <= 1);
    }
  }

  void read_hidden_states(const Tolerance& tolerance) {
    const auto shape = golden_.tensor("hidden_states").shape;  // [layers + 1, b, tokens, width]
    const auto all = golden_.f32("hidden_states");
    const std::size_t size = all.size() / static_cast<std::size_t>(shape[0]);
    std::vector<float> projected;
    model_->read_context(
        ops_,
        [&](std::int64_t block) {
          const auto at = static_cast<std::size_t>(shape[0] - config_.dit.layers + block);
          const Tensor hidden = ops_.upload(all.subspan(at * size, size), Shape{batch_, shape[2], shape[3]});
          if (config_.projects()) {
            const auto part = read(model_->project(ops_, static_cast<std::size_t>(block), hidden));
            projected.insert(projected.end(), part.begin(), part.end());
          }
          return hidden;
        },
        context_);
    if (config_.projects()) CHECK(worst_ratio(projected, golden_.f32("projected"), tolerance) <= 1);
    if (golden_.tensors.contains("attention_mask"))
      for (const auto seen : golden_.tensor("attention_mask").as_i64()) context_.valid.push_back(seen != 0);
  }
  /// Features of each block as recorded, behind the projection, of one sequence.
  void read_features(std::int64_t b, bool masked) {
    const auto shape = golden_.tensor("vl_embs_list").shape;  // [layers, b, tokens, width]
    auto& dit = model_->dit();
    dit.begin_context(context_);
    for (std::int64_t i = 0; i < shape[0]; ++i)
      if (dit.attends_to_context(i))
        dit.read_context(ops_, i, ops_.upload(row_of("vl_embs_list", i, b), Shape{1, shape[2], shape[3]}), context_);
    if (!masked) return;
    const auto mask =
        golden_.tensor("attention_mask").as_u8().subspan(static_cast<std::size_t>(b * shape[2]), static_cast<std::size_t>(shape[2]));
    context_.valid.assign(mask.begin(), mask.end());
  }
  void check_first_step(const Tensor* state, std::int64_t bucket, const Tolerance& tolerance) {
    const auto& c = config_.dit;
    auto& dit = model_->dit();
    const auto& at = dit.moment(ops_, bucket);
    const Tensor x = dit.sequence(ops_, state, ops_.upload(golden_.f32("noise"), Shape{batch_, c.horizon, c.action_dim}), at);
    CHECK(worst_ratio(read(x), golden_.f32("step0.sa_embs"), tolerance) <= 1);
    const auto outs = golden_.f32("step0.block_outs");
    const std::size_t size = outs.size() / static_cast<std::size_t>(c.layers);
    for (std::int64_t i = 0; i < c.layers; ++i) {
      CAPTURE(i);
      dit.block_into(ops_, x, i, at, context_);
      CHECK(worst_ratio(read(x), outs.subspan(static_cast<std::size_t>(i) * size, size), tolerance) <= 1);
    }
    if (!golden_.tensors.contains("step0.dit_out")) return;
    const Tensor out = dit.finish(ops_, x, at);
    CHECK(worst_ratio(read(out), golden_.f32("step0.dit_out"), tolerance) <= 1);
    CHECK(worst_ratio(read(dit.decode(ops_, out)), golden_.f32("step0.decoder_out"), tolerance) <= 1);
  }
  Tensor encode_state(std::span<const float> state, std::int64_t batch) {
    return model_->dit().encode_state(ops_, ops_.upload(state, Shape{batch, 1, config_.dit.state_dim}));
  }
  const typename nn::FlowDit<Ops>::Moment& moment(std::int64_t k) {
    const auto buckets = nn::flow_buckets(config_.dit.steps, config_.dit.buckets);
    return model_->dit().moment(ops_, buckets[static_cast<std::size_t>(k)]);
  }
  /// Of a tensor [steps, ...]: one step.
  std::span<const float> step_of(const std::string& name, std::int64_t k) const {
    const auto all = golden_.f32(name);
    const std::size_t size = all.size() / static_cast<std::size_t>(golden_.tensor(name).shape[0]);
    return all.subspan(static_cast<std::size_t>(k) * size, size);
  }
  /// Of a tensor [n, b, ...] or, of three axes, [b, ...]: one sequence.
  std::span<const float> row_of(const std::string& name, std::int64_t i, std::int64_t b) const {
    const auto all = golden_.f32(name);
    const auto& shape = golden_.tensor(name).shape;
    const std::size_t size = all.size() / static_cast<std::size_t>(batch_ * (shape.size() > 3 ? shape[0] : 1));
    return all.subspan(static_cast<std::size_t>(i * batch_ + b) * size, size);
  }
  std::vector<float> read(const Tensor& x) {
    std::vector<float> values(x.shape().count());
    ops_.download(x, values);
    return values;
  }

  Ops& ops_;
  GoldenCase golden_;
  nn::LayerwiseDitConfig config_;
  std::optional<nn::LayerwiseDit<Ops>> model_;
  typename nn::FlowDit<Ops>::Context context_;
  std::int64_t batch_ = 0;
};

/// Every case of both folders.
template <nn::TensorOps Ops>
void check_layerwise_dit(Ops& ops) {
  for (const std::string area : {"starvla_pi", "starvla_pi_v3"}) {
    int cases = 0;
    for (const auto& file : std::filesystem::directory_iterator(golden_directory() / area)) {
      const std::string name = file.path().stem().string();
      if (file.path().extension() != ".json" || name == "head.weights" || name == "state_text") continue;  // that is the prompt's
      CAPTURE(area);
      CAPTURE(name);
      LayerwiseDitGolden<Ops> golden(ops, area, name);
      if (name == "realtime")
        golden.check_realtime();
      else
        golden.check_sampling();
      ++cases;
    }
    CHECK(cases >= 3);
  }
}

}  // namespace sinew::testing
