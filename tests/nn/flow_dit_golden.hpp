// SPDX-License-Identifier: Apache-2.0
// The flow-matching DiT against StarVLA's, on any set of operations. Sizes and tolerances come from the files.
#pragma once

#include <doctest/doctest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "golden.hpp"
#include "sinew/io/weights.hpp"
#include "sinew/nn/heads/flow_dit.hpp"
#include "sinew/nn/sampler.hpp"
#include "temporary_directory.hpp"

namespace sinew::testing {

inline nn::FlowDitConfig flow_dit_config(const JsonCursor& config) {
  const auto size = [&](const char* key) { return config.at(key).integer(1); };
  return {.width = size("W"),
          .heads = size("heads"),
          .layers = size("layers"),
          .context_width = size("X"),
          .output_width = size("out"),
          .mlp_width = size("HID"),
          .future_tokens = size("FUT"),
          .horizon = size("T"),
          .action_dim = size("A"),
          .state_dim = size("SD"),
          .positions = size("maxlen"),
          .steps = size("N"),
          .buckets = config.at("num_timestep_buckets").integer(1),
          .interleave_self_attention = config.at("diffusion_model_cfg").at("interleave_self_attention").boolean()};
}

/// "Pieces (one layer): ... . Full sampling (final actions): ...".
inline Tolerance tolerance_of(const GoldenCase& golden, const std::string& word) {
  const std::string text = golden.json().at("tolerance").text();
  return read_tolerance(text.substr(text.find(word)));
}

template <nn::TensorOps Ops>
class FlowDitGolden {
 public:
  using Tensor = typename Ops::Tensor;

  FlowDitGolden(Ops& ops, const std::string& name) : ops_(ops), golden_(read_golden_case("starvla_gr00t", name)) {
    const TemporaryDirectory folder;
    std::filesystem::copy_file(golden_directory() / "starvla_gr00t" / golden_.json().at("weights_file").text(),
                               folder.path() / "model.safetensors");
    const std::vector<NameRule> rules = {{"w.", ""}};
    Weights weights = Weights::open(folder.path(), rules);
    dit_.emplace(nn::Loader<Ops>(ops, weights, "action_model."), flow_dit_config(golden_.json().at("config")));
    weights.require_all_used();
  }

  void check_pieces() {
    const auto tolerance = tolerance_of(golden_, "Pieces");
    const auto buckets = golden_.tensor("timesteps").as_i64();
    const auto& c = dit_->config();
    for (std::size_t i = 0; i < buckets.size(); ++i) {
      CAPTURE(buckets[i]);
      auto scope = ops_.scope();
      const auto at = [&](const char* name) {
        const auto all = golden_.f32(name);
        return all.subspan(i * all.size() / buckets.size(), all.size() / buckets.size());
      };
      const auto& moment = dit_->moment(ops_, buckets[i]);
      // Angles are f32 products of the bucket and exp(...); torch's exp differs by one unit in the last place between processors, so the
      // angle, and with it the sine, by one unit of an angle below 1024. What is computed from them is held to the tolerance below.
      const Tolerance angles{.absolute = tolerance.absolute + 0x1p-14, .relative = tolerance.relative};
      CHECK(worst_ratio(nn::timestep_projection(static_cast<double>(buckets[i]), 256), at("time_proj"), angles) <= 1);
      CHECK(worst_ratio(read(ops_.view(moment.time_embedding)), at("temb"), tolerance) <= 1);
      const auto tau = nn::sinusoid(static_cast<double>(buckets[i]), c.width);
      for (std::int64_t step = 0; step < c.horizon; ++step)
        CHECK(worst_ratio(tau, at("tau_enc").subspan(static_cast<std::size_t>(step * c.width), tau.size()), tolerance) <= 1);
      const Tensor actions = ops_.upload(at("actions"), Shape{1, c.horizon, c.action_dim});
      CHECK(worst_ratio(read(dit_->encode_actions(ops_, actions, moment)), at("action_encoder_out"), tolerance) <= 1);
      const auto rows = static_cast<std::int64_t>(at("h").size()) / c.width;
      const Tensor h = ops_.upload(at("h"), Shape{1, rows, c.width});
      const auto modulation = [&](const typename Ops::Parameter& p) { return ops_.expand(ops_.view(p), 1); };
      CHECK(worst_ratio(read(ops_.modulated_norm(h, modulation(moment.scales[1]), modulation(moment.shifts[1]), 1e-5F)), at("adaln_out"),
                        tolerance) <= 1);
      const Tensor x = ops_.copy(h);
      dit_->block_into(ops_, x, 1, moment, {});
      CHECK(worst_ratio(read(x), at("self_attn_block_out"), tolerance) <= 1);
    }
  }

  /// Several draws from one prompt give what each gives alone; a mask of the prompt serves all.
  void check_draws() {
    const auto& c = dit_->config();
    const auto hidden = golden_.tensor("vl_embs").shape;
    const std::size_t tokens = static_cast<std::size_t>(hidden[1] * hidden[2]), chunk = static_cast<std::size_t>(c.horizon * c.action_dim);
    const std::int64_t draws = golden_.tensor("noise").shape[0];
    auto scope = ops_.scope();
    typename nn::FlowDit<Ops>::Context context;
    dit_->read_context(ops_, ops_.upload(golden_.f32("vl_embs").first(tokens), Shape{1, hidden[1], hidden[2]}), context);
    context.valid.assign(static_cast<std::size_t>(hidden[1]), 1);
    context.valid.front() = 0;
    const auto& moment = dit_->moment(ops_, 0);
    const auto noise = golden_.f32("noise");
    const auto together = read(dit_->velocity(ops_, nullptr, ops_.upload(noise, Shape{draws, c.horizon, c.action_dim}), moment, context));
    for (std::size_t i = 0; i < static_cast<std::size_t>(draws); ++i) {
      const auto one = ops_.upload(noise.subspan(i * chunk, chunk), Shape{1, c.horizon, c.action_dim});
      CHECK(worst_ratio(read(dit_->velocity(ops_, nullptr, one, moment, context)),
                        std::span<const float>(together).subspan(i * chunk, chunk), tolerance_of(golden_, "Pieces")) <= 1);
    }
  }

