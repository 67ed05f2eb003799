// SPDX-License-Identifier: Apache-2.0
// What a tensor may look like: agreed between encoder, backend and decoder once, at load.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sinew/core/dtype.hpp"
#include "sinew/core/shape.hpp"
#include "sinew/core/tensor_map.hpp"

namespace sinew {

/// Name, element type and the maximum of every dimension of one tensor.
struct TensorSpec {
  std::string name;
  DType dtype = DType::f32;
  Shape capacity;

  friend bool operator==(const TensorSpec&, const TensorSpec&) = default;
};

using TensorSpecs = std::vector<TensorSpec>;  ///< each name once

/// "state f32 [8]".
[[nodiscard]] std::string to_string(const TensorSpec& spec);
/// The specification of that name, or nullptr.
[[nodiscard]] const TensorSpec* find_spec(const TensorSpecs& specs, std::string_view name) noexcept;
/// Allocates one tensor for each specification.
[[nodiscard]] TensorMap make_tensors(const TensorSpecs& specs);
/// `ok` when `tensor` exists, has the dtype and rank of `spec` and no dimension above its maximum.
[[nodiscard]] Status check_tensor(const TensorSpec& spec, const Tensor& tensor) noexcept;

}  // namespace sinew
