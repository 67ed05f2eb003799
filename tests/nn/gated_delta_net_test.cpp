// SPDX-License-Identifier: Apache-2.0
// A gated delta net gives the same for a sequence in one call, in parts and token by token.
#include "sinew/nn/models/gated_delta_net.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include "sinew/backend/cpu/cpu_ops.hpp"
#include "sinew/core/random.hpp"
#include "sinew/io/safetensors.hpp"
#include "sinew/testing/no_alloc.hpp"
#include "test_seed.hpp"

using namespace sinew;

namespace {

constexpr std::int64_t kHidden = 48, kTokens = 150;  // more than two chunks
constexpr nn::Qwen35Config::Linear kSizes{.key_heads = 2, .heads = 6, .key_dim = 20, .dim = 28, .taps = 4};

/// Random weights in a directory of their own.
std::filesystem::path write_weights() {
  const auto folder = std::filesystem::temp_directory_path() / ("sinew_delta_net_" + std::to_string(testing::seed()));
  std::filesystem::create_directories(folder);
  const std::int64_t keys = kSizes.key_heads * kSizes.key_dim, values = kSizes.heads * kSizes.dim, mixed = 2 * keys + values;
  sinew::Random random(testing::seed());
  std::vector<std::vector<float>> data;
  std::vector<SafetensorsTensor> tensors;
  const auto add = [&](const std::string& name, const std::vector<std::int64_t>& shape, float scale, float around = 0) {
    std::size_t count = 1;
    for (const auto size : shape) count *= static_cast<std::size_t>(size);
    auto& numbers = data.emplace_back(count);
    random.normal(numbers);
    for (float& value : numbers) value = around + scale * value;
    tensors.push_back({name, DType::f32, shape, {}});
  };
  const float small = 1 / std::sqrt(static_cast<float>(kHidden));
  add("in_proj_qkv.weight", {mixed, kHidden}, small);
  add("in_proj_z.weight", {values, kHidden}, small);
  add("in_proj_b.weight", {kSizes.heads, kHidden}, small);
  add("in_proj_a.weight", {kSizes.heads, kHidden}, small);
  add("conv1d.weight", {mixed, 1, kSizes.taps}, 0.5F);
  add("A_log", {kSizes.heads}, 1, -2);  // some heads forget slowly
  add("dt_bias", {kSizes.heads}, 0.1F);
  add("norm.weight", {kSizes.dim}, 0.1F, 1);
  add("out_proj.weight", {kHidden, values}, 1 / std::sqrt(static_cast<float>(values)));
  for (std::size_t i = 0; i < tensors.size(); ++i) tensors[i].bytes = std::as_bytes(std::span(data[i]));
  write_safetensors(folder / "model.safetensors", tensors);
  return folder;
}

struct Net {
  explicit Net(const std::filesystem::path& folder, int threads = 1)
      : ops(CpuOptions{.threads = threads}),
        weights(Weights::open(folder)),
        net(nn::Loader<CpuOps>(ops, weights), kSizes, kHidden, 1e-6F),
        memory(net.make_memory(ops)) {}

  /// The result of `x [kTokens, kHidden]`, `most` tokens at a time.
  std::vector<float> run(const std::vector<float>& x, std::int64_t most) {
    std::vector<float> out(x.size());
    nn::GatedDeltaNet<CpuOps>::reset(ops, memory);
    for (std::int64_t first = 0; first < kTokens; first += most) {
      auto scope = ops.scope();
      const std::int64_t count = std::min(most, kTokens - first);
      const auto range = [&](auto& values) {
        return std::span(values).subspan(static_cast<std::size_t>(first * kHidden), static_cast<std::size_t>(count * kHidden));
      };
      const auto tokens = ops.upload(range(x), Shape{count, kHidden});
      const auto residual = ops.combine(0, tokens, 0, tokens);
      net.add_into(ops, residual, tokens, memory);
      ops.download(residual, range(out));
    }
    return out;
  }

  CpuOps ops;
  Weights weights;
  nn::GatedDeltaNet<CpuOps> net;
  nn::GatedDeltaNet<CpuOps>::Memory memory;
};

}  // namespace

TEST_CASE("gated delta net: a sequence at once, in parts and token by token") {
  const auto folder = write_weights();
  Net net(folder), shared(folder, 2);
  std::vector<float> x(static_cast<std::size_t>(kTokens * kHidden));
  sinew::Random(testing::seed() + 1).normal(x);
  const auto whole = net.run(x, kTokens);
  const float size = std::abs(*std::ranges::max_element(whole, {}, [](float value) { return std::abs(value); }));
  CHECK(size > 0.1F);
  for (const std::int64_t most : {std::int64_t{1}, std::int64_t{3}, std::int64_t{7}, std::int64_t{64}, std::int64_t{100}}) {
    CAPTURE(most);
    const auto parts = net.run(x, most);
    float worst = 0;
    for (std::size_t i = 0; i < whole.size(); ++i) worst = std::max(worst, std::abs(parts[i] - whole[i]));
    CHECK(worst <= 2e-5F * size);  // f32 over 150 tokens, divided by the norm of what a head gives
  }
  CHECK(shared.run(x, kTokens) == whole);
  CHECK(net.run(x, kTokens) == whole);  // nothing is left of what came before
  std::filesystem::remove_all(folder);
}

TEST_CASE("gated delta net: a token takes nothing from the heap") {
  REQUIRE(testing::counting_works());
  const auto folder = write_weights();
  Net net(folder);
  const std::vector<float> x(static_cast<std::size_t>(kHidden), 0.5F);
  const auto step = [&] {
    auto scope = net.ops.scope();
    const auto token = net.ops.upload(x, Shape{1, kHidden});
    net.net.add_into(net.ops, net.ops.copy(token), token, net.memory);
  };
  step();
  step();
  const testing::HeapCallCounter counter;
  step();
  CHECK(counter.count() == 0);
  std::filesystem::remove_all(folder);
}
