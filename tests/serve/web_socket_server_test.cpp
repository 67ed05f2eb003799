// SPDX-License-Identifier: Apache-2.0
// Peers that are slow, silent or gone: each deadline of the WebSocket server, over real sockets with short times.
#include "sinew/serve/web_socket_server.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "bare_peer.hpp"
#include "sinew/backend/remote/web_socket_link.hpp"
#include "sinew/core/error.hpp"

using namespace sinew;
using namespace sinew::serve;
using namespace std::chrono_literals;
using sinew::testing::kUpgrade;
using Peer = sinew::testing::BarePeer;

namespace {

std::vector<std::byte> bytes_of(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

/// Echoes; "slow" takes a while.
void echo(Exchange& exchange) {
  exchange.reply.assign(exchange.request.bytes.begin(), exchange.request.bytes.end());
  exchange.kind = exchange.request.kind;
  if (exchange.reply.size() == 4) std::this_thread::sleep_for(150ms);
}

struct Fixture {
  std::shared_ptr<ServerMetrics> metrics = std::make_shared<ServerMetrics>();
  WebSocketServer server{{.port = 0, .handshake = 300ms, .message = 300ms, .idle = 600ms, .drain = 2s}, bytes_of("hello"), echo, metrics};

  bool late(int times) const {
    return metrics->text().find(fmt::format("sinew_refused_total{{reason=\"late\"}} {}\n", times)) != std::string::npos;
  }
  bool empties() const {  // within two seconds
    for (int i = 0; i < 200 && metrics->open() > 0; ++i) std::this_thread::sleep_for(10ms);
    return metrics->open() == 0;
  }
};

/// A peer whose handshake and greeting are over.
void upgrade(const Peer& peer) {
  peer.send(kUpgrade);
  const std::string got = peer.receive(200ms);
  REQUIRE(got.find("101 Switching") != std::string::npos);
  REQUIRE(got.find("hello") != std::string::npos);
}

remote::WebSocketLink connected(const WebSocketServer& server) {
  remote::WebSocketLink link({.port = server.port()});
  remote::Message message;
  REQUIRE(link.open(link.now() + 2s) == Status::ok);
  REQUIRE(link.receive(message, link.now() + 2s) == Status::ok);
  CHECK(message.bytes.size() == 5);
  return link;
}

std::size_t ask(remote::WebSocketLink& link, std::size_t size) {
  const std::vector<std::byte> bytes(size, std::byte{1});
  const std::span<const std::byte> piece(bytes);
  remote::Message message;
  if (link.send({&piece, 1}, link.now() + 5s) != Status::ok || link.receive(message, link.now() + 5s) != Status::ok) return 0;
  return message.bytes.size();
}

}  // namespace

TEST_CASE("messages of all sizes come back") {
  Fixture fixture;
  auto link = connected(fixture.server);
  for (const std::size_t size : {1U, 125U, 126U, 20'000U, 65'536U, 1'000'000U, 3U, 300'000U}) CHECK(ask(link, size) == size);
}

TEST_CASE("T5 a handshake that never ends") {
  Fixture fixture;
  const Peer silent(fixture.server.port()), slow(fixture.server.port());
  for (int i = 0; i < 12 && slow.send("G"); ++i) std::this_thread::sleep_for(50ms);
  CHECK(silent.receive(1s).find("(open)") == std::string::npos);
  CHECK(slow.receive(1s).find("(open)") == std::string::npos);
  CHECK(fixture.empties());
  CHECK(fixture.late(2));
}

TEST_CASE("T5 a message of one byte after the other") {
  Fixture fixture;
  const Peer slow(fixture.server.port());
  upgrade(slow);
  slow.send(
      std::string("\x82\xfe\x10\x00"
                  "abcd",
                  8));  // a frame of 4096 bytes
  bool sent = true;
  for (int i = 0; i < 20 && sent; ++i) {
    sent = slow.send("x");
    std::this_thread::sleep_for(50ms);
  }
  CHECK(slow.receive(1s).find("(open)") == std::string::npos);
  CHECK(fixture.empties());
  CHECK(fixture.late(1));
  auto link = connected(fixture.server);
  CHECK(ask(link, 10) == 10);
}

TEST_CASE("T5 fragments without end") {
  Fixture fixture;
  const Peer peer(fixture.server.port());
  upgrade(peer);
  bool sent =
      peer.send(std::string("\x02\x81"
                            "abcdx",
                            7));
  for (int i = 0; i < 100000 && sent; ++i)
    sent =
        peer.send(std::string("\x00\x80"
                              "abcd",
                              6));
  CHECK(fixture.empties());
}

TEST_CASE("T5 pings without end do not keep a connection") {
  Fixture fixture;
  const Peer peer(fixture.server.port());
  upgrade(peer);
  bool sent = true;
  for (int i = 0; i < 60 && sent; ++i) {
    sent =
        peer.send(std::string("\x89\x80"
                              "abcd",
                              6));
    std::this_thread::sleep_for(20ms);
  }
  CHECK(peer.receive(1s).find("(open)") == std::string::npos);
  CHECK(fixture.empties());
}

TEST_CASE("T5 a peer that asks and never reads") {
  Fixture fixture;
  const Peer peer(fixture.server.port());
  upgrade(peer);
  std::string frame(
      "\x82\xff\0\0\0\0\0\x10\0\0"
      "abcd",
      14);  // 1 MiB
  frame.append(std::size_t{1} << 20, 'x');
  for (int i = 0; i < 40 && peer.send(frame); ++i) {
  }
  CHECK(fixture.empties());
}

TEST_CASE("an idle connection is closed, a busy one is not") {
  Fixture fixture;
  auto busy = connected(fixture.server), idle = connected(fixture.server);
  for (int i = 0; i < 8; ++i) {
    CHECK(ask(busy, 100) == 100);
    std::this_thread::sleep_for(100ms);
  }
  CHECK(ask(idle, 100) == 0);
  CHECK(ask(busy, 100) == 100);
}

TEST_CASE("a request that is being handled ends before the server does") {
  Fixture fixture;
  auto link = connected(fixture.server), waiting = connected(fixture.server);
  std::size_t got = 0;
  std::thread asking([&] { got = ask(link, 4); });
  std::this_thread::sleep_for(50ms);
  fixture.server.stop();
  asking.join();
  CHECK(got == 4);
  CHECK(ask(waiting, 1) == 0);
  fixture.server.stop();
}

TEST_CASE("addresses that cannot be had") {
  Fixture fixture;
  const auto at = [&](WebSocketServerOptions options) { WebSocketServer(std::move(options), {}, echo, fixture.metrics); };
  CHECK_THROWS_AS(at({.port = fixture.server.port()}), Error);
  CHECK_THROWS_AS(at({.host = "no.such.host.invalid", .port = 0}), Error);
  CHECK_THROWS_AS(at({.host = "0.0.0.0", .port = 0}), Error);
  CHECK_NOTHROW(at({.host = "0.0.0.0", .port = 0, .token = "secret"}));
}

TEST_CASE("several handlers answer several connections at once, and each connection its own requests in order") {
  std::atomic<int> working = 0, most = 0, wanted = 0;
  const auto handler = [&](Exchange& exchange) {
    const int now = ++working;
    for (int seen = most; now > seen && !most.compare_exchange_weak(seen, now);) {
    }
    for (int i = 0; i < 1000 && most < wanted; ++i) std::this_thread::sleep_for(5ms);
    exchange.reply.assign(exchange.request.bytes.begin(), exchange.request.bytes.end());
    --working;
  };
  for (const int handlers : {1, 4}) {
    most = 0;
    wanted = handlers;
    WebSocketServer server({.port = 0, .handlers = static_cast<std::size_t>(handlers)}, bytes_of("hello"), handler,
                           std::make_shared<ServerMetrics>());
    std::vector<std::thread> peers;
    std::atomic<int> right = 0;
    for (std::size_t i = 0; i < 4; ++i)
      peers.emplace_back([&, i] {
        auto link = connected(server);
        for (const std::size_t size : {10 + i, 20 + i}) right += ask(link, size) == size ? 1 : 0;
      });
    for (auto& peer : peers) peer.join();
    CHECK(right == 8);
    CHECK(most == handlers);
  }
}
