// SPDX-License-Identifier: Apache-2.0
// Sizes of LeRobot's ACT, as config.json of its checkpoint gives them.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sinew/io/json_cursor.hpp"
#include "sinew/io/weights.hpp"
#include "sinew/nn/tensor_ops.hpp"

namespace sinew::nn {

/// Keys of LeRobot's ACTConfig (0.4.4); those that do not bear on the arithmetic of inference are ignored, those that do and have a value
/// that is not implemented are refused. `image_statistics` is ours: an object with `mean` and `std`, of R, G and B on [0, 1], for cameras
/// whose pixels come as they are.
struct ActConfig {
  struct Statistics {
    std::array<double, 3> mean{};
    std::array<double, 3> std{};
  };
  struct Camera {
    std::string name;  ///< "top" of "observation.images.top", "image" of "observation.image"
    std::int64_t height = 0;
    std::int64_t width = 0;
    std::optional<Statistics> statistics{};
  };
  std::vector<Camera> cameras;
  std::vector<std::int64_t> blocks;  ///< of the ResNet's four stages
  std::int64_t state_dim = 0;        ///< 0: none
  std::int64_t environment_dim = 0;  ///< 0: none
  std::int64_t action_dim = 0;
  std::int64_t horizon = 0;
  std::int64_t width = 0;
  std::int64_t heads = 0;
  std::int64_t feedforward = 0;
  std::int64_t encoder_layers = 0;
  std::int64_t decoder_layers = 0;
  bool pre_norm = false;
  Activation activation = Activation::relu;

  /// Throws Error at the place of the document.
  static ActConfig parse(const JsonCursor& document);
};

/// Names of LeRobot's checkpoints to those of the model.
[[nodiscard]] std::vector<NameRule> act_names();

/// Positions of a feature map `[height * width, dim]`: sines and cosines of the line, then of the column, counted from 1 and scaled to
/// 2 pi (LeRobot 0.4.4, ACTSinusoidalPositionEmbedding2d). `dim` is a multiple of 4.
[[nodiscard]] std::vector<float> sine_positions(std::int64_t height, std::int64_t width, std::int64_t dim);

}  // namespace sinew::nn
