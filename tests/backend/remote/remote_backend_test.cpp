// SPDX-License-Identifier: Apache-2.0
// A policy server behind a network that fails: deadlines, fresh observations, back-off; on a virtual clock.
#include "sinew/backend/remote/remote_backend.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "fault_link.hpp"
#include "sinew/backend/remote/openpi_protocol.hpp"
#include "sinew/backend/remote/starvla_protocol.hpp"
#include "sinew/backend/remote/vla_cpp_protocol.hpp"
#include "test_seed.hpp"

using namespace sinew;
using namespace sinew::remote;
using namespace sinew::testing;
using namespace std::chrono_literals;

namespace {

constexpr std::int64_t kHorizon = 4, kDim = 3;

Bytes bytes_of(Pieces pieces) {
  Bytes bytes;
  for (const auto piece : pieces) bytes.insert(bytes.end(), piece.begin(), piece.end());
  return bytes;
}

/// A chunk in which every number is that of the observation.
Tensor chunk_of(float observed) {
  Tensor chunk(DType::f32, Shape{kHorizon, kDim});
  std::ranges::fill(chunk.as<float>(), observed);
  return chunk;
}

/// Three protocols, each with a server that answers with what it was shown.
struct Openpi {
  static OpenpiProtocol protocol() {
    return OpenpiProtocol(
        {.inputs = {{"state", DType::f32, Shape{1}}, {"prompt", DType::u8, Shape{64}}}, .horizon = kHorizon, .action_dim = kDim});
  }
  static Bytes answer(const Bytes& request) {
    MsgpackDocument document;
    REQUIRE(document.parse(request) == Status::ok);
    Tensor state(DType::f32, Shape{1});
    REQUIRE(document.root().find("state").ndarray()->copy_to(state) == Status::ok);
    const Tensor chunk = chunk_of(state.as<float>()[0]);
    MsgpackWriter writer;
    writer.begin_map(1);
    writer.text("actions");
    writer.array(chunk.view());
    return bytes_of(writer.pieces());
  }
  static constexpr bool kNumbered = false, kGreets = true;
};

struct Starvla {
  static StarvlaProtocol protocol() {
    return StarvlaProtocol(
        {.inputs = {{"image/0", DType::u8, Shape{2, 2, 3}}, {"lang", DType::u8, Shape{64}}, {"state", DType::f32, Shape{1, 1}}},
         .horizon = kHorizon,
         .action_dim = kDim});
  }
  static Bytes answer(const Bytes& request) {
    MsgpackDocument document;
    REQUIRE(document.parse(request) == Status::ok);
    Tensor state(DType::f32, Shape{1, 1});
    REQUIRE(document.root().find("payload").find("examples").first().find("state").ndarray()->copy_to(state) == Status::ok);
    const Tensor chunk = chunk_of(state.as<float>()[0]);
    MsgpackWriter writer;
    writer.begin_map(3);
    writer.text("ok");
    writer.boolean(true);
    writer.text("request_id");
    writer.text(*document.root().find("request_id").text());
    writer.text("data");
    writer.begin_map(1);
    writer.text("actions");
    const std::int64_t shape[] = {1, kHorizon, kDim};
    writer.array(DType::f32, shape, chunk.bytes());
    return bytes_of(writer.pieces());
  }
  static constexpr bool kNumbered = true, kGreets = true;
};

struct VlaCpp {
  static VlaCppProtocol protocol() {
    return VlaCppProtocol(
        {.inputs = {{"image/0", DType::u8, Shape{2, 2, 3}}, {"lang_tokens", DType::i64, Shape{8}}, {"state", DType::f32, Shape{1}}},
         .horizon = kHorizon,
         .action_dim = kDim});
  }
  static Bytes answer(const Bytes& request) {
    ProtoReader reader(request);
    float observed = 0;
    std::uint64_t id = 0;
    for (ProtoField field; reader.next(field);) {
      if (field.number == 3) std::memcpy(&observed, field.content.data(), sizeof(observed));
      if (field.number == 5) id = field.value;
    }
    REQUIRE_FALSE(reader.failed());
    const Tensor chunk = chunk_of(observed);
    ProtoWriter writer;
    writer.varint(1, id);
    writer.floats(2, chunk.as<float>());
    writer.varint(3, kHorizon);
    writer.varint(4, kDim);
    return bytes_of(writer.pieces());
  }
  static constexpr bool kNumbered = true, kGreets = false;
};

template <class Server>
auto make_backend(const std::shared_ptr<FaultNetwork>& network, RemoteOptions options = {}) {
  network->answer = &Server::answer;
  network->greets = Server::kGreets;
  return RemoteBackend(Server::protocol(), FaultLink(network), options);
}

void observe(TensorMap& in, float value) {
  std::ranges::fill(in["state"].as<float>(), value);
  for (const char* text : {"prompt", "lang"})
    if (Tensor& tensor = in[text]; tensor) REQUIRE(tensor.set_shape(Shape{4}) == Status::ok);
}

Faults some_faults(FaultNetwork& network, bool numbered) {
  Faults faults;
  for (double* probability :
       {&faults.refused, &faults.half_open, &faults.lost, &faults.slow, &faults.stalled, &faults.reset, &faults.hostile})
    if (network.draws(0.4)) *probability = network.draws(0.1) ? 1.0 : 0.3;
  if (numbered) {  // a server that has no numbers for requests answers in order, over a stream
    faults.duplicate = network.draws(0.4) ? 0.5 : 0;
    faults.reordered = network.draws(0.4) ? 0.5 : 0;
  }
  return faults;
}

/// One schedule: calls while the network is bad in some way, then good ones. Returns how many calls went well while it was bad.
template <class Server>
int run_schedule(std::uint64_t seed) {
  const auto network = std::make_shared<FaultNetwork>(seed);
  const RemoteOptions options{.deadline = network->some(20ms, 2s)};
  auto backend = make_backend<Server>(network, options);
  TensorMap in = make_tensors(backend.spec().inputs), out = make_tensors(backend.spec().outputs);
  network->faults = some_faults(*network, Server::kNumbered);
  const bool honest = network->faults.hostile == 0;
  int went_well = 0;
  for (int call = 1; call <= 30; ++call) {
    observe(in, static_cast<float>(call));
    const Time begun = network->now;
    const Status status = backend.infer(in, out);
    CHECK(network->now - begun <= options.deadline + options.deadline / 10);
    if (status == Status::ok) {
      ++went_well;
      if (honest) CHECK(out["actions"].as<float>()[0] == static_cast<float>(call));  // of this observation, not of an earlier one
    } else {
      CHECK_FALSE(backend.last_error().empty());
      CHECK(backend.state() == RemoteState::closed);
    }
    network->now += network->some(0ms, 200ms);
  }
  network->faults = {};
  const Time good = network->now;
  Status status = Status::not_ready;
  for (int call = 31; status != Status::ok && network->now - good < 20s; ++call) {
    observe(in, static_cast<float>(call));
    status = backend.infer(in, out);
    if (status == Status::ok) CHECK(out["actions"].as<float>()[0] == static_cast<float>(call));
    network->now += 50ms;
  }
  // Connecting takes up to 300 ms here, so a shorter deadline may never be met.
  if (options.deadline > 400ms) CHECK(status == Status::ok);
  return went_well;
}

}  // namespace

