// SPDX-License-Identifier: Apache-2.0
#include "sinew/observation/vla_encoder.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "random_image.hpp"
#include "sinew/core/error.hpp"
#include "sinew/testing/no_alloc.hpp"

namespace {

using namespace sinew;  // NOLINT(google-build-using-namespace): a test of one header

PolicyCard make_card() {
  PolicyCard card;
  card.name = "two cameras";
  card.architecture = "affine";
  card.backend = "reference";
  card.cameras = {
      {.name = "front", .view = "ego", .processor = ProcessorKind::qwen3_vl, .resample = "pil_bicubic", .height = 96, .width = 128},
      {.name = "top", .view = "", .processor = ProcessorKind::raw, .resample = "pil_bilinear", .height = 30, .width = 40},
      {.name = "wrist",
       .view = "cam_left_wrist",
       .processor = ProcessorKind::qwen3_vl,
       .resample = "pil_bicubic",
       .height = 256,
       .width = 320,
       .rotate_180 = true}};
  card.prompt = {.name = "instruction", .fields = {}, .max_bytes = 64};
  card.state.channels = {{.name = "joint_position", .unit = "rad", .size = 2, .rate = 100},
                         {.name = "gripper", .unit = "m", .size = 1, .rate = 50}};
  card.state.normalization = {.mode = NormalizationMode::quantile, .rule = "qwen", .key = "observation.state"};
  card.action.joint_names = {"a", "b", "finger"};
  card.action.gripper_names = {"finger"};
  card.action.horizon = 4;
  card.action.rate = 10;
  card.statistics = {.file = "stats.json", .sha256 = std::string(64, '0'), .format = "sinew"};
  return card;
}

const Statistics kStatistics = {
    {"observation.state", {.mean = {}, .std = {}, .min = {}, .max = {}, .q01 = {-1, -2, 0}, .q99 = {1, 2, 0.08}}}};

Observation make_observation() {
  Observation observation;
  observation.cameras = {{"wrist", testing::random_image(256, 320, 3, 1), {}},
                         {"front", testing::random_image(96, 128, 3, 2), {}},
                         {"top", testing::random_image(60, 80, 3, 3), {}}};
  observation.channels = {{"gripper", "m", {0.02}, {}}, {"other", "N", {1, 2, 3}, {}}, {"joint_position", "rad", {0.5, 3.0}, {}}};
  observation.instruction = "put the red cube on the yellow plate";
  return observation;
}

Image turned(const Image& image) {
  Image out(image.height(), image.width(), image.channels());
  for (int y = 0; y < image.height(); ++y)
    for (int x = 0; x < image.width(); ++x)
      for (int c = 0; c < 3; ++c) {
        const auto at = [&](int row, int column) { return static_cast<std::size_t>((row * image.width() + column) * 3 + c); };
        out.pixels()[at(y, x)] = image.pixels()[at(image.height() - 1 - y, image.width() - 1 - x)];
      }
  return out;
}

void expect(VlaEncoder& encoder, const Observation& observation, TensorMap& out, Status status, const std::string& culprit) {
  CHECK(encoder.encode(observation, out) == status);
  CHECK(std::string(encoder.last_error()).find(culprit) != std::string::npos);
}

}  // namespace

TEST_CASE("VLA encoder: says what it writes") {
  const VlaEncoder encoder(make_card(), kStatistics);
  // front: 96 x 128 grows to 224 x 320 (14 x 20 patches); wrist: 256 x 320 stays (16 x 20).
  const TensorSpecs expected = {{"image.top", DType::u8, {30, 40, 3}},
                                {"pixel_values", DType::f32, {14 * 20 + 16 * 20, 1536}},
                                {"image_grid_thw", DType::i64, {2, 3}},
                                {"prompt", DType::u8, {64}},
                                {"state", DType::f32, {3}}};
  CHECK(encoder.spec() == expected);
}

