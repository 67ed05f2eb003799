// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "oft_golden.hpp"
#include "sinew/backend/torch/torch_ops.hpp"

TEST_CASE("oft on libtorch: every golden case of StarVLA's head") {
  sinew::TorchOps ops;
  sinew::testing::check_oft(ops);
}
