// SPDX-License-Identifier: Apache-2.0
// A policy on a socket: what `sinew serve` runs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "sinew/core/clock.hpp"
#include "sinew/runtime/policy.hpp"

namespace sinew::serve {

/// Who can talk to a server.
enum class ServedProtocol : std::uint8_t {
  openpi,  ///< WebSocket; keys `observation/<camera>`, `observation/<channel>`, `prompt`
  aloha,   ///< the same with `images/<camera>` u8 [3, h, w], `state`, `prompt`
  groot    ///< ZeroMQ; keys `video/<camera>`, `state/<channel>`, `language/annotation.human.task_description`
};
[[nodiscard]] std::string_view to_string(ServedProtocol protocol) noexcept;
/// Inverse of `to_string`. Throws Error.
[[nodiscard]] ServedProtocol served_protocol_from_string(std::string_view name);

struct PolicyServerOptions {
  ServedProtocol protocol = ServedProtocol::openpi;
  std::string host = "127.0.0.1";  ///< beyond loopback a token is needed
  std::uint16_t port = 0;          ///< 0: any that is free
  std::string token;               ///< every request must have it; empty: none
  /// WebSockets at once; 1 for a policy that remembers observations. With 1 the policy is reset at each.
  std::size_t most_connections = 64;
  std::size_t most_bytes = std::size_t{16} << 20;  ///< of one message
  Time idle = std::chrono::seconds(600);           ///< a connection without a request for so long is closed
  Time drain = std::chrono::seconds(10);           ///< what stop() gives requests that wait; the one that is being answered always ends
};

/// Throws Error for options that mean nothing: times and sizes of zero, a token that no header can hold.
void check(const PolicyServerOptions& options);

/// Serves from construction to stop().
class PolicyServer {
 public:
  /// Throws Error for an address that cannot be had, one beyond loopback without a token, and `groot` for a policy that remembers
  /// observations: its requests do not say whose they are.
  PolicyServer(Policy policy, const PolicyServerOptions& options);
  ~PolicyServer();
  PolicyServer(PolicyServer&& other) noexcept;
  PolicyServer& operator=(PolicyServer&& other) noexcept;

  /// The one that was taken.
  [[nodiscard]] std::uint16_t port() const noexcept;
  /// What the policy said at the last request that it could not answer: clients are not told what a backend says. "" for none.
  [[nodiscard]] std::string last_error() const;
  /// Text that Prometheus reads.
  [[nodiscard]] std::string metrics() const;
  /// Takes no more connections, lets requests that are being answered end, and closes. A second call does nothing.
  void stop() noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sinew::serve
