// SPDX-License-Identifier: Apache-2.0
#include "tiny_policy.hpp"

#include <fmt/format.h>

#include <string>
#include <vector>

#include "byte_vocabulary.hpp"
#include "random_weights.hpp"
#include "sinew/core/card.hpp"
#include "sinew/core/random.hpp"
#include "sinew/io/card_json.hpp"
#include "sinew/io/file.hpp"
#include "sinew/io/sha256.hpp"

namespace sinew::testing {

namespace {

constexpr std::int64_t kHidden = 48, kIntermediate = 80, kHeads = 3, kKvHeads = 1, kHeadDim = 16;
constexpr std::int64_t kVisionHidden = 32, kVisionIntermediate = 56, kPatch = 16, kPositions = 36;
constexpr std::int64_t kWidth = 40, kMlp = 44, kOutput = 36, kFuture = 5;
constexpr const char* kSpecial[] = {"<|endoftext|>",  "<|im_start|>",  "<|im_end|>",   "<|vision_start|>",
                                    "<|vision_end|>", "<|image_pad|>", "<|video_pad|>"};
constexpr std::int64_t kVocab = 256 + 7, kImagePad = 256 + 5;

void add_vision(RandomWeights& weights, std::int64_t layers) {
  const std::string root = "model.visual.";
  weights.add(root + "patch_embed.proj.weight", {kVisionHidden, 3, 2, kPatch, kPatch});
  weights.add(root + "patch_embed.proj.bias", {kVisionHidden});
  weights.add(root + "pos_embed.weight", {kPositions, kVisionHidden});
  for (std::int64_t i = 0; i < layers; ++i) {
    const std::string block = fmt::format("{}blocks.{}.", root, i);
    weights.norm(block + "norm1", kVisionHidden);
    weights.norm(block + "norm2", kVisionHidden);
    weights.linear(block + "attn.qkv", 3 * kVisionHidden, kVisionHidden);
    weights.linear(block + "attn.proj", kVisionHidden, kVisionHidden);
    weights.linear(block + "mlp.linear_fc1", kVisionIntermediate, kVisionHidden);
    weights.linear(block + "mlp.linear_fc2", kVisionHidden, kVisionIntermediate);
  }
  const auto merger = [&](const std::string& name, std::int64_t norm) {
    weights.norm(name + ".norm", norm);
    weights.linear(name + ".linear_fc1", 4 * kVisionHidden, 4 * kVisionHidden);
    weights.linear(name + ".linear_fc2", kHidden, 4 * kVisionHidden);
  };
  merger(root + "merger", kVisionHidden);
  merger(root + "deepstack_merger_list.0", 4 * kVisionHidden);
}

void add_text(RandomWeights& weights, std::int64_t layers) {
  const std::string root = "model.language_model.";
  weights.add(root + "embed_tokens.weight", {kVocab, kHidden});
  for (std::int64_t i = 0; i < layers; ++i) {
    const std::string layer = fmt::format("{}layers.{}.", root, i), attention = layer + "self_attn.";
    weights.linear(attention + "q_proj", kHeads * kHeadDim, kHidden, false);
    weights.linear(attention + "k_proj", kKvHeads * kHeadDim, kHidden, false);
    weights.linear(attention + "v_proj", kKvHeads * kHeadDim, kHidden, false);
    weights.linear(attention + "o_proj", kHidden, kHeads * kHeadDim, false);
    weights.linear(layer + "mlp.gate_proj", kIntermediate, kHidden, false);
    weights.linear(layer + "mlp.up_proj", kIntermediate, kHidden, false);
    weights.linear(layer + "mlp.down_proj", kHidden, kIntermediate, false);
    for (const char* name : {"self_attn.q_norm.weight", "self_attn.k_norm.weight"}) weights.add(layer + name, {kHeadDim}, 1);
    for (const char* name : {"input_layernorm.weight", "post_attention_layernorm.weight"}) weights.add(layer + name, {kHidden}, 1);
  }
  weights.add(root + "norm.weight", {kHidden}, 1);
}

void add_head(RandomWeights& weights, std::int64_t layers) {
  const std::string root = "action_model.", model = root + "model.";
  weights.linear(model + "timestep_encoder.timestep_embedder.linear_1", kWidth, 256);
  weights.linear(model + "timestep_encoder.timestep_embedder.linear_2", kWidth, kWidth);
  for (std::int64_t i = 0; i < layers; ++i) {
    const std::string block = fmt::format("{}transformer_blocks.{}.", model, i);
    const std::int64_t context = i % 2 == 0 ? kHidden : kWidth;
    weights.linear(block + "norm1.linear", 2 * kWidth, kWidth);
    weights.linear(block + "attn1.to_q", kWidth, kWidth);
    weights.linear(block + "attn1.to_k", kWidth, context);
    weights.linear(block + "attn1.to_v", kWidth, context);
    weights.linear(block + "attn1.to_out.0", kWidth, kWidth);
    weights.linear(block + "ff.net.0.proj", 4 * kWidth, kWidth);
    weights.linear(block + "ff.net.2", kWidth, 4 * kWidth);
  }
  weights.linear(model + "proj_out_1", 2 * kWidth, kWidth);
  weights.linear(model + "proj_out_2", kOutput, kWidth);
  weights.linear(root + "state_encoder.layer1", kMlp, kTinyJoints);
  weights.linear(root + "state_encoder.layer2", kWidth, kMlp);
  weights.linear(root + "action_encoder.layer1", kWidth, kTinyJoints);
  weights.linear(root + "action_encoder.layer2", kWidth, 2 * kWidth);
  weights.linear(root + "action_encoder.layer3", kWidth, kWidth);
  weights.linear(root + "action_decoder.layer1", kMlp, kOutput);
  weights.linear(root + "action_decoder.layer2", kTinyJoints, kMlp);
  weights.add(root + "future_tokens.weight", {kFuture, kWidth});
  weights.add(root + "position_embedding.weight", {kTinyHorizon, kWidth});
}

std::string config_text(const TinyPolicyOptions& o) {
  return fmt::format(
      R"({{"model_type": "qwen3_vl", "image_token_id": {}, "tie_word_embeddings": true,
 "vision_config": {{"depth": {}, "hidden_size": {}, "intermediate_size": {}, "num_heads": 2, "out_hidden_size": {}, "patch_size": {}, "num_position_embeddings": {}, "deepstack_visual_indexes": [{}]}},
 "text_config": {{"num_hidden_layers": {}, "hidden_size": {}, "intermediate_size": {}, "num_attention_heads": {}, "num_key_value_heads": {}, "head_dim": {}, "vocab_size": {}, "rms_norm_eps": 1e-6,
  "rope_parameters": {{"rope_theta": 5000000.0, "rope_type": "default", "mrope_interleaved": true, "mrope_section": [4, 2, 2]}}}},
 "action_head": {{"type": "flow_dit", "width": {}, "heads": 2, "layers": {}, "context_width": {}, "output_width": {}, "mlp_width": {}, "future_tokens": {}, "horizon": {}, "action_dim": {}, "state_dim": {}, "positions": {}, "steps": 4, "buckets": 1000, "interleave_self_attention": true}}}}
)",
      kImagePad, o.vision_layers, kVisionHidden, kVisionIntermediate, kHidden, kPatch, kPositions, o.vision_layers - 1, o.text_layers,
      kHidden, kIntermediate, kHeads, kKvHeads, kHeadDim, kVocab, kWidth, o.head_layers, kHidden, kOutput, kMlp, kFuture, kTinyHorizon,
      kTinyJoints, kTinyJoints, kTinyHorizon);
}

