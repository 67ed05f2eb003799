// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "flow_dit_golden.hpp"
#include "sinew/backend/cpu/cpu_ops.hpp"
#include "sinew/core/isa.hpp"

using namespace sinew;

TEST_CASE("flow_dit: every golden case of StarVLA's head, on every instruction set") {
  const Isa before = active_isa();
  for (const Isa isa : available_isas()) {
    CAPTURE(to_string(isa));
    select_isa(isa);
    CpuOps ops;
    sinew::testing::check_flow_dit(ops);
  }
  select_isa(before);
}

TEST_CASE("flow_dit: two threads give the bits of one") {
  CpuOps ops({.threads = 2});
  sinew::testing::check_flow_dit(ops);
}

TEST_CASE("flow_dit: buckets of every number of steps are the reference's") {
  const auto golden = sinew::testing::read_golden_case("starvla_gr00t", "timestep_buckets");
  const auto buckets = golden.json().at("config").at("num_timestep_buckets").integer();
  for (const auto& [name, tensor] : golden.tensors) {
    CAPTURE(name);
    REQUIRE(name.front() == 'N');
    CHECK(std::ranges::equal(nn::flow_buckets(std::stoll(name.substr(1)), buckets), tensor.as_i64()));
  }
}
