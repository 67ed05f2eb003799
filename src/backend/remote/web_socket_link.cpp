// SPDX-License-Identifier: Apache-2.0
#include "sinew/backend/remote/web_socket_link.hpp"

#include <fmt/format.h>
#include <sys/random.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/websocket.hpp>
#include <cerrno>
#include <optional>
#include <span>
#include <stdexcept>
#include <utility>
#include <vector>

#include "sinew/core/error.hpp"
#include "sinew/core/fixed_text.hpp"
#include "sinew/io/text.hpp"
#include "web_socket_frame.hpp"

namespace sinew::remote {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;
using asio::ip::tcp;
using Stream = websocket::stream<beast::tcp_stream>;

bool fits_header(std::string_view text) {
  return text.size() <= 4096 && std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

}  // namespace

struct WebSocketLink::State {
  explicit State(WebSocketOptions given) : options(std::move(given)) {
    response.result(0U);
    for (const std::string* text : {&options.host, &options.path, &options.authorization})
      if (!fits_header(*text))
        fail(ErrorCode::invalid_argument,
             {"WebSocketLink", "host, path, authorization", "text without control characters", quote(*text), ""});
    beast::error_code problem;
    tcp::resolver resolver(context);
    endpoints = resolver.resolve(options.host, std::to_string(options.port), problem);
    if (problem)
      fail(ErrorCode::invalid_argument, {"WebSocketLink", "host", "one with an address", quote(options.host), problem.message()});
  }

  /// Starts an operation and waits for it.
  template <class Start>
  Status run(std::string_view what, Time deadline, const Start& start) noexcept {
    std::optional<beast::error_code> result;
    return wait(what, deadline, result, [&] { start([&result](beast::error_code code, auto&&...) { result = code; }); });
  }
  /// Runs what was started until `result` is there or the deadline has come; then the socket is closed.
  template <class Start>
  Status wait(std::string_view what, Time deadline, const std::optional<beast::error_code>& result, const Start& start) noexcept {
    try {
      context.restart();
      start();
      const std::chrono::steady_clock::time_point end{std::chrono::duration_cast<std::chrono::steady_clock::duration>(deadline)};
      while (!result && context.run_one_until(end) > 0) {
      }
      const bool late = !result;
      if (late) {
        drop();
        context.restart();
        context.run();  // the operation, given up
      }
      if (!late && !*result) return Status::ok;
      error.format("[remote] {} {}:{}: {}", what, options.host, options.port, late ? "no answer by the deadline" : result->message());
      return late ? Status::timeout : Status::backend_failed;
    } catch (const std::exception& problem) {
      error.format("[remote] {} {}:{}: {}", what, options.host, options.port, problem.what());
      return Status::backend_failed;
    }
  }
  /// One frame, written beside Beast, which hands a masked copy to the socket 64 KiB at a time with a turn of the event loop for each. Its
  /// own frames are answers to pings, a few bytes that the socket took when they were made: whoever sends pings until nothing fits any more
  /// gets a mixture.
  Status send(Pieces message, Time deadline) noexcept {
    auto& socket = beast::get_lowest_layer(*stream).socket();
    try {
      std::array<std::byte, 4> key{};
      if (::getrandom(key.data(), key.size(), 0) != static_cast<ssize_t>(key.size())) throw std::runtime_error("no random numbers");
      detail::write_frame(message, key, frame);
    } catch (const std::exception& problem) {
      error.format("[remote] sending to {}:{}: {}", options.host, options.port, problem.what());
      return Status::backend_failed;
    }
    for (std::span<const std::byte> rest(frame); !rest.empty();) {
      const ssize_t sent = ::send(socket.native_handle(), rest.data(), rest.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent >= 0) {
        rest = rest.subspan(static_cast<std::size_t>(sent));
      } else if (errno == EAGAIN || errno == EINTR) {
        const Status status = run("sending to", deadline, [&](auto done) { socket.async_wait(tcp::socket::wait_write, done); });
        if (status != Status::ok) return status;
      } else {
        error.format("[remote] sending to {}:{}: {}", options.host, options.port,
                     beast::error_code(errno, boost::system::system_category()).message());
        return Status::backend_failed;
      }
    }
    return Status::ok;
  }
  void drop() noexcept {
    if (!stream) return;
    beast::error_code ignored;
    beast::get_lowest_layer(*stream).socket().close(ignored);
  }

