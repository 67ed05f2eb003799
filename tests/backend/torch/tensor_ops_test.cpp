// SPDX-License-Identifier: Apache-2.0
// TorchOps keeps the contract of nn::TensorOps.
#include <doctest/doctest.h>

#include <string>

#include "sinew/backend/torch/torch_ops.hpp"
#include "sinew/testing/tensor_ops_conformance.hpp"
#include "test_seed.hpp"
#include "torch_device.hpp"

using namespace sinew;

TEST_CASE("operations on libtorch: the contract, in both dtypes") {
  for (const DType dtype : {DType::f32, DType::bf16}) {
    CAPTURE(std::string(to_string(dtype)));
    TorchOps ops(sinew::testing::torch_options(dtype));
    const auto violations = sinew::testing::check_tensor_ops(ops, {.seed = sinew::testing::seed(), .dtype = dtype});
    for (const std::string& violation : violations) FAIL_CHECK(violation);
    CHECK(violations.empty());
  }
}
