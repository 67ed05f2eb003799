// SPDX-License-Identifier: Apache-2.0
#include "sinew/nn/models/qwen2_5_vl_config.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

#include "sinew/core/error.hpp"

using namespace sinew;
using nn::Qwen2_5VlConfig;

namespace {

constexpr std::string_view kVision = R"("vision_config": {"depth": 32, "hidden_act": "silu", "hidden_size": 1280, "intermediate_size": 3420,
    "num_heads": 16, "in_chans": 3, "out_hidden_size": 2048, "patch_size": 14, "spatial_merge_size": 2, "spatial_patch_size": 14,
    "window_size": 112, "fullatt_block_indexes": [7, 15, 23, 31], "tokens_per_second": 2, "temporal_patch_size": 2})";
constexpr std::string_view kSizes = R"("hidden_act": "silu", "hidden_size": 2048, "intermediate_size": 11008, "max_window_layers": 70,
    "num_attention_heads": 16, "num_hidden_layers": 36, "num_key_value_heads": 2, "rms_norm_eps": 1e-06, "sliding_window": 32768,
    "use_sliding_window": false, "vocab_size": 151936)";

/// As the published directory of Qwen2.5-VL-3B has it: one level.
std::string published() {
  return std::string(R"({"architectures": ["Qwen2_5_VLForConditionalGeneration"], "model_type": "qwen2_5_vl", "image_token_id": 151655, )"
                     R"("rope_theta": 1000000.0, "rope_scaling": {"type": "mrope", "mrope_section": [16, 24, 24]}, )") +
         std::string(kSizes) + R"(, "tie_word_embeddings": true, )" + std::string(kVision) + "}";
}

/// As transformers 5 writes it.
std::string fresh() {
  return std::string(R"({"model_type": "qwen2_5_vl", "image_token_id": 151655, "tie_word_embeddings": true, "text_config": {)") +
         std::string(kSizes) +
         R"(, "layer_types": ["full_attention", "full_attention"], "rope_parameters": {"mrope_section": [16, 24, 24], )"
         R"("rope_theta": 1000000.0, "rope_type": "default"}}, )" +
         std::string(kVision) + "}";
}

/// The document with the first `from` replaced by `to`.
std::string with(std::string text, std::string_view from, std::string_view to) {
  const auto at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

Qwen2_5VlConfig parse(const std::string& text) {
  const Json document = Json::parse(text, "config.json");
  return Qwen2_5VlConfig::parse(JsonCursor(document, "config.json"));
}

void check_refused(const std::string& document, std::string_view place) {
  std::string text;
  try {
    (void)parse(document);
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::parse);
    text = error.what();
  }
  CAPTURE(text);
  CAPTURE(place);
  CHECK(text.find(std::string(place) + "]") != std::string::npos);
}

}  // namespace

TEST_CASE("qwen2_5_vl config: both forms say the same") {
  for (const auto& text : {published(), fresh()}) {
    const auto config = parse(text);
    CHECK(config.image_token == 151655);
    CHECK(config.text.layers == 36);
    CHECK(config.text.hidden == 2048);
    CHECK(config.text.intermediate == 11008);
    CHECK(config.text.heads == 16);
    CHECK(config.text.kv_heads == 2);
    CHECK(config.text.head_dim == 128);
    CHECK(config.text.vocab == 151936);
    CHECK(config.text.eps == 1e-6F);
    CHECK(config.text.rope_theta == 1e6);
    CHECK(config.text.rope_sections == std::vector<std::int64_t>{16, 24, 24});
    CHECK(config.text.form.sections == nn::SectionLayout::chunked);
    CHECK(config.text.form.qkv_bias);
    CHECK_FALSE(config.text.form.qk_norm);
    CHECK(config.text.tied);
    CHECK(config.vision.depth == 32);
    CHECK(config.vision.hidden == 1280);
    CHECK(config.vision.intermediate == 3420);
    CHECK(config.vision.heads == 16);
    CHECK(config.vision.out_hidden == 2048);
    CHECK(config.vision.patch == 14);
    CHECK(config.vision.temporal_patch == 2);
    CHECK(config.vision.merge == 2);
    CHECK(config.vision.window == 4);
    CHECK(config.vision.full_attention == std::vector<std::int64_t>{7, 15, 23, 31});
  }
}

TEST_CASE("qwen2_5_vl config: what may be left out, and what it is then") {
  CHECK(parse(with(published(), R"("rms_norm_eps": 1e-06, )", "")).text.eps == 1e-5F);
  CHECK(parse(with(published(), R"("num_key_value_heads": 2, )", "")).text.kv_heads == 16);
  CHECK(parse(with(published(), R"("use_sliding_window": false)", R"("use_sliding_window": null)")).text.layers == 36);
  CHECK_FALSE(parse(with(published(), R"("tie_word_embeddings": true, )", "")).text.tied);
  CHECK(parse(with(fresh(), R"("rope_type": "default")", R"("rope_type": "mrope")")).text.rope_theta == 1e6);
  // Where the flag stands twice, either ties.
  std::string inner = with(fresh(), R"("tie_word_embeddings": true, )", "");
  inner = with(inner, R"("text_config": {)", R"("text_config": {"tie_word_embeddings": true, )");
  CHECK(parse(inner).text.tied);
  CHECK(parse(with(inner, R"("image_token_id")", R"("tie_word_embeddings": false, "image_token_id")")).text.tied);
  // A window that is no multiple of a token's pixels holds the whole tokens; blocks that do not exist are nobody's.
  CHECK(parse(with(published(), R"("window_size": 112)", R"("window_size": 111)")).vision.window == 3);
  CHECK(parse(with(published(), R"("depth": 32)", R"("depth": 8)")).vision.full_attention.size() == 4);
}

