// SPDX-License-Identifier: Apache-2.0
// Whole models on GraphOps: replayed calls give the numbers of calls that run operation by operation, whatever changes between them. With
// SINEW_TORCH_DEVICE=cuda:0 on CUDA's graphs, where kernels may add in another order.
#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <string>
#include <vector>

#include "random_policy.hpp"
#include "sinew/backend/native_backend.hpp"
#include "sinew/backend/torch/torch_models.hpp"
#include "sinew/core/random.hpp"
#include "temporary_directory.hpp"
#include "test_seed.hpp"
#include "torch_device.hpp"

using namespace sinew;
using namespace sinew::testing;

namespace {

constexpr std::int64_t kMostTokens = 24, kPatches = 16, kPatchValues = 3 * 2 * kSmallPatch * kSmallPatch;

using Native = NativeBackend<GraphOps>;

struct PolicyKind {
  std::string architecture;
  std::string config;
  std::int64_t state = 0;             // numbers
  std::int64_t horizon = 0, dim = 0;  // of its prefix; 0: it takes none
};

TensorSpecs offered(const PolicyKind& kind) {
  TensorSpecs specs;
  if (kind.architecture.find('/') != std::string::npos)
    specs = {{"input_ids", DType::i64, Shape{kMostTokens}},
             {"pixel_values", DType::f32, Shape{kPatches, kPatchValues}},
             {"image_grid_thw", DType::i64, Shape{1, 3}}};
  if (kind.state > 0) specs.push_back({"state", DType::f32, Shape{kind.state}});
  return specs;
}

Native load(const std::filesystem::path& directory, const PolicyKind& kind, const GraphOptions& graphs) {
  PolicyCard card;
  card.architecture = kind.architecture;
  const TensorSpecs specs = offered(kind);
  return {GraphOps(torch_options(), graphs), torch_models(), {directory, card, specs}};
}

/// What a robot might send: `tokens` words and an image of four tokens.
struct Call {
  std::int64_t tokens = 12;
  std::int64_t prefix = 0;  // rows
};

TensorMap inputs_of(const PolicyKind& kind, const Call& call, std::uint64_t seed) {
  sinew::Random random(seed);
  TensorMap in;
  const auto floats = [&](const char* name, const Shape& shape) {
    Tensor tensor(DType::f32, shape);
    random.normal(tensor.as<float>());
    in.add(name, std::move(tensor));
  };
  if (kind.architecture.find('/') != std::string::npos) {
    Tensor ids(DType::i64, Shape{call.tokens}), grid(DType::i64, Shape{1, 3});
    for (std::int64_t i = 0; i < call.tokens; ++i)  // an image, words, three placeholders of "oft"
      ids.as<std::int64_t>()[static_cast<std::size_t>(i)] = i >= 2 && i < 6        ? kSmallImage
                                                            : i + 3 >= call.tokens ? 7
                                                                                   : static_cast<std::int64_t>(random.bits() % 38);
    std::ranges::copy(std::array<std::int64_t, 3>{1, 4, 4}, grid.as<std::int64_t>().begin());
    in.add("input_ids", std::move(ids));
    in.add("image_grid_thw", std::move(grid));
    Tensor pixels(DType::f32, Shape{kPatches, kPatchValues});
    random.normal(pixels.as<float>());
    in.add("pixel_values", std::move(pixels));
  }
  if (kind.state > 0) floats("state", Shape{kind.state});
  if (call.prefix > 0) {
    floats("prefix", Shape{call.prefix, kind.dim});
    Tensor delay(DType::i64, Shape{1});
    delay.as<std::int64_t>()[0] = 1;
    in.add("prefix_delay", std::move(delay));
  }
  return in;
}

/// Bit for bit on a CPU.
bool agree(float a, float b) {
  if (torch_options().device == "cpu") return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b);
  return std::abs(a - b) <= 1e-5F * (1 + std::abs(b));
}

void check_equal(const TensorMap& got, const TensorMap& expected) {
  for (const auto& [name, tensor] : expected) {
    REQUIRE(got[name].shape() == tensor.shape());
    if (tensor.dtype() == DType::i64)
      CHECK(std::ranges::equal(got[name].as<std::int64_t>(), tensor.as<std::int64_t>()));
    else
      CHECK(std::ranges::equal(got[name].as<float>(), tensor.as<float>(), agree));
  }
}

