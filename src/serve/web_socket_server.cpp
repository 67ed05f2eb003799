// SPDX-License-Identifier: Apache-2.0
#include "sinew/serve/web_socket_server.hpp"

#include <utility>  // first: asio/awaitable.hpp of Boost 1.74 needs it and does not include it

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket.hpp>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <thread>

#include "sinew/core/error.hpp"
#include "sinew/io/text.hpp"
#include "sinew/serve/policy_service.hpp"

namespace sinew::serve {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace websocket = beast::websocket;
using asio::ip::tcp;
using remote::MessageKind;
using Clock = std::chrono::steady_clock;
using Request = http::request<http::empty_body>;

constexpr std::uint32_t kMostHeader = 8192;           // bytes
constexpr std::size_t kKept = std::size_t{16} << 10;  // bytes of memory that an idle connection keeps for messages
constexpr auto kSweep = std::chrono::milliseconds(100);

/// One peer. Everything here belongs to the sockets' thread, but for `exchange` while it is handled, and `gone`.
struct Connection {
  explicit Connection(tcp::socket socket) : stream(std::move(socket)), arrived(stream.get_executor()) {}

  websocket::stream<tcp::socket> stream;
  beast::flat_buffer buffer;
  Exchange exchange;
  std::optional<Clock::time_point> deadline;  // the socket is closed then
  bool admitted = false;                      // a WebSocket of somebody who may
  bool idle = false;                          // between requests
  // The beginning of the next message is waited for while the last one is handled: control frames are answered meanwhile, and a peer that
  // leaves is seen.
  bool reading = false;
  beast::error_code read_problem;
  asio::steady_timer arrived;  // never expires; cancelled when something came
  std::atomic<bool> gone = false;
};
using Shared = std::shared_ptr<Connection>;

/// A request that waits for the worker.
struct Waiting {
  Connection* connection = nullptr;
  bool handled = false;  // the worker's
};

bool bears(const Request& request, const std::string& token) {
  if (token.empty()) return true;
  const std::string_view given(request[http::field::authorization].data(), request[http::field::authorization].size());
  for (const std::string_view scheme : {"Api-Key ", "Bearer "})
    if (given.size() >= scheme.size() && beast::iequals({given.data(), scheme.size()}, {scheme.data(), scheme.size()}))
      return same_token(given.substr(scheme.size()), token);
  return false;
}

}  // namespace

struct WebSocketServer::State {
  State(WebSocketServerOptions given, std::vector<std::byte> hello, BatchHandler handle, std::shared_ptr<ServerMetrics> counts,
        std::function<void()> begun)
      : options(std::move(given)),
        greeting(std::move(hello)),
        handler(std::move(handle)),
        metrics(std::move(counts)),
        begin(std::move(begun)),
        worker(std::max<std::size_t>(1, options.handlers)),
        acceptor(context),
        sweeper(context) {
    listen();
    asio::co_spawn(context, accept(), asio::detached);
    asio::co_spawn(context, sweep(), asio::detached);
    thread = std::thread([this] { context.run(); });
  }

  void listen() {
    beast::error_code problem;
    const auto refuse = [&](std::string_view what, const std::string& hint) {
      fail(ErrorCode::invalid_argument, {"serve", "address", std::string(what), fmt::format("{}:{}", options.host, options.port), hint});
    };
    tcp::resolver resolver(context);
    const auto found = resolver.resolve(options.host, std::to_string(options.port), tcp::resolver::passive, problem);
    if (problem || found.empty()) refuse("one of this machine", problem.message());
    const tcp::endpoint endpoint = found.begin()->endpoint();
    if (options.token.empty() && !endpoint.address().is_loopback())
      refuse("a loopback address", "without a token whoever reaches the port moves the robot: set one");
    acceptor.open(endpoint.protocol(), problem);
    if (!problem) acceptor.set_option(tcp::acceptor::reuse_address(true), problem);
    if (!problem) acceptor.bind(endpoint, problem);
    if (!problem) acceptor.listen(asio::socket_base::max_listen_connections, problem);
    if (problem) refuse("one that is free", problem.message());
    port = acceptor.local_endpoint().port();
  }

