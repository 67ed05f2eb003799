// SPDX-License-Identifier: Apache-2.0
// The table's look: procedural textures, so that the scene needs no image file.
#pragma once

#include <cstdint>
#include <span>

namespace sinew::sim {

/// Fills RGB pixels `[size / (3 * width), width, 3]` with planks of light oak. The same on every run.
void paint_wood(std::span<std::uint8_t> pixels, int width);

/// Fills the same with a light grey, faintly mottled surface that takes any tint.
void paint_laminate(std::span<std::uint8_t> pixels, int width);

}  // namespace sinew::sim
