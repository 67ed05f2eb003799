// SPDX-License-Identifier: Apache-2.0
#include "sinew/nn/models/qwen3_5_config.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

#include "sinew/core/error.hpp"

using namespace sinew;
using nn::Qwen35Config;

namespace {

// As transformers 5 writes it, with its default sizes; five layers.
constexpr std::string_view kNew = R"({
  "architectures": ["Qwen3_5ForConditionalGeneration"], "model_type": "qwen3_5", "image_token_id": 248056, "tie_word_embeddings": false,
  "text_config": {"attention_bias": false, "head_dim": 256, "hidden_act": "silu", "hidden_size": 4096, "intermediate_size": 12288,
    "layer_types": ["linear_attention", "linear_attention", "linear_attention", "full_attention", "linear_attention"],
    "linear_conv_kernel_dim": 4, "linear_key_head_dim": 128, "linear_num_key_heads": 16, "linear_num_value_heads": 32,
    "linear_value_head_dim": 64, "num_attention_heads": 16, "num_hidden_layers": 5, "num_key_value_heads": 4, "rms_norm_eps": 1e-06,
    "vocab_size": 248320, "partial_rotary_factor": 0.25,
    "rope_parameters": {"mrope_interleaved": true, "mrope_section": [11, 11, 10], "partial_rotary_factor": 0.25, "rope_theta": 10000000,
      "rope_type": "default"}},
  "vision_config": {"depth": 27, "hidden_act": "gelu_pytorch_tanh", "hidden_size": 1152, "intermediate_size": 4304, "num_heads": 16,
    "num_position_embeddings": 2304, "out_hidden_size": 4096, "patch_size": 16, "spatial_merge_size": 2, "temporal_patch_size": 2}
})";

/// The document with the first `from` replaced by `to`.
std::string with(std::string text, std::string_view from, std::string_view to) {
  const auto at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}
std::string with(std::string_view from, std::string_view to) { return with(std::string(kNew), from, to); }

Qwen35Config parse(const std::string& text) {
  const Json document = Json::parse(text, "config.json");
  return Qwen35Config::parse(JsonCursor(document, "config.json"));
}

void check_refused(const std::string& document, std::string_view place) {
  try {
    (void)parse(document);
    FAIL_CHECK(std::string(place));
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::parse);
    CAPTURE(std::string(error.what()));
    CHECK(std::string_view(error.what()).find(place) != std::string_view::npos);
  }
}
void check_refused(std::string_view from, std::string_view to, std::string_view place) {
  CAPTURE(std::string(to));
  check_refused(with(from, to), place);
}

constexpr std::string_view kTypes =
    R"("layer_types": ["linear_attention", "linear_attention", "linear_attention", "full_attention", "linear_attention"],)";

}  // namespace

TEST_CASE("qwen3_5 config: the form of transformers 5") {
  const auto config = parse(std::string(kNew));
  CHECK(config.image_token == 248056);
  CHECK(config.text.layers == 5);
  CHECK(config.text.hidden == 4096);
  CHECK(config.text.heads == 16);
  CHECK(config.text.kv_heads == 4);
  CHECK(config.text.head_dim == 256);
  CHECK(config.text.rope_theta == 1e7);
  CHECK(config.text.rope_sections == std::vector<std::int64_t>{11, 11, 10});
  CHECK_FALSE(config.text.tied);
  CHECK(config.rotary == 64);
  CHECK(config.attends == std::vector<std::uint8_t>{0, 0, 0, 1, 0});
  CHECK(config.linear.key_heads == 16);
  CHECK(config.linear.heads == 32);
  CHECK(config.linear.key_dim == 128);
  CHECK(config.linear.dim == 64);
  CHECK(config.linear.taps == 4);
  CHECK(config.vision.depth == 27);
  CHECK(config.vision.deepstack.empty());
}

TEST_CASE("qwen3_5 config: layers by interval where there is no list") {
  CHECK(parse(with(kTypes, "")).attends == std::vector<std::uint8_t>{0, 0, 0, 1, 0});
  CHECK(parse(with(kTypes, R"("layer_types": null,)")).attends == std::vector<std::uint8_t>{0, 0, 0, 1, 0});
  CHECK(parse(with(kTypes, R"("full_attention_interval": 2,)")).attends == std::vector<std::uint8_t>{0, 1, 0, 1, 0});
  CHECK(parse(with(kTypes, R"("full_attention_interval": 1,)")).attends == std::vector<std::uint8_t>{1, 1, 1, 1, 1});
  check_refused(kTypes, R"("full_attention_interval": 0,)", "/text_config/full_attention_interval");
  check_refused(R"("linear_attention"])", R"("linear_attention", "linear_attention"])", "/text_config/layer_types");
  check_refused(R"("full_attention")", R"("sliding_attention")", "/text_config/layer_types/3");
  check_refused(R"("num_hidden_layers": 5)", R"("num_hidden_layers": 6)", "/text_config/layer_types");
}

