// SPDX-License-Identifier: Apache-2.0
// How a segment of a tape runs again: operation by operation, or as a CUDA graph.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

namespace sinew::detail {

/// One segment.
class SegmentRun {
 public:
  SegmentRun() = default;
  virtual ~SegmentRun() = default;
  SegmentRun(const SegmentRun&) = delete;
  SegmentRun& operator=(const SegmentRun&) = delete;
  /// Its operations have run, and their results can be read on the host. `operations` runs them one by one; it may be called at the first
  /// time only.
  virtual void go(const std::function<void()>& operations) = 0;
  /// False: they run one by one where they should not.
  [[nodiscard]] virtual bool captured() const noexcept { return true; }
};

class GraphExecutor {
 public:
  GraphExecutor() = default;
  virtual ~GraphExecutor() = default;
  GraphExecutor(const GraphExecutor&) = delete;
  GraphExecutor& operator=(const GraphExecutor&) = delete;
  [[nodiscard]] virtual std::unique_ptr<SegmentRun> segment() = 0;
  /// Memory of the host that the device may copy from and to.
  [[nodiscard]] virtual at::Tensor host(std::int64_t count, at::ScalarType type) = 0;
  /// A copy on the device, in the order of what runs there.
  [[nodiscard]] virtual at::Tensor staged(const at::Tensor& host) = 0;
};

/// Runs operations one by one, on any device.
[[nodiscard]] std::unique_ptr<GraphExecutor> plain_executor();
/// Captures; `notice` is told what could not be captured. Null in a build without CUDA.
[[nodiscard]] std::unique_ptr<GraphExecutor> cuda_executor(const c10::Device& device, std::function<void(std::string_view)> notice);

}  // namespace sinew::detail
