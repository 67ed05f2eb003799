// SPDX-License-Identifier: Apache-2.0
#include "sinew/nn/heads/layerwise_dit_config.hpp"

namespace sinew::nn {

LayerwiseDitConfig LayerwiseDitConfig::parse(const JsonCursor& document) {
  document.only_keys({"type", "width", "heads", "layers", "context_width", "mlp_width", "future_tokens", "horizon", "action_dim",
                      "state_dim", "positions", "steps", "buckets", "interleave_self_attention", "realtime"});
  if (document.at("type").text() != "layerwise_dit") document.at("type").refuse("\"layerwise_dit\"");
  LayerwiseDitConfig config{.dit = FlowDitConfig::shared(document), .realtime = RealtimeConfig::parse(document.at("realtime"))};
  config.context_width = config.dit.context_width;
  config.dit.context_width = config.dit.width;
  return config;
}

}  // namespace sinew::nn
