// SPDX-License-Identifier: Apache-2.0
// A Status must be looked at.
#include "sinew/core/tensor.hpp"

bool shrink(sinew::Tensor& tensor) {
#ifdef MISUSE
  tensor.set_shape({1});
  return true;
#else
  return tensor.set_shape({1}) == sinew::Status::ok;
#endif
}