PolicyCard card(DType dtype, const std::string& statistics) {
  PolicyCard card;
  card.name = "tiny";
  card.architecture = "qwen3_vl/flow_dit";
  card.backend = "cpu";
  card.dtype = dtype;
  for (const char* name : {"front", "wrist"})
    card.cameras.push_back({.name = name,
                            .view = "",
                            .processor = ProcessorKind::qwen3_vl,
                            .resample = "pil_bicubic",
                            .height = kTinySide,
                            .width = kTinySide});
  card.prompt = {.name = "qwen_chat", .fields = {{"family", "qwen3_vl"}}, .max_bytes = 256};
  card.text = TextCard{.tokenizer = "tokenizer.json", .max_tokens = 256, .padding = "none", .positions = true};
  card.state.channels = {{.name = "joint_position", .unit = "rad", .size = kTinyJoints, .rate = 10}};
  card.state.normalization = {.mode = NormalizationMode::quantile, .rule = "qwen", .key = "state"};
  card.action.decoder = DecoderKind::joint_absolute;
  for (int i = 0; i < kTinyJoints; ++i) card.action.joint_names.push_back(fmt::format("j{}", i));
  card.action.horizon = kTinyHorizon;
  card.action.rate = 10;
  card.action.normalization = {.mode = NormalizationMode::quantile, .rule = "qwen", .key = "action"};
  card.statistics = {.file = "stats.json", .sha256 = sha256(std::string_view(statistics)), .format = "sinew"};
  return card;
}

}  // namespace

void write_tiny_policy(const std::filesystem::path& directory, const TinyPolicyOptions& options) {
  RandomWeights weights(options.seed, options.dtype);
  add_vision(weights, options.vision_layers);
  add_text(weights, options.text_layers);
  add_head(weights, options.head_layers);
  weights.write(directory / "model.safetensors");
  write_file(directory / "config.json", config_text(options));
  write_file(directory / "tokenizer.json", byte_vocabulary(kSpecial));
  write_file(
      directory / "preprocessor_config.json",
      R"({"image_processor_type": "Qwen2VLImageProcessor", "patch_size": 16, "temporal_patch_size": 2, "merge_size": 2, "image_mean": [0.5, 0.5, 0.5], )"
      R"("image_std": [0.5, 0.5, 0.5], "size": {"shortest_edge": 4096, "longest_edge": 4096}})");
  const std::string bounds = R"({"q01": [-1.0, -1.5, -2.0, -1.0, -1.5, -2.0], "q99": [1.0, 1.5, 2.0, 1.0, 1.5, 2.0]})";
  const std::string statistics = fmt::format(R"({{"state": {}, "action": {}}})", bounds, bounds);
  write_file(directory / "stats.json", statistics);
  write_card(card(options.dtype, statistics), directory / "sinew.json");
}

Observation tiny_observation(std::uint64_t seed) {
  Random random(seed);
  Observation observation;
  for (const char* name : {"front", "wrist"}) {
    Image image(kTinySide, kTinySide);
    for (auto& level : image.pixels()) level = static_cast<std::uint8_t>(random.bits());
    observation.cameras.push_back({name, std::move(image), {}});
  }
  Channel joints{.name = "joint_position", .unit = "rad", .values = {}, .stamp = {}};
  for (int i = 0; i < kTinyJoints; ++i) joints.values.push_back(random.uniform(-1, 1));
  observation.channels.push_back(std::move(joints));
  observation.instruction = "put the red cube on the yellow plate";
  return observation;
}

}  // namespace sinew::testing
