// SPDX-License-Identifier: Apache-2.0
// The demonstrator as a backend: what it reads, what it writes, what it says when it cannot.
#include <doctest/doctest.h>

#include <Eigen/Geometry>
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <optional>
#include <string>

#include "sinew/action/make_decoder.hpp"
#include "sinew/core/error.hpp"
#include "sinew/io/card_json.hpp"
#include "sinew/io/statistics_file.hpp"
#include "sinew/observation/vla_encoder.hpp"
#include "sinew/sim/demonstrator.hpp"
#include "sinew/sim/scenes/tabletop.hpp"
#include "sinew/testing/no_alloc.hpp"

using namespace sinew;
using namespace sinew::sim;

namespace {

const std::filesystem::path kDirectory = SINEW_DEMONSTRATOR_DIRECTORY;

/// The whole policy by hand: robot, encoder, demonstrator, decoder and their tensors.
struct Bench {
  explicit Bench(std::uint64_t seed)
      : card(read_card(kDirectory / "sinew.json")),
        statistics(read_statistics(kDirectory, card.statistics)),
        robot(MujocoRobot::tabletop({.seed = seed, .camera_height = 128, .camera_width = 128, .render_cameras = true})),
        encoder(card, statistics),
        demonstrator(Demonstrator::load({kDirectory, card}, robot.simulation())),
        decoder(make_decoder(card, statistics)),
        inputs(make_tensors(encoder.spec())),
        outputs(make_tensors(demonstrator.spec().outputs)) {}
  Status encode(std::string_view instruction) {
    const Status status = robot.observe(instruction, observation);
    return status == Status::ok ? encoder.encode(observation, inputs) : status;
  }
  PolicyCard card;
  Statistics statistics;
  MujocoRobot robot;
  VlaEncoder encoder;
  Demonstrator demonstrator;
  AnyDecoder decoder;
  TensorMap inputs;
  TensorMap outputs;
  Observation observation;
  ActionChunk chunk{16, 8};
};

}  // namespace

TEST_CASE("demonstrator: the first row holds the pose, the rows after it go to the cube that the instruction names") {
  for (const std::uint64_t seed : {1, 2, 3}) {
    Bench bench(seed);
    for (const std::string_view colour : kCubeColours) {
      CAPTURE(seed);
      CAPTURE(colour);
      REQUIRE(bench.encode("put the " + std::string(colour) + " cube on the white plate") == Status::ok);
      REQUIRE(bench.demonstrator.infer(bench.inputs, bench.outputs) == Status::ok);
      REQUIRE(bench.decoder.decode(bench.outputs, bench.observation, bench.chunk) == Status::ok);
      REQUIRE(bench.chunk.horizon == 16);
      const auto& measured = bench.observation.find_channel("tool_pose")->values;
      const auto first = bench.chunk.step(0);
      for (std::size_t i = 0; i < 3; ++i) CHECK(std::abs(first[i] - measured[i]) < 1e-4);
      CHECK(first[7] == doctest::Approx(kGripperWidth));

      const auto objects = bench.robot.objects();
      const auto cube = std::ranges::find(objects, "cube_" + std::string(colour), &ObjectPose::name);
      REQUIRE(cube != objects.end());
      const auto last = bench.chunk.step(15);
      const auto away = [&](std::span<const double> row) { return std::hypot(row[0] - cube->position[0], row[1] - cube->position[1]); };
      CHECK(away(last) < 0.01);
      CHECK(last[2] < first[2]);
      // Straight down: the tool's z axis in base axes.
      const Eigen::Vector3d down = Eigen::Quaterniond(last[3], last[4], last[5], last[6]) * Eigen::Vector3d::UnitZ();
      CHECK(down.z() < -0.9999);
    }
  }
}

TEST_CASE("demonstrator: equal inputs give equal bytes, and the pixels do not matter") {
  Bench bench(4);
  REQUIRE(bench.encode("put the green cube on the purple plate") == Status::ok);
  REQUIRE(bench.demonstrator.infer(bench.inputs, bench.outputs) == Status::ok);
  const TensorMap first = bench.outputs;
  for (float& value : bench.inputs["pixel_values"].as<float>()) value = 0;
  REQUIRE(bench.demonstrator.infer(bench.inputs, bench.outputs) == Status::ok);
  CHECK(std::ranges::equal(first["actions"].bytes(), bench.outputs["actions"].bytes()));
  CHECK(bench.demonstrator.last_error().empty());
}

