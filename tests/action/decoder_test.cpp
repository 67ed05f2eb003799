// SPDX-License-Identifier: Apache-2.0
#include "sinew/action/decoder.hpp"

#include <doctest/doctest.h>

#include <Eigen/Dense>
#include <limits>
#include <string>

#include "sinew/action/joint_decoder.hpp"
#include "sinew/action/make_decoder.hpp"
#include "sinew/action/tool_delta_decoder.hpp"
#include "sinew/core/error.hpp"
#include "sinew/testing/no_alloc.hpp"
#include "test_seed.hpp"

namespace {

using namespace sinew;  // NOLINT(google-build-using-namespace): a test of three headers

constexpr int kHorizon = 5;

PolicyCard make_card(DecoderKind kind) {
  PolicyCard card;
  card.name = "arm";
  card.architecture = "affine";
  card.backend = "reference";
  card.prompt = {.name = "instruction", .fields = {}, .max_bytes = 64};
  card.state.channels = {{.name = "joint_position", .unit = "rad", .size = 3, .rate = 100}};
  card.action.decoder = kind;
  card.action.joint_names = {"shoulder", "elbow", "finger"};
  card.action.gripper_names = {"finger"};
  card.action.tool_channel = kind == DecoderKind::tool_delta ? "tool_pose" : "";
  card.action.horizon = kHorizon;
  card.action.rate = 20;
  return card;
}

Observation make_observation(const Eigen::Quaterniond& rotation) {
  Observation observation;
  observation.channels = {{"tool_pose", "m,quat_wxyz", {0.4, -0.1, 0.3, rotation.w(), rotation.x(), rotation.y(), rotation.z()}, {}}};
  observation.time = std::chrono::milliseconds(1234);
  observation.id = 77;
  return observation;
}

TensorMap actions_of(const Decoder auto& decoder, std::uint64_t stream, double range) {
  auto tensors = make_tensors(decoder.spec());
  testing::Random random(stream);
  for (auto& value : tensors["actions"].template as<float>()) value = static_cast<float>(random.uniform(-range, range));
  return tensors;
}

/// Rodrigues' formula: exp of a rotation vector as a matrix, without quaternions.
Eigen::Matrix3d rodrigues(const Eigen::Vector3d& vector) {
  const double angle = vector.norm();
  if (angle == 0) return Eigen::Matrix3d::Identity();
  const Eigen::Vector3d axis = vector / angle;
  Eigen::Matrix3d cross;
  cross << 0, -axis.z(), axis.y(), axis.z(), 0, -axis.x(), -axis.y(), axis.x(), 0;
  return Eigen::Matrix3d::Identity() + std::sin(angle) * cross + (1 - std::cos(angle)) * cross * cross;
}

}  // namespace

TEST_CASE("joint decoder: un-normalises and stamps the chunk") {
  PolicyCard card = make_card(DecoderKind::joint_absolute);
  card.action.normalization = {.mode = NormalizationMode::quantile, .rule = "qwen", .key = "action"};
  card.statistics = {.file = "stats.json", .sha256 = std::string(64, '0'), .format = "sinew"};
  const Statistics statistics = {{"action", {.mean = {}, .std = {}, .min = {}, .max = {}, .q01 = {-1, -3, 0}, .q99 = {1, 1, 0.08}}}};
  JointDecoder decoder(card, statistics);
  CHECK(decoder.spec() == TensorSpecs{{"actions", DType::f32, {kHorizon, 3}}});
  auto tensors = actions_of(decoder, 1, 1);
  const auto actions = tensors["actions"].as<float>();
  ActionChunk chunk;
  chunk.sequence = 5;
  REQUIRE(decoder.decode(tensors, make_observation(Eigen::Quaterniond::Identity()), chunk) == Status::ok);
  CHECK(chunk.space == ActionSpace::joint_position);
  CHECK(chunk.horizon == kHorizon);
  CHECK(chunk.dim == 3);
  CHECK(chunk.t0 == std::chrono::milliseconds(1234));
  CHECK(chunk.dt == std::chrono::milliseconds(50));
  CHECK(chunk.observation_id == 77);
  CHECK(chunk.sequence == 5);  // the caller's
  CHECK(chunk.joint_order_hash == hash_joint_order(card.action.joint_names));
  for (int i = 0; i < kHorizon; ++i) {
    const auto row = actions.subspan(static_cast<std::size_t>(i) * 3, 3);
    CHECK(chunk.step(i)[0] == doctest::Approx(row[0]));
    CHECK(chunk.step(i)[1] == doctest::Approx(-1 + 2 * row[1]));
    CHECK(chunk.step(i)[2] == doctest::Approx(0.04 + 0.04 * row[2]));
  }
}

