// SPDX-License-Identifier: Apache-2.0
#include "sinew/nn/models/act_config.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string_view>

namespace sinew::nn {

namespace {

constexpr std::int64_t kMostWidth = 1 << 16, kMostLayers = 1024, kMostSide = 8192;
constexpr std::string_view kCameras = "observation.images.", kObservation = "observation.";

std::int64_t size(const JsonCursor& at, std::string_view key, std::int64_t most) { return at.at(key).integer(1, most); }

/// The only size of a vector.
std::int64_t length(const JsonCursor& feature) {
  const auto sizes = feature.at("shape").elements();
  if (sizes.size() != 1) feature.at("shape").refuse("one size");
  return sizes[0].integer(1, kMostWidth);
}

std::array<double, 3> three(const JsonCursor& at) {
  const auto values = at.numbers();
  if (values.size() != 3) at.refuse("three numbers, of R, G and B");
  return {values[0], values[1], values[2]};
}

ActConfig::Camera parse_camera(const std::string& key, const JsonCursor& feature) {
  const auto sizes = feature.at("shape").elements();
  if (sizes.size() != 3 || sizes[0].integer() != 3) feature.at("shape").refuse("[3, height, width]");
  std::string name = key;
  for (const std::string_view prefix : {kCameras, kObservation})
    if (key.starts_with(prefix) && key.size() > prefix.size()) {
      name = key.substr(prefix.size());
      break;
    }
  return {.name = name, .height = sizes[1].integer(1, kMostSide), .width = sizes[2].integer(1, kMostSide)};
}

void parse_inputs(const JsonCursor& features, ActConfig& config) {
  for (const auto& [key, feature] : features.members()) switch (feature.at("type").one_of({"VISUAL", "STATE", "ENV"})) {
      case 0: config.cameras.push_back(parse_camera(key, feature)); break;
      case 1:
        if (key != "observation.state") feature.refuse("no state but \"observation.state\"", "LeRobot's ACT reads no other");
        config.state_dim = length(feature);
        break;
      default:
        if (config.environment_dim > 0) feature.refuse("one environment state");
        config.environment_dim = length(feature);
    }
  for (std::size_t i = 1; i < config.cameras.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      if (config.cameras[i].name == config.cameras[j].name) features.refuse("cameras with names of their own");
  if (config.cameras.empty() && config.environment_dim == 0) features.refuse("at least one camera or an environment state");
}

void parse_statistics(const JsonCursor& all, ActConfig& config) {
  for (const auto& [name, entry] : all.members()) {
    const auto camera = std::ranges::find(config.cameras, name, &ActConfig::Camera::name);
    if (camera == config.cameras.end()) entry.refuse("cameras among the input features");
    entry.only_keys({"mean", "std"});
    camera->statistics = {.mean = three(entry.at("mean")), .std = three(entry.at("std"))};
    if (std::ranges::any_of(camera->statistics->std, [](double value) { return value <= 0; })) entry.at("std").refuse("numbers above 0");
  }
}

std::vector<std::int64_t> parse_backbone(const JsonCursor& document) {
  const JsonCursor name = document.at("vision_backbone");
  if (const auto dilated = document.optional("replace_final_stride_with_dilation"))
    if (dilated->value().as_boolean() != nullptr ? dilated->boolean() : dilated->integer() != 0)
      dilated->refuse("false", "torchvision refuses it for ResNets of basic blocks");
  if (name.text() == "resnet18") return {2, 2, 2, 2};
  if (name.text() == "resnet34") return {3, 4, 6, 3};
  name.refuse("\"resnet18\" or \"resnet34\"", "nothing else is implemented");
}

}  // namespace

ActConfig ActConfig::parse(const JsonCursor& document) {
  if (document.at("type").text() != "act") document.at("type").refuse("\"act\"");
  ActConfig config;
  if (const auto steps = document.optional("n_obs_steps"); steps && steps->integer() != 1) steps->refuse("1", "as LeRobot's ACT has it");
  parse_inputs(document.at("input_features"), config);
  for (const auto& [key, feature] : document.at("output_features").members()) {
    if (key != "action") feature.refuse("no output but \"action\"");
    config.action_dim = length(feature);
  }
  if (config.action_dim == 0) document.at("output_features").refuse("an \"action\"");
  if (!config.cameras.empty()) config.blocks = parse_backbone(document);
  if (const auto statistics = document.optional("image_statistics")) parse_statistics(*statistics, config);
  config.horizon = size(document, "chunk_size", 4096);
  config.width = size(document, "dim_model", kMostWidth);
  config.heads = size(document, "n_heads", kMostWidth);
  config.feedforward = size(document, "dim_feedforward", kMostWidth);
  config.encoder_layers = size(document, "n_encoder_layers", kMostLayers);
  config.decoder_layers = size(document, "n_decoder_layers", kMostLayers);
  config.pre_norm = document.at("pre_norm").boolean();
  const JsonCursor activation = document.at("feedforward_activation");
  if (activation.text() != "relu" && activation.text() != "gelu")
    activation.refuse("\"relu\" or \"gelu\"", "\"glu\" halves what the next layer reads: no such model can run");
  config.activation = activation.text() == "relu" ? Activation::relu : Activation::gelu;
  if (config.width % config.heads != 0) document.at("n_heads").refuse("a divisor of dim_model");
  if (config.width % 4 != 0) document.at("dim_model").refuse("a multiple of 4, for sines and cosines of lines and columns");
  return config;
}

std::vector<NameRule> act_names() { return {{"model.", ""}}; }

std::vector<float> sine_positions(std::int64_t height, std::int64_t width, std::int64_t dim) {
  const std::int64_t half = dim / 2;
  std::vector<float> frequencies;  // inverse
  for (std::int64_t j = 0; j < half; ++j)
    frequencies.push_back(static_cast<float>(std::pow(10000.0, static_cast<float>(2 * (j / 2)) / static_cast<float>(half))));
  // In f32, as the reference.
  const auto wave = [&](std::int64_t place, std::int64_t places, std::int64_t j) {
    constexpr auto kTurn = static_cast<float>(2 * std::numbers::pi);
    const float scaled = static_cast<float>(place + 1) / (static_cast<float>(places) + 1e-6F) * kTurn;
    const double angle = static_cast<double>(scaled / frequencies[static_cast<std::size_t>(j)]);
    return static_cast<float>(j % 2 == 0 ? std::sin(angle) : std::cos(angle));
  };
  std::vector<float> table;
  table.reserve(static_cast<std::size_t>(height * width * dim));
  for (std::int64_t y = 0; y < height; ++y)
    for (std::int64_t x = 0; x < width; ++x)
      for (std::int64_t j = 0; j < dim; ++j) table.push_back(j < half ? wave(y, height, j) : wave(x, width, j - half));
  return table;
}

}  // namespace sinew::nn
