// SPDX-License-Identifier: Apache-2.0
// What a policy server's protocol is, without I/O: tensors to the bytes of a request, bytes of a reply to tensors.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "sinew/core/status.hpp"
#include "sinew/core/tensor_map.hpp"
#include "sinew/core/tensor_spec.hpp"

namespace sinew::remote {

/// One message as pieces for a gathering write.
using Pieces = std::span<const std::span<const std::byte>>;

/// A WebSocket's two kinds of messages; other transports have binary ones only.
enum class MessageKind : std::uint8_t { binary, text };

/// A received message.
struct Message {
  MessageKind kind = MessageKind::binary;
  std::span<const std::byte> bytes{};
};

/// - `inputs()`, `outputs()`: tensors of a request and of a reply; an input without elements is left out.
/// - `greets()`: the server speaks first; `read_greeting` checks what it says.
/// - `write_request(in, id)`, then `pieces()`, which refer to the tensors. Ids of one connection grow.
/// - `read_reply(message, id, out)`: `ok`; `stale` for an answer to an earlier request, after which the right one may come; anything else
///   is final for this request.
/// Nothing here throws; what there is to say beyond the status is in `last_error()`.
template <class P>
concept WireProtocol = std::movable<P> && requires(P protocol, const P& constant, const TensorMap& in, TensorMap& out, std::uint64_t id,
                                                   const Message& message) {
  { constant.name() } noexcept -> std::same_as<std::string_view>;
  { constant.inputs() } noexcept -> std::same_as<const TensorSpecs&>;
  { constant.outputs() } noexcept -> std::same_as<const TensorSpecs&>;
  { constant.greets() } noexcept -> std::same_as<bool>;
  { protocol.read_greeting(message) } noexcept -> std::same_as<Status>;
  { protocol.write_request(in, id) } noexcept -> std::same_as<Status>;
  { protocol.pieces() } noexcept -> std::same_as<Pieces>;
  { protocol.read_reply(message, id, out) } noexcept -> std::same_as<Status>;
  { constant.last_error() } noexcept -> std::same_as<std::string_view>;
};

}  // namespace sinew::remote
