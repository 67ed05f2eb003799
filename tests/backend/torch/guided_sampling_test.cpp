// SPDX-License-Identifier: Apache-2.0
// Guided sampling with the true Jacobian against the recorded runs of RTC's reference (Physical-Intelligence/real-time-chunking-kinetix
// @ cc6c5f5 src/model.py), whose network is written here in ATen; and products with Jacobians against differences.
#include <ATen/ops/cat.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/full.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/linspace.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/pow.h>
#include <ATen/ops/silu.h>
#include <doctest/doctest.h>

#include <numbers>
#include <string>
#include <vector>

#include "golden.hpp"
#include "sinew/backend/torch/torch_ops.hpp"
#include "sinew/core/error.hpp"
#include "sinew/core/random.hpp"
#include "sinew/nn/layers.hpp"
#include "sinew/nn/sampler.hpp"
#include "test_seed.hpp"
#include "torch_device.hpp"

using namespace sinew;
using sinew::testing::worst_ratio;

namespace {

/// The MLP mixer: tokens are the steps of the chunk.
class Mixer {
 public:
  explicit Mixer(const sinew::testing::GoldenCase& golden) : golden_(golden) {}

  at::Tensor velocity(const at::Tensor& obs, const at::Tensor& x, double time) const {
    at::Tensor emb = embedding(at::full({obs.size(0)}, time), channels());
    emb = at::silu(linear("time_mlp.layers.2", at::silu(linear("time_mlp.layers.0", emb))));
    at::Tensor h = linear("in_proj", at::cat({x, obs.unsqueeze(1).expand({-1, x.size(1), -1})}, 2));
    for (std::int64_t i = 0; i < golden_.json().at("config").at("L").integer(); ++i) {
      const std::string block = "mlp_stack." + std::to_string(i) + ".";
      const auto first = linear(block + "adaln_1", emb).unsqueeze(1).chunk(3, 2),
                 second = linear(block + "adaln_2", emb).unsqueeze(1).chunk(3, 2);
      at::Tensor y = modulated(h, first[0], first[1]).transpose(1, 2);
      y = at::matmul(at::gelu(at::matmul(y, kernel(block + "token_mix_in")), "tanh"), kernel(block + "token_mix_out")).transpose(1, 2);
      h = h.add(first[2].mul(y));
      y = modulated(h, second[0], second[1]);
      y = at::matmul(at::gelu(at::matmul(y, kernel(block + "channel_mix_in")), "tanh"), kernel(block + "channel_mix_out"));
      h = h.add(second[2].mul(y));
    }
    const auto last = linear("final_adaln", emb).unsqueeze(1).chunk(2, 2);
    return linear("out_proj", modulated(h, last[0], last[1]));
  }
  at::Tensor tensor(const std::string& name) const {
    const auto& stored = golden_.tensor(name);
    return at::from_blob(const_cast<float*>(stored.as_f32().data()), stored.shape, at::TensorOptions(at::kFloat)).clone();
  }

 private:
  std::int64_t channels() const { return golden_.json().at("config").at("C").integer(); }
  at::Tensor kernel(const std::string& name) const { return tensor("w." + name + ".kernel"); }
  at::Tensor linear(const std::string& name, const at::Tensor& x) const {
    return at::matmul(x, kernel(name)).add(tensor("w." + name + ".bias"));
  }
  static at::Tensor modulated(const at::Tensor& x, const at::Tensor& scale, const at::Tensor& shift) {
    return at::layer_norm(x, {x.size(-1)}, {}, {}, 1e-6, false).mul(scale.add(1)).add(shift);
  }
  static at::Tensor embedding(const at::Tensor& time, std::int64_t width) {
    const double least = 4e-3, most = 4;
    const at::Tensor period = at::pow(most / least, at::linspace(0, 1, width / 2)).mul(least);
    const at::Tensor angles = time.unsqueeze(1).mul(period.reciprocal().mul(2 * std::numbers::pi).unsqueeze(0));
    return at::cat({angles.sin(), angles.cos()}, 1);
  }

  const sinew::testing::GoldenCase& golden_;
};

std::span<const float> values(const at::Tensor& x) { return {x.const_data_ptr<float>(), static_cast<std::size_t>(x.numel())}; }

}  // namespace

TEST_CASE("sample_flow with the true Jacobian: every recorded run of RTC's reference") {
  const auto golden = sinew::testing::read_golden_case("kinetix", "guided_sampling");
  const Mixer mixer(golden);
  const std::string tolerances = golden.json().at("tolerance").text();
  const auto of_velocity = sinew::testing::read_tolerance(tolerances),
             of_samples = sinew::testing::read_tolerance(tolerances.substr(tolerances.find("sampling")));
  const auto& shape = golden.tensor("noise").shape;  // [b, horizon, dim]
  const at::Tensor obs = mixer.tensor("obs"), noise = mixer.tensor("noise"), before = mixer.tensor("prev");
  for (const auto& [name, tensor] : golden.tensors)
    if (name.starts_with("velocity.t"))
      CHECK(worst_ratio(values(mixer.velocity(obs, noise, std::stod(name.substr(10)))), tensor.as_f32(), of_velocity) <= 1);

  TorchOps ops;  // on the CPU, as the network
  int runs = 0;
  for (const auto& [name, run] : golden.json().at("runs").members()) {
    CAPTURE(name);
    const auto number = [&, &run = run](const char* key) { return static_cast<int>(run.at(key).integer()); };
    for (std::int64_t b = 0; b < shape[0]; ++b) {
      const auto row = [&](const at::Tensor& x) { return x.narrow(0, b, 1).contiguous(); };
      const at::Tensor own = row(before), own_obs = row(obs), own_noise = row(noise);
      const nn::FlowPrefix prefix{.chunk = {values(own), static_cast<int>(shape[1]), static_cast<int>(shape[2])},
                                  .delay = number("inference_delay"),
                                  .end = number("prefix_attention_horizon"),
                                  .mode = nn::PrefixMode::jacobian,
                                  .schedule = prefix_schedule(run.at("prefix_attention_schedule").text()),
                                  .max_weight = run.at("max_guidance_weight").number()};
      nn::PrefixBuffers buffers(shape[1], shape[2]);
      buffers.fill(prefix);
      auto scope = ops.scope();
      const TorchTensor x{own_noise.clone()};
      const auto steps = number("num_steps");
      nn::sample_flow(
          ops, x, steps, FlowDirection::noise_at_zero,
          [&](const TorchTensor& at, std::int64_t k) {
            const at::Tensor expected = row(mixer.tensor(name + ".x_steps").select(0, k));
            CHECK(worst_ratio(values(at.value.detach().contiguous()), values(expected), of_samples) <= 1);
            return TorchTensor{mixer.velocity(own_obs.clone(), at.value, static_cast<double>(k) / steps)};
          },
          prefix, buffers);
      CHECK(worst_ratio(values(x.value), values(row(mixer.tensor(name + ".actions"))), of_samples) <= 1);
    }
    ++runs;
  }
  CHECK(runs >= 1);
}