TEST_CASE("tool delta decoder: every row is relative to the observed pose, in base axes") {
  ToolDeltaDecoder decoder(make_card(DecoderKind::tool_delta), {});
  CHECK(decoder.spec() == TensorSpecs{{"actions", DType::f32, {kHorizon, 7}}});
  testing::Random random(2);
  for (int round = 0; round < 200; ++round) {
    Eigen::Quaterniond rotation(random.uniform(-1, 1), random.uniform(-1, 1), random.uniform(-1, 1), random.uniform(-1, 1));
    rotation.normalize();
    const double range = round % 4 == 0 ? 1e-9 : round % 4 == 1 ? 0.1 : round % 4 == 2 ? 1.0 : 3.0;
    const auto tensors = actions_of(decoder, 100 + static_cast<std::uint64_t>(round), range);
    const auto actions = tensors["actions"].as<float>();
    ActionChunk chunk;
    REQUIRE(decoder.decode(tensors, make_observation(rotation), chunk) == Status::ok);
    REQUIRE(chunk.space == ActionSpace::tool_pose);
    REQUIRE(chunk.dim == 8);
    Eigen::Vector4d before = Eigen::Vector4d::Unit(0);
    for (int i = 0; i < kHorizon; ++i) {
      const float* row = actions.data() + i * 7;
      const auto target = chunk.step(i);
      CHECK(target[0] == doctest::Approx(0.4 + double{row[0]}).epsilon(1e-12));
      CHECK(target[1] == doctest::Approx(-0.1 + double{row[1]}).epsilon(1e-12));
      CHECK(target[2] == doctest::Approx(0.3 + double{row[2]}).epsilon(1e-12));
      CHECK(target[7] == double{row[6]});
      const Eigen::Matrix3d expected = rodrigues(Eigen::Vector3d(row[3], row[4], row[5])) * rotation.toRotationMatrix();
      const Eigen::Matrix3d got = Eigen::Quaterniond(target[3], target[4], target[5], target[6]).toRotationMatrix();
      CHECK((got - expected).cwiseAbs().maxCoeff() < 1e-13);
      const Eigen::Vector4d quaternion(target[3], target[4], target[5], target[6]);
      CHECK(std::abs(quaternion.norm() - 1) < 1e-14);
      CHECK(quaternion.dot(before) >= 0);  // the first row: w >= 0
      before = quaternion;
    }
  }
}

TEST_CASE("tool delta decoder: a turn beyond half a circle keeps its hemisphere") {
  ToolDeltaDecoder decoder(make_card(DecoderKind::tool_delta), {});
  auto tensors = make_tensors(decoder.spec());
  const auto actions = tensors["actions"].as<float>();
  for (int i = 0; i < kHorizon; ++i) actions[static_cast<std::size_t>(i * 7 + 5)] = 0.9F * static_cast<float>(i + 1);  // to 4.5 rad about z
  ActionChunk chunk;
  REQUIRE(decoder.decode(tensors, make_observation(Eigen::Quaterniond::Identity()), chunk) == Status::ok);
  for (int i = 0; i < kHorizon; ++i) {
    CHECK(chunk.step(i)[3] == doctest::Approx(std::cos(0.45 * (i + 1))));  // w passes through zero and stays continuous
    CHECK(chunk.step(i)[6] == doctest::Approx(std::sin(0.45 * (i + 1))));
  }
}

