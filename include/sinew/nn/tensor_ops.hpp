// SPDX-License-Identifier: Apache-2.0
// What a model is written in: the operations that every compute backend offers. docs/adding_a_backend.md walks through one.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>

#include "sinew/core/dtype.hpp"
#include "sinew/core/shape.hpp"
#include "sinew/io/weights.hpp"

namespace sinew::nn {

/// Element-wise functions. `gelu` is the form with erf, `gelu_tanh` that with tanh; `silu` is x sigmoid(x).
enum class Activation : std::uint8_t { none, relu, silu, gelu, gelu_tanh, sigmoid, tanh };
inline constexpr std::size_t kActivationCount = 7;

/// Which keys a query sees: what every one of these lets through. A query that sees none gets zeros.
struct Mask {
  bool causal = false;                       ///< query i sees keys j <= i + offset
  std::int64_t offset = 0;                   ///< of causal: keys before the first query's own
  std::span<const std::uint8_t> valid{};     ///< [batch, keys], or [keys] for all of a batch; 0 hides a key; empty: all are seen
  std::span<const std::int64_t> segments{};  ///< bounds 0 = s0 < s1 < ... = rows: rows see those of their own block; empty: one block
};

/// Of an attention. `scale` multiplies the products of queries and keys.
struct Attention {
  float scale = 1;
  Mask mask{};
};

/// The part of TensorOps that remembers earlier rows of a sequence, in a `State`: numbers in f32, zeros at first.
/// - `state(shape)`: set-up; may allocate. `clear(state)`: zeros again.
/// - These two go on from what the state holds, so that a sequence may come in parts:
///   `causal_conv(state [taps - 1, w], x [n, w], weight [taps, w], activation)`, at most 16 taps: each column's own sum of a row and of
///   those before it, the row itself by the last weight; x strided.
///   `delta_rule(state [heads, key_dim, dim], q, k [n, key_heads, key_dim], v [n, heads, dim], decay, beta [n, heads])` to
///   `[n, heads dim]`: for each row, `S = e^decay S`, `S += k (beta (v - S^T k))^T`, `S^T q`; head h uses key head h key_heads / heads;
///   decay dense and not positive; q, k, v, beta strided. Keys longer than 1 and beta outside 0 to 1 may let S grow without bound.
/// - `log_decay(x [n, heads], rate, bias [heads])`: `-rate ln(1 + e^(x + bias))` in f32; x strided.
template <class Ops>
concept RecurrentOps = requires(Ops& ops, const typename Ops::Tensor& x, const typename Ops::Parameter& parameter,
                                typename Ops::State& state, const Shape& shape) {
  requires std::movable<typename Ops::State>;
  { ops.state(shape) } -> std::same_as<typename Ops::State>;
  ops.clear(state);
  { ops.causal_conv(state, x, parameter, Activation::silu) } -> std::same_as<typename Ops::Tensor>;
  { ops.delta_rule(state, x, x, x, x, x) } -> std::same_as<typename Ops::Tensor>;
  { ops.log_decay(x, parameter, parameter) } -> std::same_as<typename Ops::Tensor>;
};

/// Of a convolution or a pooling: a square, the same steps in both directions.
struct Window {
  std::int64_t size = 1;
  std::int64_t stride = 1;
  std::int64_t padding = 0;  ///< on every side: zeros for a convolution, nothing for a maximum; below `size`