TEST_CASE("qwen3_5 config: the share of a head that turns") {
  constexpr std::string_view kInner = R"("partial_rotary_factor": 0.25, "rope_theta")", kOuter = R"("partial_rotary_factor": 0.25,)";
  // That of the rotary parameters wins; without it that of the text model; without either a quarter.
  const std::string none = with(with(kInner, R"("rope_theta")"), kOuter, "");
  CHECK(parse(none).rotary == 64);
  const std::string half = with(with(with(kInner, R"("rope_theta")"), "0.25", "0.5"), "[11, 11, 10]", "[22, 22, 20]");
  CHECK(parse(half).rotary == 128);
  CHECK(parse(with(half, R"("rope_theta")", R"("partial_rotary_factor": 0.5, "rope_theta")")).rotary == 128);
  check_refused(with(half, "[22, 22, 20]", "[11, 11, 10]"), "/text_config/rope_parameters/mrope_section");
  for (const char* factor : {"0", "-0.25", "1.5", "\"0.25\"", "0.001"})
    check_refused(kInner, std::string(R"("partial_rotary_factor": )") + factor + R"(, "rope_theta")",
                  "/text_config/rope_parameters/partial_rotary_factor");
  check_refused(with(none, R"("head_dim": 256)", R"("head_dim": 252)"), "/text_config/head_dim");
}

TEST_CASE("qwen3_5 config: sizes that no model has, or that do not fit") {
  for (const char* key : {"linear_num_key_heads\": 16", "linear_num_value_heads\": 32", "linear_key_head_dim\": 128",
                          "linear_value_head_dim\": 64", "linear_conv_kernel_dim\": 4", "head_dim\": 256"}) {
    const std::string whole = std::string("\"") + key, name = whole.substr(0, whole.find(' '));
    const std::string place = "/text_config/" + name.substr(1, name.size() - 3);
    for (const char* value : {" 0", " -1", " 1048577", " 1.5", " null", " \"4\""}) check_refused(whole, name + value, place);
  }
  check_refused(R"("linear_num_value_heads": 32)", R"("linear_num_value_heads": 24)", "/text_config/linear_num_value_heads");
  check_refused(R"("linear_num_key_heads": 16)", R"("linear_num_key_heads": 64)", "/text_config/linear_num_value_heads");
  check_refused(R"("linear_conv_kernel_dim": 4)", R"("linear_conv_kernel_dim": 1)", "/text_config/linear_conv_kernel_dim");
  check_refused(R"("linear_conv_kernel_dim": 4)", R"("linear_conv_kernel_dim": 17)", "/text_config/linear_conv_kernel_dim");
  check_refused(R"("out_hidden_size": 4096)", R"("out_hidden_size": 4097)", "/vision_config/out_hidden_size");
  check_refused(R"("image_token_id": 248056)", R"("image_token_id": 248320)", "/image_token_id");
}

TEST_CASE("qwen3_5 config: another arithmetic is refused") {
  check_refused(R"("model_type": "qwen3_5")", R"("model_type": "qwen3_5_moe")", "/model_type");
  check_refused(R"("hidden_act": "silu")", R"("hidden_act": "gelu")", "/text_config/hidden_act");
  check_refused(R"("attention_bias": false)", R"("attention_bias": true)", "/text_config/attention_bias");
  check_refused(R"("head_dim": 256)", R"("attn_output_gate": false, "head_dim": 256)", "/text_config/attn_output_gate");
  check_refused(R"("rope_type": "default")", R"("rope_type": "yarn")", "/text_config/rope_parameters/rope_type");
  check_refused(R"("depth": 27)", R"("deepstack_visual_indexes": [5], "depth": 27)", "/vision_config/deepstack_visual_indexes");
  CHECK(parse(with(R"("depth": 27)", R"("deepstack_visual_indexes": [], "depth": 27)")).vision.deepstack.empty());
}

TEST_CASE("qwen3_5 config: a key that is missing is named") {
  for (const char* key : {"linear_num_key_heads", "linear_num_value_heads", "linear_key_head_dim", "linear_value_head_dim",
                          "linear_conv_kernel_dim", "head_dim", "rope_parameters"})
    check_refused(std::string("\"") + key + "\"", "\"another\"", key == std::string_view("rope_parameters") ? "rope_scaling" : key);
}