TEST_CASE("decoders: a refused output leaves the chunk as it was") {
  ToolDeltaDecoder decoder(make_card(DecoderKind::tool_delta), {});
  auto tensors = actions_of(decoder, 3, 0.1);
  auto observation = make_observation(Eigen::Quaterniond::Identity());
  ActionChunk chunk;
  REQUIRE(decoder.decode(tensors, observation, chunk) == Status::ok);
  const auto before = chunk.values;
  const auto expect = [&](const TensorMap& in, Status status, const char* culprit) {
    CHECK(decoder.decode(in, observation, chunk) == status);
    CHECK(std::string(decoder.last_error()).find(culprit) != std::string::npos);
    CHECK(chunk.values == before);
  };
  SUBCASE("infinite") {
    tensors["actions"].as<float>()[17] = std::numeric_limits<float>::infinity();
    expect(tensors, Status::not_finite, "tensor 'actions'");
  }
  SUBCASE("not a number") {
    tensors["actions"].as<float>()[0] = std::numeric_limits<float>::quiet_NaN();
    expect(tensors, Status::not_finite, "tensor 'actions'");
  }
  SUBCASE("no tensor") { expect(TensorMap(), Status::missing, "tensor 'actions'"); }
  SUBCASE("fewer rows") {
    REQUIRE(tensors["actions"].set_shape({kHorizon - 1, 7}) == Status::ok);
    expect(tensors, Status::bad_shape, "expected f32 [5, 7]");
  }
  SUBCASE("doubles") {
    TensorMap doubles;
    doubles.add("actions", Tensor(DType::f64, {kHorizon, 7}));
    expect(doubles, Status::bad_shape, "expected f32 [5, 7]");
  }
  SUBCASE("no pose") {
    observation.channels.clear();
    expect(tensors, Status::missing, "channel 'tool_pose'");
  }
  SUBCASE("a pose in another order") {
    observation.channels[0].unit = "m,quat_xyzw";
    expect(tensors, Status::bad_shape, "got 7 in 'm,quat_xyzw'");
  }
  SUBCASE("a pose that is not a number") {
    observation.channels[0].values[1] = std::numeric_limits<double>::quiet_NaN();
    expect(tensors, Status::not_finite, "channel 'tool_pose'");
  }
  SUBCASE("a quaternion of zeros") {
    for (std::size_t i = 3; i < 7; ++i) observation.channels[0].values[i] = 0;
    expect(tensors, Status::out_of_range, "norm 0");
  }
}

TEST_CASE("make_decoder: follows the card, and the decoders refuse another kind") {
  CHECK(make_decoder(make_card(DecoderKind::joint_absolute), {}).spec().front().capacity == Shape{kHorizon, 3});
  CHECK(make_decoder(make_card(DecoderKind::tool_delta), {}).spec().front().capacity == Shape{kHorizon, 7});
  CHECK_THROWS_WITH_AS(JointDecoder(make_card(DecoderKind::tool_delta), {}), doctest::Contains("/action/decoder"), Error);
  PolicyCard card = make_card(DecoderKind::tool_delta);
  card.action.normalization = {.mode = NormalizationMode::quantile, .rule = "qwen", .key = "action"};
  card.statistics = {.file = "stats.json", .sha256 = std::string(64, '0'), .format = "sinew"};
  CHECK_THROWS_WITH_AS(static_cast<void>(make_decoder(card, {})), doctest::Contains("statistics key 'action'"), Error);
}

TEST_CASE("decoders: refuse a normalisation that has no way back, and statistics for fewer steps than the chunk has") {
  PolicyCard card = make_card(DecoderKind::joint_absolute);
  const auto dim = static_cast<std::size_t>(card.action.size());
  card.statistics = {.file = "stats.json", .sha256 = std::string(64, '0'), .format = "sinew"};
  card.action.normalization = {.mode = NormalizationMode::scale, .rule = "starvla", .key = "action"};
  Statistics statistics;
  statistics["action"].min = std::vector<double>(dim, 0);
  statistics["action"].max = std::vector<double>(dim, 1);
  CHECK_THROWS_WITH_AS(static_cast<void>(make_decoder(card, statistics)),
                       doctest::Contains("/action/normalization] mode: expected one with an inverse, got scale"), Error);
  card.action.normalization = {.mode = NormalizationMode::min_max, .rule = "groot", .key = "action"};
  statistics["action"] = {.min = std::vector<double>(2 * dim, 0), .max = std::vector<double>(2 * dim, 1), .steps = 2};
  CHECK_THROWS_WITH_AS(static_cast<void>(make_decoder(card, statistics)),
                       doctest::Contains("/action/normalization] horizon: expected at most 2"), Error);
}

TEST_CASE("decoders: allocate nothing after the first call") {
  REQUIRE(testing::counting_works());
  const auto observation = make_observation(Eigen::Quaterniond(0.5, 0.5, 0.5, 0.5));
  for (const DecoderKind kind : {DecoderKind::joint_absolute, DecoderKind::tool_delta}) {
    AnyDecoder decoder = make_decoder(make_card(kind), {});
    const auto tensors = actions_of(decoder, 4, 0.5);
    ActionChunk chunk;
    REQUIRE(decoder.decode(tensors, observation, chunk) == Status::ok);
    const testing::HeapCallCounter heap;
    CHECK(decoder.decode(tensors, observation, chunk) == Status::ok);
    CHECK(decoder.decode(TensorMap(), observation, chunk) == Status::missing);
    CHECK(heap.count() == 0);
  }
}
