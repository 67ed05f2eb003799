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

/// A compute backend for models. testing/tensor_ops_conformance.hpp checks one.
///
/// `Tensor` is a handle of floating-point activations (rank 1 to 4), valid until the scope that it was made in ends; `Matrix` the weight of
/// a linear layer, `Parameter` a small constant tensor, `Cache` the keys or values of a running sequence: these three live as long as
/// their owner. Nothing else outlives an outermost scope.
///
/// - Nothing writes an input but the functions called `..._into`, and `append`. What is computed is dense. A call that is refused writes
/// nothing.
/// - Sums of norms, softmax and rotary embeddings are computed in f32. Results of an f32 backend agree with plain loops to rounding.
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
///   `cache(capacity, heads, dim)`: set-up; may allocate.
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
/// - `append(cache, x [n, heads, dim])`, `contents(cache)`: what was appended `[n, heads, dim]`; `truncate(cache, n)`.
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
      { x.shape() } -> std::convertible_to<Shape>;
      { x.size(n) } -> std::convertible_to<std::int64_t>;  // along an axis
      { ops.scope().keep(x) } -> std::same_as<typename Ops::Tensor>;
      { ops.matrix(rows) } -> std::same_as<typename Ops::Matrix>;
      { ops.table(rows) } -> std::same_as<typename Ops::Matrix>;
      { ops.parameter(values, shape) } -> std::same_as<typename Ops::Parameter>;
      { ops.cache(n, n, n) } -> std::same_as<typename Ops::Cache>;
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
