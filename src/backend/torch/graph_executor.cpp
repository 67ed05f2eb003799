// SPDX-License-Identifier: Apache-2.0
// Segments that run operation by operation.
#include "graph_executor.hpp"

#include <ATen/ops/empty.h>

namespace sinew::detail {

namespace {

class PlainRun final : public SegmentRun {
 public:
  void go(const std::function<void()>& operations) override { operations(); }
};

class PlainExecutor final : public GraphExecutor {
 public:
  std::unique_ptr<SegmentRun> segment() override { return std::make_unique<PlainRun>(); }
  at::Tensor host(std::int64_t count, at::ScalarType type) override { return at::empty({count}, at::TensorOptions(type)); }
  at::Tensor staged(const at::Tensor& host) override { return host.clone(); }
};

}  // namespace

std::unique_ptr<GraphExecutor> plain_executor() { return std::make_unique<PlainExecutor>(); }

#ifndef SINEW_TORCH_CUDA
std::unique_ptr<GraphExecutor> cuda_executor(const c10::Device& /*device*/, std::function<void(std::string_view)> /*notice*/) {
  return nullptr;
}
#endif

}  // namespace sinew::detail