TEST_CASE("demonstrator: an unknown instruction is refused with the colours there are, and the next call works") {
  Bench bench(5);
  REQUIRE(bench.encode("put the pink cube on the white plate") == Status::ok);
  CHECK(bench.demonstrator.infer(bench.inputs, bench.outputs) == Status::backend_failed);
  const std::string said(bench.demonstrator.last_error());
  for (const auto part : {"red", "green", "blue", "yellow", "purple", "white", "put the <colour> cube", "stack the", "push the"})
    CHECK_MESSAGE(said.find(part) != std::string::npos, said);
  REQUIRE(bench.encode("put the blue cube on the white plate") == Status::ok);
  CHECK(bench.demonstrator.infer(bench.inputs, bench.outputs) == Status::ok);
}

TEST_CASE("demonstrator: refuses each input when it is missing, of another dtype or not finite") {
  Bench bench(6);
  REQUIRE(bench.encode("put the blue cube on the white plate") == Status::ok);
  for (const auto& spec : bench.demonstrator.spec().inputs) {
    CAPTURE(spec.name);
    TensorMap without;
    TensorMap retyped;
    for (const auto& [name, tensor] : bench.inputs) {
      if (name != spec.name) without.add(name, tensor);
      retyped.add(name, name == spec.name ? Tensor(DType::f64, spec.capacity) : tensor);
    }
    CHECK(bench.demonstrator.infer(without, bench.outputs) != Status::ok);
    CHECK(bench.demonstrator.last_error().find(spec.name) != std::string_view::npos);
    CHECK(bench.demonstrator.infer(retyped, bench.outputs) == Status::bad_shape);
  }
  bench.inputs["state"].as<float>()[9] = std::nanf("");
  CHECK(bench.demonstrator.infer(bench.inputs, bench.outputs) == Status::not_finite);
  TensorMap none;
  bench.inputs["state"].as<float>()[9] = 0;
  CHECK(bench.demonstrator.infer(bench.inputs, none) != Status::ok);
}

TEST_CASE("demonstrator: allocates nothing in infer") {
  REQUIRE(testing::counting_works());
  Bench bench(7);
  REQUIRE_FALSE(bench.demonstrator.spec().allocates);
  REQUIRE(bench.encode("put the blue cube on the white plate") == Status::ok);
  REQUIRE(bench.demonstrator.infer(bench.inputs, bench.outputs) == Status::ok);
  const testing::HeapCallCounter calls;
  const Status status = bench.demonstrator.infer(bench.inputs, bench.outputs);
  CHECK(calls.count() == 0);
  CHECK(status == Status::ok);
}

TEST_CASE("demonstrator: a card that it cannot serve is refused at load") {
  Bench bench(8);
  PolicyCard absolute = bench.card;
  absolute.action.decoder = DecoderKind::joint_absolute;
  absolute.action.tool_channel.clear();
  CHECK_THROWS_WITH_AS(Demonstrator::load({kDirectory, absolute}, bench.robot.simulation()), doctest::Contains("tool_delta"), Error);
  PolicyCard blind = bench.card;
  blind.state.channels.pop_back();
  CHECK_THROWS_WITH_AS(Demonstrator::load({kDirectory, blind}, bench.robot.simulation()), doctest::Contains("tool_pose"), Error);
  PolicyCard odd = bench.card;
  odd.action.rate = 30;
  CHECK_THROWS_WITH_AS(Demonstrator::load({kDirectory, odd}, bench.robot.simulation()), doctest::Contains("/action/rate"), Error);
}

TEST_CASE("demonstrator: outlives the robot object, and its name is taken only once") {
  BackendRegistry registry;
  PolicyCard card = read_card(kDirectory / "sinew.json");
  std::optional<AnyBackend> backend;
  {
    const auto robot = MujocoRobot::tabletop({.seed = 1, .camera_height = 128, .camera_width = 128, .render_cameras = false});
    add_demonstrator(registry, robot);
    CHECK_THROWS_AS(add_demonstrator(registry, robot), Error);
    backend.emplace(registry.make("demonstrator", {kDirectory, card}));
  }
  TensorMap inputs = make_tensors(backend->spec().inputs);
  TensorMap outputs = make_tensors(backend->spec().outputs);
  const std::string_view text = "put the red cube on the yellow plate";
  std::ranges::copy(text, inputs["prompt"].as<std::uint8_t>().begin());
  inputs["state"].as<float>()[11] = 1;  // w of the tool's quaternion
  CHECK(backend->infer(inputs, outputs) == Status::ok);
}
