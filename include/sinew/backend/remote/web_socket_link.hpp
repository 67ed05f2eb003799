// SPDX-License-Identifier: Apache-2.0
// A WebSocket client (Boost.Beast) as a MessageLink.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "sinew/backend/remote/message_link.hpp"

namespace sinew::remote {

struct WebSocketOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 8000;
  std::string path = "/";
  std::string authorization;                       ///< of the HTTP header of that name, e.g. "Api-Key <token>"; empty: none
  std::size_t most_bytes = std::size_t{16} << 20;  ///< of one received message
};

/// No compression, one message in flight in each direction. Names are looked up once, by the constructor: a look-up cannot be given up.
class WebSocketLink {
 public:
  /// Throws Error for a host without an address, and text that would break the HTTP header.
  explicit WebSocketLink(WebSocketOptions options);
  ~WebSocketLink();
  WebSocketLink(WebSocketLink&& other) noexcept;
  WebSocketLink& operator=(WebSocketLink&& other) noexcept;

  [[nodiscard]] Time now() const noexcept;
  [[nodiscard]] Status open(Time deadline) noexcept;
  [[nodiscard]] Status send(Pieces pieces, Time deadline) noexcept;
  [[nodiscard]] Status receive(Message& message, Time deadline) noexcept;
  void close() noexcept;
  [[nodiscard]] std::string_view last_error() const noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};
static_assert(MessageLink<WebSocketLink>);

}  // namespace sinew::remote
