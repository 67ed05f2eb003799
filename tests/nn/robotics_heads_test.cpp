// SPDX-License-Identifier: Apache-2.0
// Heads of the Qwen robotics reports on the processor: heap, threads, calls one after the other; cameras; canonical columns. That their
// numbers are right: python/tests/test_nn_robotmanip.py and its neighbours.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <Eigen/Geometry>
#include <cmath>
#include <string>
#include <vector>

#include "sinew/action/canonical.hpp"
#include "sinew/backend/cpu/cpu_ops.hpp"
#include "sinew/core/error.hpp"
#include "sinew/core/random.hpp"
#include "sinew/io/safetensors.hpp"
#include "sinew/nn/heads/camera_encoding.hpp"
#include "sinew/nn/heads/qwen_vla_dit.hpp"
#include "sinew/nn/heads/robotmanip_dit.hpp"
#include "sinew/nn/heads/robotnav_mlp.hpp"
#include "sinew/testing/no_alloc.hpp"
#include "temporary_directory.hpp"

using namespace sinew;
using namespace sinew::testing;

namespace {

constexpr std::int64_t kContext = 24, kTokens = 13, kImage = 7;

/// A file with random weights of the layers that are named.
struct RandomWeights {
  void add(const std::string& name, std::vector<std::int64_t> shape) {
    std::size_t count = 1;
    for (const auto size : shape) count *= static_cast<std::size_t>(size);
    auto& values = data.emplace_back(count);
    random.normal(values);
    for (float& value : values) value *= shape.size() == 1 ? 0.1F : 1 / std::sqrt(static_cast<float>(shape[1]));
    tensors.push_back({name, DType::f32, std::move(shape), {}});
  }
  void linear(const std::string& name, std::int64_t outputs, std::int64_t inputs) {
    add(name + ".weight", {outputs, inputs});
    add(name + ".bias", {outputs});
  }
  void mlp(const std::string& name, std::int64_t in, std::int64_t hidden, std::int64_t out) {
    linear(name + ".layer1", hidden, in);
    linear(name + ".layer2", out, hidden);
  }
  void feed_forward(const std::string& name, std::int64_t width, std::int64_t hidden) {
    linear(name + ".gate", hidden, width);
    linear(name + ".up", hidden, width);
    linear(name + ".down", width, hidden);
  }
  void attention(const std::string& name, std::int64_t width, std::int64_t context) {
    linear(name + ".q", width, width);
    linear(name + ".k", width, context);
    linear(name + ".v", width, context);
    linear(name + ".out", width, width);
  }
  Weights open(const TemporaryDirectory& folder) {
    for (std::size_t i = 0; i < tensors.size(); ++i) tensors[i].bytes = std::as_bytes(std::span(data[i]));
    write_safetensors(folder.path() / "model.safetensors", tensors);
    return Weights::open(folder.path());
  }
  Random random{11};
  std::vector<std::vector<float>> data;
  std::vector<SafetensorsTensor> tensors;
};

constexpr std::int64_t kWidth = 32, kMlp = 20;

nn::RobotManipConfig manip() {
  return {.width = kWidth,
          .heads = 2,
          .layers = 2,
          .context_width = kContext,
          .mlp_width = kMlp,
          .queries = 2,
          .horizon = 4,
          .steps = 3,
          .camera_dims = 8,
          .rope_theta = 100,
          .end_effectors = {1, 2},
          .context_chunks = 2,
          .context_steps = 3,
          .context_tokens = 2};
}
RandomWeights manip_weights() {
  RandomWeights weights;
  weights.mlp("time", 256, kWidth, kWidth);
  weights.add("end_effector.weight", {5, kWidth});
  weights.add("camera_known.weight", {2, kWidth});
  weights.add("queries.weight", {2, kWidth});
  weights.mlp("state_encoder", 40, kWidth, kWidth);
  weights.mlp("action_encoder", 40, kWidth, kWidth);
  for (int i = 0; i < 2; ++i) {
    const std::string block = fmt::format("blocks.{}.", i);
    weights.linear(block + "modulation", 9 * kWidth, kWidth);
    weights.attention(block + "self_attention", kWidth, kWidth);
    weights.attention(block + "cross_attention", kWidth, kContext);
    weights.feed_forward(block + "mlp", kWidth, kMlp);
  }
  weights.linear("output_modulation", 2 * kWidth, kWidth);
  weights.linear("output", 40, kWidth);
  weights.linear("intrinsics", kContext, 2);
  weights.mlp("context.state_encoder", 80, kContext, kContext);
  weights.mlp("context.action_encoder", 240, kContext, 2 * kContext);
  weights.add("context.time.weight", {2, kContext});
  weights.add("context.slot.weight", {2, kContext});
  return weights;
}

nn::QwenVlaConfig vla(bool joint) {
  return {.width = kWidth,
          .heads = 2,
          .layers = 2,
          .context_width = kContext,
          .mlp_width = kMlp,
          .horizon = 4,
          .action_dim = 6,
          .rows = 3,
          .channels = 5,
          .steps = 3,
          .rotary_dim = 12,
          .mrope_section = {2, 2, 2},
          .rope_theta = 1000,
          .qk_norm = false,
          .joint = joint};
}
RandomWeights vla_weights() {
  RandomWeights weights;
  weights.linear("context", kWidth, kContext);
  weights.mlp("time", 256, kWidth, kWidth);
  weights.mlp("action_encoder", 6, kWidth, kWidth);
  weights.mlp("action_decoder", kWidth, kWidth, 6);
  for (int i = 0; i < 2; ++i) {
    const std::string block = fmt::format("blocks.{}.", i);
    weights.linear(block + "modulation", 6 * kWidth, kWidth);
    weights.attention(block + "attention", kWidth, kWidth);
    weights.feed_forward(block + "mlp", kWidth, kMlp);
  }
  weights.linear("output_modulation", 2 * kWidth, kWidth);
  return weights;
}

/// Two images of two tokens, each between words; hidden states; every input that the head takes.
struct Call {
  explicit Call(const nn::HeadSpec& spec) {
    Random random(5);
    hidden.resize(static_cast<std::size_t>(kTokens * kContext));
    random.normal(hidden);
    for (const auto* specs : {&spec.inputs, &spec.optional_inputs})
      for (const TensorSpec& each : *specs) {
        Tensor& tensor = in.add(each.name, Tensor(each.dtype, each.capacity));
        if (each.dtype == DType::f32) random.normal(tensor.as<float>());
      }
    for (const TensorSpec& each : spec.outputs) out.add(each.name, Tensor(each.dtype, each.capacity));
    prompt.ids = ids;
    prompt.grids = grids;
  }
  void set(std::string_view name, const Shape& shape, const std::vector<float>& values) {
    REQUIRE(in[name].set_shape(shape) == Status::ok);
    std::ranges::copy(values, in[name].as<float>().begin());
  }
  std::vector<std::int64_t> ids{1, kImage, kImage, 2, 3, kImage, kImage, 4, 5, 6, 1, 2, 3};
  std::vector<PatchGrid> grids{{1, 2, 4}, {1, 4, 2}};
  std::vector<float> hidden;
  nn::VisionLanguageInput prompt;
  TensorMap in, out;
};

nn::HeadInputs inputs() {
  return {.offered = {{"input_ids", DType::i64, Shape{std::int64_t{40}}}, {"state", DType::f32, Shape{std::int64_t{2}, std::int64_t{80}}}},
          .hidden_size = kContext,
          .image_token = kImage,
          .merge = 2};
}

/// Actions of the third call with one thread; the second and third take nothing from the heap, and two threads give the same bits.
template <class Head, class Prepare>
std::vector<float> run(RandomWeights weights, const typename Head::Config& config, const Prepare& prepare) {
  std::vector<float> result;
  for (const int threads : {1, 2}) {
    const TemporaryDirectory folder;
    Weights file = weights.open(folder);
    CpuOps ops({.threads = threads});
    Head head(nn::Loader<CpuOps>(ops, file), config, inputs());
    file.require_all_used();
    Call call(head.spec());
    prepare(call);
    const auto act = [&] {
      auto scope = ops.scope();
      head.act(ops, {.hidden = ops.upload(call.hidden, Shape{kTokens, kContext}), .prompt = &call.prompt}, call.in, call.out);
    };
    act();
    const HeapCallCounter heap;
    act();
    act();
    CHECK(heap.count() == 0);
    const auto actions = call.out["actions"].as<float>();
    for (const float value : actions) CHECK(std::isfinite(value));
    if (threads == 1)
      result.assign(actions.begin(), actions.end());
    else
      CHECK(std::ranges::equal(result, actions));
  }
  return result;
}

std::vector<float> poses(int cameras) {
  std::vector<float> values;
  for (int i = 0; i < cameras; ++i) {
    Eigen::Isometry3d pose(Eigen::AngleAxisd(0.4 + i, Eigen::Vector3d(1, 2, i).normalized()));
    pose.translation() = Eigen::Vector3d(0.1 * i, -0.3, 0.5);
    const Eigen::Matrix<float, 4, 4, Eigen::RowMajor> matrix = pose.matrix().cast<float>();
    values.insert(values.end(), matrix.data(), matrix.data() + 16);
  }
  return values;
}

void manip_inputs(Call& call) {
  constexpr std::int64_t two = 2, three = 3, four = 4, eighty = 80;
  std::vector<float> mask(80, 1);
  mask[3] = mask[40] = 0;
  call.set("mask", Shape{eighty}, mask);
  call.set("extrinsics", Shape{three, four, four}, poses(3));
  call.set("intrinsics", Shape{two, four}, {1, 1, 0.5F, 0.5F, 1.5F, 1, 0.4F, 0.5F});
  call.set("image_times", Shape{two}, {-3, 0});
  call.in["reference_cameras"].as<std::int64_t>()[0] = 2;
  call.in["end_effectors"].as<std::int64_t>()[0] = 3;
  REQUIRE(call.in["prefix"].set_shape(Shape{two, eighty}) == Status::ok);
}

}  // namespace

