// SPDX-License-Identifier: Apache-2.0
// What a backend reads and writes.
#pragma once

#include <string>

#include "sinew/core/tensor_spec.hpp"

namespace sinew {

/// Inputs and outputs of a model, fixed when it is loaded. Reserved input names with a fixed meaning: `noise`, `prefix`,
/// `prefix_delay`, `seed`.
struct ModelSpec {
  std::string name;
  TensorSpecs inputs;
  TensorSpecs outputs;
  bool allocates = true;  ///< false: `infer` allocates nothing after the first call of a shape; conformance checks it
};

}  // namespace sinew
