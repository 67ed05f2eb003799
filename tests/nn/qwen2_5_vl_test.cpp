// SPDX-License-Identifier: Apache-2.0
// Qwen2.5-VL on the CPU backend: token by token as all at once, and nothing from the heap. That it is Qwen2.5-VL,
// python/tests/test_nn_qwen2_5_vl.py shows.
#include "sinew/nn/models/qwen2_5_vl.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "random_weights.hpp"
#include "sinew/backend/cpu/cpu_models.hpp"
#include "sinew/core/random.hpp"
#include "sinew/io/file.hpp"
#include "sinew/io/json.hpp"
#include "sinew/testing/no_alloc.hpp"
#include "temporary_directory.hpp"

using namespace sinew;

namespace {

constexpr std::int64_t kHidden = 48, kIntermediate = 80, kHeads = 3, kHeadDim = 16, kLayers = 3, kVocab = 70, kImage = 69;
constexpr std::int64_t kVisionHidden = 32, kVisionIntermediate = 52, kBlocks = 2, kPatch = 14, kMaxTokens = 128;

void write_model(const std::filesystem::path& directory) {
  testing::RandomWeights weights(7);
  weights.add("visual.patch_embed.proj.weight", {kVisionHidden, 3, 2, kPatch, kPatch});
  for (std::int64_t i = 0; i < kBlocks; ++i) {
    const std::string block = fmt::format("visual.blocks.{}.", i);
    for (const char* norm : {"norm1.weight", "norm2.weight"}) weights.add(block + norm, {kVisionHidden}, 1);
    weights.linear(block + "attn.qkv", 3 * kVisionHidden, kVisionHidden);
    weights.linear(block + "attn.proj", kVisionHidden, kVisionHidden);
    weights.linear(block + "mlp.gate_proj", kVisionIntermediate, kVisionHidden);
    weights.linear(block + "mlp.up_proj", kVisionIntermediate, kVisionHidden);
    weights.linear(block + "mlp.down_proj", kVisionHidden, kVisionIntermediate);
  }
  weights.add("visual.merger.ln_q.weight", {kVisionHidden}, 1);
  weights.linear("visual.merger.mlp.0", 4 * kVisionHidden, 4 * kVisionHidden);
  weights.linear("visual.merger.mlp.2", kHidden, 4 * kVisionHidden);
  weights.add("model.embed_tokens.weight", {kVocab, kHidden});
  for (std::int64_t i = 0; i < kLayers; ++i) {
    const std::string layer = fmt::format("model.layers.{}.", i);
    for (const char* norm : {"input_layernorm.weight", "post_attention_layernorm.weight"}) weights.add(layer + norm, {kHidden}, 1);
    weights.linear(layer + "self_attn.q_proj", kHeads * kHeadDim, kHidden);
    weights.linear(layer + "self_attn.k_proj", kHeadDim, kHidden);
    weights.linear(layer + "self_attn.v_proj", kHeadDim, kHidden);
    weights.linear(layer + "self_attn.o_proj", kHidden, kHeads * kHeadDim, false);
    weights.linear(layer + "mlp.gate_proj", kIntermediate, kHidden, false);
    weights.linear(layer + "mlp.up_proj", kIntermediate, kHidden, false);
    weights.linear(layer + "mlp.down_proj", kHidden, kIntermediate, false);
  }
  weights.add("model.norm.weight", {kHidden}, 1);
  weights.write(directory / "model.safetensors");
  write_file(
      directory / "config.json",
      fmt::format(R"({{"model_type": "qwen2_5_vl", "image_token_id": {}, "tie_word_embeddings": true, "hidden_size": {},
 "intermediate_size": {}, "num_attention_heads": {}, "num_key_value_heads": 1, "num_hidden_layers": {}, "vocab_size": {}, "rms_norm_eps": 1e-6,
 "rope_theta": 1000000.0, "rope_scaling": {{"type": "mrope", "mrope_section": [2, 3, 3]}},
 "vision_config": {{"depth": {}, "hidden_size": {}, "intermediate_size": {}, "num_heads": 2, "out_hidden_size": {}, "patch_size": {},
  "window_size": 56, "fullatt_block_indexes": [1]}}}})",
                  kImage, kHidden, kIntermediate, kHeads, kLayers, kVocab, kBlocks, kVisionHidden, kVisionIntermediate, kHidden, kPatch));
}

