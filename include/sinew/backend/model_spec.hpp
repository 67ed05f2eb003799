// SPDX-License-Identifier: Apache-2.0
// What a backend reads and writes.
#pragma once

#include <string>

#include "sinew/core/tensor_spec.hpp"

namespace sinew {

/// Inputs and outputs of a model, fixed when it is loaded.
struct ModelSpec {
  std::string name;
  TensorSpecs inputs;
  TensorSpecs outputs;
  bool allocates = true;  ///< false: `infer` allocates nothing after the first call of a shape; conformance checks it
  /// What a caller may add; absent, or with a first dimension of 0, a model does without. Names with a fixed meaning, all in the policy's
  /// normalised space:
  /// - `noise f32 [horizon, dim]`: what sampling begins with; `seed i64 [1]`: of the noise, where that is absent
  /// - `prefix f32 [rows, dim]`: the unexecuted rest of the previous chunk, its first row due now; `prefix_delay i64 [1]`: its rows that
  /// will
  ///   be executed before the new chunk arrives
  TensorSpecs optional_inputs{};
};

}  // namespace sinew