TEST_CASE_TEMPLATE("remote: no call outlives its deadline, and no answer is that of another observation", Server, Openpi, Starvla, VlaCpp) {
  const std::uint64_t first = testing::seed();
  int went_well = 0;
  for (std::uint64_t schedule = 0; schedule < 4000; ++schedule) {
    CAPTURE(schedule);
    went_well += run_schedule<Server>(first * 1'000'003 + schedule);
  }
  CHECK(went_well > 4000);  // the network was not simply dead
}

TEST_CASE("remote: a failed connection is tried again later and later, and at once after a reset") {
  const auto network = std::make_shared<FaultNetwork>(1);
  auto backend = make_backend<Openpi>(network, {.deadline = 1s, .first_back_off = 100ms, .most_back_off = 400ms});
  TensorMap in = make_tensors(backend.spec().inputs), out = make_tensors(backend.spec().outputs);
  observe(in, 1);
  network->faults.refused = 1;
  for (const Time expected : {100ms, 200ms, 400ms, 400ms}) {
    const std::uint64_t before = network->opened;
    CHECK(backend.infer(in, out) == Status::backend_failed);
    CHECK(network->opened == before + 1);
    const Time failed = network->now;
    network->now = failed + expected - 1ms;
    CHECK(backend.infer(in, out) == Status::not_ready);
    CHECK(backend.last_error().find("the next attempt is in 0.00 s") != std::string_view::npos);
    network->now = failed + expected;
  }
  network->faults = {};
  backend.reset();
  CHECK(backend.infer(in, out) == Status::ok);
  CHECK(backend.connections() == 1);
  CHECK(backend.infer(in, out) == Status::ok);
  CHECK(backend.connections() == 1);
}

