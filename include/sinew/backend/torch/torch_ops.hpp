// SPDX-License-Identifier: Apache-2.0
// The operations of models on ATen: CPU and CUDA. Needs the target sinew::torch.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>
#include <c10/core/InferenceMode.h>

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>

#include "sinew/core/dtype.hpp"
#include "sinew/nn/differentiable.hpp"
#include "sinew/nn/tensor_ops.hpp"

namespace sinew {

/// An at::Tensor in the form that models ask for.
struct TorchTensor {
  at::Tensor value{};
  bool writable = true;  ///< false: the caller's numbers, a parameter, or several entries in one place

  [[nodiscard]] Shape shape() const { return Shape(std::span<const std::int64_t>(value.sizes().data(), value.sizes().size())); }
  [[nodiscard]] std::int64_t size(std::int64_t axis) const { return value.size(axis); }
};

/// Weight of a linear layer `[outputs, inputs]`; `packed` in oneDNN's layout where that is faster, else `plain`.
struct TorchMatrix {
  at::Tensor plain{};
  at::Tensor packed{};
  std::int64_t outputs = 0;
  std::int64_t inputs = 0;
};

/// Weights of a convolution `[outputs, channels, size, size]`, channels last in memory.
struct TorchFilter {
  at::Tensor weight{};
  nn::Window window{};
};

struct TorchParameter {
  at::Tensor value{};   ///< f32
  at::Tensor narrow{};  ///< in the dtype of the weights
};

/// Keys or values of a running sequence: the first `length` rows of `values` count.
struct TorchCache {
  at::Tensor values{};
  std::int64_t length = 0;
};

/// A mask on the device, for one shape of queries and keys.
struct TorchMask {
  at::Tensor seen{};        ///< which keys a query sees `[b or 1, 1, n or 1, m]`; undefined: all, or those that `causal` says
  bool causal = false;      ///< query i sees keys up to i
  bool blind_rows = false;  ///< some query sees no key
};

/// f32, whatever the weights are.
struct TorchState {
  at::Tensor values{};
};

struct TorchOptions {
  std::string device = "cpu";  ///< as PyTorch names it, e.g. "cuda:0"
  DType dtype = DType::f32;    ///< of weights and activations: f32 or bf16
};

/// Implements nn::TensorOps and nn::Differentiable. What a model uploads stays f32 (noise, rotary tables); results of linear layers have
/// the dtype of the weights. Norms and rotary embeddings are computed in f32; a convolution and what follows from it stay so. ATen
/// allocates. Everything between two uses of `scope` runs in inference mode.
class TorchOps {
 public:
  using Tensor = TorchTensor;
  using Matrix = TorchMatrix;
  using Filter = TorchFilter;
  using Parameter = TorchParameter;
  using Cache = TorchCache;
  using State = TorchState;
  static constexpr bool kAllocates = true;

  /// Inference mode for as long as it lives, unless a gradient is being taken; ATen frees what nobody refers to.
  class Scope {
   public:
    explicit Scope(bool infers) : mode_(infers) {}
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;
    Tensor keep(const Tensor& x) const { return {x.value.contiguous(), x.writable || !x.value.is_contiguous()}; }

   private:
    c10::InferenceMode mode_;
  };

  /// Throws Error for a device that this PyTorch does not have, or a dtype other than f32 and bf16.
  explicit TorchOps(const TorchOptions& options = {});

  [[nodiscard]] Scope scope() { return Scope(!differentiates_); }
  [[nodiscard]] const TorchOptions& options() const noexcept { return options_; }
  [[nodiscard]] c10::Device device() const noexcept { return device_; }
  /// Whether it is called within vjp.
  [[nodiscard]] bool differentiates() const noexcept { return differentiates_; }

  [[nodiscard]] Matrix matrix(const RowSource& source);
  [[nodiscard]] Matrix table(const RowSource& source);
  [[nodiscard]] Parameter parameter(std::span<const float> values, const Shape& shape);
  [[nodiscard]] Cache cache(std::int64_t capacity, std::int64_t heads, std::int64_t dim);
  [[nodiscard]] State state(const Shape& shape);
  [[nodiscard]] Filter filter(const RowSource& source, const nn::Window& window);

  [[nodiscard]] Tensor upload(std::span<const float> values, const Shape& shape);
  void download(const Tensor& x, std::span<float> values);
  [[nodiscard]] Tensor view(const Parameter& parameter) { return {parameter.value, false}; }
  [[nodiscard]] Tensor reshape(const Tensor& x, const Shape& shape);
  [[nodiscard]] Tensor slice(const Tensor& x, std::int64_t axis, std::int64_t begin, std::int64_t end);
  [[nodiscard]] Tensor expand(const Tensor& x, std::int64_t count);
  [[nodiscard]] Tensor copy(const Tensor& x);
  [[nodiscard]] Tensor concat(std::int64_t axis, std::initializer_list<Tensor> parts) {
    return concat_all(axis, std::span(parts.begin(), parts.size()));
  }
  [[nodiscard]] Tensor concat_all(std::int64_t axis, std::span<const Tensor> parts);

