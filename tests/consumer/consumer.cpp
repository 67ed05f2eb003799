// SPDX-License-Identifier: Apache-2.0
// A stranger's program: links the library, fills a tensor and prints what a refused shape is called.
#include <fmt/format.h>

#include "sinew/core/status.hpp"
#include "sinew/core/tensor.hpp"
#include "sinew/core/version.hpp"

int main() {
  sinew::Tensor actions(sinew::DType::f32, {16, 7});
  const sinew::Status status = actions.set_shape({32, 7});
  fmt::print("sinew {}: {} bytes, {}\n", sinew::version(), actions.size_bytes(), sinew::to_string(status));
  return status == sinew::Status::over_capacity && actions.size_bytes() == 16 * 7 * 4 ? 0 : 1;
}
