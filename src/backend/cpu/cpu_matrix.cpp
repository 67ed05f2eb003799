// SPDX-License-Identifier: Apache-2.0
// Linear layers and attention of CpuOps.
#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>

#include "activate_rows.hpp"
#include "cpu_checks.hpp"
#include "in_parallel.hpp"
#include "kernels/matrix.hpp"
#include "kernels/rows.hpp"
#include "sinew/backend/cpu/cpu_ops.hpp"
#include "thread_pool.hpp"

namespace sinew {

using detail::as_size;
using detail::dense_rows;
using detail::kPairBlock;
using detail::kPanel;
using detail::matrix_kernels;
using detail::require;
using detail::row_kernels;
using detail::run_on;

namespace {

constexpr std::int64_t kBandBytes = std::int64_t{512} << 10;  // of weights that are read at once: they stay in the second cache

std::int64_t panels_of(std::int64_t outputs) noexcept { return (outputs + kPanel - 1) / kPanel; }
std::int64_t padded_pairs(std::int64_t inputs) noexcept { return (inputs + kPairBlock - 1) / kPairBlock * kPairBlock / 2; }

/// 32-bit elements of a row in a panel.
std::int64_t panel_columns(const CpuMatrix& matrix) noexcept {
  return matrix.dtype == DType::bf16 ? padded_pairs(matrix.inputs) : matrix.inputs;
}

/// Weights are read by all cores that the process may use, whatever the number that computes: copying and first touch are most of it.
int loading_threads(std::int64_t bands) noexcept {
  constexpr std::int64_t kWorthThread = 4, kMost = 16;  // bands
  const auto cores = static_cast<std::int64_t>(std::thread::hardware_concurrency());
  return static_cast<int>(std::clamp<std::int64_t>(bands / kWorthThread, 1, std::clamp<std::int64_t>(cores, 1, kMost)));
}

/// Reads rows of up to some panels and lays them out.
void fill_panels(const RowSource& source, CpuMatrix& matrix, std::int64_t first_panel, std::int64_t last_panel, std::uint32_t* band) {
  const bool bf16 = matrix.dtype == DType::bf16;
  const std::int64_t columns = panel_columns(matrix), stored = bf16 ? (matrix.inputs + 1) / 2 : matrix.inputs;
  const std::int64_t first = first_panel * kPanel, count = std::min(matrix.outputs, last_panel * kPanel) - first;
  auto* const bytes = reinterpret_cast<std::byte*>(band);
  source.read(first, count, matrix.dtype, bytes);
  if (bf16 && matrix.inputs % 2 != 0) {  // rows of an odd number of brain floats do not begin at pairs: move them apart, last first
    const std::size_t row = as_size(matrix.inputs) * 2;
    for (std::int64_t r = count; r-- > 0;) {
      std::byte* const to = bytes + as_size(r) * (row + 2);
      std::memmove(to, bytes + as_size(r) * row, row);
      std::memset(to + row, 0, 2);
    }
  }
  auto* const panels = reinterpret_cast<std::uint32_t*>(matrix.panels.data());
  for (std::int64_t panel = first_panel; panel < last_panel; ++panel) {
    std::uint32_t* const to = panels + panel * columns * kPanel;
    const std::int64_t from = panel * kPanel - first;
    matrix_kernels().transpose(band + from * stored, stored, std::min<std::int64_t>(kPanel, count - from), stored, to);
    std::fill(to + stored * kPanel, to + columns * kPanel, 0U);
  }
}

}  // namespace

CpuMatrix CpuOps::matrix(const RowSource& source) {
  require(source.rows > 0 && source.columns > 0, "matrix", "at least one row and column");
  CpuMatrix matrix{.panels = {}, .dtype = options_.weights, .outputs = source.rows, .inputs = source.columns};
  const std::int64_t panels = panels_of(matrix.outputs), columns = panel_columns(matrix);
  matrix.panels = CpuBuffer(as_size(panels * columns * kPanel) * sizeof(std::uint32_t));
  const std::int64_t band = std::max<std::int64_t>(1, kBandBytes / (columns * kPanel * 4));
  const std::int64_t bands = (panels + band - 1) / band;
  std::exception_ptr failure;
  std::mutex mutex;
  const auto fill = [&](std::int64_t part) noexcept {
    try {
      const std::int64_t last = std::min(panels, (part + 1) * band);
      const auto rows = std::make_unique_for_overwrite<std::uint32_t[]>(as_size((last - part * band) * columns * kPanel));
      fill_panels(source, matrix, part * band, last, rows.get());
    } catch (...) {
      const std::scoped_lock lock(mutex);
      failure = std::current_exception();
    }
  };
  ThreadPool pool(loading_threads(bands));  // ends with the matrix: nothing of loading stays
  run_on(pool, bands, fill);
  if (failure) std::rethrow_exception(failure);
  return matrix;
}

void CpuOps::product(const Tensor& x, const Matrix& matrix, const Parameter* bias, nn::Activation activation, bool accumulate,
                     const Tensor& out) {
  const Scope scratch(*this);
  const Tensor rows = x.row_stride() >= 0 ? x : copy(x);  // one distance serves all rows
  const std::int64_t count = rows.rows(), stride = rows.row_stride(), panels = panels_of(matrix.outputs);
  const auto& kernels = matrix_kernels();
  const bool bf16 = matrix.dtype == DType::bf16;
  detail::MatrixProduct whole{.rows = rows.data_,
                              .row_stride = stride,
                              .prepared = nullptr,
                              .count = count,
                              .weight = {matrix.panels.data(), matrix.outputs, matrix.inputs},
                              .first = 0,
                              .last = panels,
                              .bias = bias == nullptr ? nullptr : reinterpret_cast<const float*>(bias->values.data()),
                              .accumulate = accumulate,
                              .out = out.data_,
                              .out_stride = out.row_stride()};
  if (bf16) {
    std::byte* const prepared = arena_.allocate(kernels.prepared_bytes(count, matrix.inputs));
    kernels.prepare_rows(rows.data_, stride, count, matrix.inputs, prepared);
    whole.prepared = prepared;
  }
  const std::int64_t parts = threads_ == nullptr ? 1 : std::min<std::int64_t>(panels, threads_->threads());
  in_parallel(parts, 2.0 * static_cast<double>(count) * static_cast<double>(matrix.outputs) * static_cast<double>(matrix.inputs),
              [&](std::int64_t part) noexcept {
                detail::MatrixProduct mine = whole;
                mine.first = panels * part / parts;
                mine.last = panels * (part + 1) / parts;
                (bf16 ? kernels.product_bf16 : kernels.product_f32)(mine);
                if (activation == nn::Activation::none) return;
                const std::int64_t begin = mine.first * kPanel, width = std::min(matrix.outputs, mine.last * kPanel) - begin;
                detail::activate_rows(activation, mine.out + begin, mine.out_stride, count, width);
              });
}

CpuTensor CpuOps::linear(const Tensor& x, const Matrix& matrix, const Parameter* bias, nn::Activation activation) {
  check(x, "linear");
  require(x.width() == matrix.inputs && dense_rows(x), "linear", "dense rows of the matrix's inputs");
  require(bias == nullptr || static_cast<std::int64_t>(bias->shape.count()) == matrix.outputs, "linear", "a bias of the matrix's outputs");
  auto sizes = x.sizes_;
  sizes[x.rank_ - 1] = matrix.outputs;
  const Tensor out = make({sizes.data(), x.rank_});
  product(x, matrix, bias, activation, false, out);
  return out;
}

void CpuOps::add_linear_into(const Tensor& residual, const Tensor& x, const Matrix& matrix, const Parameter* bias) {
  check_writable(residual, "add_linear_into");
  check(x, "add_linear_into");
  require(x.width() == matrix.inputs && dense_rows(x), "add_linear_into", "dense rows of the matrix's inputs");
  bool fits = residual.rank_ == x.rank_ && residual.width() == matrix.outputs && residual.row_stride() >= 0;
  for (std::size_t axis = 0; fits && axis + 1 < x.rank_; ++axis) fits = residual.sizes_[axis] == x.sizes_[axis];
  require(fits, "add_linear_into", "a residual of the shape of x with the matrix's outputs");
  require(bias == nullptr || static_cast<std::int64_t>(bias->shape.count()) == matrix.outputs, "add_linear_into",
          "a bias of the matrix's outputs");
  product(x, matrix, bias, nn::Activation::none, true, residual);
}

CpuTensor CpuOps::embedding(const Matrix& matrix, std::span<const std::int64_t> ids) {
  const Tensor out = make(std::array{static_cast<std::int64_t>(ids.size()), matrix.inputs});
  float* to = out.data_;
  for (const std::int64_t id : ids) {
    require(id >= 0 && id < matrix.outputs, "embedding", "ids within the table");
    const auto* from =
        reinterpret_cast<const std::uint32_t*>(matrix.panels.data()) + id / kPanel * panel_columns(matrix) * kPanel + id % kPanel;
    if (matrix.dtype == DType::f32) {
      for (std::int64_t i = 0; i < matrix.inputs; ++i) to[i] = std::bit_cast<float>(from[i * kPanel]);
    } else {
      for (std::int64_t i = 0; i < matrix.inputs; ++i) {
        const std::uint32_t pair = from[i / 2 * kPanel];
        to[i] = std::bit_cast<float>(i % 2 == 0 ? pair << 16 : pair & 0xFFFF0000U);
      }
    }
    to += matrix.inputs;
  }
  return out;
}

CpuTensor CpuOps::attention(const Tensor& q, const Tensor& k, const Tensor& v, const nn::Attention& options) {
  check(q, "attention");
  check(k, "attention");
  check(v, "attention");
  require((q.rank_ == 3 || q.rank_ == 4) && k.rank_ == q.rank_ && v.rank_ == q.rank_, "attention", "tensors of rank 3, or of rank 4");
  const std::int64_t axis = q.rank_ - 3;  // of queries
  const std::int64_t batch = axis == 0 ? 1 : q.size(0), queries = q.size(axis), keys = k.size(axis);
  const std::int64_t heads = q.size(axis + 1), kv_heads = k.size(axis + 1), dim = q.size(axis + 2);
  const auto inner = [axis](const Tensor& x) { return x.width() <= 1 || x.stride(axis + 2) == 1; };
  require(k.shape() == v.shape() && k.size(axis + 2) == dim && kv_heads > 0 && heads % kv_heads == 0 && (axis == 0 || k.size(0) == batch) &&
              inner(q) && inner(k) && inner(v),
          "attention", "q [b, n, heads, dim], k and v [b, m, kv_heads, dim], heads a multiple of kv_heads");
  const nn::Mask& mask = options.mask;
  const bool shared = mask.valid.size() == as_size(keys);  // one mask for the whole batch
  require(mask.valid.empty() || shared || mask.valid.size() == as_size(batch * keys), "attention", "a mask of [batch, keys] or [keys]");
  const std::array<std::int64_t, 2> one_block{0, queries};
  const std::span<const std::int64_t> bounds = mask.segments.empty() ? std::span<const std::int64_t>(one_block) : mask.segments;
  require(mask.segments.empty() || (!mask.causal && mask.valid.empty() && queries == keys && bounds.size() > 1 && bounds.front() == 0 &&
                                    bounds.back() == keys && std::ranges::is_sorted(bounds)),
          "attention", "segments over rows that are queries and keys, without another mask");
  const std::int64_t blocks = static_cast<std::int64_t>(bounds.size()) - 1, group = heads / kv_heads;
  const Tensor out = axis == 0 ? make(std::array{queries, heads * dim}) : make(std::array{batch, queries, heads * dim});

  std::int64_t longest = 0;
  for (std::size_t i = 1; i < bounds.size(); ++i) longest = std::max(longest, bounds[i] - bounds[i - 1]);
  const std::int64_t most_keys = mask.segments.empty() ? keys : longest;
  const auto& kernels = matrix_kernels();
  const std::int64_t items = batch * kv_heads * blocks;
  const std::int64_t parts = threads_ == nullptr ? std::min<std::int64_t>(items, 1) : std::min<std::int64_t>(items, threads_->threads());
  const Scope scratch(*this);
  const std::size_t bytes = (kernels.attention_scratch(group, longest, most_keys, dim) + 63) / 64 * 64;
  std::byte* const memory = arena_.allocate(bytes * as_size(parts));
  const auto work = [&](std::int64_t part) noexcept {
    for (std::int64_t item = items * part / parts; item < items * (part + 1) / parts; ++item) {
      const std::int64_t b = item / (kv_heads * blocks), head = item / blocks % kv_heads, block = item % blocks;
      const std::int64_t begin = bounds[as_size(block)], count = bounds[as_size(block) + 1] - begin;
      const std::int64_t from_key = mask.segments.empty() ? 0 : begin;
      const auto at = [&](const Tensor& x, std::int64_t row, std::int64_t h) {
        return x.data_ + (axis == 0 ? 0 : b * x.stride(0)) + row * x.stride(axis) + h * x.stride(axis + 1);
      };
      kernels.attention({.q = at(q, begin, head * group),
                         .k = at(k, from_key, head),
                         .v = at(v, from_key, head),
                         .out = out.data_ + (b * queries + begin) * heads * dim + head * group * dim,
                         .q_head_stride = q.stride(axis + 1),
                         .q_stride = q.stride(axis),
                         .k_stride = k.stride(axis),
                         .v_stride = v.stride(axis),
                         .out_head_stride = dim,
                         .out_stride = heads * dim,
                         .heads = group,
                         .queries = count,
                         .keys = mask.segments.empty() ? keys : count,
                         .dim = dim,
                         .scale = options.scale,
                         .causal = mask.causal,
                         .offset = mask.offset,
                         .valid = mask.valid.empty() ? nullptr : mask.valid.data() + (shared ? 0 : b * keys) + from_key,
                         .scratch = memory + as_size(part) * bytes});
    }
  };
  in_parallel(parts, 4.0 * static_cast<double>(batch * heads * queries) * static_cast<double>(most_keys * dim), work);
  return out;
}

}  // namespace sinew
