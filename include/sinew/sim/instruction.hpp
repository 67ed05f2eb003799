// SPDX-License-Identifier: Apache-2.0
// What the tabletop scene can be told: "put the <colour> cube on the <colour> plate".
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sinew/sim/scenes/tabletop.hpp"

namespace sinew::sim {

/// Which cube goes on which plate: indices into kCubeColours and kPlateColours.
struct Instruction {
  int cube = 0;
  int plate = 0;

  friend bool operator==(const Instruction&, const Instruction&) = default;
};

/// "put the red cube on the yellow plate".
[[nodiscard]] std::string to_string(const Instruction& instruction);

/// Reads one instruction; case, repeated spaces and a full stop at the end do not matter. Throws Error that lists the
/// cubes and plates there are, with an example and the nearest known word, for anything else.
[[nodiscard]] Instruction parse_instruction(std::string_view text);

/// The last instruction that occurs anywhere inside `text` (a prompt), with the same tolerance; empty when there is none.
/// Allocates nothing.
[[nodiscard]] std::optional<Instruction> find_instruction(std::string_view text) noexcept;

/// All nine, cube by cube.
[[nodiscard]] std::vector<std::string> known_instructions();

}  // namespace sinew::sim
