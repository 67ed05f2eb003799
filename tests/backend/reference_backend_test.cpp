// SPDX-License-Identifier: Apache-2.0
#include "sinew/backend/reference_backend.hpp"

#include <doctest/doctest.h>

#include <Eigen/Core>
#include <limits>
#include <string>

#include "sinew/backend/any_backend.hpp"
#include "sinew/core/error.hpp"
#include "sinew/testing/backend_conformance.hpp"
#include "sinew/testing/no_alloc.hpp"
#include "test_seed.hpp"

namespace {

sinew::AffineModel random_model(int state_dim, int horizon, int action_dim) {
  sinew::testing::Random random(1);
  sinew::AffineModel model{state_dim, horizon, action_dim, {}, {}};
  model.weight.resize(static_cast<std::size_t>(state_dim * horizon * action_dim));
  model.bias.resize(static_cast<std::size_t>(horizon * action_dim));
  for (auto& value : model.weight) value = static_cast<float>(random.uniform(-1, 1));
  for (auto& value : model.bias) value = static_cast<float>(random.uniform(-1, 1));
  return model;
}

}  // namespace

TEST_CASE("reference backend: conforms") {
  CHECK(sinew::testing::counting_works());
  sinew::ReferenceBackend backend(random_model(5, 4, 3));
  for (const auto& violation :
       sinew::testing::check_backend(backend, {.seed = sinew::testing::seed(), .heap_calls = sinew::testing::heap_calls}))
    FAIL_CHECK(violation);
}

TEST_CASE("reference backend: equals Eigen's matrix product") {
  const auto model = random_model(7, 3, 2);
  sinew::ReferenceBackend backend(model);
  const auto inputs = sinew::testing::filled_inputs(backend.spec(), 3);
  auto outputs = sinew::make_tensors(backend.spec().outputs);
  REQUIRE(backend.infer(inputs, outputs) == sinew::Status::ok);
  using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const Eigen::Map<const Matrix> weight(model.weight.data(), 6, 7);
  const Eigen::Map<const Eigen::VectorXf> bias(model.bias.data(), 6);
  const Eigen::Map<const Eigen::VectorXf> state(inputs["state"].as<float>().data(), 7);
  const Eigen::VectorXf expected = weight * state + bias;
  for (int i = 0; i < 6; ++i)
    CHECK(outputs["actions"].as<float>()[static_cast<std::size_t>(i)] == doctest::Approx(expected[i]).epsilon(1e-5));
}

TEST_CASE("reference backend: refuses parameters that do not fit") {
  auto model = random_model(2, 2, 2);
  model.bias.pop_back();
  CHECK_THROWS_WITH_AS(sinew::ReferenceBackend{model}, "[ReferenceBackend] bias: expected 4 numbers, got 3", sinew::Error);
  model = random_model(2, 2, 2);
  model.weight[1] = std::numeric_limits<float>::quiet_NaN();
  CHECK_THROWS_AS(sinew::ReferenceBackend{model}, sinew::Error);
}

namespace {

/// Breaks one law each, to show that the conformance suite sees it.
struct Faulty {
  enum class Fault { allocates, not_repeatable, ignores_missing, writes_half } fault;
  sinew::ReferenceBackend inner{random_model(2, 2, 2)};
  sinew::ModelSpec spec_ = inner.spec();
  int calls = 0;

  const sinew::ModelSpec& spec() const noexcept { return spec_; }
  std::string_view last_error() const noexcept { return inner.last_error(); }
  sinew::Status infer(const sinew::TensorMap& in, sinew::TensorMap& out) noexcept {
    const auto before = out["actions"].as<float>();
    const float kept = before.empty() ? 0.0F : before[1];
    const auto status = inner.infer(in, out);
    if (fault == Fault::allocates) {
      const std::string text(100, static_cast<char>('a' + ++calls % 26));
      out["actions"].as<float>()[0] += text[99] == '?' ? 1.0F : 0.0F;
    }
    if (fault == Fault::not_repeatable) out["actions"].as<float>()[0] += static_cast<float>(++calls);
    if (fault == Fault::writes_half) out["actions"].as<float>()[1] = kept;
    if (fault == Fault::ignores_missing) return sinew::Status::ok;
    return status;
  }
};
static_assert(sinew::Backend<Faulty>);

}  // namespace

namespace {

/// Infers several, and mixes them up when told to.
struct Batching {
  bool mixes = false;
  sinew::ReferenceBackend inner{random_model(2, 2, 2)};

  const sinew::ModelSpec& spec() const noexcept { return inner.spec(); }
  std::string_view last_error() const noexcept { return inner.last_error(); }
  sinew::Status infer(const sinew::TensorMap& in, sinew::TensorMap& out) noexcept { return inner.infer(in, out); }
  std::size_t most_batch() const noexcept { return 8; }
  void infer_batch(std::span<sinew::Inference> several) noexcept {
    for (sinew::Inference& each : several) each.status = inner.infer(mixes ? *several.back().in : *each.in, *each.out);
  }
};
static_assert(sinew::BatchingBackend<Batching>);

}  // namespace

TEST_CASE("conformance suite: several at once, of a backend and of what holds it") {
  Batching good, bad{.mixes = true};
  CHECK(sinew::testing::check_backend(good).empty());
  CHECK_FALSE(sinew::testing::check_backend(bad).empty());
  sinew::AnyBackend any(Batching{}), plain(sinew::ReferenceBackend(random_model(2, 2, 2)));
  CHECK(any.most_batch() == 8);
  CHECK(plain.most_batch() == 1);
  CHECK(sinew::testing::check_backend(any).empty());
  CHECK(sinew::testing::check_backend(plain).empty());
}

TEST_CASE("conformance suite: sees a backend that breaks a law") {
  for (const auto fault :
       {Faulty::Fault::allocates, Faulty::Fault::not_repeatable, Faulty::Fault::ignores_missing, Faulty::Fault::writes_half}) {
    CAPTURE(static_cast<int>(fault));
    Faulty backend{.fault = fault};
    CHECK_FALSE(sinew::testing::check_backend(backend, {.seed = 1, .heap_calls = sinew::testing::heap_calls}).empty());
  }
}
