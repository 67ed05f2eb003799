// SPDX-License-Identifier: Apache-2.0
#include "sinew/nn/heads/oft_config.hpp"

namespace sinew::nn {

OftConfig OftConfig::parse(const JsonCursor& document) {
  constexpr std::int64_t kMost = 1 << 20, kMostVocab = 1 << 24;  // beyond what any head has
  document.only_keys({"type", "context_width", "width", "blocks", "horizon", "action_dim", "placeholder"});
  if (document.at("type").text() != "oft") document.at("type").refuse("\"oft\"");
  return {.context_width = document.at("context_width").integer(1, kMost),
          .width = document.at("width").integer(1, kMost),
          .blocks = document.at("blocks").integer(0, 1024),
          .horizon = document.at("horizon").integer(1, 4096),
          .action_dim = document.at("action_dim").integer(1, 4096),
          .placeholder = document.at("placeholder").integer(0, kMostVocab)};
}

}  // namespace sinew::nn
