// SPDX-License-Identifier: Apache-2.0
// Decoders put together from a card: every kind of part, layouts, what is refused, no heap.
#include "sinew/action/parts_decoder.hpp"

#include <doctest/doctest.h>

#include <Eigen/Geometry>
#include <cmath>
#include <string>
#include <vector>

#include "parts_decoder_fixture.hpp"
#include "sample_card.hpp"
#include "sinew/action/canonical.hpp"
#include "sinew/core/error.hpp"
#include "sinew/testing/no_alloc.hpp"

using namespace sinew;
using namespace sinew::testing;

namespace {

/// sample_parts_card without tokens: one canonical arm in camera axes.
PolicyCard canonical_card() {
  PolicyCard card = testing::sample_parts_card();
  card.action.tokens.reset();
  card.action.layout->rows = 20;
  return card;
}

}  // namespace

TEST_CASE("parts decoder: an 80-D chunk becomes poses in the base frame and a gripper's position") {
  const PolicyCard card = canonical_card();
  const Statistics statistics = sample_statistics(14);
  PartsDecoder decoder(card, statistics);
  REQUIRE(decoder.spec() == TensorSpecs{{"actions", DType::f32, {20, 80}}});
  TensorMap tensors = make_tensors(decoder.spec());
  Random random(41);
  fill(tensors["actions"].as<float>(), random);
  const Observation observation = sample_observation();
  ActionChunk chunk(16, card.action.chunk_size());
  REQUIRE(decoder.decode(tensors, observation, chunk) == Status::ok);
  CHECK(chunk.space == ActionSpace::tool_pose);
  CHECK(chunk.horizon == 16);  // the tensor has 20 rows
  CHECK(chunk.dim == 8);
  CHECK(chunk.observation_id == 5);
  CHECK_FALSE(decoder.camera_unknown());
  const auto actions = tensors["actions"].as<float>();
  const auto& q01 = statistics.at("action").q01;
  const auto& q99 = statistics.at("action").q99;
  const Eigen::Isometry3d tip = pose_of(observation.find_channel("tool_pose")->values),
                          camera = pose_of(observation.find_channel("camera_pose")->values);
  for (int i = 0; i < 16; ++i) {
    const auto row = actions.subspan(static_cast<std::size_t>(i) * 80, 80);
    Delta6<double> delta;
    for (std::size_t j = 0; j < 6; ++j)
      delta[static_cast<Eigen::Index>(j)] = (static_cast<double>(row[7 + j]) + 1) / 2 * (q99[7 + j] - q01[7 + j]) + q01[7 + j];
    CHECK((pose_of(chunk.step(i)).matrix() - apply_camera_delta(camera, tip, delta).matrix()).cwiseAbs().maxCoeff() < 1e-9);
    CHECK(chunk.step(i)[7] == doctest::Approx(0.08 * std::clamp(1 - static_cast<double>(row[16]), 0.0, 1.0)));  // pi: 0 open, 1 closed
  }
}

TEST_CASE("parts decoder: without the camera's pose, base axes where the card allows it and a refusal where not") {
  PolicyCard card = canonical_card();
  const Statistics statistics = sample_statistics(14);
  Observation observation = sample_observation();
  std::erase_if(observation.channels, [](const Channel& channel) { return channel.name == "camera_pose"; });
  PartsDecoder relaxed(card, statistics);
  TensorMap tensors = make_tensors(relaxed.spec());
  Random random(42);
  fill(tensors["actions"].as<float>(), random);
  ActionChunk in_base(16, 8), expected(16, 8);
  REQUIRE(relaxed.decode(tensors, observation, in_base) == Status::ok);
  CHECK(relaxed.camera_unknown());
  CHECK(relaxed.decode(tensors, sample_observation(), expected) == Status::missing);  // a calibration does not come and go
  PartsDecoder known(card, statistics);
  REQUIRE(known.decode(tensors, sample_observation(), expected) == Status::ok);
  CHECK_FALSE(known.camera_unknown());
  CHECK(known.decode(tensors, observation, expected) == Status::missing);

  card.action.parts[1].tool->camera_optional = false;
  PartsDecoder strict(card, statistics);
  CHECK(strict.decode(tensors, observation, expected) == Status::missing);
  CHECK(strict.last_error() == "channel 'camera_pose' (the camera pose) is missing from the observation");

  card.action.parts[1].tool->frame = "base";
  card.action.parts[1].tool->camera.clear();
  PartsDecoder base(card, statistics);
  REQUIRE(base.decode(tensors, observation, expected) == Status::ok);
  CHECK(in_base.values == expected.values);
}