  [[nodiscard]] Tensor linear(const Tensor& x, const Matrix& matrix, const Parameter* bias,
                              nn::Activation activation = nn::Activation::none);
  void add_linear_into(const Tensor& residual, const Tensor& x, const Matrix& matrix, const Parameter* bias);
  [[nodiscard]] Tensor embedding(const Matrix& matrix, std::span<const std::int64_t> ids);
  [[nodiscard]] Tensor gather_rows(const Tensor& x, std::span<const std::int64_t> rows);
  void add_rows_into(const Tensor& x, std::span<const std::int64_t> rows, const Tensor& y);
  void copy_rows_into(const Tensor& x, std::span<const std::int64_t> rows, const Tensor& y);
  /// Indices as a tensor, for the four that follow, which do not check them. Throws Error for one that is not 0 to `below` - 1.
  [[nodiscard]] Tensor indices(std::span<const std::int64_t> values, std::int64_t below, const char* operation) const;
  [[nodiscard]] Tensor embedding_at(const Matrix& matrix, const Tensor& ids);
  [[nodiscard]] Tensor gather_rows_at(const Tensor& x, const Tensor& rows);
  void add_rows_at(const Tensor& x, const Tensor& rows, const Tensor& y);
  void copy_rows_at(const Tensor& x, const Tensor& rows, const Tensor& y);

  [[nodiscard]] Tensor layer_norm(const Tensor& x, const Parameter* weight, const Parameter* bias, float eps);
  [[nodiscard]] Tensor rms_norm(const Tensor& x, const Parameter& weight, float eps);
  [[nodiscard]] Tensor modulated_norm(const Tensor& x, const Tensor& scale, const Tensor& shift, float eps);
  [[nodiscard]] Tensor rope(const Tensor& x, const Tensor& cos, const Tensor& sin);
  [[nodiscard]] Tensor transform(const Tensor& x, const Tensor& matrices);
  [[nodiscard]] Tensor attention(const Tensor& q, const Tensor& k, const Tensor& v, const nn::Attention& options) {
    std::optional<TorchMask> mask;
    return masked_attention(q, k, v, options, mask);
  }
  /// The same; the mask on the device is made unless there is one, which must be that of these shapes and this mask.
  [[nodiscard]] Tensor masked_attention(const Tensor& q, const Tensor& k, const Tensor& v, const nn::Attention& options,
                                        std::optional<TorchMask>& mask);
  [[nodiscard]] Tensor convolution(const Tensor& x, const Filter& filter, const Parameter* bias, const Tensor* residual,
                                   nn::Activation activation = nn::Activation::none);
  [[nodiscard]] Tensor max_pool(const Tensor& x, const nn::Window& window);
  void append(Cache& cache, const Tensor& x);
  [[nodiscard]] Tensor contents(const Cache& cache);
  void truncate(Cache& cache, std::int64_t length);
  void clear(State& state);
  [[nodiscard]] Tensor causal_conv(State& state, const Tensor& x, const Parameter& weight, nn::Activation activation);
  [[nodiscard]] Tensor delta_rule(State& state, const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& decay, const Tensor& beta);
  [[nodiscard]] Tensor log_decay(const Tensor& x, const Parameter& rate, const Parameter& bias);

  [[nodiscard]] Tensor activate(const Tensor& x, nn::Activation activation);
  [[nodiscard]] Tensor silu_mul(const Tensor& gate, const Tensor& up);
  [[nodiscard]] Tensor multiply(const Tensor& x, const Tensor& y);
  [[nodiscard]] Tensor combine(float a, const Tensor& x, float b, const Tensor& y);
  [[nodiscard]] Tensor add(const Tensor& x, const Tensor& y);
  void add_into(const Tensor& x, const Tensor& y, float factor = 1);
  void copy_into(const Tensor& x, const Tensor& y);

  /// nn::Differentiable, by ATen's automatic differentiation.
  [[nodiscard]] nn::Vjp<Tensor> vjp(const std::function<Tensor(const Tensor&)>& function, const Tensor& x,
                                    const std::function<Tensor(const Tensor&)>& cotangent);

 private:
  /// While a gradient is taken a copy, which nobody writes and which autograd may keep; else x.
  [[nodiscard]] at::Tensor kept(const at::Tensor& x) const { return differentiates_ ? x.clone() : x; }
  /// The weight as a plain tensor that autograd may keep.
  [[nodiscard]] static at::Tensor plain(const Matrix& matrix);

  TorchOptions options_;
  c10::Device device_;
  at::ScalarType type_;
  bool packs_ = false;           // oneDNN's layout wins for this dtype on this processor
  bool differentiates_ = false;  // within vjp
};

static_assert(nn::TensorOps<TorchOps> && nn::Differentiable<TorchOps>);

}  // namespace sinew
