// SPDX-License-Identifier: Apache-2.0
// Success, judged from states written by hand.
#include "success.hpp"

#include <doctest/doctest.h>

using namespace sinew::sim;

namespace {

TableState start() {
  TableState state;
  state.cubes = {Eigen::Vector3d{0.4, -0.2, 0.02}, Eigen::Vector3d{0.5, 0, 0.02}, Eigen::Vector3d{0.6, 0.2, 0.02}};
  state.plates = {Eigen::Vector2d{0.4, 0}, Eigen::Vector2d{0.5, 0.2}, Eigen::Vector2d{0.6, -0.2}};
  state.width = 0.08;
  state.tool_height = 0.2;
  return state;
}

/// After `steps` of 1 ms in the state that `change` makes of the start.
template <class Change>
bool done(const Instruction& instruction, Change change, int steps = 300) {
  SuccessCounter counter;
  TableState state = start();
  counter.reset(state);
  change(state);
  for (int i = 0; i < steps; ++i) counter.count(state);
  return counter.succeeded(instruction);
}

constexpr Instruction kPut{Task::put, 0, 1};
constexpr Instruction kStack{Task::stack, 2, 0};
constexpr Instruction kLeft{Task::push, 1, 0};
constexpr Instruction kRight{Task::push, 1, 1};

}  // namespace

TEST_CASE("success: a cube on its plate, released, for 0.3 s") {
  const auto on_plate = [](TableState& state) { state.cubes[0] = {0.53, 0.2, 0.028}; };
  CHECK(done(kPut, on_plate));
  CHECK_FALSE(done(kPut, on_plate, 299));
  CHECK_FALSE(done({Task::put, 0, 0}, on_plate));
  CHECK_FALSE(done(kPut, [&](TableState& state) { on_plate(state), state.width = 0.05; }));
  CHECK_FALSE(done(kPut, [&](TableState& state) { on_plate(state), state.tool_height = 0.05; }));
  CHECK_FALSE(done(kPut, [&](TableState& state) { on_plate(state), state.cubes[0].x() = 0.551; }));
  CHECK_FALSE(done(kPut, [&](TableState& state) { on_plate(state), state.cubes[0].z() = 0.05; }));
}

TEST_CASE("success: a cube on the named cube, wherever that one is by now") {
  const auto stacked = [](TableState& state) {
    state.cubes[0] = {0.45, -0.1, 0.02};
    state.cubes[2] = {0.46, -0.11, 0.062};
  };
  CHECK(done(kStack, stacked));
  CHECK_FALSE(done({Task::stack, 0, 2}, stacked));
  CHECK_FALSE(done({Task::stack, 2, 1}, stacked));
  CHECK_FALSE(done(kStack, [&](TableState& state) { stacked(state), state.cubes[2].x() = 0.471; }));
  CHECK_FALSE(done(kStack, [&](TableState& state) { stacked(state), state.cubes[2].z() = 0.066; }));
  CHECK_FALSE(done(kStack, [&](TableState& state) { stacked(state), state.width = 0.04; }));
  CHECK_FALSE(done(kStack, [&](TableState& state) { stacked(state), state.tool_height = 0.09; }));
}

TEST_CASE("success: a cube pushed to its side, flat and still") {
  const auto left = [](TableState& state) { state.cubes[1] = {0.52, 0.125, 0.02}; };
  CHECK(done(kLeft, left));
  CHECK_FALSE(done(kRight, left));
  CHECK(done(kRight, [](TableState& state) { state.cubes[1].y() = -0.125; }));
  CHECK_FALSE(done(kLeft, [](TableState& state) { state.cubes[1].y() = 0.115; }));
  CHECK_FALSE(done(kLeft, [&](TableState& state) { left(state), state.cubes[1].x() = 0.545; }));
  CHECK_FALSE(done(kLeft, [&](TableState& state) { left(state), state.cubes[1].z() = 0.028; }));
  CHECK_FALSE(done(kLeft, [&](TableState& state) { left(state), state.speeds[1] = 0.05; }));
  CHECK_FALSE(done(kLeft, [&](TableState& state) { left(state), state.tool_height = 0.03; }));
  // Half open fingers have pushed it, and need not open.
  CHECK(done(kLeft, [&](TableState& state) { left(state), state.width = 0.02; }));
  // Beyond the line, but it was nearly there.
  SuccessCounter counter;
  TableState state = start();
  state.cubes[1].y() = 0.075;
  counter.reset(state);
  state.cubes[1].y() = 0.13;
  for (int i = 0; i < 300; ++i) counter.count(state);
  CHECK_FALSE(counter.succeeded(kLeft));
}

TEST_CASE("success: is lost when the cube is moved again, and begins anew at a reset") {
  SuccessCounter counter;
  TableState state = start();
  counter.reset(state);
  state.cubes[1].y() = 0.125;
  for (int i = 0; i < 300; ++i) counter.count(state);
  REQUIRE(counter.succeeded(kLeft));
  state.cubes[1].y() = 0.11;
  counter.count(state);
  CHECK_FALSE(counter.succeeded(kLeft));
  counter.reset(state);
  state.cubes[1].y() = 0.125;
  for (int i = 0; i < 300; ++i) counter.count(state);
  CHECK_FALSE(counter.succeeded(kLeft));
}