TEST_CASE("VLA encoder: each tensor holds what the card asks for") {
  VlaEncoder encoder(make_card(), kStatistics);
  auto out = make_tensors(encoder.spec());
  const Observation observation = make_observation();
  REQUIRE(encoder.encode(observation, out) == Status::ok);
  CHECK(encoder.last_error().empty());

  const auto values = out["pixel_values"].as<float>();
  QwenVlProcessor processor;
  std::vector<float> front(14 * 20 * 1536);
  std::vector<float> wrist(16 * 20 * 1536);
  REQUIRE(processor.process(observation.find_camera("front")->image.view(), front) == Status::ok);
  REQUIRE(processor.process(turned(observation.find_camera("wrist")->image).view(), wrist) == Status::ok);
  CHECK(std::ranges::equal(values.first(front.size()), front));
  CHECK(std::ranges::equal(values.subspan(front.size()), wrist));
  CHECK(std::ranges::equal(out["image_grid_thw"].as<std::int64_t>(), std::vector<std::int64_t>{1, 14, 20, 1, 16, 20}));

  Image top;
  REQUIRE(Resizer(ResizeRule::pil_bilinear).resize(observation.find_camera("top")->image.view(), 30, 40, top) == Status::ok);
  CHECK(std::ranges::equal(out["image.top"].as<std::uint8_t>(), top.pixels()));

  const auto prompt = out["prompt"].as<std::uint8_t>();
  CHECK(std::string(prompt.begin(), prompt.end()) == observation.instruction);
  const auto state = out["state"].as<float>();
  CHECK(state[0] == doctest::Approx(0.5));
  CHECK(state[1] == 1.0F);  // 3 rad lies beyond q99: clipped
  CHECK(state[2] == doctest::Approx(-0.5));
}

TEST_CASE("VLA encoder: a frame of another size is brought to the card's first") {
  VlaEncoder encoder(make_card(), kStatistics);
  auto out = make_tensors(encoder.spec());
  Observation observation = make_observation();
  const Image large = testing::random_image(480, 640, 3, 5);
  observation.find_camera("front")->image = large;
  REQUIRE(encoder.encode(observation, out) == Status::ok);
  Image sized;
  REQUIRE(Resizer(ResizeRule::pil_bicubic).resize(large.view(), 96, 128, sized) == Status::ok);
  std::vector<float> front(14 * 20 * 1536);
  REQUIRE(QwenVlProcessor().process(sized.view(), front) == Status::ok);
  CHECK(std::ranges::equal(out["pixel_values"].as<float>().first(front.size()), front));
}

TEST_CASE("VLA encoder: the culprit is named") {
  VlaEncoder encoder(make_card(), kStatistics);
  auto out = make_tensors(encoder.spec());
  Observation observation = make_observation();
  SUBCASE("a camera is missing") {
    observation.cameras.erase(observation.cameras.begin());
    expect(encoder, observation, out, Status::missing, "camera 'wrist'");
  }
  SUBCASE("a camera is grey") {
    observation.find_camera("top")->image = Image(60, 80, 1);
    expect(encoder, observation, out, Status::bad_shape, "camera 'top'");
  }
  SUBCASE("a camera gave no frame yet") {
    observation.find_camera("front")->image = Image();
    expect(encoder, observation, out, Status::bad_shape, "camera 'front'");
  }
  SUBCASE("a channel is missing") {
    observation.find_channel("gripper")->name = "griper";
    expect(encoder, observation, out, Status::missing, "channel 'gripper'");
  }
  SUBCASE("a channel is short") {
    observation.find_channel("joint_position")->values.pop_back();
    expect(encoder, observation, out, Status::bad_shape, "channel 'joint_position': expected 2 values in 'rad', got 1 in 'rad'");
  }
  SUBCASE("a channel is in degrees") {
    observation.find_channel("joint_position")->unit = "deg";
    expect(encoder, observation, out, Status::bad_shape, "got 2 in 'deg'");
  }
  SUBCASE("a value is not a number") {
    observation.find_channel("gripper")->values[0] = std::numeric_limits<double>::quiet_NaN();
    expect(encoder, observation, out, Status::not_finite, "channel 'gripper'");
  }
  SUBCASE("the instruction is too long") {
    observation.instruction.assign(65, 'x');
    expect(encoder, observation, out, Status::over_capacity, "65 bytes");
  }
  SUBCASE("a tensor to write is missing") {
    TensorMap none;
    expect(encoder, observation, none, Status::missing, "tensor 'pixel_values'");
  }
  SUBCASE("a tensor to write is too small") {
    auto specs = encoder.spec();
    specs.back().capacity = {2};
    auto small = make_tensors(specs);
    expect(encoder, observation, small, Status::over_capacity, "tensor 'state'");
  }
  // What went wrong once does not stay.
  CHECK(encoder.encode(make_observation(), out) == Status::ok);
  CHECK(encoder.last_error().empty());
}

