// SPDX-License-Identifier: Apache-2.0
// What is written for each server, what is refused, and that the tick allocates nothing.
#include "sinew/observation/wire_encoder.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include "sinew/core/error.hpp"
#include "sinew/testing/no_alloc.hpp"
#include "test_seed.hpp"

using namespace sinew;

namespace {

Image noise(int height, int width, std::uint64_t stream) {
  sinew::testing::Random random(stream);
  Image image(height, width);
  for (auto& value : image.pixels()) value = static_cast<std::uint8_t>(random.below(256));
  return image;
}

/// An observation with everything that these options name.
Observation observation_for(const WireOptions& options, int height, int width) {
  Observation observation{.instruction = "pick up the caf\xC3\xA9 cup"};
  std::uint64_t stream = 1;
  for (const WireCamera& camera : options.cameras) observation.cameras.push_back({camera.camera, noise(height, width, stream++), {}});
  for (const WireState& state : options.states)
    for (const SensorCard& channel : state.channels) {
      std::vector<double> values;
      for (int i = 0; i < channel.size; ++i) values.push_back(0.1 * i - 0.3);
      observation.channels.push_back({channel.name, "rad", values, {}});
    }
  return observation;
}

std::string text_of(const Tensor& tensor) { return {reinterpret_cast<const char*>(tensor.bytes().data()), tensor.size_bytes()}; }

constexpr std::array kForms = {WireForm::aloha, WireForm::droid, WireForm::libero, WireForm::starvla, WireForm::groot};

}  // namespace

TEST_CASE("wire encoder: each form has the shapes of its server") {
  const auto shape = [](WireForm form, const char* key) { return find_spec(WireEncoder(wire_options(form)).spec(), key)->capacity; };
  CHECK(shape(WireForm::aloha, "images/cam_left_wrist") == Shape{3, 224, 224});
  CHECK(shape(WireForm::aloha, "state") == Shape{14});
  CHECK(shape(WireForm::droid, "observation/exterior_image_1_left") == Shape{224, 224, 3});
  CHECK(shape(WireForm::droid, "observation/joint_position") == Shape{7});
  CHECK(shape(WireForm::libero, "observation/state") == Shape{8});
  CHECK(shape(WireForm::starvla, "image/0") == Shape{224, 224, 3});
  CHECK(shape(WireForm::groot, "video/ego_view") == Shape{1, 1, 256, 256, 3});
  WireOptions groot = wire_options(WireForm::groot);
  groot.states = {{"state/left_arm", {{.name = "left", .unit = "rad", .size = 7, .rate = 0}}, DType::f64}};
  CHECK(*find_spec(WireEncoder(groot).spec(), "state/left_arm") == TensorSpec{"state/left_arm", DType::f64, {1, 1, 7}});
  for (const WireForm form : kForms) CHECK(wire_form_from_string(to_string(form), "test") == form);
}

TEST_CASE("wire encoder: pixels, values and text arrive, and nothing is allocated after the first observation") {
  REQUIRE(sinew::testing::counting_works());
  for (const WireForm form : kForms) {
    CAPTURE(to_string(form));
    WireEncoder encoder(wire_options(form));
    const int side = form == WireForm::groot ? 256 : 120;
    const Observation observation = observation_for(encoder.options(), side, side);
    TensorMap out = make_tensors(encoder.spec());
    REQUIRE(encoder.encode(observation, out) == Status::ok);
    CHECK(text_of(out[encoder.options().text_key]) == observation.instruction);
    for (const WireState& state : encoder.options().states) CHECK(out[state.key].as<float>()[0] == -0.3F);
    for (const WireCamera& camera : encoder.options().cameras) CHECK(out[camera.key].size_bytes() > 100000);
    const sinew::testing::HeapCallCounter counter;
    REQUIRE(encoder.encode(observation, out) == Status::ok);
    CHECK(counter.count() == 0);
  }
}

