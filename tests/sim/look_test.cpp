// SPDX-License-Identifier: Apache-2.0
// Looks: what they change in the frames, and what the random ones keep to.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "scenes/colours.hpp"
#include "sinew/core/error.hpp"
#include "sinew/sim/mujoco_robot.hpp"

using namespace sinew;
using namespace sinew::sim;

namespace {

constexpr TabletopOptions kBlind{.seed = 4, .camera_height = 96, .camera_width = 96, .render_cameras = false};

Image frame(MujocoRobot& robot, std::string_view camera, const TabletopLook& look) {
  robot.set_look(look);
  Image image;
  robot.render(camera, 96, 96, image);
  return image;
}

double mean(const Image& image) {
  double sum = 0;
  for (const auto value : image.pixels()) sum += value;
  return sum / static_cast<double>(image.pixels().size());
}

double difference(const Image& a, const Image& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.pixels().size(); ++i) sum += std::abs(a.pixels()[i] - b.pixels()[i]);
  return sum / static_cast<double>(a.pixels().size());
}

double length(const std::array<double, 3>& v) { return std::hypot(v[0], v[1], v[2]); }

bool same(const TabletopLook& a, const TabletopLook& b) {
  return a.light_direction == b.light_direction && a.table == b.table && a.floor == b.floor && a.front.offset == b.front.offset &&
         a.wrist.rotation == b.wrist.rotation && a.shadows == b.shadows && a.wood == b.wood && a.arm == b.arm;
}

}  // namespace

TEST_CASE("look: the default one is the scene as it was, whatever came before") {
  auto robot = MujocoRobot::tabletop(kBlind);
  for (const auto camera : {"front", "wrist", "video"}) {
    Image first;
    robot.render(camera, 96, 96, first);
    CHECK(difference(first, frame(robot, camera, make_tabletop_look(3))) > 2);
    CHECK(std::ranges::equal(first.pixels(), frame(robot, camera, {}).pixels()));
  }
}

TEST_CASE("look: each field shows in the front camera, those of the wrist in the wrist's") {
  auto robot = MujocoRobot::tabletop(kBlind);
  const Image usual = frame(robot, "front", {});
  const auto changed = [&](auto change) {
    TabletopLook look;
    change(look);
    return frame(robot, "front", look);
  };
  CHECK(difference(usual, changed([](TabletopLook& look) { look.shadows = true; })) > 1);
  CHECK(mean(changed([](TabletopLook& look) { look.light = 0.6; })) < mean(usual) - 10);
  CHECK(mean(changed([](TabletopLook& look) { look.ambient = 0.6; })) < mean(usual) - 10);
  CHECK(mean(changed([](TabletopLook& look) { look.table = {0.5, 0.5, 0.5}; })) < mean(usual) - 20);
  CHECK(difference(usual, changed([](TabletopLook& look) { look.wood = false; })) > 10);
  CHECK(difference(usual, changed([](TabletopLook& look) { look.floor = {0.3, 1.2, 0.3}; })) > 0.3);
  CHECK(mean(changed([](TabletopLook& look) { look.arm = 0.5; })) < mean(usual) - 0.2);
  CHECK(difference(usual, changed([](TabletopLook& look) { look.light_direction = {1, 0.2, -1}; })) > 1);
  CHECK(difference(usual, changed([](TabletopLook& look) { look.front.offset = {0.02, 0, 0}; })) > 1);
  CHECK(difference(usual, changed([](TabletopLook& look) { look.front.rotation = {0, 0.02, 0}; })) > 1);
  CHECK(std::ranges::equal(usual.pixels(), changed([](TabletopLook& look) { look.wrist.offset = {0, 0, 0.01}; }).pixels()));

  const Image wrist = frame(robot, "wrist", {});
  TabletopLook look;
  look.wrist.offset = {0, 0.005, 0};
  CHECK(difference(wrist, frame(robot, "wrist", look)) > 1);
}

