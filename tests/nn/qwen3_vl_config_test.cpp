// SPDX-License-Identifier: Apache-2.0
#include "sinew/nn/models/qwen3_vl_config.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

#include "sinew/core/error.hpp"

using namespace sinew;
using nn::Qwen3VlConfig;

namespace {

// As transformers 5 writes it: sizes of Qwen3-VL-2B.
constexpr std::string_view kNew = R"({
  "architectures": ["Qwen3VLForConditionalGeneration"], "model_type": "qwen3_vl", "image_token_id": 151655, "tie_word_embeddings": true,
  "text_config": {"attention_bias": false, "head_dim": 128, "hidden_act": "silu", "hidden_size": 2048, "intermediate_size": 6144,
    "num_attention_heads": 16, "num_hidden_layers": 28, "num_key_value_heads": 8, "rms_norm_eps": 1e-06, "vocab_size": 151936,
    "rope_parameters": {"mrope_interleaved": true, "mrope_section": [24, 20, 20], "rope_theta": 5000000, "rope_type": "default"}},
  "vision_config": {"deepstack_visual_indexes": [5, 11, 17], "depth": 24, "hidden_act": "gelu_pytorch_tanh", "hidden_size": 1024,
    "intermediate_size": 4096, "num_heads": 16, "num_position_embeddings": 2304, "out_hidden_size": 2048, "patch_size": 16,
    "spatial_merge_size": 2, "temporal_patch_size": 2}
})";

/// The document with the first `from` replaced by `to`.
std::string with(std::string_view from, std::string_view to) {
  std::string text(kNew);
  const auto at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

Qwen3VlConfig parse(const std::string& text) {
  const Json document = Json::parse(text, "config.json");
  return Qwen3VlConfig::parse(JsonCursor(document, "config.json"));
}

/// The text of the refusal.
std::string refusal(const std::string& text) {
  try {
    (void)parse(text);
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::parse);
    return error.what();
  }
  return "";
}

void check_refused(std::string_view from, std::string_view to, std::string_view place) {
  CAPTURE(std::string(to));
  const std::string text = refusal(with(from, to));
  CAPTURE(text);
  CHECK(text.find(place) != std::string::npos);
}

}  // namespace

TEST_CASE("qwen3_vl config: the form of transformers 5") {
  const auto config = parse(std::string(kNew));
  CHECK(config.image_token == 151655);
  CHECK(config.text.layers == 28);
  CHECK(config.text.hidden == 2048);
  CHECK(config.text.heads == 16);
  CHECK(config.text.kv_heads == 8);
  CHECK(config.text.head_dim == 128);
  CHECK(config.text.vocab == 151936);
  CHECK(config.text.eps == 1e-6F);
  CHECK(config.text.rope_theta == 5e6);
  CHECK(config.text.rope_sections == std::vector<std::int64_t>{24, 20, 20});
  CHECK(config.text.tied);
  CHECK(config.vision.depth == 24);
  CHECK(config.vision.merge == 2);
  CHECK(config.vision.positions == 2304);
  CHECK(config.vision.deepstack == std::vector<std::int64_t>{5, 11, 17});
}

TEST_CASE("qwen3_vl config: the form before") {
  const auto config = parse(with(R"("rope_parameters": {"mrope_interleaved": true, "mrope_section": [24, 20, 20], "rope_theta": 5000000, )"
                                 R"("rope_type": "default"})",
                                 R"("rope_theta": 1000000, "rope_scaling": {"mrope_interleaved": true, "mrope_section": [24, 20, 20], )"
                                 R"("rope_type": "default"})"));
  CHECK(config.text.rope_theta == 1e6);
  CHECK(config.text.rope_sections == std::vector<std::int64_t>{24, 20, 20});
  CHECK(refusal(with(R"("rope_parameters": {)", R"("rope_scaling": {)")).find("rope_theta") != std::string::npos);
}

TEST_CASE("qwen3_vl config: what may be left out") {
  CHECK(parse(with(R"("head_dim": 128, )", "")).text.head_dim == 128);
  CHECK(parse(with(R"("num_key_value_heads": 8, )", "")).text.kv_heads == 16);
  CHECK(parse(with(R"("num_key_value_heads": 8, )", R"("num_key_value_heads": null, )")).text.kv_heads == 16);
  CHECK_FALSE(parse(with(R"(, "tie_word_embeddings": true)", "")).text.tied);
  CHECK(parse(with(R"("deepstack_visual_indexes": [5, 11, 17], )", "")).vision.deepstack.empty());
  // In old files the flag stands with the text model; that of the document wins.
  std::string old = with(R"(, "tie_word_embeddings": true)", "");
  old.replace(old.find(R"("head_dim")"), 10, R"("tie_word_embeddings": true, "head_dim")");
  CHECK(parse(old).text.tied);
  std::string both = with(R"("tie_word_embeddings": true)", R"("tie_word_embeddings": false)");
  both.replace(both.find(R"("head_dim")"), 10, R"("tie_word_embeddings": true, "head_dim")");
  CHECK_FALSE(parse(both).text.tied);
}