TEST_CASE("robotics heads: nothing from the heap after the first call, the same bits on two threads") {
  CHECK(counting_works());
  const auto everything = run<nn::RobotManipPolicy<CpuOps>>(manip_weights(), manip(), manip_inputs);
  CHECK(everything[3] == 0);
  CHECK(everything[40] == 0);
  CHECK(everything[4] != 0);
  for (const bool joint : {true, false}) {
    const auto mask = [](Call& call) {
      std::vector<float> ones(24, 1);
      ones[1] = 0;
      call.set("mask", Shape{std::int64_t{4}, std::int64_t{6}}, ones);
    };
    CHECK(run<nn::QwenVlaDit<CpuOps>>(vla_weights(), vla(joint), mask)[1] == 0);
  }
  RandomWeights nav;
  nav.linear("layers.0", 16, kContext);
  nav.linear("layers.1", 24, 16);
  for (const auto read : {nn::TokenReading::last, nn::TokenReading::mean})
    (void)run<nn::RobotNavMlp<CpuOps>>(nav, {.context_width = kContext, .hidden = 16, .layers = 2, .waypoints = 8, .read = read},
                                       [](Call&) {});
}

TEST_CASE("robotics heads: RobotManip's tokens are those of the canonical vector") {
  for (std::size_t token = 0; token < kCanonicalTokens; ++token)
    for (std::size_t place = 0; place < kCanonicalTokenDim; ++place)
      CHECK(nn::RobotManipConfig::column(static_cast<std::int64_t>(token), static_cast<std::int64_t>(place)) ==
            static_cast<std::int64_t>(canonical_token_dim(token, place)));
}

