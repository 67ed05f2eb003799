// SPDX-License-Identifier: Apache-2.0
// A ZeroMQ server (REP) that hands requests to a handler, one at a time.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "sinew/serve/exchange.hpp"

namespace sinew::serve {

struct ZmqServerOptions {
  std::string endpoint = "tcp://127.0.0.1:5555";   ///< port 0 or *: any that is free
  bool has_token = false;                          ///< the handler asks for one; without, on a loopback address only
  std::size_t most_bytes = std::size_t{16} << 20;  ///< of one frame; a peer that sends more is disconnected
};

/// Listens from construction to stop(), with one thread. ZeroMQ takes what a peer sends before anything can look at it: a few messages of
/// each peer, and frames without end of one that sends them as parts of one message. Not for a network of strangers.
class ZmqServer {
 public:
  /// Throws Error for an endpoint that cannot be had, and for one beyond loopback without a token.
  ZmqServer(ZmqServerOptions options, Handler handler);
  ~ZmqServer();
  ZmqServer(const ZmqServer&) = delete;
  ZmqServer& operator=(const ZmqServer&) = delete;

  /// With the port that was taken.
  [[nodiscard]] const std::string& endpoint() const noexcept;
  /// Ends after the request that is being handled. A second call does nothing.
  void stop() noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sinew::serve
