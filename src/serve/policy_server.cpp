// SPDX-License-Identifier: Apache-2.0
#include "sinew/serve/policy_server.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

#include "sinew/core/error.hpp"
#include "sinew/io/text.hpp"
#include "sinew/serve/policy_service.hpp"
#include "sinew/serve/web_socket_server.hpp"
#include "sinew/serve/zmq_server.hpp"

namespace sinew::serve {

namespace {

constexpr std::array<std::string_view, 3> kProtocols{"openpi", "aloha", "groot"};

std::uint16_t port_of(std::string_view endpoint) noexcept {
  const std::string_view digits = endpoint.substr(endpoint.rfind(':') + 1);
  std::uint16_t port = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), port);
  return port;
}

/// As ZeroMQ wants it.
std::string endpoint_of(const PolicyServerOptions& options) {
  const std::string host = options.host == "localhost"                   ? "127.0.0.1"
                           : options.host.find(':') != std::string::npos ? "[" + options.host + "]"
                                                                         : options.host;
  return fmt::format("tcp://{}:{}", host, options.port == 0 ? "*" : std::to_string(options.port));
}

}  // namespace

std::string_view to_string(ServedProtocol protocol) noexcept { return kProtocols[static_cast<std::size_t>(protocol)]; }

ServedProtocol served_protocol_from_string(std::string_view name) {
  for (std::size_t i = 0; i < kProtocols.size(); ++i)
    if (kProtocols[i] == name) return static_cast<ServedProtocol>(i);
  fail(ErrorCode::not_found, {"serve", "protocol", join_names(kProtocols), quote(name), ""});
}

void check(const PolicyServerOptions& options) {
  const auto refuse = [](const char* what, const char* expected, const std::string& got) {
    fail(ErrorCode::invalid_argument, {"serve", what, expected, got, ""});
  };
  for (const auto& [what, time] : {std::pair("idle", options.idle), std::pair("drain", options.drain)})
    if (time <= Time{}) refuse(what, "a positive time", fmt::format("{} s", to_seconds(time)));
  if (options.most_connections == 0) refuse("connections", "at least 1", "0");
  if (options.most_bytes == 0) refuse("bytes of a message", "at least 1", "0");
  const auto printable = [](char c) { return static_cast<unsigned char>(c) >= 0x20 && static_cast<unsigned char>(c) < 0x7F; };
  const bool padded = !options.token.empty() && (options.token.front() == ' ' || options.token.back() == ' ');
  if (options.token.size() > 256 || padded || !std::ranges::all_of(options.token, printable))
    refuse("token", "at most 256 printable ASCII characters, none of them a space at an end",
           fmt::format("{} bytes of others", options.token.size()));
}

struct PolicyServer::State {
  State(Policy policy, const PolicyServerOptions& options) {
    check(options);
    const remote::MsgpackLimits limits{.most_bytes = options.most_bytes};
    const bool remembers = policy.card().history.has_value();
    if (options.protocol == ServedProtocol::groot) {
      if (remembers)
        fail(ErrorCode::unsupported, {"serve", "protocol", "openpi or aloha for a policy that remembers observations", "groot",
                                      "its requests do not say whose they are"});
      groot.emplace(served(std::move(policy), WireForm::groot), metrics, options.token, limits);
      zmq.emplace(ZmqServerOptions{.endpoint = endpoint_of(options), .has_token = !options.token.empty(), .most_bytes = options.most_bytes},
                  [this](Exchange& exchange) { groot->handle(exchange); });
      return;
    }
    openpi.emplace(served(std::move(policy), options.protocol == ServedProtocol::aloha ? WireForm::aloha : WireForm::droid), metrics,
                   limits);
    std::function<void()> begin;
    if (remembers || options.most_connections == 1) begin = [this] { openpi->reset(); };
    web_socket.emplace(
        WebSocketServerOptions{.host = options.host,
                               .port = options.port,
                               .token = options.token,
                               .most_connections = remembers ? 1 : options.most_connections,
                               .most_bytes = options.most_bytes,
                               .idle = options.idle,
                               .drain = options.drain,
                               .most_batch = openpi->most_batch()},
        openpi->greeting(), [this](std::span<Exchange* const> exchanges) { openpi->handle(exchanges); }, metrics, std::move(begin));
  }

  std::shared_ptr<ServerMetrics> metrics = std::make_shared<ServerMetrics>();
  std::optional<OpenpiService> openpi;
  std::optional<GrootService> groot;
  std::optional<WebSocketServer> web_socket;  // behind what it calls: it ends first
  std::optional<ZmqServer> zmq;
};

PolicyServer::PolicyServer(Policy policy, const PolicyServerOptions& options)
    : state_(std::make_unique<State>(std::move(policy), options)) {}
PolicyServer::~PolicyServer() = default;
PolicyServer::PolicyServer(PolicyServer&& other) noexcept = default;
PolicyServer& PolicyServer::operator=(PolicyServer&& other) noexcept = default;

std::uint16_t PolicyServer::port() const noexcept { return state_->zmq ? port_of(state_->zmq->endpoint()) : state_->web_socket->port(); }
std::string PolicyServer::last_error() const { return state_->metrics->last_error(); }
std::string PolicyServer::metrics() const { return state_->metrics->text(); }
void PolicyServer::stop() noexcept {
  if (state_->zmq) state_->zmq->stop();
  if (state_->web_socket) state_->web_socket->stop();
}

}  // namespace sinew::serve
