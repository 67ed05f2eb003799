// SPDX-License-Identifier: Apache-2.0
// Convolutions and pooling on ATen, whose images are [b, channels, h, w]: ours are views of them with the channels last in memory.
#include <ATen/Context.h>
#include <ATen/ops/_convolution.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/max_pool2d.h>

#include <array>
#include <optional>

#include "sinew/backend/torch/torch_ops.hpp"
#include "torch_activate.hpp"
#include "torch_checks.hpp"

namespace sinew {

using detail::require;

namespace {

at::Tensor channels_first(const at::Tensor& x) { return x.permute({0, 3, 1, 2}); }
at::Tensor channels_last(const at::Tensor& x) { return x.permute({0, 2, 3, 1}).contiguous(); }

/// at::conv2d, but that cuDNN does not round f32 to 10 bits, which is its default, unlike that of products of matrices.
at::Tensor convolved(const at::Tensor& x, const at::Tensor& weight, const std::optional<at::Tensor>& bias, const nn::Window& window) {
  const std::array<std::int64_t, 2> stride{window.stride, window.stride}, padding{window.padding, window.padding}, one{1, 1}, none{0, 0};
  return at::_convolution(x, weight, bias, stride, padding, one, /*transposed=*/false, none, /*groups=*/1, /*benchmark=*/false,
                          at::globalContext().deterministicCuDNN(), at::globalContext().userEnabledCuDNN(), /*allow_tf32=*/false);
}

bool fits(const nn::Window& window) noexcept {
  return window.size > 0 && window.stride > 0 && window.padding >= 0 && window.padding < window.size;
}
bool has_places(const nn::Window& window, const at::Tensor& x) {
  return x.dim() == 4 && window.places(x.size(1)) > 0 && window.places(x.size(2)) > 0;
}

}  // namespace

TorchFilter TorchOps::filter(const RowSource& source, const nn::Window& window) {
  require(fits(window) && source.rows > 0 && source.columns > 0 && source.columns % (window.size * window.size) == 0, "filter",
          "a window with less padding than its size, columns for each of its pixels");
  const c10::InferenceMode mode;
  const std::int64_t channels = source.columns / (window.size * window.size);
  return {.weight = channels_first(table(source).plain.view({source.rows, window.size, window.size, channels})), .window = window};
}

TorchTensor TorchOps::convolution(const Tensor& x, const Filter& filter, const Parameter* bias, const Tensor* residual,
                                  nn::Activation activation) {
  const nn::Window& window = filter.window;
  require(x.value.is_contiguous() && has_places(window, x.value) && x.value.size(3) == filter.weight.size(1), "convolution",
          "dense images [b, h, w, channels of the filter], as large as the window");
  require(bias == nullptr || bias->value.numel() == filter.weight.size(0), "convolution", "a bias of the filter's outputs");
  const std::int64_t lines = window.places(x.value.size(1)), columns = window.places(x.value.size(2));
  require(residual == nullptr || (residual->value.is_contiguous() &&
                                  residual->value.sizes() == at::IntArrayRef({x.value.size(0), lines, columns, filter.weight.size(0)})),
          "convolution", "a dense residual of the shape of the result");
  const std::optional<at::Tensor> b = bias == nullptr ? std::nullopt : std::optional(bias->narrow);
  at::Tensor sum = channels_last(convolved(channels_first(x.value.to(type_)), filter.weight, b, window));
  if (residual != nullptr) sum.add_(residual->value);
  return {detail::activated(sum, activation)};
}

TorchTensor TorchOps::max_pool(const Tensor& x, const nn::Window& window) {
  require(x.value.is_contiguous() && fits(window) && 2 * window.padding <= window.size && has_places(window, x.value), "max_pool",
          "dense images [b, h, w, c] as large as the window, padding of at most half its size");
  if (x.value.numel() == 0)  // which ATen refuses
    return {
        at::empty({x.value.size(0), window.places(x.value.size(1)), window.places(x.value.size(2)), x.value.size(3)}, x.value.options())};
  return {channels_last(at::max_pool2d(channels_first(x.value), window.size, window.stride, window.padding))};
}

}  // namespace sinew