  /// Places along a side of so many pixels; 0 when there is none.
  [[nodiscard]] constexpr std::int64_t places(std::int64_t side) const noexcept {
    return side + 2 * padding < size ? 0 : (side + 2 * padding - size) / stride + 1;
  }
};

/// A compute backend for models. testing/tensor_ops_conformance.hpp checks one.
///
/// `Tensor` is a handle of floating-point activations (rank 1 to 4), valid until the scope that it was made in ends; `Matrix` the weight of
/// a linear layer, `Filter` that of a convolution, `Parameter` a small constant tensor, `Cache` the keys or values of a running sequence,
/// `State` what a recurrence remembers of one, in f32: these five live as long as their owner. Nothing else outlives an outermost scope.
///
/// - Nothing writes an input but the functions called `..._into`, `append`, and those that move a State on. What is computed is dense. A
/// call that is refused writes nothing.
/// - Sums of norms, softmax, rotary embeddings and recurrences are computed in f32. Results of an f32 backend agree with plain loops to
/// rounding.
/// - "strided" inputs may be any view whose last axis is dense; "dense" ones must be contiguous. What does not fit (rank, size, stride)
/// throws
///   Error, which the caller of a model turns into a Status; no input is taken for another shape in silence.
/// - Nothing is read back to the host but by `download`.
///
/// Functions (x, y: Tensor):
/// - `scope()`: until the object returned ends, what is made belongs to it. Scopes nest. `scope.keep(x)` ends it and hands one tensor out,
/// dense,
///   to the scope around it.
/// - `matrix(RowSource)`, `table(RowSource)` (a matrix whose rows can be looked up as well), `parameter(values, shape)`,
///   `cache(capacity, heads, dim)`, `filter(RowSource, window)` (a row `[size, size, channels]` for each output): set-up; may allocate.
/// - `upload(values, shape)`: a tensor of the caller's numbers, which must outlive it, and which nothing may write `_into`.
///   `download(x, values)`: strided.
/// - `view(parameter)`, `reshape(x, shape)` (no copy; throws where strides forbid it), `slice(x, axis, begin, end)`, `expand(x, count)`
///   (a new first axis of `count` equal entries): views.
/// - `copy(x)`, `concat(axis, xs)`: dense; inputs strided.
/// - `linear(x, matrix, bias, activation)`: `[..., inputs]` to `[..., outputs]`; x strided; `bias` may be null.
///   `add_linear_into(residual, x, matrix, bias)`.
/// - `embedding(table, ids)`: its rows; `gather_rows(x, rows)`; `add_rows_into(x, rows, y)`, `copy_rows_into(x, rows, y)`:
///   row `rows[i]` of x [n, w] takes row i of y. Indices are checked.
/// - `layer_norm(x, weight, bias, eps)` (both may be null), `rms_norm(x, weight, eps)`: over the last axis; x strided.
///   `modulated_norm(x [b, n, w], scale [b, w], shift [b, w], eps)`: `layer_norm(x) (1 + scale) + shift`.
/// - `rope(x [n, heads, dim], cos, sin [n, rotary])`: halves of the first `rotary` values turn; x strided.
/// - `transform(x [n, heads, dim], matrices [n, 4, 4])`: every four neighbours, as a column, are multiplied with their row's matrix; dim is
///   a multiple of four; x strided, matrices dense.
/// - `attention(q [b, n, heads, dim], k, v [b, m, kv_heads, dim], options)` to `[b, n, heads dim]`, or all without b; query head h uses
///   kv head h kv_heads / heads; strided.
/// - `convolution(x [b, h, w, channels], filter, bias, residual, activation)` to `[b, window.places(h), window.places(w), outputs]`: the
///   activation of sum, bias and residual; x and residual dense, bias and residual may be null. `max_pool(x [b, h, w, c], window)`: dense;
///   padding at most half the size. Both need a place in every direction.
/// - `append(cache, x [n, heads, dim])`, `contents(cache)`: what was appended `[n, heads, dim]`; `truncate(cache, n)`.
/// - what RecurrentOps says.
/// - `activate(x, activation)`, `silu_mul(gate, up)` (strided), `multiply(x, y)`, `combine(a, x, b, y)` (dense, equal shapes),
///   `add(x, y)` (dense; the shape of y is the end of that of x), `add_into(x, y, factor)`, `copy_into(x, y)` (equal shapes; x may be
///   strided).
template <class Ops>
concept TensorOps =
    requires(Ops& ops, const typename Ops::Tensor& x, const typename Ops::Matrix& matrix, const typename Ops::Parameter& parameter,
             const typename Ops::Parameter* optional, typename Ops::Cache& cache, const RowSource& rows, std::span<const float> values,
             std::span<float> out, std::span<const std::int64_t> ids, const Shape& shape, std::int64_t n, float f) {
      requires std::copyable<typename Ops::Tensor>;
      requires std::movable<typename Ops::Matrix> && std::movable<typename Ops::Parameter> && std::movable<typename Ops::Cache>;
      requires RecurrentOps<Ops>;
      requires std::movable<typename Ops::Filter>;
      { x.shape() } -> std::convertible_to<Shape>;
      { x.size(n) } -> std::convertible_to<std::int64_t>;  // along an axis
      { ops.scope().keep(x) } -> std::same_as<typename Ops::Tensor>;
      { ops.matrix(rows) } -> std::same_as<typename Ops::Matrix>;
      { ops.table(rows) } -> std::same_as<typename Ops::Matrix>;
      { ops.parameter(values, shape) } -> std::same_as<typename Ops::Parameter>;
      { ops.cache(n, n, n) } -> std::same_as<typename Ops::Cache>;
      { ops.filter(rows, Window{}) } -> std::same_as<typename Ops::Filter>;
      { ops.upload(values, shape) } -> std::same_as<typename Ops::Tensor>;
      ops.download(x, out);
      { ops.view(parameter) } -> std::same_as<typename Ops::Tensor>;
      { ops.reshape(x, shape) } -> std::same_as<typename Ops::Tensor>;
      { ops.slice(x, n, n, n) } -> std::same_as<typename Ops::Tensor>;
      { ops.expand(x, n) } -> std::same_as<typename Ops::Tensor>;
      { ops.copy(x) } -> std::same_as<typename Ops::Tensor>;
      { ops.concat(n, std::initializer_list<typename Ops::Tensor>{}) } -> std::same_as<typename Ops::Tensor>;
      { ops.linear(x, matrix, optional, Activation::none) } -> std::same_as<typename Ops::Tensor>;
      ops.add_linear_into(x, x, matrix, optional);
      { ops.embedding(matrix, ids) } -> std::same_as<typename Ops::Tensor>;
      { ops.gather_rows(x, ids) } -> std::same_as<typename Ops::Tensor>;
      ops.add_rows_into(x, ids, x);
      ops.copy_rows_into(x, ids, x);
      { ops.layer_norm(x, optional, optional, f) } -> std::same_as<typename Ops::Tensor>;
      { ops.rms_norm(x, parameter, f) } -> std::same_as<typename Ops::Tensor>;
      { ops.modulated_norm(x, x, x, f) } -> std::same_as<typename Ops::Tensor>;
      { ops.rope(x, x, x) } -> std::same_as<typename Ops::Tensor>;
      { ops.transform(x, x) } -> std::same_as<typename Ops::Tensor>;
      { ops.attention(x, x, x, Attention{}) } -> std::same_as<typename Ops::Tensor>;
      { ops.convolution(x, ops.filter(rows, Window{}), optional, &x, Activation::none) } -> std::same_as<typename Ops::Tensor>;
      { ops.max_pool(x, Window{}) } -> std::same_as<typename Ops::Tensor>;
      ops.append(cache, x);
      { ops.contents(cache) } -> std::same_as<typename Ops::Tensor>;
      ops.truncate(cache, n);
      { ops.activate(x, Activation::silu) } -> std::same_as<typename Ops::Tensor>;
      { ops.silu_mul(x, x) } -> std::same_as<typename Ops::Tensor>;
      { ops.multiply(x, x) } -> std::same_as<typename Ops::Tensor>;
      { ops.combine(f, x, f, x) } -> std::same_as<typename Ops::Tensor>;
      { ops.add(x, x) } -> std::same_as<typename Ops::Tensor>;
      ops.add_into(x, x, f);
      ops.copy_into(x, x);
    };

}  // namespace sinew::nn
