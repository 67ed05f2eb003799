// SPDX-License-Identifier: Apache-2.0
#include "echo_process.hpp"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <stdexcept>
#include <vector>
#include <zmq.hpp>

#include "bench.hpp"
#include "sinew/backend/remote/protobuf.hpp"
#include "sinew/serve/policy_service.hpp"
#include "sinew/serve/web_socket_server.hpp"

namespace sinew::bench {

namespace {

void say(int port) {
  std::printf("%d\n", port);
  std::fflush(stdout);
}

/// The whole service of openpi's protocol around a policy that says always the same.
[[noreturn]] void echo_openpi() {
  PolicyCard card;
  card.name = "echo";
  for (const char* name : {"image", "wrist_image"}) card.cameras.push_back({.name = name, .resample = "none", .height = 224, .width = 224});
  card.state.channels = {{"state", "rad", 8, 10.0}};
  card.action.horizon = 10;
  card.action.rate = 10;
  for (int i = 0; i < 7; ++i) card.action.joint_names.push_back("j" + std::to_string(i));
  card.architecture = card.backend = "echo";
  card.prompt = {"instruction", {}, 256};
  const auto act = [](const Observation&, ActionChunk& chunk) {
    std::ranges::fill(chunk.values, double{kEchoed});
    return Status::ok;
  };
  const serve::Served what{.card = card,
                           .keys = serve::served_keys(card, WireForm::droid),
                           .chunk = ActionChunk(10, 7),
                           .act = serve::one_at_a_time(act, [] { return std::string_view(); })};
  const auto metrics = std::make_shared<serve::ServerMetrics>();
  serve::OpenpiService service(what, metrics);
  const serve::WebSocketServer server(
      {.port = 0}, service.greeting(), [&](serve::Exchange& exchange) { service.handle(exchange); }, metrics);
  say(server.port());
  while (true) pause();
}

constexpr std::size_t kAnswer = 400;  // bytes, about those of a chunk

/// For each message of a size that a client says first, an answer, by the socket calls alone.
[[noreturn]] void echo_bytes() {
  namespace asio = boost::asio;
  asio::io_context context;
  asio::ip::tcp::acceptor acceptor(context, {asio::ip::address_v4::loopback(), 0});
  say(acceptor.local_endpoint().port());
  asio::ip::tcp::socket socket = acceptor.accept();
  socket.set_option(asio::ip::tcp::no_delay(true));
  std::uint64_t count = 0;
  asio::read(socket, asio::buffer(&count, sizeof count));
  std::vector<std::byte> message(count), answer(kAnswer);
  boost::system::error_code ended;
  while (!ended) {
    asio::read(socket, asio::buffer(message), ended);
    asio::write(socket, asio::buffer(answer), ended);
  }
  _exit(0);
}

[[noreturn]] void echo_vla_cpp() {
  const std::vector<float> chunk(70, kEchoed);
  zmq::context_t context(1);
  zmq::socket_t socket(context, zmq::socket_type::rep);
  socket.bind("tcp://127.0.0.1:*");
  const std::string endpoint = socket.get(zmq::sockopt::last_endpoint);
  say(std::stoi(endpoint.substr(endpoint.rfind(':') + 1)));
  zmq::message_t message;
  remote::ProtoWriter reply;
  std::vector<std::byte> bytes;
  while (true) {
    static_cast<void>(socket.recv(message));
    remote::ProtoReader request({static_cast<const std::byte*>(message.data()), message.size()});
    std::uint64_t id = 0;
    for (remote::ProtoField field; request.next(field);)
      if (field.number == 5) id = field.value;
    reply.clear();
    reply.varint(1, id);
    reply.floats(2, chunk);
    reply.varint(3, 10);
    reply.varint(4, 7);
    bytes.clear();
    for (const auto piece : reply.pieces()) bytes.insert(bytes.end(), piece.begin(), piece.end());
    socket.send(zmq::const_buffer(bytes.data(), bytes.size()));
  }
}

}  // namespace

EchoProcess::EchoProcess(const std::string& protocol) {
  std::array<int, 2> ends{};
  if (pipe(ends.data()) != 0) throw std::runtime_error("pipe");
  child_ = fork();
  if (child_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(ends[1], STDOUT_FILENO);
    execl("/proc/self/exe", "bench_remote", "--echo", protocol.c_str(), nullptr);
    _exit(127);
  }
  close(ends[1]);
  std::FILE* const said = fdopen(ends[0], "r");
  int port = 0;
  const bool started = said != nullptr && std::fscanf(said, "%d", &port) == 1;
  if (said != nullptr) std::fclose(said);
  if (!started) throw std::runtime_error("the echo did not start");
  port_ = static_cast<std::uint16_t>(port);
}

EchoProcess::~EchoProcess() {
  kill(child_, SIGKILL);
  waitpid(child_, nullptr, 0);
}

double bytes_there_and_back(std::uint16_t port, std::size_t count) {
  namespace asio = boost::asio;
  using Clock = std::chrono::steady_clock;
  asio::io_context context;
  asio::ip::tcp::socket socket(context);
  socket.connect({asio::ip::address_v4::loopback(), port});
  socket.set_option(asio::ip::tcp::no_delay(true));
  const std::uint64_t size = count;
  asio::write(socket, asio::buffer(&size, sizeof size));
  const std::vector<std::byte> message(count);
  std::vector<std::byte> answer(kAnswer);
  std::vector<double> samples;
  for (const auto end = Clock::now() + std::chrono::seconds(1); Clock::now() < end;) {
    const auto begin = Clock::now();
    for (std::size_t sent = 0; sent < count;)  // not asio::write, which gives the kernel 64 KiB at a time
      sent += socket.send(asio::buffer(message) + sent);
    asio::read(socket, asio::buffer(answer));
    samples.push_back(std::chrono::duration<double>(Clock::now() - begin).count());
  }
  return summarize(samples).median;
}

int run_echo(const std::string& protocol) {
  if (protocol == "bytes") echo_bytes();
  if (protocol == "openpi") echo_openpi();
  echo_vla_cpp();
}

}  // namespace sinew::bench
