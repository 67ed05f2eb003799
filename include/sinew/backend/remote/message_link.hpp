// SPDX-License-Identifier: Apache-2.0
// Messages to one peer and back, each before a deadline.
#pragma once

#include <concepts>
#include <string_view>

#include "sinew/backend/remote/protocol.hpp"
#include "sinew/core/clock.hpp"
#include "sinew/core/status.hpp"

namespace sinew::remote {

/// A connection that may be lost and made again. Every call returns by its deadline, a time of `now()`; nothing throws.
/// - `open(deadline)`: from nothing; what came before is forgotten, so that no answer to an earlier request can follow.
/// - `send(pieces, deadline)`, `receive(message, deadline)`: `timeout`, or `backend_failed` with the reason in last_error(); after either
/// the
///   connection is of no more use. A received message is valid until the next call.
/// - `close()`: at once, without a farewell that could wait.
template <class L>
concept MessageLink = std::movable<L> && requires(L link, const L& constant, Pieces pieces, Message& message, Time deadline) {
  { constant.now() } noexcept -> std::same_as<Time>;
  { link.open(deadline) } noexcept -> std::same_as<Status>;
  { link.send(pieces, deadline) } noexcept -> std::same_as<Status>;
  { link.receive(message, deadline) } noexcept -> std::same_as<Status>;
  { link.close() } noexcept;
  { constant.last_error() } noexcept -> std::same_as<std::string_view>;
};

}  // namespace sinew::remote
