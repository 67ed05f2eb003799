// SPDX-License-Identifier: Apache-2.0
// The operations of models on the processor: own kernels for each instruction set, nothing else required.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>

#include "sinew/backend/cpu/arena.hpp"
#include "sinew/backend/cpu/cpu_tensor.hpp"
#include "sinew/nn/tensor_ops.hpp"

namespace sinew {

class ThreadPool;

struct CpuOptions {
  DType weights = DType::f32;  ///< or bf16: half the memory; products round activations to bf16 where the processor has such products
  int threads = 1;             ///< that share the work of one call, this one included
};

/// Implements nn::TensorOps. Activations are f32; weights f32 or bf16. Results do not depend on the number of threads. Nothing is taken
/// from the heap after the first call of a shape. One thread at a time uses one object; matrices and parameters may be shared by several.
class CpuOps {
 public:
  using Tensor = CpuTensor;
  using Matrix = CpuMatrix;
  using Filter = CpuFilter;
  using Parameter = CpuParameter;
  using Cache = CpuCache;
  using State = CpuState;

  static constexpr bool kAllocates = false;  ///< after the first call of a shape

  /// Gives the arena back what was made since. The operations must not be moved meanwhile.
  class Scope {
   public:
    explicit Scope(CpuOps& ops) noexcept : ops_(&ops), mark_(ops.arena_.mark()) {}
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;
    ~Scope() {
      if (ops_ == nullptr) return;
      ops_->arena_.release(mark_);
      ops_->arena_.merge_blocks();
    }
    /// Ends the scope; `x` goes on, as a dense copy where it began.
    Tensor keep(const Tensor& x);

   private:
    CpuOps* ops_;
    Arena::Mark mark_;
  };

  /// Throws Error for a dtype other than f32 and bf16, or threads outside 1 to 256.
  explicit CpuOps(const CpuOptions& options = {});
  CpuOps(CpuOps&&) noexcept;
  CpuOps& operator=(CpuOps&&) noexcept;
  ~CpuOps();

  [[nodiscard]] Scope scope() noexcept { return Scope(*this); }
  /// Most bytes of activations that were alive at once.
  [[nodiscard]] std::size_t peak_bytes() const noexcept { return arena_.peak(); }
  [[nodiscard]] const CpuOptions& options() const noexcept { return options_; }

  [[nodiscard]] Matrix matrix(const RowSource& source);
  [[nodiscard]] Matrix table(const RowSource& source) { return matrix(source); }
  [[nodiscard]] Parameter parameter(std::span<const float> values, const Shape& shape);
  [[nodiscard]] Cache cache(std::int64_t capacity, std::int64_t heads, std::int64_t dim);
  [[nodiscard]] State state(const Shape& shape);
  [[nodiscard]] Filter filter(const RowSource& source, const nn::Window& window);

  [[nodiscard]] Tensor upload(std::span<const float> values, const Shape& shape);
  void download(const Tensor& x, std::span<float> values);
  [[nodiscard]] Tensor view(const Parameter& parameter);
  [[nodiscard]] Tensor reshape(const Tensor& x, const Shape& shape);
  [[nodiscard]] Tensor slice(const Tensor& x, std::int64_t axis, std::int64_t begin, std::int64_t end);
  [[nodiscard]] Tensor expand(const Tensor& x, std::int64_t count);
  [[nodiscard]] Tensor copy(const Tensor& x);
  [[nodiscard]] Tensor concat(std::int64_t axis, std::initializer_list<Tensor> parts);

  [[nodiscard]] Tensor linear(const Tensor& x, const Matrix& matrix, const Parameter* bias,
                              nn::Activation activation = nn::Activation::none);
  void add_linear_into(const Tensor& residual, const Tensor& x, const Matrix& matrix, const Parameter* bias);
  [[nodiscard]] Tensor embedding(const Matrix& matrix, std::span<const std::int64_t> ids);
  [[nodiscard]] Tensor gather_rows(const Tensor& x, std::span<const std::int64_t> rows);
  void add_rows_into(const Tensor& x, std::span<const std::int64_t> rows, const Tensor& y);
  void copy_rows_into(const Tensor& x, std::span<const std::int64_t> rows, const Tensor& y);

  [[nodiscard]] Tensor layer_norm(const Tensor& x, const Parameter* weight, const Parameter* bias, float eps);
  [[nodiscard]] Tensor rms_norm(const Tensor& x, const Parameter& weight, float eps);
  [[nodiscard]] Tensor modulated_norm(const Tensor& x, const Tensor& scale, const Tensor& shift, float eps);
  [[nodiscard]] Tensor rope(const Tensor& x, const Tensor& cos, const Tensor& sin);
  [[nodiscard]] Tensor transform(const Tensor& x, const Tensor& matrices);
  [[nodiscard]] Tensor attention(const Tensor& q, const Tensor& k, const Tensor& v, const nn::Attention& options);
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

 private:
  [[nodiscard]] Tensor make(std::span<const std::int64_t> sizes);
  [[nodiscard]] static Tensor outside(float* data, std::span<const std::int64_t> sizes, bool writable);
  [[nodiscard]] static Tensor view_of(const Tensor& x);
  void check(const Tensor& x, const char* operation) const;
  void check_scatter(const Tensor& x, std::span<const std::int64_t> rows, const Tensor& y, const char* operation) const;
  void check_writable(const Tensor& x, const char* operation) const;
  void product(const Tensor& x, const Matrix& matrix, const Parameter* bias, nn::Activation activation, bool accumulate, const Tensor& out);
  template <class Work>
  void in_parallel(std::int64_t parts, double operations, const Work& work);

  CpuOptions options_;
  Arena arena_;
  std::unique_ptr<ThreadPool> threads_;
};

static_assert(nn::TensorOps<CpuOps>);

}  // namespace sinew
