// SPDX-License-Identifier: Apache-2.0
// A policy server under load for SOAK_MINUTES (1): 64 clients that ask twice a second, first alone, then beside 16 that are slow, 16 that
// are hostile and 50 that come and go each second. Memory and descriptors must return to what they were, and the good clients' p99.9 must
// stay within 1.5 times that of the quiet part. Clients are of bare bytes where ours would not misbehave; the server is a process of its
// own.
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "bare_peer.hpp"
#include "sample_card.hpp"
#include "sinew/backend/remote/openpi_protocol.hpp"
#include "sinew/backend/remote/remote_backend.hpp"
#include "sinew/backend/remote/web_socket_link.hpp"
#include "sinew/serve/policy_service.hpp"
#include "sinew/serve/web_socket_server.hpp"
#include "test_seed.hpp"

using namespace sinew;
using namespace sinew::serve;
using namespace std::chrono_literals;
using sinew::testing::BarePeer;
using sinew::testing::Random;

namespace {

constexpr std::int64_t kSide = 96;

/// An echo, until the parent ends.
int serve_echo() {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const PolicyCard card = testing::sample_card();
  const auto act = [](const Observation& seen, ActionChunk& chunk) {
    std::ranges::fill(chunk.values, seen.channels[0].values[0]);
    return Status::ok;
  };
  const Served what{.card = card, .keys = served_keys(card, WireForm::droid), .chunk = ActionChunk(16, 8), .act = one_at_a_time(act, [] {
                                                                                                             return "no";
                                                                                                           })};
  const auto metrics = std::make_shared<ServerMetrics>();
  OpenpiService service(what, metrics);
  const WebSocketServer server(
      {.port = 0, .most_connections = 256, .handshake = 2s, .message = 2s, .idle = 10s}, service.greeting(),
      [&](Exchange& exchange) { service.handle(exchange); }, metrics);
  fmt::print("{} {}\n", getpid(), server.port());
  std::fflush(stdout);
  while (true) pause();
}

struct Load {
  std::uint16_t port = 0;
  std::atomic<bool> hostile = false, over = false;
  std::atomic<std::uint64_t> failures = 0, attacks = 0, reconnects = 0;
  std::mutex mutex;
  std::vector<double> quiet, loud;  // s of each answer
};

void ask(Load& load, std::uint64_t stream) {
  const TensorSpecs inputs{{"observation/front", DType::u8, Shape{kSide, kSide, 3}},
                           {"observation/wrist", DType::u8, Shape{kSide, kSide, 3}},
                           {"observation/joint_position", DType::f32, Shape{7}},
                           {"observation/gripper_opening", DType::f32, Shape{1}},
                           {"prompt", DType::u8, Shape{2}}};
  remote::RemoteBackend backend(remote::OpenpiProtocol({.inputs = inputs, .horizon = 16, .action_dim = 8}),
                                remote::WebSocketLink({.port = load.port}), {.deadline = 5s});
  TensorMap in = make_tensors(inputs), out = make_tensors(backend.spec().outputs);
  std::ranges::copy(std::string_view("go"), reinterpret_cast<char*>(in["prompt"].as<std::uint8_t>().data()));
  Random random(1000 + stream);
  std::vector<double> quiet, loud;
  for (int call = 0; !load.over; ++call) {
    std::this_thread::sleep_for(std::chrono::milliseconds(300 + random.below(400)));
    const auto value = static_cast<float>(random.uniform());
    in["observation/joint_position"].as<float>()[0] = value;
    const bool loudly = load.hostile;
    const auto begun = std::chrono::steady_clock::now();
    const Status status = backend.infer(in, out);
    const double took = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
    if (status != Status::ok || out["actions"].as<float>()[0] != value) {
      if (!load.over) ++load.failures;
    } else if (call > 0) {  // the first one connects
      (loudly ? loud : quiet).push_back(took);
    }
  }
  const std::lock_guard lock(load.mutex);
  load.quiet.insert(load.quiet.end(), quiet.begin(), quiet.end());
  load.loud.insert(load.loud.end(), loud.begin(), loud.end());
}

/// A frame, or an HTTP request, of one byte each 20 ms.
void crawl(Load& load, std::uint64_t stream) {
  while (!load.over) {
    if (!load.hostile) {
      std::this_thread::sleep_for(10ms);
      continue;
    }
    const BarePeer peer(load.port);
    bool sent = stream % 2 == 0 || peer.send(testing::kUpgrade);
    if (sent) sent = peer.send(stream % 2 == 0 ? "GET / HT" : std::string("\x82\xff\0\0\0\0\0\x10\0\0abcd", 14));
    while (sent && !load.over) {
      std::this_thread::sleep_for(20ms);
      sent = peer.send("x");
    }
  }
}

void attack(Load& load, std::uint64_t stream) {
  Random random(2000 + stream);
  while (!load.over) {
    std::this_thread::sleep_for(std::chrono::milliseconds(load.hostile ? 20 + random.below(80) : 10));
    if (!load.hostile) continue;
    ++load.attacks;
    const BarePeer peer(load.port);
    std::string noise(1 + random.below(20000), '\0');
    for (char& c : noise) c = static_cast<char>(random.below(256));
    switch (random.below(5)) {
      case 0: peer.send(noise); break;                                              // no HTTP
      case 1: peer.send("GET / HTTP/1.1\r\nA: " + std::string(20000, 'b')); break;  // headers without end
      case 2:                                                                       // frames that are none
        if (peer.send(testing::kUpgrade)) peer.send(noise);
        break;
      case 3: {  // a message that is no MessagePack
        const std::size_t size = std::min<std::size_t>(noise.size(), 60000);
        std::string frame("\x82\xfe\0\0\0\0\0\0", 8);
        frame[2] = static_cast<char>(size >> 8);
        frame[3] = static_cast<char>(size & 0xFF);
        if (peer.send(testing::kUpgrade)) peer.send(frame + noise.substr(0, size));
        static_cast<void>(peer.receive(50ms));
        break;
      }
      default:  // cut off in mid-frame, by a reset
        if (peer.send(testing::kUpgrade)) peer.send(std::string("\x82\xff\0\0\0\0\0\x80\0\0abcd", 14) + noise);
        peer.reset();
    }
  }
}

void come_and_go(Load& load) {
  while (!load.over) {
    std::this_thread::sleep_for(20ms);
    if (!load.hostile) continue;
    remote::WebSocketLink link({.port = load.port});
    if (link.open(link.now() + 2s) == Status::ok) ++load.reconnects;
  }
}

struct Usage {
  std::size_t kilobytes = 0, descriptors = 0;
};

Usage usage_of(pid_t process) {
  Usage usage;
  const std::string folder = fmt::format("/proc/{}", process);
  std::ifstream status(folder + "/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmRSS:")) usage.kilobytes = std::stoul(line.substr(6));
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder + "/fd")) ++usage.descriptors;
  return usage;
}

