// SPDX-License-Identifier: Apache-2.0
// One request and its reply, between a transport, which knows bytes, and a service, which knows policies.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "sinew/backend/remote/protocol.hpp"

namespace sinew::serve {

/// A request and its reply.
struct Exchange {
  remote::Message request{};       ///< valid while it is handled
  std::vector<std::byte> reply{};  ///< keeps its memory
  remote::MessageKind kind = remote::MessageKind::binary;
  bool close = false;  ///< the connection ends after the reply
};

/// Answers one request: fills all of `exchange` but the request. One call at a time, unless its server was told otherwise; does not throw.
using Handler = std::function<void(Exchange& exchange)>;
/// The same for several requests, each from a connection of its own.
using BatchHandler = std::function<void(std::span<Exchange* const> exchanges)>;

}  // namespace sinew::serve