TEST_CASE("remote: what the server reports is shown, without what could drive a terminal") {
  const auto network = std::make_shared<FaultNetwork>(1);
  auto backend = make_backend<Starvla>(network);
  network->answer = [](const Bytes& request) {
    MsgpackDocument document;
    REQUIRE(document.parse(request) == Status::ok);
    MsgpackWriter writer;
    writer.begin_map(3);
    writer.text("ok");
    writer.boolean(false);
    writer.text("request_id");
    writer.text(*document.root().find("request_id").text());
    writer.text("error");
    writer.begin_map(1);
    writer.text("message");
    writer.text("Traceback:\n  somewhere\nout of \x1b[31mmemory\n");
    return bytes_of(writer.pieces());
  };
  TensorMap in = make_tensors(backend.spec().inputs), out = make_tensors(backend.spec().outputs);
  observe(in, 1);
  CHECK(backend.infer(in, out) == Status::backend_failed);
  CHECK(backend.last_error() == "[starvla] server: expected actions, got an error: out of ?[31mmemory");
}

TEST_CASE("remote: inputs and outputs that are not of the specification are refused before anything is sent") {
  const auto network = std::make_shared<FaultNetwork>(1);
  auto backend = make_backend<Openpi>(network);
  TensorMap in, out = make_tensors(backend.spec().outputs);
  CHECK(backend.infer(in, out) == Status::missing);
  CHECK(backend.last_error() == "tensor 'state': missing");
  in = make_tensors(backend.spec().inputs);
  TensorMap none;
  CHECK(backend.infer(in, none) == Status::missing);
  CHECK(network->opened == 0);
  CHECK_THROWS_AS(make_backend<Openpi>(network, {.deadline = 0s}), Error);
}

TEST_CASE("remote: what a function finds wrong with the metadata, or throws, ends the greeting with its reason") {
  std::string wrong;
  OpenpiProtocol protocol({.inputs = {{"state", DType::f32, Shape{1}}},
                           .horizon = kHorizon,
                           .action_dim = kDim,
                           .check_metadata = [&](const MsgpackValue& metadata) {
                             if (wrong == "thrown") throw std::runtime_error("thrown");
                             CHECK(metadata.find("views").integer() == 2);
                             return wrong;
                           }});
  MsgpackWriter writer;
  writer.begin_map(1);
  writer.text("views");
  writer.integer(2);
  const Bytes metadata = bytes_of(writer.pieces());
  CHECK(protocol.read_greeting({.bytes = metadata}) == Status::ok);
  for (const char* reason : {"expected 3 views, got 2", "thrown"}) {
    wrong = reason;
    CHECK(protocol.read_greeting({.bytes = metadata}) == Status::backend_failed);
    CHECK(protocol.last_error() == "[openpi] metadata of the server: " + wrong);
  }
}