  asio::awaitable<void> accept() {
    while (acceptor.is_open()) {
      beast::error_code problem;
      tcp::socket socket = co_await acceptor.async_accept(asio::redirect_error(asio::use_awaitable, problem));
      if (problem == asio::error::operation_aborted) co_return;
      if (problem) {  // of descriptors, say: not at full speed
        asio::steady_timer pause(context, kSweep);
        co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, problem));
        continue;
      }
      make_room();
      socket.set_option(tcp::no_delay(true), problem);
      keep_alive(socket);
      connections.push_back(std::make_shared<Connection>(std::move(socket)));
      asio::co_spawn(context, serve(connections.back()), asio::detached);
    }
  }

  /// Who has not shown that he may talk must not keep others out: the one that has been there longest goes.
  void make_room() {
    const auto stranger = [](const Shared& each) { return !each->admitted && each->deadline.has_value(); };
    if (static_cast<std::size_t>(std::ranges::count_if(connections, stranger)) < kMostStrangers) return;
    metrics->refused(ServerMetrics::Refusal::connections);
    give_up(**std::ranges::find_if(connections, stranger));
  }
  [[nodiscard]] std::size_t admitted() const {
    return static_cast<std::size_t>(std::ranges::count_if(connections, [](const Shared& each) { return each->admitted; }));
  }

  /// A peer that lost its power must not hold its place for as long as an idle one may.
  static void keep_alive(tcp::socket& socket) {
    beast::error_code ignored;
    socket.set_option(asio::socket_base::keep_alive(true), ignored);
    for (const auto& [option, value] : {std::pair{TCP_KEEPIDLE, 10}, {TCP_KEEPINTVL, 5}, {TCP_KEEPCNT, 3}})
      static_cast<void>(::setsockopt(socket.native_handle(), IPPROTO_TCP, option, &value, sizeof(value)));
  }
  static void give_up(Connection& connection) {
    connection.deadline.reset();
    beast::error_code ignored;
    connection.stream.next_layer().close(ignored);
  }
  static void allow(Connection& connection, Time time) {
    connection.deadline = Clock::now() + std::chrono::duration_cast<Clock::duration>(time);
  }

  /// Closes what is too late.
  asio::awaitable<void> sweep() {
    while (!(draining && connections.empty())) {
      const auto now = Clock::now();
      for (const Shared& each : connections)
        if (each->deadline && now >= *each->deadline) {
          metrics->refused(ServerMetrics::Refusal::late);
          give_up(*each);
        }
      beast::error_code ignored;
      sweeper.expires_after(kSweep);
      co_await sweeper.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
  }

  asio::awaitable<void> serve(Shared connection) {
    metrics->connection_opened();
    ++open;
    try {
      co_await converse(connection);
    } catch (const std::exception&) {  // the peer went away, or a deadline came
    }
    beast::error_code ignored;
    connection->stream.next_layer().close(ignored);
    std::erase(connections, connection);
    metrics->connection_closed();
    --open;
  }

  asio::awaitable<void> respond(Connection& connection, const Request& request, http::status status, std::string body) {
    http::response<http::string_body> response(status, request.version());
    response.set(http::field::content_type, "text/plain; version=0.0.4");
    response.keep_alive(false);
    response.body() = std::move(body);
    response.prepare_payload();
    co_await http::async_write(connection.stream.next_layer(), response, asio::use_awaitable);
    beast::error_code ignored;
    connection.stream.next_layer().shutdown(tcp::socket::shutdown_send, ignored);
  }

  /// What an HTTP request gets that is no WebSocket of somebody who may; nothing for one that is.
  std::optional<std::pair<http::status, std::string>> answer(const Request& request) {
    using Refusal = ServerMetrics::Refusal;
    const auto refuse = [this](Refusal why, http::status status, const char* text) {
      metrics->refused(why);
      return std::pair(status, std::string(text));
    };
    if (request.target() == "/healthz")
      return std::pair(draining ? http::status::service_unavailable : http::status::ok, std::string(draining ? "draining\n" : "OK\n"));
    if (!bears(request, options.token))
      return refuse(Refusal::token, http::status::unauthorized, "token: expected the server's, got none or another\n");
    if (request.target() == "/metrics") return std::pair(http::status::ok, metrics->text());
    // A page in a browser on this machine: for it, loopback is no limit.
    if (request.find(http::field::origin) != request.end())
      return refuse(Refusal::token, http::status::forbidden, "expected a robot, got a browser\n");
    if (!websocket::is_upgrade(request))
      return std::pair(http::status::upgrade_required, std::string("expected a WebSocket, or GET /healthz, /metrics\n"));
    if (draining) return refuse(Refusal::connections, http::status::service_unavailable, "draining\n");
    if (admitted() >= options.most_connections)
      return refuse(Refusal::connections, http::status::service_unavailable, "too many connections\n");
    return {};
  }

  asio::awaitable<void> converse(Shared shared) {
    Connection& connection = *shared;
    auto& stream = connection.stream;
    allow(connection, options.handshake);
    http::request_parser<http::empty_body> parser;
    parser.header_limit(kMostHeader);
    beast::error_code problem;
    co_await http::async_read(stream.next_layer(), connection.buffer, parser, asio::redirect_error(asio::use_awaitable, problem));
    if (problem) {
      if (problem.category() == http::make_error_code(http::error::end_of_stream).category() && problem != http::error::end_of_stream)
        metrics->refused(ServerMetrics::Refusal::malformed);
      co_return;
    }
    if (auto said = answer(parser.get())) co_return co_await respond(connection, parser.get(), said->first, std::move(said->second));
    if (connection.buffer.size() > 0) co_return;  // more than a handshake, before it was answered
    connection.admitted = true;
    stream.read_message_max(options.most_bytes);
    stream.auto_fragment(false);
    stream.binary(true);
    co_await stream.async_accept(parser.get(), asio::use_awaitable);
    co_await stream.async_write(asio::buffer(greeting), asio::use_awaitable);
    if (begin) co_await on_worker(connection, [this] { begin(); });
    start_reading(shared);
    while (co_await exchange(shared)) {
    }
    allow(connection, options.handshake);
    const bool failed = connection.exchange.close;
    co_await stream.async_close(failed ? websocket::close_code::internal_error : websocket::close_code::going_away, asio::use_awaitable);
  }

  asio::awaitable<void> take_leave(Shared connection) {
    allow(*connection, options.handshake);
    beast::error_code ignored;
    co_await connection->stream.async_close(websocket::close_code::going_away, asio::redirect_error(asio::use_awaitable, ignored));
  }

  /// The beginning of the next message.
  asio::awaitable<void> read_ahead(Shared connection) {
    co_await connection->stream.async_read_some(connection->buffer, kKept,
                                                asio::redirect_error(asio::use_awaitable, connection->read_problem));
    connection->reading = false;
    if (connection->read_problem) connection->gone = true;
    connection->arrived.cancel();
  }
  void start_reading(const Shared& connection) {
    connection->reading = true;
    connection->arrived.expires_at(Clock::time_point::max());
    asio::co_spawn(context, read_ahead(connection), asio::detached);
  }

  /// The rest of the message of which the beginning was waited for. False: it is too large.
  asio::awaitable<bool> read(Connection& connection) {
    auto& stream = connection.stream;
    allow(connection, options.idle);
    connection.idle = true;
    while (connection.reading) {
      beast::error_code cancelled;
      co_await connection.arrived.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
    }
    connection.idle = false;
    allow(connection, options.message);
    beast::error_code problem = connection.read_problem;
    if (!problem && !stream.is_message_done()) enlarge(connection.buffer);
    while (!problem && !stream.is_message_done())
      co_await stream.async_read_some(connection.buffer, kPiece, asio::redirect_error(asio::use_awaitable, problem));
    if (problem == websocket::error::message_too_big || problem == websocket::error::buffer_overflow) {
      metrics->refused(ServerMetrics::Refusal::too_large);
      co_return false;
    }
    if (problem) throw beast::system_error(problem);
    co_return true;
  }

  /// Memory for a long message: connections that wait for one keep little, and those that get one share what was used before.
  void enlarge(beast::flat_buffer& buffer) {
    beast::flat_buffer large;
    if (!spare.empty()) {
      large = std::move(spare.back());
      spare.pop_back();
    }
    const auto read = buffer.cdata();
    large.commit(asio::buffer_copy(large.prepare(read.size()), read));
    buffer = std::move(large);
  }
  void put_back(beast::flat_buffer& buffer) {
    buffer.clear();
    if (buffer.capacity() > kKept && spare.size() < kSpareBuffers) spare.push_back(std::move(buffer));
  }

  template <class Work>
  asio::awaitable<void> on_worker(Connection& connection, Work work) {
    connection.deadline.reset();  // what the policy needs is not the peer's fault
    co_await asio::co_spawn(
        worker,
        [&work]() -> asio::awaitable<void> {
          work();
          co_return;
        },
        asio::use_awaitable);
  }

  /// On the worker: the requests that wait, as many as the handler takes.
  void handle_waiting() {
    together.clear();
    {
      const std::lock_guard lock(queue);
      for (std::size_t i = 0; i < options.most_batch && !waiting.empty(); ++i) {
        Waiting& each = *waiting.front();
        waiting.pop_front();
        each.handled = true;
        if (!each.connection->gone) together.push_back(&each.connection->exchange);  // else nobody waits for the answer
      }
    }
    if (!together.empty()) handler(together);
  }

  /// On one of several workers: its own request, for another worker may be at the one before in the queue.
  void handle_alone(Connection& connection) {
    Exchange* const exchange = &connection.exchange;
    if (!connection.gone) handler({&exchange, 1});
  }

  asio::awaitable<void> handled(Connection& connection) {
    if (options.handlers > 1) co_return co_await on_worker(connection, [&] { handle_alone(connection); });
    Waiting own{.connection = &connection};
    {
      const std::lock_guard lock(queue);
      waiting.push_back(&own);
    }
    co_await on_worker(connection, [&] {  // in the order of the queue
      if (!own.handled) handle_waiting();
    });
  }

  /// One request and its reply; false when it was the last.
  asio::awaitable<bool> exchange(Shared shared) {
    Connection& connection = *shared;
    auto& stream = connection.stream;
    if (draining || !co_await read(connection)) co_return false;
    beast::flat_buffer message = std::move(connection.buffer);
    connection.buffer = {};
    const auto data = message.cdata();
    Exchange& exchange = connection.exchange;
    exchange.request = {.kind = stream.got_text() ? MessageKind::text : MessageKind::binary,
                        .bytes = {static_cast<const std::byte*>(data.data()), data.size()}};
    start_reading(shared);
    co_await handled(connection);
    put_back(message);
    allow(connection, options.message);
    stream.text(exchange.kind == MessageKind::text);
    co_await stream.async_write(asio::buffer(exchange.reply), asio::use_awaitable);
    co_return !exchange.close;
  }

  void stop() noexcept {
    const std::lock_guard lock(stopping);
    if (!thread.joinable()) return;
    asio::post(context, [this] {
      draining = true;                        // the port stays open until the end: /healthz says so
      for (const Shared& each : connections)  // who waits for a request leaves now; who has one, after its reply
        if (each->idle) asio::co_spawn(context, take_leave(each), asio::detached);
    });
    const auto end = Clock::now() + std::chrono::duration_cast<Clock::duration>(options.drain);
    do {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    } while (open > 0 && Clock::now() < end);
    context.stop();
    thread.join();
    worker.stop();  // what waits for its turn is not handled any more; the request that is, ends
    worker.join();
    for (; open > 0; --open) metrics->connection_closed();
    beast::error_code ignored;
    for (const Shared& each : connections) each->stream.next_layer().close(ignored);
    acceptor.close(ignored);
  }

  static constexpr std::size_t kSpareBuffers = 8;
  static constexpr std::size_t kMostStrangers = 64;  // sockets that are no WebSockets yet
  static constexpr std::size_t kPiece = std::size_t{1} << 20;

  WebSocketServerOptions options;
  std::vector<std::byte> greeting;
  BatchHandler handler;
  std::shared_ptr<ServerMetrics> metrics;
  std::function<void()> begin;
  std::uint16_t port = 0;
  bool draining = false;
  std::atomic<int> open = 0;
  std::mutex stopping;
  asio::io_context context{1};
  asio::thread_pool worker;
  tcp::acceptor acceptor;
  asio::steady_timer sweeper;
  std::vector<Shared> connections;
  std::vector<beast::flat_buffer> spare;
  std::mutex queue;
  std::deque<Waiting*> waiting;
  std::vector<Exchange*> together;  // the worker's
  std::thread thread;
};

WebSocketServer::WebSocketServer(WebSocketServerOptions options, std::vector<std::byte> greeting, Handler handler,
                                 std::shared_ptr<ServerMetrics> metrics, std::function<void()> begin)
    : WebSocketServer(std::move(options), std::move(greeting),
                      BatchHandler([handle = std::move(handler)](std::span<Exchange* const> exchanges) {
                        for (Exchange* const each : exchanges) handle(*each);
                      }),
                      std::move(metrics), std::move(begin)) {}
WebSocketServer::WebSocketServer(WebSocketServerOptions options, std::vector<std::byte> greeting, BatchHandler handler,
                                 std::shared_ptr<ServerMetrics> metrics, std::function<void()> begin)
    : state_(std::make_unique<State>(std::move(options), std::move(greeting), std::move(handler), std::move(metrics), std::move(begin))) {}
WebSocketServer::~WebSocketServer() { stop(); }
std::uint16_t WebSocketServer::port() const noexcept { return state_->port; }
void WebSocketServer::stop() noexcept { state_->stop(); }

}  // namespace sinew::serve