TEST_CASE("look: a camera moves in its own axes") {
  // Moved back along its axis, it sees everything smaller.
  auto robot = MujocoRobot::tabletop(kBlind);
  const auto purple = [](const Image& image) {
    int count = 0;
    const auto pixels = image.pixels();
    for (std::size_t i = 0; i + 2 < pixels.size(); i += 3) count += pixels[i] > pixels[i + 1] + 40 && pixels[i + 2] > pixels[i + 1] + 40;
    return count;
  };
  TabletopLook back;
  back.front.offset = {0, 0, 0.3};
  CHECK(purple(frame(robot, "front", back)) < 0.8 * purple(frame(robot, "front", {})));
}

TEST_CASE("look: survives a reset, and one that is no look is refused and changes nothing") {
  auto robot = MujocoRobot::tabletop(kBlind);
  const TabletopLook good = make_tabletop_look(1);
  robot.set_look(good);
  robot.reset(9);
  CHECK(same(robot.look(), good));
  TabletopLook bad;
  bad.front.offset[1] = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_AS(robot.set_look(bad), Error);
  bad = {};
  bad.light = -1;
  CHECK_THROWS_AS(robot.set_look(bad), Error);
  bad = {};
  bad.light_direction = {1, 0, 0};
  CHECK_THROWS_WITH_AS(robot.set_look(bad), doctest::Contains("light_direction"), Error);
  CHECK(same(robot.look(), good));
}

TEST_CASE("make_tabletop_look: the same for a seed; the ranges keep to what they promise, and do not meet") {
  int with_shadows = 0;
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    CAPTURE(seed);
    const TabletopLook look = make_tabletop_look(seed);
    CHECK(same(look, make_tabletop_look(seed)));
    CHECK_FALSE(same(look, make_tabletop_look(seed + 1)));
    with_shadows += look.shadows;
    CHECK(length(look.front.offset) <= 0.03);
    CHECK(length(look.wrist.offset) <= 0.005);
    CHECK(look.light_direction[2] < -0.6);
    const TabletopLook outside = make_tabletop_look(seed, LookRange::outside);
    CHECK(length(outside.front.offset) >= 0.05 * (1 - 1e-9));
    CHECK(length(outside.front.offset) <= 0.08 * (1 + 1e-9));
    CHECK(std::abs(outside.light - 1) > 0.25);
    CHECK(std::abs(outside.ambient - 1) > 0.25);
    // What the table's surface looks like, against every paint that stands on it.
    for (const TabletopLook& each : {look, outside}) {
      const Colour& surface = each.wood ? kWoodColour : kLaminateColour;
      for (const auto& paints : {kCubePaint, kPlatePaint, kPlateInnerPaint})
        for (const Colour& paint : paints) {
          Colour way{};
          for (std::size_t i = 0; i < 3; ++i) way[i] = each.table[i] * surface[i] - paint[i];
          CHECK(length(way) > 0.25);
        }
    }
  }
  CHECK(with_shadows > 200);
  CHECK(with_shadows < 300);
}

TEST_CASE("make_tabletop_look: the front camera still sees all cubes, wherever they stand") {
  auto robot = MujocoRobot::tabletop(kBlind);
  for (const LookRange range : {LookRange::training, LookRange::outside})
    for (std::uint64_t seed = 0; seed < 40; ++seed) {
      CAPTURE(seed);
      robot.reset(seed);
      TabletopLook look;  // the places of the cameras only: light would change what counts as red
      look.front = make_tabletop_look(seed, range).front;
      const Image image = frame(robot, "front", look);
      for (std::size_t channel = 0; channel < 3; ++channel) {
        int count = 0;
        const auto pixels = image.pixels();
        for (std::size_t i = 0; i + 2 < pixels.size(); i += 3)
          count +=
              pixels[i + channel] > 90 && pixels[i + channel] > 2 * std::max(pixels[i + (channel + 1) % 3], pixels[i + (channel + 2) % 3]);
        CHECK(count > 8);
      }
    }
}
