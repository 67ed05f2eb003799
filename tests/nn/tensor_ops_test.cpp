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
  const auto violations = check_tensor_ops(ops, {.seed = seed(),
                                                 .dtype = options.weights,
                                                 .guards_writes = true,
                                                 .observe = [&](std::span<const float> values) {
                                                   for (const float value : values) bits.push_back(std::bit_cast<std::uint32_t>(value));
                                                 }});
  for (const std::string& violation : violations) FAIL_CHECK(violation);
  return bits;
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