/// Runs the calls on both, with reset() before call `reset`; what the graphs report of them, without what loading did.
GraphReport compare(const PolicyKind& kind, const std::vector<Call>& calls, std::size_t reset = 5) {
  CAPTURE(kind.architecture);
  const TemporaryDirectory folder;
  TensorShapes long_names;
  if (kind.config.find("buckets") != std::string::npos)
    for (const std::string layer : {"linear_1", "linear_2"}) {
      const std::string name = "action_model.model.timestep_encoder.timestep_embedder." + layer;
      long_names[name + ".weight"] = {kSmallWidth, layer == "linear_1" ? 256 : kSmallWidth};
      long_names[name + ".bias"] = {kSmallWidth};
    }
  write_random_model(folder.path(), kind.config, [&] { (void)load(folder.path(), kind, {.enabled = false}); }, long_names);
  Native eager = load(folder.path(), kind, {.enabled = false}), taped = load(folder.path(), kind, {.enabled = true, .on_cpu = true});
  TensorMap expected = make_tensors(eager.spec().outputs), got = make_tensors(taped.spec().outputs);
  const GraphReport loaded = taped.ops().report();
  for (std::size_t i = 0; i < calls.size(); ++i) {
    CAPTURE(i);
    if (i == reset) {
      eager.reset();
      taped.reset();
    }
    const TensorMap in = inputs_of(kind, calls[i], testing::seed() + i);
    INFO(eager.last_error());
    REQUIRE(eager.infer(in, expected) == Status::ok);
    INFO(taped.last_error());
    REQUIRE(taped.infer(in, got) == Status::ok);
    check_equal(got, expected);
  }
  GraphReport report = taped.ops().report();
  CHECK(eager.ops().report().recorded == 0);
  report.replayed -= loaded.replayed;
  report.recorded -= loaded.recorded;
  report.launches -= loaded.launches;
  report.tapes -= loaded.tapes;
  CHECK(report.replayed + report.recorded + report.plain >= calls.size());
  CHECK(report.uncaptured == 0);
  return report;
}

const std::vector<Call> kCalls{{12}, {12}, {12}, {15}, {12}, {15}, {15}, {12}};

const std::string kFlowDit =
    R"({"type": "flow_dit", "width": 16, "heads": 2, "layers": 2, "context_width": 16, "output_width": 16, "mlp_width": 16, "future_tokens": 2, "horizon": 4, "action_dim": 3, "state_dim": 3, "positions": 4, "steps": 3, "buckets": 1000, "interleave_self_attention": true})";
std::string layerwise(const std::string& mode) {
  return R"({"type": "layerwise_dit", "width": 16, "heads": 2, "layers": 2, "context_width": 16, "mlp_width": 16, "future_tokens": 2, "horizon": 4, "action_dim": 3, "state_dim": 3, "positions": 4, "steps": 3, "buckets": 1000, "interleave_self_attention": false,
 "realtime": {"mode": ")" +
         mode + R"(", "schedule": "linear", "max_weight": 10, "suffix": 0}})";
}
std::string vla(bool joint) {
  return fmt::format(
      R"({{"type": "qwen_vla_dit", "width": 16, "heads": 2, "layers": 2, "context_width": 16, "mlp_width": 24, "horizon": 4, "action_dim": 3, "rows": 3, "channels": 2, "steps": 3, "rotary_dim": 8, "mrope_section": [2, 1, 1], "rope_theta": 1000, "qk_norm": true, "joint": {}}})",
      joint);
}
const std::string kManip =
    R"({"type": "robotmanip_dit", "width": 16, "heads": 2, "layers": 2, "context_width": 16, "mlp_width": 24, "queries": 2, "horizon": 4, "steps": 3, "camera_dims": 4, "rope_theta": 100, "rotate_values": true, "gates": true, "state": true, "state_columns": [], "columns": [], "end_effectors": ["dual_left", "dual_right"], "reference_cameras": [0, 0], "context_chunks": 0, "context_steps": 0, "context_tokens": 0})";
const std::string kFast =
    R"({"type": "fast", "first": 10, "count": 20, "max_tokens": 6, "constrained": false, "stop": [3, 4, 5, 12, 13, 14, 20, 30], "horizon": 4, "action_dim": 3, "tokenizer": "", "model_ids": true})";
const std::string kOft =
    R"({"type": "oft", "context_width": 16, "width": 16, "blocks": 2, "horizon": 3, "action_dim": 3, "placeholder": 7})";
const std::string kNav = R"({"type": "robotnav_mlp", "context_width": 16, "hidden": 16, "layers": 3, "waypoints": 4, "read": "mean"})";

PolicyKind kind_of(const std::string& backbone, const std::string& head, const std::string& config, std::int64_t state = 0) {
  return {.architecture = backbone + "/" + head, .config = small_config(backbone, config), .state = state, .horizon = 4, .dim = 3};
}

}  // namespace

TEST_CASE("graph models: every head, replayed with other images, states, words and noise") {
  for (const PolicyKind& kind :
       {kind_of("qwen3_vl", "flow_dit", kFlowDit, 3), kind_of("qwen2_5_vl", "flow_dit", kFlowDit),
        kind_of("qwen3_5", "flow_dit", kFlowDit, 3), kind_of("qwen3_vl", "layerwise_dit", layerwise("guided"), 3),
        kind_of("qwen3_vl", "oft", kOft), kind_of("qwen3_vl", "robotmanip_dit", kManip, 80), kind_of("qwen3_vl", "qwen_vla_dit", vla(true)),
        kind_of("qwen3_vl", "qwen_vla_dit", vla(false)), kind_of("qwen3_vl", "robotnav_mlp", kNav)}) {
    CAPTURE(kind.architecture);
    const GraphReport report = compare(kind, kCalls);
    CHECK(report.recorded == 2);  // one length, then the other
    CHECK(report.replayed == kCalls.size() - 2);
    CHECK(report.launches == kCalls.size() - 2);  // nothing is read but the actions
    CHECK(report.tapes == 2);
  }
}

