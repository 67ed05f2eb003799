// SPDX-License-Identifier: Apache-2.0
// What the tabletop scene can be told: put a cube on a plate, stack it on another cube, push it to one side.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sinew/sim/scenes/tabletop.hpp"

namespace sinew::sim {

/// Families of instructions.
enum class Task {
  put,    ///< "put the <colour> cube on the <colour> plate"
  stack,  ///< "stack the <colour> cube on the <colour> cube", two different cubes
  push    ///< "push the <colour> cube to the left" or "right": the robot's own, so left is +y of its base frame
};

inline constexpr int kTasks = 3;
inline constexpr int kSides = 2;
inline constexpr std::array<std::string_view, kTasks> kTaskNames{"put", "stack", "push"};
inline constexpr std::array<std::string_view, kSides> kSideNames{"left", "right"};
/// Directions of kSideNames along y of the base frame.
inline constexpr std::array<double, kSides> kSideSigns{1, -1};

/// The sentences there are, for errors.
inline constexpr std::string_view kSentenceForms =
    "\"put the <colour> cube on the <colour> plate\", \"stack the <colour> cube on the <colour> cube\" or \"push the <colour> cube to "
    "the left\" (or right)";

/// What to do with which cube.
struct Instruction {
  Task task = Task::put;
  int cube = 0;    ///< index into kCubeColours
  int target = 0;  ///< put: index into kPlateColours; stack: the lower cube, into kCubeColours; push: into kSideNames

  friend bool operator==(const Instruction&, const Instruction&) = default;
};

/// False for an index that is none, and for a cube on itself.
[[nodiscard]] bool valid(const Instruction& instruction) noexcept;

/// "put the red cube on the yellow plate", "stack the red cube on the green cube", "push the red cube to the left". Throws
/// Error for an invalid instruction.
[[nodiscard]] std::string to_string(const Instruction& instruction);

/// "put", "stack", "push".
[[nodiscard]] std::string_view to_string(Task task) noexcept;
/// Name of the target: of a plate's or cube's colour, or "left", "right".
[[nodiscard]] std::string_view target_name(const Instruction& instruction) noexcept;

/// Reads one instruction; case, repeated spaces and a full stop at the end do not matter. Throws Error that lists the
/// sentences, cubes and plates there are, with an example and the nearest known word, for anything else.
[[nodiscard]] Instruction parse_instruction(std::string_view text);

/// The last instruction that occurs anywhere inside `text` (a prompt), with the same tolerance; empty when there is none.
/// Allocates nothing.
[[nodiscard]] std::optional<Instruction> find_instruction(std::string_view text) noexcept;

/// All 21: nine to put, six to stack, six to push, each cube by cube.
[[nodiscard]] std::vector<std::string> known_instructions();

}  // namespace sinew::sim
