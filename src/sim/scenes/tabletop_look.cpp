// SPDX-License-Identifier: Apache-2.0
// Random looks.
#include "sinew/sim/scenes/tabletop_look.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "colours.hpp"
#include "sinew/core/random.hpp"

namespace sinew::sim {

namespace {

constexpr double kAimDistance = 0.946;  // along the front camera's axis to the table, m
constexpr double kFrontTurn = 0.012;    // besides aiming, rad
constexpr double kWristTurn = 0.02;
// The table against each cube and plate: distance of the colours, and cosine between them for those that are not white,
// so that a shaded side of a cube cannot be taken for the table either.
constexpr double kColourDistance = 0.30;
constexpr double kColourCosine = 0.965;

double dot(const Colour& a, const Colour& b) noexcept { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

bool distinct(const Colour& table, const Colour& object) noexcept {
  const Colour way{table[0] - object[0], table[1] - object[1], table[2] - object[2]};
  if (std::sqrt(dot(way, way)) < kColourDistance) return false;
  const auto [least, most] = std::ranges::minmax(object);
  const bool white = most - least < 0.1;
  return white || dot(table, object) < kColourCosine * std::sqrt(dot(table, table) * dot(object, object));
}

bool distinct_from_objects(const Colour& table) noexcept {
  const auto from_each = [&](const std::array<Colour, kColours>& paints) {
    return std::ranges::all_of(paints, [&](const Colour& paint) { return distinct(table, paint); });
  };
  return from_each(kCubePaint) && from_each(kPlatePaint) && from_each(kPlateInnerPaint);
}

/// What the tables of a range look like: mean of red, green and blue, and largest minus least.
bool in_range(const Colour& table, LookRange range) noexcept {
  const double mean = (table[0] + table[1] + table[2]) / 3;
  const auto [least, most] = std::ranges::minmax(table);
  const bool usual = mean > 0.18 && mean < 0.60 && most - least < 0.32;
  if (range == LookRange::training) return usual;
  return mean > 0.07 && (mean < 0.15 || mean > 0.64 || most - least > 0.38);
}

/// The planks are only darkened: light times a tint above 1 would be cut off before their texture, and change the hue.
Colour random_table(Random& random, LookRange range, bool wood) noexcept {
  for (;;) {
    Colour table{};
    for (std::size_t i = 0; i < 3; ++i) table[i] = wood ? kWoodColour[i] * random.uniform(0.12, 1) : random.uniform(0.05, 0.88);
    if (in_range(table, range) && distinct_from_objects(table)) return table;
  }
}

/// Of a length between `least` and `most`, in any direction.
std::array<double, 3> random_offset(Random& random, double least, double most) noexcept {
  for (;;) {
    const std::array<double, 3> way{random.uniform(-1, 1), random.uniform(-1, 1), random.uniform(-1, 1)};
    const double length = std::sqrt(dot(way, way));
    if (length > 1 || length < 0.1) continue;
    const double scale = random.uniform(least, most) / length;
    return {scale * way[0], scale * way[1], scale * way[2]};
  }
}

std::array<double, 3> random_turn(Random& random, double most) noexcept {
  return {random.uniform(-most, most), random.uniform(-most, most), random.uniform(-most, most)};
}

/// From one of two intervals outside the range of training, darker or brighter.
double darker_or_brighter(Random& random) noexcept {
  return random.uniform(0, 1) < 0.5 ? random.uniform(0.45, 0.65) : random.uniform(1.35, 1.6);
}

}  // namespace

TabletopLook make_tabletop_look(std::uint64_t seed, LookRange range) {
  const bool training = range == LookRange::training;
  Random random(seed);
  TabletopLook look;
  look.shadows = random.uniform(0, 1) < 0.5;
  const double azimuth = random.uniform(-std::numbers::pi, std::numbers::pi);
  const double elevation = random.uniform(0.75, 1.4);  // rad
  look.light_direction = {std::cos(azimuth) * std::cos(elevation), std::sin(azimuth) * std::cos(elevation), -std::sin(elevation)};
  look.light = training ? random.uniform(0.75, 1.25) : darker_or_brighter(random);
  look.ambient = training ? random.uniform(0.75, 1.25) : darker_or_brighter(random);

  look.wood = random.uniform(0, 1) < 0.4;
  const Colour table = random_table(random, range, look.wood);
  const Colour& surface = look.wood ? kWoodColour : kLaminateColour;
  for (std::size_t i = 0; i < 3; ++i) look.table[i] = table[i] / surface[i];
  for (double& channel : look.floor) channel = random.uniform(0.3, 1.4);
  look.arm = random.uniform(0.8, 1.05);

  look.front.offset = training ? random_offset(random, 0, 0.03) : random_offset(random, 0.05, 0.08);
  look.front.rotation = random_turn(random, kFrontTurn);
  look.front.rotation[0] -= look.front.offset[1] / kAimDistance;
  look.front.rotation[1] += look.front.offset[0] / kAimDistance;
  look.wrist.offset = training ? random_offset(random, 0, 0.005) : random_offset(random, 0.007, 0.012);
  look.wrist.rotation = random_turn(random, kWristTurn);
  return look;
}

}  // namespace sinew::sim