TEST_CASE("qwen3_vl config: sizes that no model has are refused where they stand") {
  for (const char* size : {"0", "-1", "9223372036854775807", "1e3", "2048.5", "\"2048\"", "null", "[2048]", "true", "1048577"})
    check_refused(R"("hidden_size": 2048)", std::string(R"("hidden_size": )") + size, "/text_config/hidden_size");
  check_refused(R"("num_hidden_layers": 28)", R"("num_hidden_layers": 1025)", "/text_config/num_hidden_layers");
  check_refused(R"("vocab_size": 151936)", R"("vocab_size": 16777217)", "/text_config/vocab_size");
  check_refused(R"("depth": 24)", R"("depth": 100000)", "/vision_config/depth");
  check_refused(R"("patch_size": 16)", R"("patch_size": 257)", "/vision_config/patch_size");
  check_refused(R"("spatial_merge_size": 2)", R"("spatial_merge_size": 17)", "/vision_config/spatial_merge_size");
  check_refused(R"("temporal_patch_size": 2)", R"("temporal_patch_size": 0)", "/vision_config/temporal_patch_size");
  check_refused(R"("num_position_embeddings": 2304)", R"("num_position_embeddings": 16777215)", "/vision_config/num_position_embeddings");
  check_refused(R"("image_token_id": 151655)", R"("image_token_id": 151936)", "/image_token_id");
  check_refused(R"("image_token_id": 151655)", R"("image_token_id": -1)", "/image_token_id");
}

TEST_CASE("qwen3_vl config: sizes that do not fit each other") {
  check_refused(R"("num_key_value_heads": 8)", R"("num_key_value_heads": 3)", "/text_config/num_key_value_heads");
  check_refused(R"("num_key_value_heads": 8)", R"("num_key_value_heads": 32)", "/text_config/num_key_value_heads");
  check_refused(R"("head_dim": 128)", R"("head_dim": 127)", "/text_config");
  check_refused(R"("num_heads": 16)", R"("num_heads": 3)", "/vision_config/num_heads");
  check_refused(R"("num_heads": 16)", R"("num_heads": 512)", "/vision_config/num_heads");
  check_refused(R"("num_position_embeddings": 2304)", R"("num_position_embeddings": 2305)", "/vision_config/num_position_embeddings");
  check_refused(R"("out_hidden_size": 2048)", R"("out_hidden_size": 2049)", "/vision_config/out_hidden_size");
  check_refused("[5, 11, 17]", "[5, 11, 24]", "/vision_config/deepstack_visual_indexes/2");
  check_refused("[5, 11, 17]", "[5, 5, 17]", "/vision_config/deepstack_visual_indexes/1");
  check_refused("[5, 11, 17]", "[-1]", "/vision_config/deepstack_visual_indexes/0");
  check_refused("[5, 11, 17]", "[5, 5, 17]", "/vision_config/deepstack_visual_indexes/1");
  check_refused(R"("num_hidden_layers": 28)", R"("num_hidden_layers": 2)", "/vision_config/deepstack_visual_indexes");
}

TEST_CASE("qwen3_vl config: rotary parameters") {
  for (const char* sections : {"[24, 20]", "[24, 20, 19]", "[65, 0, -1]", "[24, 20, 20, 0]", "[]", "[24.0, 20, 20]", "64"})
    check_refused("[24, 20, 20]", sections, "/text_config/rope_parameters/mrope_section");
  for (const char* theta : {"1", "0", "-5", "1e12", "\"x\"", "1e999"})
    CHECK(refusal(with("\"rope_theta\": 5000000", std::string("\"rope_theta\": ") + theta)) != "");
  check_refused(R"("rope_type": "default")", R"("rope_type": "yarn")", "/text_config/rope_parameters/rope_type");
  check_refused(R"("mrope_interleaved": true)", R"("mrope_interleaved": false)", "/text_config/rope_parameters/mrope_interleaved");
}

TEST_CASE("qwen3_vl config: another arithmetic is refused") {
  check_refused(R"("hidden_act": "silu")", R"("hidden_act": "gelu")", "/text_config/hidden_act");
  check_refused(R"("hidden_act": "gelu_pytorch_tanh")", R"("hidden_act": "silu")", "/vision_config/hidden_act");
  check_refused(R"("attention_bias": false)", R"("attention_bias": true)", "/text_config/attention_bias");
  check_refused(R"("model_type": "qwen3_vl")", R"("model_type": "qwen2_5_vl")", "/model_type");
  for (const char* eps : {"0", "-1e-6", "1", "null"})
    check_refused(R"("rms_norm_eps": 1e-06)", std::string(R"("rms_norm_eps": )") + eps, "/text_config/rms_norm_eps");
}

TEST_CASE("qwen3_vl config: a key that is missing is named, with the one that looks like it") {
  const std::string text = refusal(with(R"("intermediate_size": 6144)", R"("intermediate_sise": 6144)"));
  CAPTURE(text);
  CHECK(text.find("/text_config") != std::string::npos);
  CHECK(text.find("intermediate_size") != std::string::npos);
  CHECK(text.find("intermediate_sise") != std::string::npos);
  CHECK(refusal(R"({"model_type": "qwen3_vl"})").find("vision_config") != std::string::npos);
  CHECK(refusal("[]") != "");
  CHECK(refusal(with(R"("text_config": {)", R"("text_config": 3, "other": {)")).find("/text_config") != std::string::npos);
}

TEST_CASE("qwen3_vl names: stored names become those of the model") {
  const auto rename = [](std::string name) {
    for (const auto& rule : nn::qwen3_vl_names())
      if (name.starts_with(rule.stored)) return rule.runtime + name.substr(rule.stored.size());
    return name;
  };
  CHECK(rename("model.language_model.layers.0.mlp.up_proj.weight") == "language_model.layers.0.mlp.up_proj.weight");
  CHECK(rename("model.visual.blocks.0.norm1.bias") == "visual.blocks.0.norm1.bias");
  CHECK(rename("lm_head.weight") == "lm_head.weight");
  CHECK(rename("qwen_vl_interface.model.model.visual.patch_embed.proj.weight") == "visual.patch_embed.proj.weight");
  CHECK(rename("qwen_vl_interface.model.lm_head.weight") == "lm_head.weight");
}
