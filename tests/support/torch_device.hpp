// SPDX-License-Identifier: Apache-2.0
// Where the tests of sinew::torch run: SINEW_TORCH_DEVICE, e.g. cuda:0, or the CPU.
#pragma once

#include <cstdlib>

#include "sinew/backend/torch/torch_ops.hpp"

namespace sinew::testing {

inline TorchOptions torch_options(DType dtype = DType::f32) {
  const char* const device = std::getenv("SINEW_TORCH_DEVICE");
  return {.device = device == nullptr ? "cpu" : device, .dtype = dtype};
}

}  // namespace sinew::testing
