// SPDX-License-Identifier: Apache-2.0
#include "sinew/nn/heads/qwen_vla_dit_config.hpp"

namespace sinew::nn {

namespace {

constexpr std::int64_t kMost = 1 << 20;  // beyond what any head has; products of two fit into 63 bits

std::vector<std::int64_t> read_sections(const JsonCursor& list, std::int64_t rotary) {
  std::vector<std::int64_t> sections;
  std::int64_t sum = 0;
  for (const JsonCursor& element : list.elements()) {
    sections.push_back(element.integer(0, kMost));
    sum += sections.back();
  }
  if (sections.size() != 3 || sum != rotary / 2) list.refuse("three numbers that add up to half of rotary_dim");
  return sections;
}

}  // namespace

QwenVlaConfig QwenVlaConfig::parse(const JsonCursor& document) {
  document.only_keys({"type", "width", "heads", "layers", "context_width", "mlp_width", "horizon", "action_dim", "rows", "channels",
                      "steps", "rotary_dim", "mrope_section", "rope_theta", "qk_norm", "joint"});
  if (document.at("type").text() != "qwen_vla_dit") document.at("type").refuse("\"qwen_vla_dit\"");
  const auto size = [&](std::string_view key, std::int64_t least = 1, std::int64_t most = kMost) {
    return document.at(key).integer(least, most);
  };
  QwenVlaConfig config{.width = size("width"),
                       .heads = size("heads"),
                       .layers = size("layers", 1, 1024),
                       .context_width = size("context_width"),
                       .mlp_width = size("mlp_width"),
                       .horizon = size("horizon", 1, 4096),
                       .action_dim = size("action_dim", 1, 4096),
                       .steps = size("steps", 1, 100),
                       .rope_theta = document.at("rope_theta").number(),
                       .qk_norm = document.at("qk_norm").boolean(),
                       .joint = document.at("joint").boolean()};
  if (config.width % config.heads != 0) document.at("heads").refuse("a divisor of width");
  config.rows = size("rows", 1, config.horizon);
  config.channels = size("channels", 1, config.action_dim);
  config.rotary_dim = size("rotary_dim", 2, config.width / config.heads);
  if (config.rotary_dim % 2 != 0) document.at("rotary_dim").refuse("an even number");
  config.mrope_section = read_sections(document.at("mrope_section"), config.rotary_dim);
  if (!(config.rope_theta >= 1 && config.rope_theta <= 1e12)) document.at("rope_theta").refuse("1 to 1e12");
  return config;
}

}  // namespace sinew::nn
