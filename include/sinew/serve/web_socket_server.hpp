// SPDX-License-Identifier: Apache-2.0
// A WebSocket server (Boost.Beast) that hands requests to a handler: one at a time, or those that wait together.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "sinew/core/clock.hpp"
#include "sinew/serve/exchange.hpp"
#include "sinew/serve/server_metrics.hpp"

namespace sinew::serve {

struct WebSocketServerOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 8000;  ///< 0: any that is free
  std::string token;  ///< of the header "Authorization: Api-Key <token>" or "Bearer <token>"; empty: none, on a loopback address only
  std::size_t most_connections = 64;               ///< WebSockets; sockets that are none yet have 64 places of their own
  std::size_t most_bytes = std::size_t{16} << 20;  ///< of one message
  Time handshake = std::chrono::seconds(5);        ///< from the connection to the end of its HTTP request
  Time message = std::chrono::seconds(10);         ///< from the first to the last byte of a request, and of a reply
  Time idle = std::chrono::seconds(600);           ///< between messages
  Time drain = std::chrono::seconds(10);           ///< what stop() gives requests that wait
  std::size_t most_batch = 1;                      ///< requests that a BatchHandler is given at once
  std::size_t handlers = 1;                        ///< threads that call the handler; with more than one each request comes alone
};

/// Listens from construction to stop(). Each connection has one request at a time; requests of all connections are handled on one thread,
/// in their order: what waits when the thread becomes free is handled together, and nothing is waited for; or on as many threads as
/// `handlers` says. Sockets are served on another thread; pings are answered meanwhile, and a request whose peer has left is passed over.
/// Browsers (a header "Origin") are refused. No compression. GET /healthz answers "OK", and 503 once stop() was called; GET /metrics, for
/// which the token is needed too, what Prometheus reads.
class WebSocketServer {
 public:
  /// `greeting`: what a connection is sent first. `begin`: runs before a connection's first request, on the handler's thread; may be empty.
  /// Throws Error for an address that cannot be had, and for one beyond loopback without a token.
  WebSocketServer(WebSocketServerOptions options, std::vector<std::byte> greeting, Handler handler, std::shared_ptr<ServerMetrics> metrics,
                  std::function<void()> begin = {});
  WebSocketServer(WebSocketServerOptions options, std::vector<std::byte> greeting, BatchHandler handler,
                  std::shared_ptr<ServerMetrics> metrics, std::function<void()> begin = {});
  ~WebSocketServer();
  WebSocketServer(const WebSocketServer&) = delete;
  WebSocketServer& operator=(const WebSocketServer&) = delete;

  [[nodiscard]] std::uint16_t port() const noexcept;
  /// Takes no more WebSockets, lets requests end, and closes: at most `drain` long, and the request that is being handled always ends.
  /// From any thread; a second call does nothing.
  void stop() noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sinew::serve
