// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "flow_dit_golden.hpp"
#include "sinew/backend/torch/torch_ops.hpp"
#include "torch_device.hpp"

TEST_CASE("flow_dit on libtorch: every golden case of StarVLA's head") {
  sinew::TorchOps ops(sinew::testing::torch_options());
  sinew::testing::check_flow_dit(ops);
}
