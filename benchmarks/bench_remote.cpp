// SPDX-License-Identifier: Apache-2.0
// N1: what a request of openpi costs beside the network: two images of 224 pixels, a state and words, to bytes and back. N2: the same to a
// server in another process and back, on one core for both and on a core for each. N3: a request of vla.cpp.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bench.hpp"
#include "observation/baselines.hpp"
#include "remote/echo_process.hpp"
#include "sinew/backend/remote/openpi_protocol.hpp"
#include "sinew/backend/remote/remote_backend.hpp"
#include "sinew/backend/remote/vla_cpp_protocol.hpp"
#include "sinew/backend/remote/web_socket_link.hpp"
#include "sinew/backend/remote/zmq_link.hpp"

namespace sinew::bench {
namespace {

constexpr std::size_t kEntries = 16;  // of the pool of observations: more than the caches keep
constexpr std::int64_t kSide = 224, kState = 8;
constexpr std::string_view kWords = "put the bowl on the stove";
constexpr double kBound = 2;  // us
constexpr std::int64_t kHorizon = 10, kDim = 7;

const TensorSpecs kInputs = {{"observation/image", DType::u8, Shape{kSide, kSide, 3}},
                             {"observation/wrist_image", DType::u8, Shape{kSide, kSide, 3}},
                             {"observation/state", DType::f32, Shape{kState}},
                             {"prompt", DType::u8, Shape{256}}};

std::vector<TensorMap> make_pool(Baselines& baselines) {
  std::mt19937 random(1);
  std::vector<TensorMap> pool;
  std::vector<std::uint8_t> images;
  std::vector<float> states;
  for (std::size_t i = 0; i < kEntries; ++i) {
    TensorMap observation = make_tensors(kInputs);
    for (const char* name : {"observation/image", "observation/wrist_image"}) {
      const auto pixels = observation[name].as<std::uint8_t>();
      std::ranges::generate(pixels, [&] { return static_cast<std::uint8_t>(random()); });
      images.insert(images.end(), pixels.begin(), pixels.end());
    }
    const auto state = observation["observation/state"].as<float>();
    std::ranges::generate(state, [&] { return static_cast<float>(random() % 1000) / 1000; });
    states.insert(states.end(), state.begin(), state.end());
    Tensor& words = observation["prompt"];
    if (words.set_shape(Shape{static_cast<std::int64_t>(kWords.size())}) != Status::ok) throw std::runtime_error("prompt");
    std::ranges::copy(kWords, reinterpret_cast<char*>(words.as<std::uint8_t>().data()));
    pool.push_back(std::move(observation));
  }
  baselines.write("images", images.data(), images.size());
  baselines.write("states", states.data(), states.size() * sizeof(float));
  return pool;
}

std::vector<std::byte> joined(remote::Pieces pieces) {
  std::vector<std::byte> bytes;
  for (const auto piece : pieces) bytes.insert(bytes.end(), piece.begin(), piece.end());
  return bytes;
}

/// What a row must reach: a time, or a ratio to the baseline.
struct Bar {
  double most = 0;  // us
  double ratio = 0;
};

/// A row of `run` beside the baseline of the same name, in microseconds.
void add(Report& report, Baselines& baselines, const std::string& id, const std::string& what, const Run& run, bool agrees,
         const Bar& bar = {.most = kBound}, const std::string& note = {}) {
  const auto name = baselines.open(id);
  const auto [ours, theirs] = time_pair(warmed(run), name ? baselines.sampler(id) : Sampler(), report.options().min_time);
  Row row{.id = id, .what = what, .unit = "us", .baseline = name.value_or(kAbsent)};
  row.note = note;
  row.ours = 1e6 * ours.median;
  row.ours_p99 = 1e6 * ours.p99;
  row.ours_worst = 1e6 * ours.worst;
  row.n = ours.repetitions;
  if (theirs) {
    row.theirs = 1e6 * theirs->median;
    row.ratio = theirs->median / ours.median;
  } else {
    row.note += (note.empty() ? "" : "; ") + baselines.why();
  }
  row.bound = bar.most > 0 ? fmt::format("≤ {:g} us", bar.most) : fmt::format("≥ {:g}×", bar.ratio);
  row.pass = bar.most > 0 ? row.ours <= bar.most : row.ratio >= bar.ratio;
  row.checked = name.has_value() && agrees;
  report.add(row);
}

void encode_row(Report& report, Baselines& baselines, const std::vector<TensorMap>& pool) {
  if (!report.wants("N1/encode")) return;
  remote::OpenpiProtocol protocol({.inputs = kInputs, .horizon = kHorizon, .action_dim = kDim});
  bool agrees = baselines.open("N1/encode").has_value();
  for (std::size_t i = 0; agrees && i < kEntries; ++i)
    agrees = protocol.write_request(pool[i], 1) == Status::ok && joined(protocol.pieces()) == baselines.result("N1/encode", i);
  std::size_t next = 0;
  const auto run = [&](int times) {
    for (int i = 0; i < times; ++i) {
      if (protocol.write_request(pool[next++ % kEntries], 1) != Status::ok) throw std::runtime_error("encode");
      keep(protocol.pieces());
    }
  };
  add(report, baselines, "N1/encode", "openpi observation (2 x 224 x 224 x 3, state, words; 301 kB) to a scatter list", run, agrees);
}

void decode_row(Report& report, Baselines& baselines, const std::vector<TensorMap>& pool) {
  if (!report.wants("N1/decode")) return;
  remote::OpenpiProtocol protocol({.inputs = kInputs, .horizon = kHorizon, .action_dim = kDim});
  std::vector<std::vector<std::byte>> packed;
  for (const TensorMap& observation : pool) {
    if (protocol.write_request(observation, 1) != Status::ok) throw std::runtime_error("encode");
    packed.push_back(joined(protocol.pieces()));
  }
  remote::MsgpackDocument document;
  const auto view = [&](std::size_t entry, std::vector<std::byte>* copy) {
    if (document.parse(packed[entry]) != Status::ok) throw std::runtime_error("decode");
    const auto root = document.root();
    for (const char* name : {"observation/image", "observation/wrist_image", "observation/state"}) {
      const auto array = root.find(name).ndarray();
      if (!array) throw std::runtime_error("decode");
      if (copy != nullptr) copy->insert(copy->end(), array->bytes.begin(), array->bytes.end());
      keep(*array);
    }
  };
  bool agrees = baselines.open("N1/decode").has_value();
  for (std::size_t i = 0; agrees && i < kEntries; ++i) {
    std::vector<std::byte> bytes;
    view(i, &bytes);
    agrees = bytes == baselines.result("N1/decode", i);
  }
  std::size_t next = 0;
  const auto run = [&](int times) {
    for (int i = 0; i < times; ++i) view(next++ % kEntries, nullptr);
  };
  add(report, baselines, "N1/decode", "the same bytes into views", run, agrees);
}

/// One request after the other, whose reply must be what the echo sends.
template <class Backend>
Run calls(Backend& backend, const std::vector<TensorMap>& pool, TensorMap& out) {
  return [&backend, &pool, &out, next = std::size_t{0}](int times) mutable {
    for (int i = 0; i < times; ++i) {
      if (backend.infer(pool[next++ % pool.size()], out) != Status::ok) throw std::runtime_error(std::string(backend.last_error()));
      keep(out);
    }
  };
}

bool is_echo(const TensorMap& out) {
  const auto actions = out["actions"].as<float>();
  return actions.size() == kHorizon * kDim && std::ranges::all_of(actions, [](float value) { return value == kEchoed; });
}

void round_trip_row(Report& report, Baselines& baselines, const std::vector<TensorMap>& pool, const std::string& id, const char* what) {
  if (!report.wants(id)) return;
  const EchoProcess server("openpi");
  remote::RemoteBackend backend(remote::OpenpiProtocol({.inputs = kInputs, .horizon = kHorizon, .action_dim = kDim}),
                                remote::WebSocketLink({.port = server.port()}), {.deadline = std::chrono::seconds(5)});
  TensorMap out = make_tensors(backend.spec().outputs);
  const Run run = calls(backend, pool, out);
  run(1);
  const EchoProcess bytes("bytes");
  const std::string note = fmt::format("these bytes through the kernel alone: {:.0f} us",
                                       1e6 * bytes_there_and_back(bytes.port(), static_cast<std::size_t>(2 * kSide * kSide * 3)));
  add(report, baselines, id, what, run, is_echo(out), {.ratio = 3}, note);
}

void vla_cpp_row(Report& report, Baselines& baselines, const std::vector<TensorMap>& pool) {
  if (!report.wants("N3")) return;
  const TensorSpecs inputs{{"image/0", DType::u8, Shape{kSide, kSide, 3}},
                           {"image/1", DType::u8, Shape{kSide, kSide, 3}},
                           {"lang_tokens", DType::i64, Shape{48}},
                           {"state", DType::f32, Shape{kState}}};
  std::vector<TensorMap> requests;
  for (const TensorMap& observation : pool) {
    TensorMap request = make_tensors(inputs);
    std::ranges::copy(observation["observation/image"].bytes(), request["image/0"].bytes().begin());
    std::ranges::copy(observation["observation/wrist_image"].bytes(), request["image/1"].bytes().begin());
    std::ranges::copy(observation["observation/state"].bytes(), request["state"].bytes().begin());
    requests.push_back(std::move(request));
  }
  const EchoProcess server("vla_cpp");
  remote::RemoteBackend backend(remote::VlaCppProtocol({.inputs = inputs, .horizon = kHorizon, .action_dim = kDim}),
                                remote::ZmqLink({.endpoint = fmt::format("tcp://127.0.0.1:{}", server.port())}),
                                {.deadline = std::chrono::seconds(5)});
  TensorMap out = make_tensors(backend.spec().outputs);
  const Run run = calls(backend, requests, out);
  run(1);
  add(report, baselines, "N3", "a request of vla.cpp (two such images, 48 tokens, state) to an echo in another process and back", run,
      is_echo(out), {.most = 150});
}

}  // namespace
}  // namespace sinew::bench

int main(int argc, char** argv) {
  using namespace sinew::bench;
  if (argc == 3 && std::string_view(argv[1]) == "--echo") return run_echo(argv[2]);
  std::string python = std::filesystem::exists(".venv/bin/python") ? ".venv/bin/python" : "python3";
  Report report(Options::parse(argc, argv, {{"--python", &python}}));
  try {
    Baselines baselines(python);
    const auto pool = make_pool(baselines);
    encode_row(report, baselines, pool);
    decode_row(report, baselines, pool);
    round_trip_row(report, baselines, pool, "N2/core",
                   "the same observation to an echo policy in another process and back, both on one core");
    vla_cpp_row(report, baselines, pool);
    const AllCores all;
    round_trip_row(report, baselines, pool, "N2/cores", "the same with a core for each process");
    return report.finish();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_remote: %s\n", error.what());
    return 1;
  }
}