TEST_CASE("parts decoder: joints relative to the observation's, their gripper absolute") {
  PolicyCard card = testing::card_for_parts();
  auto& action = card.action;
  action.parts.resize(2);
  action.parts[0].name = "arm";
  action.parts[0].joints = JointsPartCard{7, "joint_position"};
  action.parts[1].name = "gripper";
  action.parts[1].gripper = GripperPartCard{"droid", 0.08, 0};
  PartsDecoder decoder(card, sample_statistics(8));
  TensorMap tensors = make_tensors(decoder.spec());
  Random random(43);
  const auto actions = tensors["actions"].as<float>();
  fill(actions, random);
  const Observation observation = sample_observation();
  ActionChunk chunk;
  REQUIRE(decoder.decode(tensors, observation, chunk) == Status::ok);
  CHECK(chunk.space == ActionSpace::joint_position);
  CHECK(chunk.joint_order_hash == hash_joint_order(action.joint_names));
  for (int i = 0; i < 16; ++i) {
    const auto row = actions.subspan(static_cast<std::size_t>(i) * 8, 8);
    for (std::size_t j = 0; j < 7; ++j)
      CHECK(chunk.step(i)[j] ==
            doctest::Approx(static_cast<double>(row[j]) + observation.find_channel("joint_position")->values[j]).epsilon(1e-12));
    CHECK(chunk.step(i)[7] == (row[7] > 0.5F ? 0.0 : 0.08));
  }
}

TEST_CASE("parts decoder: two arms take their own part of one channel") {
  PolicyCard card = testing::sample_card();
  auto& action = card.action;
  action = {};
  action.decoder = DecoderKind::parts;
  action.horizon = 16;
  action.rate = 10;
  action.joint_names = {"left_1", "left_2", "left_gripper", "right_1", "right_2"};
  action.parts.resize(3);
  action.parts[0].name = "left";
  action.parts[0].joints = JointsPartCard{2, "joint_position", 0};
  action.parts[1].name = "left_gripper";
  action.parts[1].gripper = GripperPartCard{"opening", 1, 0};
  action.parts[2].name = "right";
  action.parts[2].joints = JointsPartCard{2, "joint_position", 3};
  card.limits.reset();
  CHECK(action.gripper_joints() == std::vector<int>{2});
  PartsDecoder decoder(card, {});
  TensorMap tensors = make_tensors(decoder.spec());
  std::ranges::fill(tensors["actions"].as<float>(), 0.0F);
  ActionChunk chunk;
  REQUIRE(decoder.decode(tensors, sample_observation(), chunk) == Status::ok);
  CHECK(std::vector<double>(chunk.step(5).begin(), chunk.step(5).end()) == std::vector<double>{0.1, 0.2, 0, 0.4, 0.5});
  card.action.parts[2].joints->first = 6;
  CHECK_THROWS_WITH_AS(PartsDecoder(card, {}),
                       "[PartsDecoder /action/parts/2/joints/relative_to] policy card: expected a channel of /state with 8 values and "
                       "more, got 'joint_position'",
                       Error);
  card.action.parts[2].joints->first = 3;
  Observation other = sample_observation();
  other.find_channel("joint_position")->unit = "deg";
  CHECK(decoder.decode(tensors, other, chunk) == Status::bad_shape);
  CHECK(decoder.last_error() == "channel 'joint_position': expected 2 values in 'rad', got 7 in 'deg'");
}

TEST_CASE("parts decoder: units of a controller become metres and radians, a gripper ends at its ends") {
  PolicyCard card = testing::card_for_parts();
  auto& action = card.action;
  action.parts.resize(2);
  action.parts[0].name = "tool";
  action.parts[0].tool = ToolPartCard{"tool_pose", "base", "first", "rotvec", 0.05, 0.5, "", false};
  action.parts[1].name = "gripper";
  action.parts[1].gripper = GripperPartCard{"opening", 0.08, 0};
  PartsDecoder decoder(card, {});
  TensorMap tensors = make_tensors(decoder.spec());
  const auto actions = tensors["actions"].as<float>();
  std::ranges::fill(actions, 0.0F);
  actions[0] = 1;
  actions[5] = -1;
  actions[6] = 1.5F;
  actions[13] = -1;
  const Observation observation = sample_observation();
  const Eigen::Isometry3d tool = pose_of(observation.find_channel("tool_pose")->values);
  ActionChunk chunk;
  REQUIRE(decoder.decode(tensors, observation, chunk) == Status::ok);
  const Eigen::Isometry3d target = pose_of(chunk.step(0));
  CHECK(target.translation().x() - tool.translation().x() == doctest::Approx(0.05));
  CHECK(Eigen::AngleAxisd(Eigen::Matrix3d(target.linear() * tool.linear().transpose())).angle() == doctest::Approx(0.5));
  CHECK(chunk.step(0)[7] == 0.08);
  CHECK(chunk.step(1)[7] == 0);
}

TEST_CASE("parts decoder: a refused call leaves the chunk as it was") {
  PartsDecoder decoder(canonical_card(), sample_statistics(14));
  TensorMap tensors = make_tensors(decoder.spec());
  ActionChunk chunk;
  REQUIRE(decoder.decode(tensors, sample_observation(), chunk) == Status::ok);
  const ActionChunk before = chunk;
  Observation later = sample_observation();
  later.id = 6;
  later.time = from_seconds(3);
  std::erase_if(later.channels, [](const Channel& channel) { return channel.name == "tool_pose"; });
  CHECK(decoder.decode(tensors, later, chunk) == Status::missing);
  CHECK(chunk.observation_id == before.observation_id);
  CHECK(chunk.t0 == before.t0);
  CHECK(chunk.values == before.values);
}