double quantile(std::vector<double>& values, double share) {
  if (values.empty()) return 0;
  std::ranges::sort(values);
  return values[static_cast<std::size_t>(share * static_cast<double>(values.size() - 1))];
}

}  // namespace

int main(int count, char** arguments) {
  if (count == 2 && std::string(arguments[1]) == "serve") return serve_echo();
  const char* const minutes = std::getenv("SOAK_MINUTES");
  const std::chrono::duration<double> time(60 * (minutes != nullptr ? std::atof(minutes) : 1));
  std::FILE* const said = popen(fmt::format("exec '{}' serve", arguments[0]).c_str(), "r");
  pid_t server = 0;
  Load load;
  if (said == nullptr || std::fscanf(said, "%d %hu", &server, &load.port) != 2) return EXIT_FAILURE;
  const Usage idle = usage_of(server);
  std::vector<std::thread> threads;
  for (std::uint64_t i = 0; i < 64; ++i) threads.emplace_back([&load, i] { ask(load, i); });
  for (std::uint64_t i = 0; i < 16; ++i) threads.emplace_back([&load, i] { crawl(load, i); });
  for (std::uint64_t i = 0; i < 16; ++i) threads.emplace_back([&load, i] { attack(load, i); });
  threads.emplace_back([&load] { come_and_go(load); });
  std::this_thread::sleep_for(time / 3);
  const Usage quiet = usage_of(server);
  load.hostile = true;
  std::this_thread::sleep_for(time / 3);
  const Usage middle = usage_of(server);
  std::this_thread::sleep_for(time / 3);
  const Usage loud = usage_of(server);
  load.over = true;
  for (std::thread& thread : threads) thread.join();
  std::this_thread::sleep_for(4s);  // deadlines of what was left open
  const Usage end = usage_of(server);
  ::kill(server, SIGKILL);
  pclose(said);
  const double before = quantile(load.quiet, 0.999), beside = quantile(load.loud, 0.999);
  fmt::print(
      "seed {}; {} answers alone, p99.9 {:.2f} ms; {} beside {} attacks and {} reconnects, p99.9 {:.2f} ms ({:.2f} times); {} failures\n",
      testing::seed(), load.quiet.size(), 1e3 * before, load.loud.size(), load.attacks.load(), load.reconnects.load(), 1e3 * beside,
      beside / before, load.failures.load());
  for (const auto& [when, usage] : {std::pair("idle", idle), {"quiet", quiet}, {"loud", middle}, {"loud, later", loud}, {"end", end}})
    fmt::print("{:12} {:6} KiB, {} descriptors\n", when, usage.kilobytes, usage.descriptors);
  const bool kept = load.failures == 0 && end.descriptors <= idle.descriptors && end.kilobytes <= quiet.kilobytes + 4096 &&
                    loud.kilobytes <= middle.kilobytes + 2048;
  return kept && beside <= 1.5 * before ? EXIT_SUCCESS : EXIT_FAILURE;
}
