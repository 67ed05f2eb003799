// SPDX-License-Identifier: Apache-2.0
// A policy that another process serves: the card comes from there, everything behind the chunk is here.
#pragma once

#include <cstdint>
#include <string>

#include "sinew/backend/remote/remote_backend.hpp"
#include "sinew/runtime/policy.hpp"

namespace sinew::serve {

struct ConnectOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 8000;
  std::string token;
  Time patience = std::chrono::seconds(5);  ///< for the first connection, in which the card is read
  remote::RemoteOptions remote{};           ///< of every call after it
};

/// A policy of `sinew serve` (protocol openpi). Its card is that of the server; frames are sent in the card's size, which the robot's must
/// have. After a connection was lost, the server that answers must hand out the same card: another policy's chunks are refused. Throws
/// Error when there is no server by the end of `patience`, for one of others that hands out no card, and for a card that is none.
[[nodiscard]] Policy connect(const ConnectOptions& options);

}  // namespace sinew::serve
