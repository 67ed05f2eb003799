// SPDX-License-Identifier: Apache-2.0
// Segments that are captured into CUDA graphs. Needs the headers of the CUDA toolkit.
#include <ATen/cuda/CUDAGraph.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include <optional>
#include <string>
#include <utility>

#include "graph_executor.hpp"

namespace sinew::detail {

namespace {

/// What the graphs of one object have in common. Memory of a stream is used again on that stream alone, so all are captured on one.
struct Shared {
  c10::Device device;
  c10::cuda::CUDAStream side;
  c10::MempoolId_t pool;
  std::function<void(std::string_view)> notice;
  std::optional<at::cuda::CUDAGraph> anchor{};  ///< PyTorch takes no more graphs into a pool whose last graph has gone: this one stays

  void capture(at::cuda::CUDAGraph& graph, const std::function<void()>& operations) const {
    graph.capture_begin(pool, cudaStreamCaptureModeThreadLocal);  // other threads may do what they like
    operations();
    graph.capture_end();
  }
  /// Called on the stream `side`.
  void keep_pool() {
    if (anchor) return;
    anchor.emplace();
    try {
      capture(*anchor, [this] { (void)at::zeros({1}, at::TensorOptions(at::kFloat).device(device)); });
    } catch (...) {
      anchor.reset();
      throw;
    }
  }
};

class CudaRun final : public SegmentRun {
 public:
  explicit CudaRun(Shared& shared) : shared_(shared) {}

  void go(const std::function<void()>& operations) override {
    const c10::cuda::CUDAGuard device(shared_.device);
    if (!graph_ && !failed_) capture(operations);
    if (failed_)
      operations();
    else
      graph_->replay();
    c10::cuda::getCurrentCUDAStream(shared_.device.index()).synchronize();
  }
  [[nodiscard]] bool captured() const noexcept override { return !failed_; }

 private:
  void capture(const std::function<void()>& operations) {
    c10::cuda::getCurrentCUDAStream(shared_.device.index()).synchronize();  // what was asked for before may still use the allocator
    graph_.emplace();
    bool begun = false;
    try {
      const c10::cuda::CUDAStreamGuard guard(shared_.side);
      shared_.keep_pool();
      begun = true;
      shared_.capture(*graph_, operations);
      return;
    } catch (const std::exception& error) {
      const std::string_view text = error.what();
      if (shared_.notice) shared_.notice(std::string("not captured: ") + std::string(text.substr(0, text.find('\n'))));
    }
    failed_ = true;
    try {  // leaves the state of capturing, in which the stream would stay
      const c10::cuda::CUDAStreamGuard guard(shared_.side);
      if (begun) graph_->capture_end();
    } catch (const std::exception&) {  // it was refused once already
    }
    graph_.reset();
  }

  Shared& shared_;
  std::optional<at::cuda::CUDAGraph> graph_;
  bool failed_ = false;
};

class CudaExecutor final : public GraphExecutor {
 public:
  CudaExecutor(const c10::Device& device, const c10::cuda::CUDAStream& side, std::function<void(std::string_view)> notice)
      : shared_{.device = device, .side = side, .pool = at::cuda::graph_pool_handle(), .notice = std::move(notice)} {}
  std::unique_ptr<SegmentRun> segment() override { return std::make_unique<CudaRun>(shared_); }
  at::Tensor host(std::int64_t count, at::ScalarType type) override {
    return at::empty({count}, at::TensorOptions(type).pinned_memory(true));
  }
  at::Tensor staged(const at::Tensor& host) override { return host.to(shared_.device, /*non_blocking=*/true); }

 private:
  Shared shared_;
};

}  // namespace

std::unique_ptr<GraphExecutor> cuda_executor(const c10::Device& device, std::function<void(std::string_view)> notice) {
  const c10::cuda::OptionalCUDAGuard guard(device);
  const auto current = c10::cuda::getCurrentCUDAStream(device.index());
  return std::make_unique<CudaExecutor>(c10::Device(c10::kCUDA, current.device_index()),
                                        c10::cuda::getStreamFromPool(false, current.device_index()), std::move(notice));
}

}  // namespace sinew::detail