TEST_CASE("qwen2_5_vl config: sizes that no model has, or that do not fit, are refused where they stand") {
  check_refused(with(published(), R"("num_hidden_layers": 36)", R"("num_hidden_layers": 1025)"), "/num_hidden_layers");
  check_refused(with(fresh(), R"("num_hidden_layers": 36)", R"("num_hidden_layers": 1025)"), "/text_config/num_hidden_layers");
  check_refused(with(published(), R"("num_attention_heads": 16)", R"("head_dim": 128, "num_attention_heads": 8)"), "/num_attention_heads");
  check_refused(with(fresh(), R"("num_key_value_heads": 2)", R"("num_key_value_heads": 3)"), "/text_config/num_key_value_heads");
  check_refused(with(published(), R"("depth": 32)", R"("depth": 0)"), "/vision_config/depth");
  check_refused(with(published(), R"("num_heads": 16)", R"("num_heads": 512)"), "/vision_config/num_heads");
  check_refused(with(published(), R"("out_hidden_size": 2048)", R"("out_hidden_size": 3584)"), "/vision_config/out_hidden_size");
  check_refused(with(published(), R"("patch_size": 14)", R"("patch_size": 257)"), "/vision_config/patch_size");
  for (const char* size : {"0", "27", "-112", "1048577", "112.0", "null"})
    check_refused(with(published(), R"("window_size": 112)", std::string(R"("window_size": )") + size), "/vision_config/window_size");
  check_refused(with(published(), "[7, 15, 23, 31]", "[7, -1]"), "/vision_config/fullatt_block_indexes/1");
  check_refused(with(published(), "[7, 15, 23, 31]", "[1025]"), "/vision_config/fullatt_block_indexes/0");
  check_refused(with(published(), "[16, 24, 24]", "[16, 24, 25]"), "/rope_scaling/mrope_section");
  check_refused(with(fresh(), "[16, 24, 24]", "[16, 24]"), "/text_config/rope_parameters/mrope_section");
  check_refused(with(published(), R"("image_token_id": 151655)", R"("image_token_id": 151936)"), "/image_token_id");
}

TEST_CASE("qwen2_5_vl config: another arithmetic is refused") {
  check_refused(with(published(), R"("qwen2_5_vl")", R"("qwen2_vl")"), "/model_type");
  check_refused(with(published(), R"("type": "mrope")", R"("type": "yarn")"), "/rope_scaling/type");
  check_refused(with(fresh(), R"("rope_type": "default")", R"("rope_type": "default", "mrope_interleaved": true)"),
                "/text_config/rope_parameters/mrope_interleaved");
  check_refused(with(published(), R"("use_sliding_window": false)", R"("use_sliding_window": true)"), "/use_sliding_window");
  check_refused(with(fresh(), R"(["full_attention", "full_attention"])", R"(["full_attention", "sliding_attention"])"),
                "/text_config/layer_types/1");
  check_refused(with(published(), R"("hidden_act": "silu", "hidden_size": 2048)", R"("hidden_act": "gelu", "hidden_size": 2048)"),
                "/hidden_act");
  check_refused(with(published(), R"("hidden_act": "silu", "hidden_size": 1280)", R"("hidden_act": "gelu", "hidden_size": 1280)"),
                "/vision_config/hidden_act");
  check_refused(with(published(), R"("in_chans": 3)", R"("in_chans": 1)"), "/vision_config/in_chans");
  check_refused(with(published(), R"("in_chans": 3)", R"("rope_parameters": {"rope_type": "axial", "rope_theta": 100})"),
                "/vision_config/rope_parameters/rope_theta");
  check_refused(with(published(), R"("in_chans": 3)", R"("rope_parameters": {"rope_type": "default"})"),
                "/vision_config/rope_parameters/rope_type");
  // What must be said is named where it is missing.
  check_refused(with(published(), R"("rope_theta": 1000000.0, )", ""), "");
  check_refused(with(published(), R"("window_size": 112, )", ""), "/vision_config");
  check_refused(with(published(), R"("fullatt_block_indexes": [7, 15, 23, 31], )", ""), "/vision_config");
}

TEST_CASE("qwen2_5_vl names: stored names of both kinds become those of the model") {
  const auto rename = [](std::string name) {
    for (const auto& rule : nn::qwen2_5_vl_names())
      if (name.starts_with(rule.stored)) return rule.runtime + name.substr(rule.stored.size());
    return name;
  };
  for (const std::string prefix : {"", "qwen_vl_interface.model."}) {
    CAPTURE(prefix);
    CHECK(rename(prefix + "model.language_model.layers.0.mlp.up_proj.weight") == "language_model.layers.0.mlp.up_proj.weight");
    CHECK(rename(prefix + "model.layers.0.mlp.up_proj.weight") == "language_model.layers.0.mlp.up_proj.weight");
    CHECK(rename(prefix + "model.embed_tokens.weight") == "language_model.embed_tokens.weight");
    CHECK(rename(prefix + "model.norm.weight") == "language_model.norm.weight");
    CHECK(rename(prefix + "model.visual.merger.ln_q.weight") == "visual.merger.ln_q.weight");
    CHECK(rename(prefix + "visual.merger.ln_q.weight") == "visual.merger.ln_q.weight");
    CHECK(rename(prefix + "lm_head.weight") == "lm_head.weight");
  }
  CHECK(rename("action_model.model.x") == "action_model.model.x");
}