TEST_CASE("wire encoder: images are turned, fitted and laid out as the options say") {
  WireOptions options{
      .form = WireForm::aloha, .cameras = {{"images/a", "front"}}, .height = 6, .width = 8, .scaling = AsTheyAre{}, .rotate_180 = true};
  WireEncoder encoder(options);
  TensorMap out = make_tensors(encoder.spec());
  const Observation observation = observation_for(options, 6, 8);
  REQUIRE(encoder.encode(observation, out) == Status::ok);
  const ImageView image = observation.cameras[0].image.view();
  for (int c = 0; c < 3; ++c)
    for (int y = 0; y < 6; ++y)
      for (int x = 0; x < 8; ++x)
        REQUIRE(out["images/a"].as<std::uint8_t>()[static_cast<std::size_t>((c * 6 + y) * 8 + x)] == image.row(5 - y)[(7 - x) * 3 + c]);
  CHECK(encoder.encode(observation_for(options, 7, 8), out) == Status::bad_shape);
  CHECK(encoder.last_error() == "camera 'front': cannot make 6 x 8 of a frame [7, 8, 3]: bad_shape");
}

TEST_CASE("wire encoder: an optional camera that is absent leaves an empty tensor, another one is an error") {
  WireEncoder encoder(wire_options(WireForm::aloha));
  Observation observation = observation_for(encoder.options(), 60, 80);
  TensorMap out = make_tensors(encoder.spec());
  REQUIRE(encoder.encode(observation, out) == Status::ok);
  observation.cameras.erase(observation.cameras.begin() + 3);
  REQUIRE(encoder.encode(observation, out) == Status::ok);
  CHECK(out["images/cam_right_wrist"].shape() == Shape{0, 0, 0});
  CHECK(out["images/cam_left_wrist"].shape() == Shape{3, 224, 224});
  observation.cameras.erase(observation.cameras.begin());
  CHECK(encoder.encode(observation, out) == Status::missing);
  CHECK(encoder.last_error() == "camera 'cam_high' is missing from the observation (key 'images/cam_high')");
}

TEST_CASE("wire encoder: an observation that does not fit is refused by name") {
  WireOptions options = wire_options(WireForm::droid);
  options.states[0].channels[0].unit = "rad";
  options.max_text_bytes = 30;
  WireEncoder encoder(options);
  TensorMap out = make_tensors(encoder.spec());
  const Observation good = observation_for(options, 30, 40);
  REQUIRE(encoder.encode(good, out) == Status::ok);
  const auto refused = [&](auto&& change, Status status, const char* words) {
    Observation observation = good;
    change(observation);
    CHECK(encoder.encode(observation, out) == status);
    CHECK(encoder.last_error().find(words) != std::string_view::npos);
  };
  refused([](Observation& o) { o.channels.pop_back(); }, Status::missing, "gripper_position");
  refused([](Observation& o) { o.channels[0].values.pop_back(); }, Status::bad_shape, "expected 7 values");
  refused([](Observation& o) { o.channels[0].unit = "deg"; }, Status::bad_shape, "'deg'");
  refused([](Observation& o) { o.channels[0].values[3] = std::numeric_limits<double>::quiet_NaN(); }, Status::not_finite, "joint_position");
  refused([](Observation& o) { o.instruction.assign(31, 'x'); }, Status::over_capacity, "31 bytes");
  refused([](Observation& o) { o.cameras[1].image = Image(8, 8, 4); }, Status::bad_shape, "[8, 8, 4]");
  TensorMap empty;
  CHECK(encoder.encode(good, empty) == Status::missing);
  REQUIRE(encoder.encode(good, out) == Status::ok);
  CHECK(encoder.last_error().empty());
}

TEST_CASE("wire encoder: options that no server could read are refused") {
  const auto refused = [](auto&& change) {
    WireOptions options = wire_options(WireForm::droid);
    change(options);
    CHECK_THROWS_AS(WireEncoder{options}, Error);
  };
  refused([](WireOptions& o) { o.cameras[0].key = "prompt"; });
  refused([](WireOptions& o) { o.cameras[0].key.clear(); });
  refused([](WireOptions& o) { o.height = 0; });
  refused([](WireOptions& o) { o.states[0].channels.clear(); });
  refused([](WireOptions& o) { o.states[0].channels[0].size = -1; });
  refused([](WireOptions& o) { o.states[0].dtype = DType::i64; });
  refused([](WireOptions& o) { o.max_text_bytes = 0; });
  CHECK_THROWS_WITH_AS(static_cast<void>(wire_form_from_string("liber", "card")), doctest::Contains("did you mean 'libero'"), Error);
}