TEST_CASE("vjp: products with the Jacobian are those of differences, in place or not, within scopes") {
  TorchOps ops(sinew::testing::torch_options());
  const std::int64_t n = 3, width = 8;
  Random random(sinew::testing::seed());
  CAPTURE(sinew::testing::seed());
  const auto draw = [&](std::int64_t count) {
    std::vector<float> drawn(static_cast<std::size_t>(count));
    random.normal(drawn);
    return drawn;
  };
  const TorchMatrix matrix = ops.matrix(nn::row_source(draw(width * width), width, width));
  const TorchParameter weight = ops.parameter(draw(width), Shape{width});
  const auto kept = draw(n * width), start = draw(n * width), along = draw(n * width), direction = draw(n * width);
  auto scope = ops.scope();
  const Shape heads{n, 2, width / 2};
  // Keys and values from before the call, norms of a tensor that is written afterwards, results that are written.
  const TorchTensor keys = ops.reshape(ops.activate(ops.upload(kept, Shape{n, width}), nn::Activation::tanh), heads);
  const auto function = [&](const TorchTensor& x) {
    auto inner = ops.scope();
    const TorchTensor h = ops.copy(x);
    const TorchTensor q = ops.reshape(ops.linear(ops.rms_norm(h, weight, 1e-5F), matrix, nullptr, nn::Activation::silu), heads);
    const TorchTensor y = ops.attention(q, keys, keys, {.scale = 0.5F});
    ops.add_linear_into(h, y, matrix, &weight);
    ops.add_into(y, ops.silu_mul(h, ops.layer_norm(h, nullptr, nullptr, 1e-5F)), 0.5F);
    const TorchTensor turned = ops.rope(ops.reshape(y, heads), ops.slice(ops.upload(kept, Shape{n, width}), 1, 0, width / 2),
                                        ops.slice(ops.upload(start, Shape{n, width}), 1, 0, width / 2));
    return inner.keep(ops.multiply(ops.reshape(turned, Shape{n, width}), ops.activate(h, nn::Activation::gelu_tanh)));
  };
  const auto at = [&](double step) {
    std::vector<float> moved(start);
    for (std::size_t i = 0; i < moved.size(); ++i) moved[i] += static_cast<float>(step) * along[i];
    const auto host = [&](const TorchTensor& x) {
      std::vector<float> out(moved.size());
      ops.download(x, out);
      return out;
    };
    return host(function(ops.upload(moved, Shape{n, width})));
  };
  const auto taken =
      ops.vjp(function, ops.upload(start, Shape{n, width}), [&](const TorchTensor&) { return ops.upload(direction, Shape{n, width}); });
  CHECK_FALSE(taken.value.value.requires_grad());
  std::vector<float> value(start.size()), gradient(start.size());
  ops.download(taken.value, value);
  ops.download(taken.gradient, gradient);
  // The same numbers but for rounding: weights are not in oneDNN's layout while a gradient is taken.
  const auto plain = at(0);
  for (std::size_t i = 0; i < value.size(); ++i) CHECK(value[i] == doctest::Approx(plain[i]).epsilon(1e-4).scale(1e-1));
  const double h = 1e-2;
  const auto more = at(h), less = at(-h);
  double expected = 0, got = 0, scale = 0;
  for (std::size_t i = 0; i < start.size(); ++i) {
    expected += static_cast<double>(direction[i]) * (static_cast<double>(more[i]) - static_cast<double>(less[i])) / (2 * h);
    got += static_cast<double>(gradient[i]) * static_cast<double>(along[i]);
    scale += std::abs(static_cast<double>(direction[i]) * static_cast<double>(value[i]));
  }
  CHECK(got == doctest::Approx(expected).epsilon(1e-3 * (1 + scale)));  // differences err by h^2 times third derivatives
  // A function that does not depend on x has no gradient, and the next call is as before.
  const auto constant = ops.vjp([&](const TorchTensor&) { return ops.copy(keys); }, keys, [](const TorchTensor& v) { return v; });
  std::vector<float> none(start.size(), 1.0F);
  ops.download(constant.gradient, none);
  for (const float each : none) CHECK(each == 0.0F);
  CHECK_THROWS_AS((void)ops.vjp(function, ops.upload(start, Shape{n, width}), [&](const TorchTensor&) { return keys; }), Error);
  CHECK(at(0) == plain);
}
