// SPDX-License-Identifier: Apache-2.0
// The check that every encoder makes before it writes a tensor.
#pragma once

#include "sinew/core/fixed_text.hpp"
#include "sinew/core/status.hpp"
#include "sinew/core/tensor_spec.hpp"

namespace sinew::detail {

/// What is about to be written.
struct TensorRequest {
  std::string_view name;
  DType dtype;
  const Shape& shape;
};

/// The tensor of that name with that shape; nullptr, a status and a text when there is none, or it cannot hold that.
inline Tensor* prepare_tensor(TensorMap& out, const TensorRequest& request, Status& status, FixedText& error) noexcept {
  Tensor* tensor = out.find(request.name);
  if (tensor == nullptr || !*tensor) {
    status = Status::missing;
    error.format("tensor '{}' is missing from the map to write to", request.name);
    return nullptr;
  }
  status = tensor->dtype() == request.dtype ? tensor->set_shape(request.shape) : Status::bad_shape;
  if (status == Status::ok) return tensor;
  error.format("tensor '{}' cannot hold what is to be written: {}", request.name, to_string(status));
  return nullptr;
}

}  // namespace sinew::detail
