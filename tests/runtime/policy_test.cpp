// SPDX-License-Identifier: Apache-2.0
#include "sinew/runtime/policy.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <string>

#include "affine_policy.hpp"
#include "sinew/core/error.hpp"
#include "sinew/testing/no_alloc.hpp"

using sinew::Status;

namespace {

sinew::Observation observation(double a, double b) {
  sinew::Observation result;
  result.channels.push_back({"joint_position", "rad", {a, b}, sinew::Time(5)});
  result.instruction = "go";
  result.time = sinew::Time(1'000'000'000);
  result.id = 42;
  return result;
}

}  // namespace

TEST_CASE("policy: loads a directory and computes its chunk") {
  const sinew::testing::TemporaryDirectory directory;
  sinew::testing::write_affine_policy(directory);
  auto policy = sinew::Policy::load(directory.path());
  auto chunk = policy.make_chunk();
  REQUIRE(policy.act(observation(0.4, -0.8), chunk) == Status::ok);
  REQUIRE(chunk.horizon == 3);
  REQUIRE(chunk.dim == 2);
  for (int i = 0; i < 3; ++i) {
    CHECK(chunk.step(i)[0] == doctest::Approx(2 * (0.5 * 0.4 + 0.1 * i)));
    CHECK(chunk.step(i)[1] == doctest::Approx(2 * (0.5 * -0.8 + 0.1 * i)));
  }
  CHECK(chunk.t0 == sinew::Time(1'000'000'000));
  CHECK(chunk.dt == sinew::Time(100'000'000));
  CHECK(chunk.observation_id == 42);
  CHECK(chunk.sequence == 1);
  CHECK(chunk.joint_order_hash == sinew::hash_joint_order(policy.card().action.joint_names));
  REQUIRE(policy.act(observation(0, 0), chunk) == Status::ok);
  CHECK(chunk.sequence == 2);
  policy.reset();
  REQUIRE(policy.act(observation(0, 0), chunk) == Status::ok);
  CHECK(chunk.sequence == 1);
}

TEST_CASE("policy: act allocates nothing after the first call, not even when it fails") {
  REQUIRE(sinew::testing::counting_works());
  const sinew::testing::TemporaryDirectory directory;
  sinew::testing::write_affine_policy(directory);
  auto policy = sinew::Policy::load(directory.path());
  auto chunk = policy.make_chunk();
  const auto good = observation(0.1, 0.2);
  const auto bad = observation(std::numeric_limits<double>::quiet_NaN(), 0.2);
  REQUIRE(policy.act(good, chunk) == Status::ok);
  const sinew::testing::HeapCallCounter heap;
  for (int i = 0; i < 100; ++i) {
    CHECK(policy.act(good, chunk) == Status::ok);
    CHECK(policy.act(bad, chunk) == Status::not_finite);
  }
  CHECK(heap.count() == 0);
}

TEST_CASE("policy: a refused observation says which stage and what") {
  const sinew::testing::TemporaryDirectory directory;
  sinew::testing::write_affine_policy(directory);
  auto policy = sinew::Policy::load(directory.path());
  auto chunk = policy.make_chunk();
  auto without = observation(0, 0);
  without.channels.clear();
  CHECK(policy.act(without, chunk) == Status::missing);
  CHECK(std::string(policy.last_error()).find("encode") != std::string::npos);
  CHECK(std::string(policy.last_error()).find("joint_position") != std::string::npos);
  REQUIRE(policy.act(observation(0, 0), chunk) == Status::ok);
  CHECK(policy.last_error().empty());
}

TEST_CASE("policy: refuses a directory that does not hold together") {
  const sinew::testing::TemporaryDirectory directory;
  sinew::testing::write_affine_policy(directory);
  SUBCASE("no card") {
    std::filesystem::remove(directory.path() / "sinew.json");
    CHECK_THROWS_AS((void)sinew::Policy::load(directory.path()), sinew::Error);
  }
  SUBCASE("statistics changed after the card was written") {
    directory.write("stats.json", std::string(sinew::testing::kAffineStatistics) + " ");
    CHECK_THROWS_AS((void)sinew::Policy::load(directory.path()), sinew::Error);
  }
  SUBCASE("a model for another state") {
    directory.write("config.json", R"({"architecture": "affine", "weight": [[1], [1], [1], [1], [1], [1]], "bias": [0, 0, 0, 0, 0, 0]})");
    CHECK_THROWS_WITH_AS((void)sinew::Policy::load(directory.path()), doctest::Contains("/weight/0"), sinew::Error);
  }
  SUBCASE("an unknown backend") {
    CHECK_THROWS_WITH_AS((void)sinew::Policy::load(directory.path(), sinew::BackendRegistry::with_defaults(), "refrence"),
                         doctest::Contains("did you mean 'reference'?"), sinew::Error);
  }
}

namespace {

/// Writes one tensor, or claims to.
struct SmallEncoder {
  sinew::TensorSpecs specs;
  const sinew::TensorSpecs& spec() const noexcept { return specs; }
  Status encode(const sinew::Observation& /*observation*/, sinew::TensorMap& /*out*/) noexcept { return Status::ok; }
  std::string_view last_error() const noexcept { return {}; }
};

struct SmallBackend {
  sinew::ModelSpec model;
  const sinew::ModelSpec& spec() const noexcept { return model; }
  Status infer(const sinew::TensorMap& /*in*/, sinew::TensorMap& /*out*/) noexcept { return Status::ok; }
  std::string_view last_error() const noexcept { return {}; }
};

struct SmallDecoder {
  sinew::TensorSpecs specs;
  const sinew::TensorSpecs& spec() const noexcept { return specs; }
  Status decode(const sinew::TensorMap& /*in*/, const sinew::Observation& /*observation*/, sinew::ActionChunk& /*chunk*/) noexcept {
    return Status::ok;
  }
  std::string_view last_error() const noexcept { return {}; }
};

}  // namespace

TEST_CASE("policy: parts that do not fit one another are refused when they are joined") {
  using sinew::DType;
  using sinew::Shape;
  const sinew::TensorSpecs state{{"state", DType::f32, Shape{4}}};
  const sinew::TensorSpecs actions{{"actions", DType::f32, Shape{2, 2}}};
  const auto join = [](const sinew::TensorSpecs& encoded, const sinew::TensorSpecs& in, const sinew::TensorSpecs& out,
                       const sinew::TensorSpecs& decoded) {
    return sinew::Policy(sinew::PolicyCard{}, SmallEncoder{encoded}, SmallBackend{{.name = "m", .inputs = in, .outputs = out}},
                         SmallDecoder{decoded});
  };
  CHECK_NOTHROW((void)join(state, state, actions, actions));
  CHECK_NOTHROW((void)join(state, {{"state", DType::f32, Shape{8}}}, actions, actions));
  CHECK_THROWS_WITH_AS((void)join(state, {{"state", DType::f32, Shape{3}}}, actions, actions),
                       "[Policy] backend input 'state': expected at most state f32 [3], got state f32 [4] (written by the encoder)",
                       sinew::Error);
  CHECK_THROWS_AS((void)join(state, {{"state", DType::f64, Shape{4}}}, actions, actions), sinew::Error);
  CHECK_THROWS_AS((void)join(state, {{"noise", DType::f32, Shape{4}}}, actions, actions), sinew::Error);
  CHECK_THROWS_AS((void)join(state, state, actions, {{"waypoints", DType::f32, Shape{2, 2}}}), sinew::Error);
}
