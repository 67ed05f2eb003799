// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "layerwise_dit_golden.hpp"
#include "sinew/backend/torch/torch_ops.hpp"
#include "torch_device.hpp"

TEST_CASE("layerwise_dit on libtorch: every golden case of StarVLA's heads, true Jacobians among them") {
  sinew::TorchOps ops(sinew::testing::torch_options());
  sinew::testing::check_layerwise_dit(ops);
}
