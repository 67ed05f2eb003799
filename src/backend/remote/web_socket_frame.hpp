// SPDX-License-Identifier: Apache-2.0
// What a client of a WebSocket sends (RFC 6455, 5.2 and 5.3).
#pragma once

#include <array>
#include <cstddef>
#include <vector>

#include "sinew/backend/remote/protocol.hpp"

namespace sinew::remote::detail {

/// A binary message in one frame, masked with `key` while its pieces are copied. `frame` keeps its memory.
void write_frame(Pieces pieces, const std::array<std::byte, 4>& key, std::vector<std::byte>& frame);

}  // namespace sinew::remote::detail
