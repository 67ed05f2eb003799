// SPDX-License-Identifier: Apache-2.0
#include "sinew/nn/models/act_images.hpp"

#include <fmt/format.h>

#include "sinew/core/error.hpp"

namespace sinew::nn {

namespace {

[[noreturn]] void refuse(const ActConfig::Camera& camera, std::string_view expected, std::string_view got, std::string_view hint = "") {
  fail(ErrorCode::invalid_argument, {"act", fmt::format("input 'image.{}'", camera.name), expected, got, hint});
}

/// LeRobot's normaliser: (x - mean) / (std + 1e-8), in f32.
std::array<std::array<float, 256>, 3> table_of(const ActConfig::Statistics& statistics) {
  std::array<std::array<float, 256>, 3> table;
  for (std::size_t c = 0; c < 3; ++c)
    for (std::size_t level = 0; level < 256; ++level)
      table[c][level] =
          (static_cast<float>(level) / 255.0F - static_cast<float>(statistics.mean[c])) / (static_cast<float>(statistics.std[c]) + 1e-8F);
  return table;
}

}  // namespace

ActImages::ActImages(const ActConfig& config, const TensorSpecs& offered) {
  for (const auto& camera : config.cameras) {
    const TensorSpec* const spec = find_spec(offered, "image." + camera.name);
    const Shape planes{3, camera.height, camera.width}, levels{camera.height, camera.width, 3};
    const auto expected = fmt::format("f32 {} or u8 {}", to_string(planes), to_string(levels));
    if (spec == nullptr) refuse(camera, expected, "none", "the card's cameras have the names of the checkpoint's");
    const bool as_levels = spec->dtype == DType::u8 && spec->capacity == levels;
    if (!as_levels && !(spec->dtype == DType::f32 && spec->capacity == planes)) refuse(camera, expected, to_string(*spec));
    if (as_levels != camera.statistics.has_value())
      refuse(camera,
             as_levels ? "image_statistics of config.json for levels" : "levels, processor \"raw\", for image_statistics of config.json",
             to_string(*spec));
    specs_.push_back(*spec);
    pixels_.emplace_back(levels.count());
    levels_.push_back(as_levels ? table_of(*camera.statistics) : std::array<std::array<float, 256>, 3>{});
  }
}

std::span<const float> ActImages::read(const TensorMap& in, std::size_t i) {
  const auto& tensor = in[specs_[i].name];
  std::vector<float>& pixels = pixels_[i];
  const std::size_t plane = pixels.size() / 3;
  if (specs_[i].dtype == DType::u8) {
    const auto levels = tensor.as<std::uint8_t>();
    for (std::size_t p = 0; p < plane; ++p)
      for (std::size_t c = 0; c < 3; ++c) pixels[3 * p + c] = levels_[i][c][levels[3 * p + c]];
  } else {
    const auto planes = tensor.as<float>();
    for (std::size_t p = 0; p < plane; ++p)
      for (std::size_t c = 0; c < 3; ++c) pixels[3 * p + c] = planes[c * plane + p];
  }
  return pixels;
}

}  // namespace sinew::nn
