// SPDX-License-Identifier: Apache-2.0
// Sizes of the waypoint head of Qwen-RobotNav, as "action_head" of config.json gives them.
#pragma once

#include <cstdint>

#include "sinew/io/json_cursor.hpp"

namespace sinew::nn {

/// What of a prompt a head reads.
enum class TokenReading : std::uint8_t { last, mean };

/// Keys of the JSON object are the names of the members; "type" is "robotnav_mlp".
struct RobotNavConfig {
  std::int64_t context_width = 0;  ///< of the vision-language model's hidden states
  std::int64_t hidden = 0;         ///< 512 in the report
  std::int64_t layers = 0;         ///< linear ones, 4 in the report
  std::int64_t waypoints = 0;      ///< 8 in the report
  TokenReading read = TokenReading::last;

  /// Numbers of a waypoint: x, y, heading.
  static constexpr std::int64_t kNumbers = 3;

  /// Throws Error at the place of the document.
  static RobotNavConfig parse(const JsonCursor& document);
};

}  // namespace sinew::nn
