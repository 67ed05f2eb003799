// SPDX-License-Identifier: Apache-2.0
#include "sinew/backend/remote/zmq_link.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>
#include <zmq.hpp>

#include "sinew/core/error.hpp"
#include "sinew/core/fixed_text.hpp"
#include "sinew/io/text.hpp"

namespace sinew::remote {

struct ZmqLink::State {
  explicit State(ZmqOptions given) : options(std::move(given)) { connect(); }

  void connect() {
    zmq::socket_t made(context, options.form == ZmqForm::req ? zmq::socket_type::req : zmq::socket_type::dealer);
    made.set(zmq::sockopt::linger, 0);
    made.set(zmq::sockopt::immediate, true);
    made.set(zmq::sockopt::maxmsgsize, static_cast<std::int64_t>(options.most_bytes));
    made.set(zmq::sockopt::sndhwm, 1);
    made.connect(options.endpoint);
    socket.emplace(std::move(made));
  }

  /// Waits for `event` until the deadline, to the millisecond before it.
  bool wait(short event, Time deadline) {
    while (true) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - SteadyClock().now());
      zmq::pollitem_t item{socket->handle(), 0, event, 0};
      try {
        return zmq::poll(&item, 1, std::max(left, std::chrono::milliseconds(0))) > 0;
      } catch (const zmq::error_t& problem) {
        if (problem.num() != EINTR) throw;
      }
    }
  }
  template <class Work>
  Status guarded(std::string_view what, const Work& work) noexcept {
    try {
      return work();
    } catch (const std::exception& problem) {
      error.format("[remote] {} {}: {}", what, options.endpoint, problem.what());
      return Status::backend_failed;
    }
  }
  Status late(std::string_view what) noexcept {
    error.format("[remote] {} {}: no answer by the deadline", what, options.endpoint);
    return Status::timeout;
  }

  ZmqOptions options;
  zmq::context_t context{1};
  std::optional<zmq::socket_t> socket;
  zmq::message_t received;
  FixedText error;
};

ZmqLink::ZmqLink(ZmqOptions options) {
  const std::string endpoint = options.endpoint;
  try {
    state_ = std::make_unique<State>(std::move(options));
    state_->socket.reset();
  } catch (const zmq::error_t& problem) {
    fail(ErrorCode::invalid_argument, {"ZmqLink", "endpoint", "one such as tcp://127.0.0.1:5555", quote(endpoint), problem.what()});
  }
}
ZmqLink::~ZmqLink() = default;
ZmqLink::ZmqLink(ZmqLink&& other) noexcept = default;
ZmqLink& ZmqLink::operator=(ZmqLink&& other) noexcept = default;

Time ZmqLink::now() const noexcept { return SteadyClock().now(); }
std::string_view ZmqLink::last_error() const noexcept { return state_->error.view(); }
void ZmqLink::close() noexcept { state_->socket.reset(); }

Status ZmqLink::open(Time /*deadline: connecting goes on in the background, sending waits for it*/) noexcept {
  close();
  return state_->guarded("connection to", [&] {
    state_->connect();
    return Status::ok;
  });
}

Status ZmqLink::send(Pieces pieces, Time deadline) noexcept {
  State& state = *state_;
  if (!state.socket) return Status::not_ready;
  return state.guarded("sending to", [&] {
    std::size_t size = 0;
    for (const auto piece : pieces) size += piece.size();
    zmq::message_t message(size);  // one frame: the servers take no more
    auto* at = static_cast<std::byte*>(message.data());
    for (const auto piece : pieces) {
      std::memcpy(at, piece.data(), piece.size());
      at += piece.size();
    }
    if (!state.wait(ZMQ_POLLOUT, deadline)) return state.late("connection to");
    if (state.options.form == ZmqForm::dealer &&
        !state.socket->send(zmq::message_t(), zmq::send_flags::sndmore | zmq::send_flags::dontwait))
      return state.late("sending to");
    return state.socket->send(message, zmq::send_flags::dontwait) ? Status::ok : state.late("sending to");
  });
}

Status ZmqLink::receive(Message& message, Time deadline) noexcept {
  State& state = *state_;
  if (!state.socket) return Status::not_ready;
  return state.guarded("reply of", [&] {
    if (!state.wait(ZMQ_POLLIN, deadline)) return state.late("reply of");
    bool body = state.options.form == ZmqForm::req;
    while (state.socket->recv(state.received, zmq::recv_flags::dontwait)) {
      if (body && !state.received.more()) {
        message = {.kind = MessageKind::binary, .bytes = {static_cast<const std::byte*>(state.received.data()), state.received.size()}};
        return Status::ok;
      }
      if (body || state.received.size() != 0 || !state.received.more()) break;
      body = true;  // behind the empty frame
    }
    state.error.format("[remote] reply of {}: expected one frame, got more or none", state.options.endpoint);
    return Status::backend_failed;
  });
}

}  // namespace sinew::remote