TEST_CASE("parts decoder: padded waypoints, in the world or in the body frame") {
  PolicyCard card = testing::sample_waypoint_card();
  PartsDecoder decoder(card, sample_statistics(8));
  REQUIRE(decoder.spec() == TensorSpecs{{"actions", DType::f32, {32, 32}}});
  TensorMap tensors = make_tensors(decoder.spec());
  Random random(44);
  const auto actions = tensors["actions"].as<float>();
  fill(actions, random);
  ActionChunk world, body;
  REQUIRE(decoder.decode(tensors, sample_observation(), world) == Status::ok);
  CHECK(world.space == ActionSpace::base_pose);
  card.action.parts[0].waypoint->channel.clear();
  PartsDecoder local(card, sample_statistics(8));
  REQUIRE(local.decode(tensors, {}, body) == Status::ok);
  const Eigen::Isometry2d world_from_body = Eigen::Translation2d(3, -2) * Eigen::Rotation2Dd(1.2);
  const double scale[] = {2.5, 1.5, 0.8};
  for (int i = 0; i < 16; ++i) {
    for (std::size_t j = 0; j < 3; ++j)
      CHECK(body.step(i)[j] ==
            doctest::Approx(static_cast<double>(actions[static_cast<std::size_t>(i) * 32 + j]) * scale[j]).epsilon(1e-12));
    const Eigen::Vector2d point = world_from_body * Eigen::Vector2d(body.step(i)[0], body.step(i)[1]);
    CHECK(world.step(i)[0] == doctest::Approx(point.x()).epsilon(1e-12));
    CHECK(world.step(i)[1] == doctest::Approx(point.y()).epsilon(1e-12));
    CHECK(std::remainder(world.step(i)[2] - body.step(i)[2] - 1.2, 2 * std::acos(-1)) == doctest::Approx(0).epsilon(1e-12));
  }
}

TEST_CASE("parts decoder: nothing is taken from the heap after the first call") {
  PartsDecoder decoder(canonical_card(), sample_statistics(14));
  TensorMap tensors = make_tensors(decoder.spec());
  const Observation observation = sample_observation();
  ActionChunk chunk;
  REQUIRE(decoder.decode(tensors, observation, chunk) == Status::ok);
  const sinew::testing::HeapCallCounter heap;
  REQUIRE(decoder.decode(tensors, observation, chunk) == Status::ok);
  CHECK(decoder.decode(tensors, {}, chunk) == Status::missing);
  CHECK(heap.count() == 0);
}

TEST_CASE("parts decoder: names that mean nothing are refused at set-up, bad tensors at the call") {
  const auto refused = [](auto&& change) {
    PolicyCard card = canonical_card();
    change(card);
    try {
      PartsDecoder decoder(card, sample_statistics(14));
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("accepted");
  };
  CHECK(refused([](PolicyCard& card) {
          card.action.parts[1].tool->reference = "start";
        }).starts_with("[pose_reference] reference: expected one of"));
  CHECK(refused([](PolicyCard& card) { card.action.parts[1].tool->rotation = "axis"; }).find("rotation") != std::string::npos);
  CHECK(refused([](PolicyCard& card) { card.action.parts[2].gripper->convention = "open"; }).find("convention") != std::string::npos);
  CHECK(refused([](PolicyCard& card) { card.action.layout->slots[0].part = "left_arm"; }).find("canonical_part") != std::string::npos);
  CHECK(refused([](PolicyCard& card) {
          std::swap(card.action.layout->slots[0], card.action.layout->slots[1]);
        }).find("parts follow the order of the slots") != std::string::npos);
  CHECK(refused([](PolicyCard& card) { card.action.layout->width = 90; }).find("80 for 'canonical'") != std::string::npos);
  CHECK(refused([](PolicyCard& card) { card.action.parts[1].normalization->first = 9; }).find("statistics") != std::string::npos);
  CHECK(refused([](PolicyCard& card) { card.action.parts[1].normalization->key = "actions"; }).find("one of action, observation.state") !=
        std::string::npos);

  PartsDecoder decoder(canonical_card(), sample_statistics(14));
  ActionChunk chunk;
  TensorMap none, narrow;
  CHECK(decoder.decode(none, sample_observation(), chunk) == Status::missing);
  narrow = make_tensors({{"actions", DType::f32, {16, 80}}});
  CHECK(decoder.decode(narrow, sample_observation(), chunk) == Status::bad_shape);
  CHECK(decoder.last_error() == "tensor 'actions': expected f32 [20, 80]");
  TensorMap tensors = make_tensors(decoder.spec());
  tensors["actions"].as<float>()[8] = std::nanf("");
  CHECK(decoder.decode(tensors, sample_observation(), chunk) == Status::not_finite);
}
