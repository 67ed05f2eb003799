// SPDX-License-Identifier: Apache-2.0
// Frames of a client, read by Beast's server over a stream in memory.
#include "web_socket_frame.hpp"

#include <doctest/doctest.h>

#include <boost/asio/io_context.hpp>
#include <boost/beast/_experimental/test/stream.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/websocket.hpp>
#include <string>

#include "bare_peer.hpp"
#include "test_seed.hpp"

using namespace sinew;
using sinew::remote::detail::write_frame;
namespace beast = boost::beast;

TEST_CASE("a frame of a client: Beast reads the message, of every form of size, in pieces of any size") {
  testing::Random random;
  CAPTURE(testing::seed());
  boost::asio::io_context context;
  beast::websocket::stream<beast::test::stream> server(context);
  auto peer = beast::test::connect(server.next_layer());
  beast::error_code problem;
  peer.write_some(boost::asio::buffer(std::string(testing::kUpgrade)));
  server.accept(problem);
  REQUIRE_FALSE(problem);
  server.read_message_max(std::size_t{1} << 20);
  std::vector<std::byte> frame;
  for (const std::size_t size : {0, 1, 125, 126, 127, 4096, 65535, 65536, 300001, 5}) {
    CAPTURE(size);
    std::vector<std::byte> message(size);
    for (std::byte& each : message) each = static_cast<std::byte>(random.bits());
    std::vector<std::span<const std::byte>> pieces;
    for (std::size_t done = 0; done < size;) {
      const std::size_t length = std::min<std::size_t>(size - done, random.below(3) == 0 ? random.below(5) : 1 + random.below(size));
      pieces.push_back(std::span(message).subspan(done, length));
      done += length;
    }
    std::array<std::byte, 4> key{};
    for (std::byte& each : key) each = static_cast<std::byte>(random.bits());
    write_frame(pieces, key, frame);
    boost::asio::write(peer, boost::asio::buffer(frame));
    beast::flat_buffer got;
    server.read(got, problem);
    REQUIRE_FALSE(problem);
    CHECK(server.got_binary());
    const auto data = got.cdata();
    const auto* const begin = static_cast<const std::byte*>(data.data());
    CHECK(std::vector<std::byte>(begin, begin + data.size()) == message);
  }
}
