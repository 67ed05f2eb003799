// SPDX-License-Identifier: Apache-2.0
// CpuOps keeps the contract of nn::TensorOps on every instruction set, with the same bits on any number of threads and without the heap.
#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <string>
#include <vector>

#include "sinew/backend/cpu/cpu_ops.hpp"
#include "sinew/core/isa.hpp"
#include "sinew/testing/no_alloc.hpp"
#include "sinew/testing/tensor_ops_conformance.hpp"
#include "test_seed.hpp"

using namespace sinew;
using namespace sinew::testing;

namespace {

/// The bits of every result of the suite.
std::vector<std::uint32_t> run_suite(const CpuOptions& options) {
  CpuOps ops(options);
  std::vector<std::uint32_t> bits;
  const auto violations = check_tensor_ops(
      ops, {.seed = seed(), .dtype = options.weights, .guards_writes = true, .observe = [&](std::span<const float> values) {
              for (const float value : values) bits.push_back(std::bit_cast<std::uint32_t>(value));
            }});
  for (const std::string& violation : violations) FAIL_CHECK(violation);
  return bits;
}

/// What `every_operation` computes with.
struct Parts {
  explicit Parts(CpuOps& ops)
      : matrix(ops.table(nn::row_source(std::vector<float>(64 * 64, 0.01F), 64, 64))),
        filter(ops.filter(nn::row_source(std::vector<float>(8 * 27, 0.01F), 8, 27), {.size = 3, .stride = 1, .padding = 1})),
        vector(ops.parameter(numbers(64), Shape{64})),
        cache(ops.cache(40, 4, 16)),
        conv(ops.state(Shape{3, 64})),
        rule(ops.state(Shape{4, 16, 16})),
        taps(ops.parameter(numbers(256), Shape{4, 64})),
        gates(ops.parameter(std::vector<float>(4, 0.5F), Shape{4})),
        quarter(ops.parameter(std::vector<float>(16, 0.25F), Shape{16})) {}
  static std::vector<float> numbers(std::size_t count) {
    std::vector<float> values(count);
    sinew::Random(3).normal(values);
    return values;
  }
  CpuOps::Matrix matrix;
  CpuOps::Filter filter;
  CpuOps::Parameter vector;
  CpuOps::Cache cache;
  CpuOps::State conv, rule;
  CpuOps::Parameter taps, gates, quarter;
  std::vector<float> input = numbers(40 * 64), turns = numbers(40 * 8), out = std::vector<float>(40 * 64);
  std::vector<std::int64_t> ids{3, 1, 2, 1};
  std::vector<std::uint8_t> valid = std::vector<std::uint8_t>(40, 1);
};

/// One operation after the other, as in a model.
float every_operation(CpuOps& ops, Parts& p) {
  auto outermost = ops.scope();
  auto scope = ops.scope();
  const auto x = ops.copy(ops.upload(p.input, Shape{40, 64}));
  const auto y = ops.linear(ops.slice(x, 1, 0, 64), p.matrix, &p.vector, nn::Activation::gelu);
  ops.add_linear_into(x, ops.layer_norm(y, &p.vector, &p.vector, 1e-6F), p.matrix, nullptr);
  const auto heads = ops.reshape(ops.rms_norm(x, p.vector, 1e-6F), Shape{40, 4, 16});
  const auto cos = ops.upload(p.turns, Shape{40, 8});
  ops.truncate(p.cache, 0);
  ops.append(p.cache, ops.transform(ops.rope(heads, cos, cos), ops.upload(std::span(p.input).first(640), Shape{40, 4, 4})));
  const auto keys = ops.contents(p.cache);
  for (const nn::Mask& mask : {nn::Mask{.causal = true}, nn::Mask{.valid = p.valid}})
    ops.add_into(x, ops.attention(heads, keys, keys, {.scale = 0.25F, .mask = mask}), 0.5F);
  ops.clear(p.conv);
  ops.clear(p.rule);
  const auto mixed =
      ops.rms_norm(ops.reshape(ops.causal_conv(p.conv, x, p.taps, nn::Activation::silu), Shape{40, 4, 16}), p.quarter, 1e-6F);
  const auto some_gates = ops.reshape(ops.copy(ops.slice(mixed, 2, 0, 1)), Shape{40, 4});
  const auto beta = ops.activate(some_gates, nn::Activation::sigmoid);
  ops.add_into(x, ops.delta_rule(p.rule, mixed, mixed, mixed, ops.log_decay(some_gates, p.gates, p.gates), beta), 0.1F);
  const auto batch = ops.reshape(x, Shape{2, 20, 64});
  const auto rows = ops.expand(ops.view(p.vector), 2);
  ops.copy_into(batch, ops.modulated_norm(batch, rows, rows, 1e-6F));
  const auto image = ops.upload(std::span(p.input).first(40 * 60), Shape{1, 40, 20, 3});
  const auto pooled = ops.max_pool(ops.convolution(image, p.filter, nullptr, nullptr, nn::Activation::relu), {.size = 2, .stride = 2});
  ops.add_into(ops.slice(x, 0, 0, 25), ops.reshape(pooled, Shape{25, 64}), 0.5F);
  const auto some = ops.gather_rows(x, p.ids);
  ops.add_rows_into(x, p.ids, ops.embedding(p.matrix, p.ids));
  ops.copy_rows_into(some, std::span(p.ids).first(1), ops.slice(x, 0, 0, 1));
  const auto wide = ops.concat(1, {x, ops.activate(x, nn::Activation::silu)});
  const auto both = ops.silu_mul(ops.slice(wide, 1, 0, 64), ops.slice(wide, 1, 64, 128));
  ops.download(scope.keep(ops.combine(2, ops.multiply(x, both), 1, ops.add(x, ops.view(p.vector)))), p.out);
  return p.out[17];
}

}  // namespace

TEST_CASE("cpu operations: the contract on every instruction set, and the same bits on two threads") {
  const Isa before = active_isa();
  for (const Isa isa : available_isas())
    for (const DType weights : {DType::f32, DType::bf16}) {
      CAPTURE(std::string(to_string(isa)));
      CAPTURE(std::string(to_string(weights)));
      select_isa(isa);
      const auto one = run_suite({.weights = weights, .threads = 1});
      const auto two = run_suite({.weights = weights, .threads = 2});
      CHECK(one.size() > 10000);
      CHECK(std::ranges::equal(one, two));
    }
  select_isa(before);
}

TEST_CASE("cpu operations: nothing is taken from the heap once a shape has been seen") {
  REQUIRE(counting_works());
  for (const DType weights : {DType::f32, DType::bf16})
    for (const int threads : {1, 2}) {
      CAPTURE(std::string(to_string(weights)));
      CAPTURE(threads);
      CpuOps ops({.weights = weights, .threads = threads});
      Parts parts(ops);
      const HeapCallCounter first_calls;
      const float first = every_operation(ops, parts);
      CHECK(first_calls.count() > 0);
      const HeapCallCounter counter;
      const float second = every_operation(ops, parts);
      CHECK(counter.count() == 0);
      CHECK(first == second);
    }
}

TEST_CASE("cpu operations: options outside their ranges are refused") {
  CHECK_THROWS_AS(CpuOps({.threads = 0}), Error);
  CHECK_THROWS_AS(CpuOps({.threads = 257}), Error);
  CHECK_THROWS_AS(CpuOps({.weights = DType::f16}), Error);
}