  WebSocketOptions options;
  asio::io_context context{1};
  tcp::resolver::results_type endpoints;
  /// Waits for the next message from now on: one that comes before it was asked for is seen.
  void read_ahead() {
    ahead.reset();
    next.clear();
    stream->async_read(next, [this](beast::error_code code, std::size_t) { ahead = code; });
  }
  /// Whether there is something to read although nothing was asked.
  bool surplus() {
    context.restart();
    context.poll();
    return ahead.has_value();
  }
  /// A stream can go only when no operation refers to it any more.
  void forget() noexcept {
    drop();
    try {
      context.restart();
      context.run();
    } catch (const std::exception&) {
    }
    stream.reset();
    ahead.reset();
  }

  std::optional<Stream> stream;
  beast::flat_buffer buffer, next;
  std::optional<beast::error_code> ahead;  // how the read of `next` ended
  websocket::response_type response;
  std::vector<std::byte> frame;
  FixedText error;
};

WebSocketLink::WebSocketLink(WebSocketOptions options) : state_(std::make_unique<State>(std::move(options))) {}
WebSocketLink::~WebSocketLink() {
  if (state_) state_->forget();
}
WebSocketLink::WebSocketLink(WebSocketLink&& other) noexcept = default;
WebSocketLink& WebSocketLink::operator=(WebSocketLink&& other) noexcept = default;

Time WebSocketLink::now() const noexcept { return SteadyClock().now(); }
std::string_view WebSocketLink::last_error() const noexcept { return state_->error.view(); }

void WebSocketLink::close() noexcept {
  state_->forget();
  state_->buffer.clear();
}

Status WebSocketLink::open(Time deadline) noexcept {
  close();
  State& state = *state_;
  state.response = {};
  state.response.result(0U);
  try {
    state.stream.emplace(state.context);
    Stream& stream = *state.stream;
    stream.read_message_max(state.options.most_bytes);
    if (!state.options.authorization.empty())
      stream.set_option(websocket::stream_base::decorator(
          [&state](websocket::request_type& request) { request.set(beast::http::field::authorization, state.options.authorization); }));
  } catch (const std::exception& problem) {
    state.error.format("[remote] {}", problem.what());
    return Status::backend_failed;
  }
  auto& socket = beast::get_lowest_layer(*state.stream);
  const Status connected = state.run("connection to", deadline, [&](auto done) { socket.async_connect(state.endpoints, done); });
  if (connected != Status::ok) return connected;
  beast::error_code ignored;
  socket.socket().set_option(tcp::no_delay(true), ignored);
  const std::string host = fmt::format("{}:{}", state.options.host, state.options.port);
  const Status greeted = state.run("handshake with", deadline,
                                   [&](auto done) { state.stream->async_handshake(state.response, host, state.options.path, done); });
  if (greeted == Status::ok)
    state.read_ahead();
  else if (const auto code = state.response.result_int(); greeted == Status::backend_failed && code >= 400)
    state.error.format("[remote] handshake with {}:{}: declined, {} {}", state.options.host, state.options.port, code,
                       quote(std::string_view(state.response.reason().data(), state.response.reason().size())));
  return greeted;
}

Status WebSocketLink::send(Pieces pieces, Time deadline) noexcept {
  State& state = *state_;
  if (!state.stream) return Status::not_ready;
  if (state.surplus()) {
    state.error.format("[remote] {}:{}: {}", state.options.host, state.options.port,
                       *state.ahead ? state.ahead->message() : "expected nothing before a request, got a message");
    return Status::backend_failed;
  }
  return state.send(pieces, deadline);
}

Status WebSocketLink::receive(Message& message, Time deadline) noexcept {
  State& state = *state_;
  if (!state.stream) return Status::not_ready;
  if (const Status status = state.wait("reply of", deadline, state.ahead, [] {}); status != Status::ok) return status;
  const bool text = state.stream->got_text();
  std::swap(state.buffer, state.next);
  state.read_ahead();
  const auto data = state.buffer.cdata();
  message = {.kind = text ? MessageKind::text : MessageKind::binary, .bytes = {static_cast<const std::byte*>(data.data()), data.size()}};
  return Status::ok;
}

}  // namespace sinew::remote
