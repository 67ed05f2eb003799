// SPDX-License-Identifier: Apache-2.0
// Colours of the tabletop scene that more than one file has to know: red, green, blue, 0 to 1.
#pragma once

#include <array>

#include "sinew/sim/scenes/tabletop.hpp"

namespace sinew::sim {

using Colour = std::array<double, 3>;

inline constexpr std::array<Colour, kColours> kCubePaint{{{0.84, 0.13, 0.11}, {0.13, 0.62, 0.22}, {0.12, 0.26, 0.84}}};
inline constexpr std::array<Colour, kColours> kPlatePaint{{{0.95, 0.76, 0.10}, {0.50, 0.19, 0.64}, {0.88, 0.88, 0.87}}};
inline constexpr std::array<Colour, kColours> kPlateInnerPaint{{{0.90, 0.68, 0.05}, {0.42, 0.14, 0.55}, {0.78, 0.79, 0.80}}};

/// Of the two surfaces that the table can have, on average.
inline constexpr Colour kWoodColour{0.72, 0.57, 0.40};
inline constexpr Colour kLaminateColour{0.92, 0.92, 0.92};

}  // namespace sinew::sim