TEST_CASE("VLA encoder: a shorter prompt after a longer one leaves no tail") {
  VlaEncoder encoder(make_card(), kStatistics);
  auto out = make_tensors(encoder.spec());
  Observation observation = make_observation();
  for (const std::string& text : {std::string(64, 'a'), std::string("b"), std::string()}) {
    observation.instruction = text;
    REQUIRE(encoder.encode(observation, out) == Status::ok);
    const auto prompt = out["prompt"].as<std::uint8_t>();
    CHECK(std::string(prompt.begin(), prompt.end()) == text);
  }
}

TEST_CASE("VLA encoder: allocates nothing after the first observation of a shape, errors included") {
  REQUIRE(testing::counting_works());
  AnyEncoder encoder = VlaEncoder(make_card(), kStatistics);
  auto out = make_tensors(encoder.spec());
  const Observation observation = make_observation();
  Observation broken = observation;
  broken.cameras[0].name = "a camera whose name is far too long to fit into the place for error texts " + std::string(300, 'x');
  REQUIRE(encoder.encode(observation, out) == Status::ok);
  const testing::HeapCallCounter heap;
  CHECK(encoder.encode(observation, out) == Status::ok);
  CHECK(encoder.encode(broken, out) == Status::missing);
  CHECK(heap.count() == 0);
}

TEST_CASE("VLA encoder: sines and cosines make the state twice as wide") {
  PolicyCard card = make_card();
  card.state.normalization.mode = NormalizationMode::sin_cos;
  card.state.normalization.rule = "groot";
  VlaEncoder encoder(card, kStatistics);
  auto out = make_tensors(encoder.spec());
  REQUIRE(encoder.encode(make_observation(), out) == Status::ok);
  const auto state = out["state"].as<float>();
  REQUIRE(state.size() == 6);
  CHECK(state[1] == doctest::Approx(std::sin(3.0)));
  CHECK(state[4] == doctest::Approx(std::cos(3.0)));
}

TEST_CASE("VLA encoder: refuses a card that it cannot follow") {
  PolicyCard card = make_card();
  const auto refuse = [&](const char* part) { CHECK_THROWS_WITH_AS(VlaEncoder(card, kStatistics), doctest::Contains(part), Error); };
  SUBCASE("unknown resize rule") {
    card.cameras[1].resample = "pil_biliner";
    refuse("/cameras/1/resample] resize rule 'pil_biliner'");
  }
  SUBCASE("statistics that are not there") {
    card.state.normalization.key = "observation.stat";
    refuse("did you mean 'observation.state'?");
  }
  SUBCASE("a prompt that cannot fit") {
    card.prompt = {.name = "robotmanip", .fields = {{"camera_view_direction", "opposite side"}}, .max_bytes = 10};
    refuse("/prompt/max_bytes");
  }
  SUBCASE("a strip") {
    card.cameras[0].width = 8192;
    card.cameras[0].height = 40;
    refuse("/cameras/0 size");
  }
}

