// SPDX-License-Identifier: Apache-2.0
// A ZeroMQ client (cppzmq) as a MessageLink.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "sinew/backend/remote/message_link.hpp"

namespace sinew::remote {

enum class ZmqForm : std::uint8_t {
  req,    ///< one request, one reply
  dealer  ///< an empty frame before each message, as a REQ socket sends it; replies to earlier requests may come first
};

struct ZmqOptions {
  std::string endpoint = "tcp://127.0.0.1:5555";
  ZmqForm form = ZmqForm::req;
  std::size_t most_bytes = std::size_t{64} << 20;  ///< of one received frame
};

/// A socket for each open(): a REQ socket that missed its reply is of no more use. Sending waits for the connection; nothing is queued for
/// a server that is not there.
class ZmqLink {
 public:
  /// Throws Error for an endpoint that is none.
  explicit ZmqLink(ZmqOptions options);
  ~ZmqLink();
  ZmqLink(ZmqLink&& other) noexcept;
  ZmqLink& operator=(ZmqLink&& other) noexcept;

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
static_assert(MessageLink<ZmqLink>);

}  // namespace sinew::remote
