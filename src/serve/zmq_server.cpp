// SPDX-License-Identifier: Apache-2.0
#include "sinew/serve/zmq_server.hpp"

#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <string_view>
#include <thread>
#include <utility>
#include <zmq.hpp>

#include "sinew/core/error.hpp"
#include "sinew/io/text.hpp"

namespace sinew::serve {

namespace {

constexpr int kPoll = 50;      // ms until stop() is seen
constexpr int kLinger = 1000;  // ms

bool is_loopback(std::string_view endpoint) {
  for (const std::string_view begin : {"tcp://127.", "tcp://localhost:", "tcp://[::1]:", "ipc://", "inproc://"})
    if (endpoint.starts_with(begin)) return true;
  return false;
}

}  // namespace

struct ZmqServer::State {
  State(ZmqServerOptions given, Handler handle) : options(std::move(given)), handler(std::move(handle)) {
    const auto refuse = [&](const char* expected, const std::string& hint) {
      fail(ErrorCode::invalid_argument, {"serve", "endpoint", expected, quote(options.endpoint), hint});
    };
    if (!options.has_token && !is_loopback(options.endpoint))
      refuse("a loopback address", "without a token whoever reaches the port moves the robot: set one");
    try {
      socket.set(zmq::sockopt::linger, 0);
      socket.set(zmq::sockopt::maxmsgsize, static_cast<std::int64_t>(options.most_bytes));
      socket.set(zmq::sockopt::rcvhwm, 4);
      socket.set(zmq::sockopt::rcvtimeo, kPoll);
      socket.set(zmq::sockopt::sndtimeo, kPoll);
      socket.set(zmq::sockopt::ipv6, true);
      socket.bind(options.endpoint);
      bound = socket.get(zmq::sockopt::last_endpoint);
    } catch (const zmq::error_t& problem) {
      refuse("one that is free, such as tcp://127.0.0.1:5555", problem.what());
    }
    thread = std::thread([this] { run(); });
  }

  void run() noexcept {
    while (!stopping) {
      try {
        if (!socket.recv(message)) continue;
        exchange.request = {.bytes = {static_cast<const std::byte*>(message.data()), message.size()}};
        if (message.more()) {  // no client of ours: what it sent is no request
          while (message.more() && socket.recv(message)) {
          }
          exchange.request = {};
        }
        handler(exchange);
        static_cast<void>(socket.send(zmq::const_buffer(exchange.reply.data(), exchange.reply.size())));
      } catch (const std::exception&) {  // interrupted, or a peer that left
      }
    }
  }

  void stop() noexcept {
    const std::lock_guard lock(ending);
    stopping = true;
    if (!thread.joinable()) return;
    thread.join();
    try {
      socket.set(zmq::sockopt::linger, kLinger);  // the last reply goes out
      socket.close();
    } catch (const zmq::error_t&) {
    }
  }

  ZmqServerOptions options;
  Handler handler;
  zmq::context_t context{1};
  zmq::socket_t socket{context, zmq::socket_type::rep};
  zmq::message_t message;
  Exchange exchange;
  std::string bound;
  std::atomic<bool> stopping = false;
  std::mutex ending;
  std::thread thread;
};

ZmqServer::ZmqServer(ZmqServerOptions options, Handler handler) : state_(std::make_unique<State>(std::move(options), std::move(handler))) {}
ZmqServer::~ZmqServer() { stop(); }
const std::string& ZmqServer::endpoint() const noexcept { return state_->bound; }
void ZmqServer::stop() noexcept { state_->stop(); }

}  // namespace sinew::serve