TEST_CASE("camera encoding: poses are relative to the reference, and what is no pose is refused") {
  nn::RelativeCameras cameras;
  const auto values = poses(3);
  cameras.read(values, 1);
  std::vector<float> matrices;
  using Form = nn::RelativeCameras::Form;
  for (const Form form : {Form::pose, Form::inverse, Form::query}) cameras.append(2, form, matrices);
  cameras.append(1, Form::pose, matrices);
  using Matrix = Eigen::Matrix<float, 4, 4, Eigen::RowMajor>;
  const auto at = [&](std::size_t i) { return Matrix(Eigen::Map<const Matrix>(matrices.data() + 16 * i)); };
  const auto given = [&](std::size_t i) { return Matrix(Eigen::Map<const Matrix>(values.data() + 16 * i)); };
  CHECK(at(0).isApprox(given(1).inverse() * given(2), 1e-5F));
  CHECK((at(0) * at(1)).isIdentity(1e-5F));
  CHECK(at(2) == Matrix(at(1).transpose()));
  CHECK(at(3) == Matrix(Matrix::Identity()));
  auto mirrored = values;
  for (int i = 0; i < 3; ++i) mirrored[static_cast<std::size_t>(4 * i)] *= -1;
  CHECK_THROWS_AS(cameras.read(mirrored, 1), Error);
  CHECK_THROWS_AS(cameras.read(values, 3), Error);
  CHECK_THROWS_AS(cameras.append(-1, Form::pose, matrices), Error);
}

TEST_CASE("camera encoding: plane coordinates are those of a pinhole") {
  const std::vector<float> intrinsics{0.5F, 2, 0.5F, 0.25F};  // of the width, of the height
  std::vector<float> plane;
  nn::append_plane_coordinates(intrinsics, 2, 4, plane);
  REQUIRE(plane.size() == 16);
  CHECK(plane[0] == doctest::Approx((0.125 - 0.5) / 0.5));  // first row, first column
  CHECK(plane[1] == doctest::Approx((0.25 - 0.25) / 2));
  CHECK(plane[14] == doctest::Approx((0.875 - 0.5) / 0.5));
  CHECK(plane[15] == doctest::Approx((0.75 - 0.25) / 2));
  CHECK_THROWS_AS(nn::append_plane_coordinates(std::vector<float>{0, 1, 0, 0}, 1, 1, plane), Error);
}
