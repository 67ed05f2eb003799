// SPDX-License-Identifier: Apache-2.0
#include "sinew/nn/heads/robotnav_mlp_config.hpp"

namespace sinew::nn {

RobotNavConfig RobotNavConfig::parse(const JsonCursor& document) {
  document.only_keys({"type", "context_width", "hidden", "layers", "waypoints", "read"});
  if (document.at("type").text() != "robotnav_mlp") document.at("type").refuse("\"robotnav_mlp\"");
  return {.context_width = document.at("context_width").integer(1, 1 << 20),
          .hidden = document.at("hidden").integer(1, 1 << 20),
          .layers = document.at("layers").integer(2, 64),
          .waypoints = document.at("waypoints").integer(1, 4096),
          .read = static_cast<TokenReading>(document.at("read").one_of({"last", "mean"}))};
}

}  // namespace sinew::nn
