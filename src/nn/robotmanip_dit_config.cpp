// SPDX-License-Identifier: Apache-2.0
#include "sinew/nn/heads/robotmanip_dit_config.hpp"

namespace sinew::nn {

namespace {

constexpr std::int64_t kMost = 1 << 20;  // beyond what any head has; products of two fit into 63 bits

/// Different canonical columns.
std::vector<std::int64_t> read_columns(const JsonCursor& list) {
  std::vector<std::int64_t> columns;
  std::array<bool, RobotManipConfig::kDim> taken{};
  for (const JsonCursor& element : list.elements()) {
    const std::int64_t column = element.integer(0, RobotManipConfig::kDim - 1);
    if (taken[static_cast<std::size_t>(column)]) element.refuse("a column that is not listed already");
    taken[static_cast<std::size_t>(column)] = true;
    columns.push_back(column);
  }
  return columns;
}

template <class Read>
std::array<std::int64_t, 2> read_pair(const JsonCursor& list, const Read& read) {
  const auto elements = list.elements();
  if (elements.size() != 2) list.refuse("two: of the left and the right end effector");
  return {read(elements[0]), read(elements[1])};
}

void require_fit(const JsonCursor& document, const RobotManipConfig& config) {
  if (config.width % config.heads != 0) document.at("heads").refuse("a divisor of width");
  const std::int64_t dim = config.width / config.heads;
  if (config.camera_dims % 4 != 0 || config.camera_dims > dim || (dim - config.camera_dims) % 2 != 0)
    document.at("camera_dims").refuse("a multiple of four, up to the width of a head, that leaves an even number");
  if (!(config.rope_theta >= 1 && config.rope_theta <= 1e12)) document.at("rope_theta").refuse("1 to 1e12");
  const bool context = config.context_chunks > 0;
  if (context != (config.context_steps > 0) || context != (config.context_tokens > 0))
    document.at("context_chunks").refuse("above 0 together with context_steps and context_tokens");
}

}  // namespace

RobotManipConfig RobotManipConfig::parse(const JsonCursor& document) {
  document.only_keys({"type",           "width",         "heads",         "layers",      "context_width", "mlp_width",
                      "queries",        "horizon",       "steps",         "camera_dims", "rope_theta",    "rotate_values",
                      "gates",          "state",         "state_columns", "columns",     "end_effectors", "reference_cameras",
                      "context_chunks", "context_steps", "context_tokens"});
  if (document.at("type").text() != "robotmanip_dit") document.at("type").refuse("\"robotmanip_dit\"");
  const auto size = [&](std::string_view key, std::int64_t least = 1, std::int64_t most = kMost) {
    return document.at(key).integer(least, most);
  };
  const auto code = [](const JsonCursor& name) {
    return static_cast<std::int64_t>(name.one_of({"single_arm", "dual_left", "dual_right", "egocentric_head", "mobile_base"}));
  };
  const RobotManipConfig config{
      .width = size("width"),
      .heads = size("heads"),
      .layers = size("layers", 1, 1024),
      .context_width = size("context_width"),
      .mlp_width = size("mlp_width"),
      .queries = size("queries", 0, 4096),
      .horizon = size("horizon", 1, 4096),
      .steps = size("steps", 1, 100),
      .camera_dims = size("camera_dims", 0),
      .rope_theta = document.at("rope_theta").number(),
      .rotate_values = document.at("rotate_values").boolean(),
      .gates = document.at("gates").boolean(),
      .state = document.at("state").boolean(),
      .state_columns = read_columns(document.at("state_columns")),
      .columns = read_columns(document.at("columns")),
      .end_effectors = read_pair(document.at("end_effectors"), code),
      .reference_cameras = read_pair(document.at("reference_cameras"), [](const JsonCursor& camera) { return camera.integer(0, 63); }),
      .context_chunks = size("context_chunks", 0, 256),
      .context_steps = size("context_steps", 0, 4096),
      .context_tokens = size("context_tokens", 0, 4096)};
  require_fit(document, config);
  return config;
}

}  // namespace sinew::nn
