// SPDX-License-Identifier: Apache-2.0
// TorchOps that remember: a call whose operations were seen before runs as one graph for each read, not operation by operation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "sinew/backend/torch/torch_ops.hpp"

namespace sinew {

namespace detail {
class GraphRecorder;
}

/// A TorchTensor of a call: which operation's result it is. While a call is replayed it has a shape and no memory.
struct GraphTensor : TorchTensor {
  std::uint64_t call = 0;   ///< 0: none's
  std::uint32_t place = 0;  ///< among the operations of the call
};

struct GraphOptions {
  bool enabled = false;                            ///< on CUDA; false: every operation is ATen's, at once
  bool on_cpu = false;                             ///< on a CPU too, where operations run again one by one: for tests
  std::size_t most_tapes = 32;                     ///< sequences of operations that are remembered; the least recently used goes
  std::size_t most_operations = 1 << 18;           ///< of all of them
  std::function<void(std::string_view)> notice{};  ///< told why a call, or a part of one, is not replayed
};

/// What became of calls: a call is what happens within an outermost scope.
struct GraphReport {
  std::uint64_t replayed = 0;    ///< nothing in it was new
  std::uint64_t recorded = 0;    ///< some of it ran operation by operation, and is remembered
  std::uint64_t plain = 0;       ///< some of it cannot be remembered
  std::uint64_t launches = 0;    ///< of parts that were remembered
  std::size_t tapes = 0;         ///< remembered now
  std::size_t operations = 0;    ///< in them
  std::size_t uncaptured = 0;    ///< parts of them that CUDA could not capture, and that run operation by operation
  std::size_t kept_bytes = 0;    ///< of the device, for results that a later part reads; beside it the graphs share one pool
  std::size_t staged_bytes = 0;  ///< of the host, for what is uploaded and downloaded
};

// Note [Tapes]
// The host code of a model is the same for every call but for a few values that decide its way, and asking ATen for an operation costs more
// than a small operation does. So the operations of a call are kept in a list, a tape: which, on which results of earlier ones, with which
// numbers, sizes, masks and weights. When the host code runs again, an operation that is the tape's next gives a tensor without memory, at
// once; what is uploaded goes to a buffer. At a download the operations since the one before, a segment, run together: on CUDA a graph that
// was captured when the segment came for the second time.
// An operation that is not the tape's next loses nothing: those before it in its segment are run now, one by one, in their order, on what
// was uploaded; the call goes on in ATen, and a tape that shares its beginning is kept. Nothing has to be taken back, because nothing that
// the host did not ask for has run, whether caches, recurrent states or earlier downloads are concerned.
// Segments read and write: weights, caches and states where they lie, their own uploads, and results of earlier segments of their tape that
// the host still held when it was captured, which are kept. All else of a graph lies in one pool of memory that all graphs share, as no two
// run at once. A cache's length and the identity of every weight are part of the comparison; the tape keeps the weights that it names.

/// Implements nn::TensorOps and nn::Differentiable: the same results as TorchOps, bit by bit where ATen's kernels are deterministic. One
/// thread at a time uses one object, and on CUDA one stream, the current one. Products with Jacobians are not remembered, nor what follows
/// them in their call. Note [Tapes].
class GraphOps {
 public:
  using Tensor = GraphTensor;
  using Matrix = TorchMatrix;
  using Filter = TorchFilter;
  using Parameter = TorchParameter;
  using Cache = TorchCache;
  using State = TorchState;
  static constexpr bool kAllocates = true;

  /// The outermost one is a call: what was not downloaded has run when it ends.
  class Scope {
   public:
    explicit Scope(detail::GraphRecorder& recorder);
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;
    Tensor keep(const Tensor& x) const;

   private:
    detail::GraphRecorder& recorder_;
    std::optional<TorchOps::Scope> mode_;  // of the outermost
    int exceptions_;
  };

  /// Throws Error as TorchOps does.
  explicit GraphOps(const TorchOptions& options = {}, const GraphOptions& graphs = {});
  ~GraphOps();
  GraphOps(GraphOps&&) noexcept;
  GraphOps& operator=(GraphOps&&) noexcept;

  [[nodiscard]] Scope scope() { return Scope(*recorder_); }
  [[nodiscard]] const TorchOptions& options() const noexcept;
  [[nodiscard]] GraphReport report() const;

  [[nodiscard]] Matrix matrix(const RowSource& source);
  [[nodiscard]] Matrix table(const RowSource& source);
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

  [[nodiscard]] nn::Vjp<Tensor> vjp(const std::function<Tensor(const Tensor&)>& function, const Tensor& x,
                                    const std::function<Tensor(const Tensor&)>& cotangent);

 private:
  [[nodiscard]] Tensor indices(std::span<const std::int64_t> values, std::int64_t below, const char* operation);

  std::unique_ptr<detail::GraphRecorder> recorder_;
};

static_assert(nn::TensorOps<GraphOps> && nn::Differentiable<GraphOps>);

}  // namespace sinew