TEST_CASE("graph models: a whole model without a backbone") {
  const PolicyKind act{
      .architecture = "act",
      .config =
          R"({"type": "act", "input_features": {"observation.environment_state": {"type": "ENV", "shape": [4]}, "observation.state": {"type": "STATE", "shape": [3]}},
 "output_features": {"action": {"type": "ACTION", "shape": [3]}}, "chunk_size": 4, "dim_model": 16, "n_heads": 2, "dim_feedforward": 24, "n_encoder_layers": 1, "n_decoder_layers": 1, "pre_norm": false,
 "feedforward_activation": "relu", "vision_backbone": "resnet18"})",
      .state = 7};
  CHECK(compare(act, kCalls).replayed == kCalls.size() - 1);
}

TEST_CASE("graph models: a prefix that comes and goes") {
  const std::vector<Call> calls{{12}, {12}, {12, 2}, {12, 2}, {12}, {12, 2}, {12, 3}, {15, 2}, {15, 2}};
  for (const char* const mode : {"guided", "simulated_delay"}) {
    const GraphReport report = compare(kind_of("qwen3_vl", "layerwise_dit", layerwise(mode), 3), calls);
    CHECK(report.replayed >= 5);
    CHECK(report.plain == 0);
  }
  // With the true Jacobian the sampler runs operation by operation, and says so; the prompt is replayed all the same.
  const GraphReport report = compare(kind_of("qwen3_vl", "layerwise_dit", layerwise("pigdm"), 3), calls);
  CHECK(report.plain == 6);
  CHECK(report.launches >= 5);
}

TEST_CASE("graph models: a head that reads each token before it asks for the next") {
  for (const char* const backbone : {"qwen3_vl", "qwen2_5_vl", "qwen3_5"}) {
    std::vector<Call> calls;
    for (int i = 0; i < 16; ++i) calls.push_back({i % 5 == 4 ? 15 : 12});
    const GraphReport report = compare(kind_of(backbone, "fast", kFast), calls);
    CHECK(report.replayed > 0);
    CHECK(report.launches > report.replayed);  // several reads in a call
    CHECK(report.tapes == 2);                  // longer texts prolong a tape
  }
}

TEST_CASE("graph models: a language model goes on writing, and hidden states of other depths") {
  for (const char* const backbone : {"qwen3_vl", "qwen3_5"}) {
    CAPTURE(std::string(backbone));
    const TemporaryDirectory folder;
    const auto make = [&](const GraphOptions& graphs) {
      return load_torch_language_model(folder.path(), backbone, torch_options(), 64, true, graphs);
    };
    write_random_model(folder.path(), small_config(backbone, "null"), [&] { (void)make({.enabled = false}); });
    auto eager = make({.enabled = false}), taped = make({.enabled = true, .on_cpu = true});
    const std::vector<PatchGrid> grids{{1, 4, 4}};
    const PolicyKind kind = kind_of(backbone, "", "null");
    for (std::uint64_t i = 0; i < 8; ++i) {
      CAPTURE(i);
      const TensorMap in = inputs_of(kind, {i % 3 == 2 ? 14 : 12}, testing::seed() + i);
      const auto ids = in["input_ids"].as<std::int64_t>();
      const nn::VisionLanguageInput prompt{.ids = ids, .pixels = in["pixel_values"].as<float>(), .grids = grids};
      CHECK(taped.generate(prompt, {.max_new_tokens = 5}) == eager.generate(prompt, {.max_new_tokens = 5}));
      const std::vector<std::int64_t> depths = i % 2 == 0 ? std::vector<std::int64_t>{0, 1} : std::vector<std::int64_t>{1};
      std::vector<float> last[2], at[2], logits[2];
      for (int side = 0; side < 2; ++side) {
        auto& model = side == 0 ? eager : taped;
        last[side].resize(ids.size() * kSmallWidth);
        at[side].resize(depths.size() * ids.size() * kSmallWidth);
        logits[side].resize(ids.size() * kSmallVocab);
        model.hidden_states(prompt, last[side], depths, at[side]);
        model.logits(prompt, logits[side]);
      }
      CHECK(std::ranges::equal(last[1], last[0], agree));
      CHECK(std::ranges::equal(at[1], at[0], agree));
      CHECK(std::ranges::equal(logits[1], logits[0], agree));
    }
    const GraphReport report = taped.ops().report();
    CHECK(report.plain == 0);
    CHECK(report.uncaptured == 0);
    CHECK(report.replayed > report.recorded);
  }
}