/// Text, an image of 3 x 5 cells, and text up to 32 tokens.
struct Prompt {
  std::vector<std::int64_t> ids;
  std::vector<float> pixels;
  std::vector<PatchGrid> grids{{1, 6, 10}};

  explicit Prompt(std::uint64_t seed) {
    Random random(seed);
    for (std::int64_t i = 0; i < 32; ++i) ids.push_back(i >= 4 && i < 19 ? kImage : static_cast<std::int64_t>(random.bits() % kImage));
    pixels.resize(60 * 3 * 2 * kPatch * kPatch);
    random.normal(pixels);
  }
  [[nodiscard]] nn::VisionLanguageInput input(std::size_t tokens) const {
    return {.ids = std::span(ids).first(tokens), .pixels = pixels, .grids = grids};
  }
};

nn::AnyBackbone<CpuOps> load(CpuOps& ops, const std::filesystem::path& directory) {
  const auto models = cpu_models();
  const auto& entry = models.backbone("qwen2_5_vl");
  const Json config = Json::read_file(directory / "config.json");
  Weights weights = Weights::open(directory, entry.names);
  auto model = entry.load(nn::Loader<CpuOps>(ops, weights), JsonCursor(config, "config.json"),
                          {.max_tokens = kMaxTokens, .cached = true, .logits = true});
  weights.require_all_used();
  return model;
}

std::vector<float> numbers(CpuOps& ops, const CpuOps::Tensor& x) {
  std::vector<float> values(static_cast<std::size_t>(x.size(0) * x.size(1)));
  ops.download(x, values);
  return values;
}

}  // namespace

TEST_CASE("qwen2_5_vl: token by token as all at once") {
  const testing::TemporaryDirectory folder;
  write_model(folder.path());
  CpuOps ops;
  auto model = load(ops, folder.path());
  const Prompt prompt(3);
  auto scope = ops.scope();
  const auto whole = numbers(ops, model.prefill(ops, prompt.input(32)));
  CHECK(std::ranges::all_of(whole, [](float x) { return std::isfinite(x); }));
  const auto compare = [&](const std::vector<float>& rows, std::size_t first) {
    float worst = 0;
    for (std::size_t i = 0; i < rows.size(); ++i) worst = std::max(worst, std::abs(rows[i] - whole[first * kHidden + i]));
    CHECK(worst < 1e-5F);  // products of one row and of many add in another order
  };
  constexpr std::size_t kBegun = 21;
  compare(numbers(ops, model.prefill(ops, prompt.input(kBegun))), 0);
  for (std::size_t i = kBegun; i < prompt.ids.size(); ++i) compare(numbers(ops, model.step(ops, prompt.ids[i])), i);
}

TEST_CASE("qwen2_5_vl: after the first call of a shape nothing comes from the heap") {
  const testing::TemporaryDirectory folder;
  write_model(folder.path());
  CpuOps ops;
  auto model = load(ops, folder.path());
  std::vector<float> logits(kVocab);
  const auto run = [&](const Prompt& prompt) {
    auto scope = ops.scope();
    (void)model.prefill(ops, prompt.input(30));
    for (std::size_t i = 30; i < 32; ++i) ops.download(model.logits(ops, model.step(ops, prompt.ids[i])), logits);
  };
  const Prompt first(1), second(2);
  run(first);
  const auto before = logits;
  REQUIRE(testing::counting_works());
  const testing::HeapCallCounter counter;
  run(second);
  CHECK(counter.count() == 0);
  CHECK(logits != before);
}

TEST_CASE("qwen2_5_vl: patches that are no whole grid are refused") {
  const testing::TemporaryDirectory folder;
  write_model(folder.path());
  CpuOps ops;
  auto model = load(ops, folder.path());
  Prompt prompt(1);
  prompt.pixels.resize(prompt.pixels.size() + 3 * 2 * kPatch * kPatch);
  auto scope = ops.scope();
  CHECK_THROWS_WITH_AS(model.prefill(ops, prompt.input(32)), "[vision] patches: expected 60, as the grids say, got 61", Error);
}
