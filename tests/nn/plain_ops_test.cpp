// SPDX-License-Identifier: Apache-2.0
// The backend of docs/adding_a_backend.md keeps the contract, and a policy on it gives what the policy on the CPU backend gives.
#include "plain_ops.hpp"

#include <doctest/doctest.h>

#include "flow_dit_golden.hpp"
#include "sinew/backend/native_backend.hpp"
#include "sinew/nn/heads/flow_dit_policy.hpp"
#include "sinew/nn/models/qwen3_vl.hpp"
#include "sinew/runtime/policy.hpp"
#include "sinew/testing/tensor_ops_conformance.hpp"
#include "tiny_policy.hpp"

using namespace sinew;
using sinew::testing::PlainOps;

// docs: begin conformance
TEST_CASE("plain ops: keep the contract of compute backends") {
  PlainOps ops;
  for (const auto& violation : sinew::testing::check_tensor_ops(ops)) FAIL_CHECK(violation);
}
// docs: end conformance

// docs: begin backend
BackendFactory plain_backend() {
  return [](const BackendRequest& request) {
    nn::ModelRegistry<PlainOps> models;
    models.add_backbone<nn::Qwen3Vl<PlainOps>>("qwen3_vl", nn::qwen3_vl_names());
    models.add_head<nn::FlowDitPolicy<PlainOps>>("flow_dit");
    return AnyBackend(NativeBackend<PlainOps>(PlainOps(), models, request));
  };
}
// docs: end backend

TEST_CASE("plain ops: a policy gives what the CPU backend gives") {
  const sinew::testing::TemporaryDirectory folder;
  sinew::testing::write_tiny_policy(folder.path());
  BackendRegistry registry = BackendRegistry::with_defaults();
  registry.add("plain", plain_backend());
  const auto act = [&](std::string_view backend) {
    Policy policy = Policy::load(folder.path(), registry, backend);
    ActionChunk chunk = policy.make_chunk();
    INFO(policy.last_error());
    REQUIRE(policy.act(sinew::testing::tiny_observation(1), chunk, {.seed = 3}) == Status::ok);
    return chunk.values;
  };
  const auto plain = act("plain"), cpu = act("cpu");
  REQUIRE(plain.size() == cpu.size());
  for (std::size_t i = 0; i < plain.size(); ++i) CHECK(plain[i] == doctest::Approx(cpu[i]).epsilon(1e-4));
}

TEST_CASE("plain ops: StarVLA's golden cases") {
  PlainOps ops;
  sinew::testing::check_flow_dit(ops);
}
