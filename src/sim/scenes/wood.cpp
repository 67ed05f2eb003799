// SPDX-License-Identifier: Apache-2.0
// Planks: a tone for each, grain from noise stretched along it, a thin dark joint between two.
#include "wood.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "sinew/core/random.hpp"

namespace sinew::sim {

namespace {

constexpr int kPlanks = 6;
constexpr double kLaminate = 235;  // of 255
constexpr double kMottle = 14;
constexpr std::array<double, 3> kLight{203, 167, 122};
constexpr std::array<double, 3> kDark{150, 110, 72};

double lattice(std::int64_t x, std::int64_t y) noexcept {
  return Random(static_cast<std::uint64_t>(x) * 0x9E3779B97F4A7C15ULL ^ (static_cast<std::uint64_t>(y) * 0xC2B2AE3D27D4EB4FULL))
      .uniform(0, 1);
}

/// Value noise in [0, 1).
double noise(double x, double y) noexcept {
  const auto ix = static_cast<std::int64_t>(std::floor(x));
  const auto iy = static_cast<std::int64_t>(std::floor(y));
  const auto smooth = [](double t) { return t * t * (3 - 2 * t); };
  const double u = smooth(x - static_cast<double>(ix));
  const double v = smooth(y - static_cast<double>(iy));
  return std::lerp(std::lerp(lattice(ix, iy), lattice(ix + 1, iy), u), std::lerp(lattice(ix, iy + 1), lattice(ix + 1, iy + 1), u), v);
}

}  // namespace

void paint_wood(std::span<std::uint8_t> pixels, int width) {
  const int height = static_cast<int>(pixels.size()) / (3 * width);
  for (int y = 0; y < height; ++y) {
    const double across = static_cast<double>(y) / height * kPlanks;
    const int plank = static_cast<int>(across);
    const double edge = std::min(across - plank, plank + 1 - across) * height / kPlanks;  // pixels to the next joint
    for (int x = 0; x < width; ++x) {
      const double along = static_cast<double>(x) / width;
      const double bend = noise(along * 3 + 17 * plank, across * 1.5);
      const double rings = 0.5 + 0.5 * std::sin(24 * (across + 0.9 * bend) + 2 * plank);
      const double fibre = noise(along * 14 + 31 * plank, across * 70);
      double dark = 0.16 * lattice(plank, 7) + 0.34 * rings * bend + 0.30 * fibre;
      if (edge < 1) dark = 0.95;
      for (std::size_t c = 0; c < 3; ++c)
        pixels[(static_cast<std::size_t>(y) * width + x) * 3 + c] =
            static_cast<std::uint8_t>(std::lerp(kLight[c], kDark[c], std::clamp(dark, 0.0, 1.0)));
    }
  }
}

void paint_laminate(std::span<std::uint8_t> pixels, int width) {
  const int height = static_cast<int>(pixels.size()) / (3 * width);
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x) {
      const double spots = noise(x * 0.06, y * 0.06) + 0.5 * noise(x * 0.3 + 50, y * 0.3);
      const auto grey = static_cast<std::uint8_t>(kLaminate + kMottle * (spots - 0.75));
      std::fill_n(pixels.begin() + (static_cast<std::ptrdiff_t>(y) * width + x) * 3, 3, grey);
    }
}

}  // namespace sinew::sim
