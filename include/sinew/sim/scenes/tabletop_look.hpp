// SPDX-License-Identifier: Apache-2.0
// How the tabletop scene looks: light, colours and places of the cameras, and random looks to train and to test with.
#pragma once

#include <array>
#include <cstdint>

namespace sinew::sim {

/// A camera moved from where it usually is, in its own axes: right, up, backwards.
struct CameraShift {
  std::array<double, 3> offset{};    ///< m
  std::array<double, 3> rotation{};  ///< rotation vector, rad
};

/// What can change without changing the task. The default is the scene as it is written.
struct TabletopLook {
  bool shadows = false;                                   ///< in "front" and "wrist"; "video" always has them
  std::array<double, 3> light_direction{-0.28, 0.5, -1};  ///< of the main light, base frame; points down; any length
  double light = 1;                                       ///< brightness of the main light, times the usual
  double ambient = 1;                                     ///< brightness of the light from everywhere, times the usual
  bool wood = true;                                       ///< the table's top: planks, or a light grey laminate for any `table`
  std::array<double, 3> table{1, 1, 1};                   ///< red, green, blue: what the table's surface is multiplied with
  std::array<double, 3> floor{1, 1, 1};                   ///< and the floor's: the background of "front"
  double arm = 1;                                         ///< brightness of the arm's shell, times the usual
  CameraShift front{};
  CameraShift wrist{};
};

/// Where looks come from.
enum class LookRange {
  training,  ///< front camera moved by up to 3 cm, half of the looks with shadows, tables of many colours and tones
  outside    ///< nothing of that: front camera moved by 5 to 8 cm, darker or brighter, tables darker, brighter or more vivid
};

/// A random look. The table can always be told from cubes and plates, and the front camera still aims at the table. The
/// same for the same seed.
[[nodiscard]] TabletopLook make_tabletop_look(std::uint64_t seed, LookRange range = LookRange::training);

}  // namespace sinew::sim