  void check_sampling() {
    const auto pieces = tolerance_of(golden_, "Pieces"), full = tolerance_of(golden_, "Full sampling");
    const auto& c = dit_->config();
    const auto shape = golden_.tensor("noise").shape;
    const std::int64_t batch = shape[0];
    auto scope = ops_.scope();
    const auto hidden = golden_.tensor("vl_embs").shape;
    typename nn::FlowDit<Ops>::Context context;
    dit_->read_context(ops_, ops_.upload(golden_.f32("vl_embs"), Shape{batch, hidden[1], hidden[2]}), context);
    if (golden_.tensors.contains("attention_mask"))
      for (const auto seen : golden_.tensor("attention_mask").as_i64()) context.valid.push_back(seen != 0);
    std::optional<Tensor> state;
    if (golden_.tensors.contains("state")) {
      state = dit_->encode_state(ops_, ops_.upload(golden_.f32("state"), Shape{batch, 1, c.state_dim}));
      CHECK(worst_ratio(read(*state), golden_.f32("state_features"), pieces) <= 1);
    }
    const Tensor* const token = state ? &*state : nullptr;
    const auto buckets = nn::flow_buckets(c.steps, c.buckets);
    CHECK(std::ranges::equal(buckets, golden_.tensor("timestep_buckets").as_i64()));
    const auto part = [&](const char* name, std::int64_t k) {
      const auto all = golden_.f32(name);
      const std::size_t size = static_cast<std::size_t>(batch * c.horizon * c.action_dim);
      return all.subspan(static_cast<std::size_t>(k) * size, size);
    };
    check_first_step(token, context, buckets[0]);

    const Tensor x = ops_.copy(ops_.upload(golden_.f32("noise"), Shape{batch, c.horizon, c.action_dim}));
    nn::sample_flow(ops_, x, c.steps, FlowDirection::noise_at_zero, [&](const Tensor& actions, std::int64_t k) {
      CAPTURE(k);
      CHECK(worst_ratio(read(actions), part("x_steps", k), full) <= 1);
      const Tensor v = dit_->velocity(ops_, token, actions, dit_->moment(ops_, buckets[static_cast<std::size_t>(k)]), context);
      CHECK(worst_ratio(read(v), part("velocity", k), full) <= 1);
      return v;
    });
    CHECK(worst_ratio(read(x), golden_.f32("actions"), full) <= 1);
  }

 private:
  void check_first_step(const Tensor* state, const typename nn::FlowDit<Ops>::Context& context, std::int64_t bucket) {
    const auto pieces = tolerance_of(golden_, "Pieces");
    const auto& c = dit_->config();
    const auto shape = golden_.tensor("noise").shape;
    const auto& moment = dit_->moment(ops_, bucket);
    const Tensor x = dit_->sequence(ops_, state, ops_.upload(golden_.f32("noise"), Shape{shape[0], c.horizon, c.action_dim}), moment);
    CHECK(worst_ratio(read(x), golden_.f32("step0.sa_embs"), pieces) <= 1);
    const auto outs = golden_.f32("step0.block_outs");
    for (std::int64_t i = 0; i < c.layers; ++i) {
      CAPTURE(i);
      dit_->block_into(ops_, x, i, moment, context);
      const std::size_t size = outs.size() / static_cast<std::size_t>(c.layers);
      CHECK(worst_ratio(read(x), outs.subspan(static_cast<std::size_t>(i) * size, size), pieces) <= 1);
    }
    if (!golden_.tensors.contains("step0.dit_out")) return;
    const Tensor out = dit_->finish(ops_, x, moment);
    CHECK(worst_ratio(read(out), golden_.f32("step0.dit_out"), pieces) <= 1);
    CHECK(worst_ratio(read(dit_->decode(ops_, out)), golden_.f32("step0.decoder_out"), pieces) <= 1);
  }
  std::vector<float> read(const Tensor& x) {
    std::vector<float> values(x.shape().count());
    ops_.download(x, values);
    return values;
  }

  Ops& ops_;
  GoldenCase golden_;
  std::optional<nn::FlowDit<Ops>> dit_;
};

/// Every case of the folder.
template <nn::TensorOps Ops>
void check_flow_dit(Ops& ops) {
  int cases = 0;
  for (const auto& file : std::filesystem::directory_iterator(golden_directory() / "starvla_gr00t")) {
    const std::string name = file.path().stem().string();
    if (file.path().extension() != ".json" || name == "head.weights" || name == "timestep_buckets") continue;
    CAPTURE(name);
    FlowDitGolden<Ops> golden(ops, name);
    if (name == "pieces") {
      golden.check_pieces();
    } else {
      golden.check_sampling();
      golden.check_draws();
    }
    ++cases;
  }
  CHECK(cases >= 1);
}

}  // namespace sinew::testing