TEST_CASE("VLA encoder: with a history, images and states of every moment, oldest first") {
  PolicyCard card = make_card();
  card.history = HistoryCard{.camera_offsets = {-0.25, 0}, .state_offsets = {-0.125, 0}, .max_age = 0.05, .max_skew = 0.02};
  VlaEncoder encoder(card, kStatistics);
  auto out = make_tensors(encoder.spec());
  CHECK(out["pixel_values"].capacity() == Shape{2 * (14 * 20 + 16 * 20), 1536});
  CHECK(out["image.top"].capacity() == Shape{2, 30, 40, 3});
  CHECK(out["state"].capacity() == Shape{2, 3});

  std::vector<Observation> seen;
  Status status = Status::ok;
  for (int step = 0; step < 3; ++step) {
    Observation observation = make_observation();
    observation.time = from_seconds(10 + 0.125 * step);
    for (auto& camera : observation.cameras) camera.stamp = observation.time, camera.image.pixels()[0] = static_cast<std::uint8_t>(step);
    for (auto& channel : observation.channels) channel.stamp = observation.time, channel.values[0] = 0.01 * step;
    seen.push_back(observation);
    status = encoder.encode(observation, out);
    INFO(encoder.last_error());
    CHECK((status == Status::ok) == (step == 2));  // before that no frame is old enough
  }
  REQUIRE(status == Status::ok);
  VlaEncoder single(make_card(), kStatistics);
  for (const auto& [moment, observation] : {std::pair<std::size_t, const Observation&>{0, seen[0]}, {1, seen[2]}}) {
    auto alone = make_tensors(single.spec());
    REQUIRE(single.encode(observation, alone) == Status::ok);
    const auto patches = alone["pixel_values"].as<float>();
    CHECK(std::ranges::equal(out["pixel_values"].as<float>().subspan(moment * patches.size(), patches.size()), patches));
    const auto top = alone["image.top"].as<std::uint8_t>();
    CHECK(std::ranges::equal(out["image.top"].as<std::uint8_t>().subspan(moment * top.size(), top.size()), top));
  }
  CHECK(out["state"].as<float>()[2] == doctest::Approx(-0.75));  // gripper 0.01 of step 1
  CHECK(out["state"].as<float>()[5] == doctest::Approx(-0.5));   // gripper 0.02 of step 2
  CHECK(encoder.camera_ages().size() == 3);

  Observation late = seen[2];
  late.time = from_seconds(10.5);
  CHECK(encoder.encode(late, out) == Status::stale);
  CHECK(std::string(encoder.last_error()).find("'front'") != std::string::npos);
  encoder.reset();
  CHECK(encoder.encode(seen[0], out) == Status::not_ready);
}

TEST_CASE("VLA encoder: cameras of two Qwen generations do not share a tensor") {
  PolicyCard card = make_card();
  card.cameras[2].processor = ProcessorKind::qwen2_vl;
  CHECK_THROWS_WITH_AS(VlaEncoder(card, kStatistics), doctest::Contains("/cameras/2/processor"), Error);
}

TEST_CASE("VLA encoder: the state that a prompt writes is the normalised one") {
  PolicyCard card = make_card();
  card.prompt = {.name = "pi05", .fields = {}, .max_bytes = 256};
  VlaEncoder encoder(card, kStatistics);
  auto out = make_tensors(encoder.spec());
  REQUIRE(encoder.encode(make_observation(), out) == Status::ok);
  const auto prompt = out["prompt"].as<std::uint8_t>();
  // 0.5 of [-1, 1], 3 beyond [-2, 2], 0.02 of [0, 0.08]: bins of 0.5, 1 and -0.5.
  CHECK(std::string(prompt.begin(), prompt.end()) == "Task: put the red cube on the yellow plate, State: 192 255 64;\nAction: ");
}

TEST_CASE("VLA encoder: allocates nothing with long names and a history either") {
  REQUIRE(testing::counting_works());
  PolicyCard card = make_card();
  card.cameras[1].name = "exterior_image_of_the_left_side_1";
  card.history = HistoryCard{.camera_offsets = {-0.125, 0}, .state_offsets = {0}, .max_age = 0.05, .max_skew = 0.02};
  VlaEncoder encoder(card, kStatistics);
  auto out = make_tensors(encoder.spec());
  Observation observation = make_observation();
  observation.cameras[2].name = card.cameras[1].name;
  const auto step = [&](int i) {
    observation.time = from_seconds(10 + 0.125 * i);
    for (auto& camera : observation.cameras) camera.stamp = observation.time;
    for (auto& channel : observation.channels) channel.stamp = observation.time;
    return encoder.encode(observation, out);
  };
  for (int i = 0; i < 40; ++i) CHECK((step(i) == Status::ok) == (i > 0));  // the rings have been filled once
  const testing::HeapCallCounter heap;
  for (int i = 40; i < 50; ++i) CHECK(step(i) == Status::ok);
  CHECK(heap.count() == 0);
}
