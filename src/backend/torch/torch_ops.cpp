// SPDX-License-Identifier: Apache-2.0
// Linear layers, norms and element-wise work on ATen; attention is in a file of its own.
#include "sinew/backend/torch/torch_ops.hpp"

#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/stack.h>
#include <ATen/ops/add.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/embedding.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/rms_norm.h>
#include <ATen/ops/silu.h>

#include <algorithm>
#include <cstring>

#include "sinew/backend/torch/tensor_bridge.hpp"
#include "sinew/core/isa.hpp"
#include "torch_activate.hpp"
#include "torch_checks.hpp"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace sinew {

using detail::activated;
using detail::require;

namespace {

constexpr std::int64_t kMaxRank = 4;

at::IntArrayRef dims_of(const Shape& shape) { return {shape.dims().data(), shape.rank()}; }
bool has_rank(const Shape& shape) { return shape.rank() >= 1 && shape.rank() <= kMaxRank; }

/// oneDNN's own layout: for bf16 1.3 to 1.9 times as fast as the plain product on an AVX-512 machine with AMX; for f32 slower than MKL's
/// plain product there. That it is faster for f32 on AMD (2.1 to 2.3 times) is a figure of the project's first measurements, not repeated
/// here.
bool packing_wins(const c10::Device& device, DType dtype) {
  if (!device.is_cpu()) return false;
  // oneDNN refuses brain floats on processors without AVX-512.
  if (dtype == DType::bf16) return available_isas().back() >= Isa::v4;
#if defined(__x86_64__)
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid(0, &a, &b, &c, &d) == 0) return false;
  constexpr unsigned kAuthentic = 0x68747541;  // "Auth" of "AuthenticAMD"
  return b == kAuthentic;
#else
  return false;
#endif
}

const char* fused_name(nn::Activation activation) {
  switch (activation) {
    case nn::Activation::none: return "none";
    case nn::Activation::relu: return "relu";
    case nn::Activation::sigmoid: return "sigmoid";
    case nn::Activation::tanh: return "tanh";
    case nn::Activation::silu: return "swish";
    case nn::Activation::gelu:
    case nn::Activation::gelu_tanh: return "gelu";
  }
  return "none";
}

// What torch.compile calls as well; there is no function of ATen for them.
at::Tensor pack(const at::Tensor& weight) {
  // Boxed: the typed call moves an empty optional, which g++ 12 takes for the use of what was never set.
  torch::jit::Stack stack{weight, c10::IValue()};
  c10::Dispatcher::singleton().findSchemaOrThrow("mkldnn::_reorder_linear_weight", "").callBoxed(stack);
  return stack.back().toTensor();
}
at::Tensor packed_linear(const at::Tensor& x, const at::Tensor& weight, const std::optional<at::Tensor>& bias, nn::Activation activation) {
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("mkldnn::_linear_pointwise", "")
                             .typed<at::Tensor(const at::Tensor&, const at::Tensor&, const std::optional<at::Tensor>&, std::string_view,
                                               c10::List<std::optional<at::Scalar>>, std::optional<std::string_view>)>();
  const auto algorithm = activation == nn::Activation::gelu        ? std::optional<std::string_view>("none")
                         : activation == nn::Activation::gelu_tanh ? std::optional<std::string_view>("tanh")
                                                                   : std::optional<std::string_view>("");
  return op.call(x, weight, bias, fused_name(activation), c10::List<std::optional<at::Scalar>>(), algorithm);
}

/// The parameter in a form that norms of x take.
const at::Tensor& like(const TorchParameter& parameter, const at::Tensor& x) {
  return x.scalar_type() == at::kFloat ? parameter.value : parameter.narrow;
}

bool fits(const TorchParameter* parameter, std::int64_t width) { return parameter == nullptr || parameter->value.numel() == width; }

void require_writable(const TorchTensor& x, const char* operation) {
  require(x.writable, operation, "a tensor that may be written, not the caller's numbers or a parameter");
}

/// Of a tensor of rank 2; of another, which is refused afterwards, none.
std::int64_t rows_of(const TorchTensor& x) { return x.value.dim() == 2 ? x.value.size(0) : 0; }

void require_scatter(const at::Tensor& x, const at::Tensor& rows, const at::Tensor& y, const char* operation) {
  require(x.dim() == 2 && y.dim() == 2 && y.size(0) == rows.numel() && y.size(1) == x.size(1), operation, "[n, w] and [rows, w]");
}

}  // namespace

TorchOps::TorchOps(const TorchOptions& options)
    : options_(options), device_(detail::parse_device(options.device)), type_(to_torch(options.dtype)) {
  if (options.dtype != DType::f32 && options.dtype != DType::bf16)
    fail(ErrorCode::unsupported, {"TorchOps", "dtype", "f32 or bf16", to_string(options.dtype), ""});
  packs_ = packing_wins(device_, options.dtype);
}

TorchMatrix TorchOps::matrix(const RowSource& source) {
  const c10::InferenceMode mode;
  TorchMatrix matrix = table(source);
  if (packs_) {
    matrix.packed = pack(matrix.plain);
    matrix.plain.reset();
  }
  return matrix;
}

TorchMatrix TorchOps::table(const RowSource& source) {
  require(source.rows > 0 && source.columns > 0, "matrix", "at least one row and column");
  const at::NoGradGuard no_gradients;  // not inference mode: autograd may keep weights
  TorchMatrix matrix{.plain = at::empty({source.rows, source.columns}, at::TensorOptions(type_)),
                     .packed = {},
                     .outputs = source.rows,
                     .inputs = source.columns};
  constexpr std::int64_t kBandBytes = std::int64_t{64} << 20;
  const std::int64_t row_bytes = source.columns * static_cast<std::int64_t>(size_of(options_.dtype));
  const std::int64_t band = std::max<std::int64_t>(1, kBandBytes / row_bytes);
  auto* const data = static_cast<std::byte*>(matrix.plain.data_ptr());
  for (std::int64_t row = 0; row < source.rows; row += band)
    source.read(row, std::min(band, source.rows - row), options_.dtype, data + row * row_bytes);
  matrix.plain = matrix.plain.to(device_);
  return matrix;
}

TorchParameter TorchOps::parameter(std::span<const float> values, const Shape& shape) {
  const c10::InferenceMode mode;
  const at::Tensor value = upload(values, shape).value.clone();
  return {.value = value, .narrow = value.to(type_)};
}

TorchTensor TorchOps::upload(std::span<const float> values, const Shape& shape) {
  require(values.size() == shape.count() && has_rank(shape), "upload", "as many values as the shape has, rank 1 to 4");
  const at::Tensor x = at::from_blob(const_cast<float*>(values.data()), dims_of(shape), at::TensorOptions(at::kFloat));
  return {device_.is_cpu() ? x : x.to(device_), false};
}

void TorchOps::download(const Tensor& x, std::span<float> values) {
  require(static_cast<std::int64_t>(values.size()) == x.value.numel(), "download", "as many values as the tensor has");
  const at::Tensor host = x.value.to(at::kCPU, at::kFloat).contiguous();
  std::memcpy(values.data(), host.const_data_ptr<float>(), values.size_bytes());
}

TorchTensor TorchOps::reshape(const Tensor& x, const Shape& shape) {
  require(has_rank(shape), "reshape", "rank 1 to 4");
  return {detail::or_refuse("reshape", "as many elements, axes that continue each other in memory",
                            [&] { return x.value.view(dims_of(shape)); }),
          x.writable};
}

TorchTensor TorchOps::slice(const Tensor& x, std::int64_t axis, std::int64_t begin, std::int64_t end) {
  require(axis >= 0 && axis < x.value.dim() && 0 <= begin && begin <= end && end <= x.value.size(axis), "slice", "a range within the axis");
  return {x.value.narrow(axis, begin, end - begin), x.writable};
}

TorchTensor TorchOps::expand(const Tensor& x, std::int64_t count) {
  require(x.value.dim() < kMaxRank && count >= 0, "expand", "rank 1 to 3");
  std::vector<std::int64_t> sizes(x.value.sizes().begin(), x.value.sizes().end());
  sizes.insert(sizes.begin(), count);
  return {x.value.unsqueeze(0).expand(sizes), false};
}

TorchTensor TorchOps::copy(const Tensor& x) { return {x.value.clone(at::MemoryFormat::Contiguous)}; }

TorchTensor TorchOps::concat_all(std::int64_t axis, std::span<const Tensor> parts) {
  require(!parts.empty(), "concat", "at least one tensor");
  const at::Tensor& first = parts.front().value;
  require(axis >= 0 && axis < first.dim(), "concat", "an axis of the tensors");
  // As other operations: parameters, which are f32, follow the activations.
  const bool narrow = std::ranges::any_of(parts, [this](const Tensor& part) { return part.value.scalar_type() == type_; });
  const auto narrowest = narrow ? type_ : at::kFloat;
  std::vector<at::Tensor> tensors;
  for (const Tensor& part : parts) {
    require(part.value.dim() == first.dim(), "concat", "tensors of one rank");  // ATen skips empty ones of rank 1
    tensors.push_back(part.value.to(narrowest));
  }
  return {detail::or_refuse("concat", "equal sizes of the other axes", [&] { return at::cat(tensors, axis); })};
}

TorchTensor TorchOps::linear(const Tensor& x, const Matrix& matrix, const Parameter* bias, nn::Activation activation) {
  require(x.value.dim() > 0 && x.value.size(-1) == matrix.inputs && fits(bias, matrix.outputs), "linear",
          "rows of the matrix's inputs, a bias of its outputs");
  const at::Tensor input = x.value.to(type_);
  const std::optional<at::Tensor> b = bias == nullptr ? std::nullopt : std::optional(bias->narrow);
  if (differentiates_) return {kept(activated(at::linear(input, plain(matrix), b), activation))};
  if (matrix.packed.defined()) return {packed_linear(input.contiguous(), matrix.packed, b, activation)};
  return {activated(at::linear(input, matrix.plain, b), activation)};
}

void TorchOps::add_linear_into(const Tensor& residual, const Tensor& x, const Matrix& matrix, const Parameter* bias) {
  require_writable(residual, "add_linear_into");
  const at::Tensor y = linear(x, matrix, bias).value;
  require(y.sizes() == residual.value.sizes(), "add_linear_into", "a residual with a row of the matrix's outputs for each row");
  residual.value.add_(y);
}

TorchTensor TorchOps::indices(std::span<const std::int64_t> values, std::int64_t below, const char* operation) const {
  detail::require_rows(values, below, operation);
  const at::Tensor x =
      at::from_blob(const_cast<std::int64_t*>(values.data()), {static_cast<std::int64_t>(values.size())}, at::TensorOptions(at::kLong));
  return {device_.is_cpu() ? x : x.to(device_), false};
}

TorchTensor TorchOps::embedding(const Matrix& matrix, std::span<const std::int64_t> ids) {
  return embedding_at(matrix, indices(ids, matrix.outputs, "embedding"));
}

TorchTensor TorchOps::embedding_at(const Matrix& matrix, const Tensor& ids) {
  require(matrix.plain.defined(), "embedding", "a table");
  return {at::embedding(matrix.plain, ids.value)};
}

TorchTensor TorchOps::gather_rows(const Tensor& x, std::span<const std::int64_t> rows) {
  return gather_rows_at(x, indices(rows, rows_of(x), "gather_rows"));
}

TorchTensor TorchOps::gather_rows_at(const Tensor& x, const Tensor& rows) {
  require(x.value.dim() == 2, "gather_rows", "rank 2");
  return {x.value.index_select(0, rows.value)};
}

void TorchOps::add_rows_into(const Tensor& x, std::span<const std::int64_t> rows, const Tensor& y) {
  add_rows_at(x, indices(rows, rows_of(x), "add_rows_into"), y);
}

void TorchOps::add_rows_at(const Tensor& x, const Tensor& rows, const Tensor& y) {
  require_writable(x, "add_rows_into");
  require_scatter(x.value, rows.value, y.value, "add_rows_into");
  x.value.index_add_(0, rows.value, y.value.to(x.value.scalar_type()));
}

void TorchOps::copy_rows_into(const Tensor& x, std::span<const std::int64_t> rows, const Tensor& y) {
  copy_rows_at(x, indices(rows, rows_of(x), "copy_rows_into"), y);
}

void TorchOps::copy_rows_at(const Tensor& x, const Tensor& rows, const Tensor& y) {
  require_writable(x, "copy_rows_into");
  require_scatter(x.value, rows.value, y.value, "copy_rows_into");
  x.value.index_copy_(0, rows.value, y.value.to(x.value.scalar_type()));
}

TorchTensor TorchOps::layer_norm(const Tensor& x, const Parameter* weight, const Parameter* bias, float eps) {
  const std::int64_t width = x.value.size(-1);
  require(fits(weight, width) && fits(bias, width), "layer_norm", "weight and bias of the width of the rows");
  const auto optional = [&](const Parameter* p) {
    return p == nullptr ? std::optional<at::Tensor>() : std::optional(kept(like(*p, x.value)));
  };
  return {at::layer_norm(kept(x.value), {width}, optional(weight), optional(bias), static_cast<double>(eps), false)};
}

TorchTensor TorchOps::rms_norm(const Tensor& x, const Parameter& weight, float eps) {
  require(fits(&weight, x.value.size(-1)), "rms_norm", "a weight of the width of the rows");
  return {at::rms_norm(kept(x.value), {x.value.size(-1)}, kept(like(weight, x.value)), static_cast<double>(eps))};
}

TorchTensor TorchOps::modulated_norm(const Tensor& x, const Tensor& scale, const Tensor& shift, float eps) {
  require(x.value.dim() == 3 && scale.value.dim() == 2 && scale.value.sizes() == shift.value.sizes() &&
              scale.value.size(0) == x.value.size(0) && scale.value.size(1) == x.value.size(2),
          "modulated_norm", "[b, n, w], [b, w] and [b, w]");
  const at::Tensor normed = at::layer_norm(kept(x.value).to(at::kFloat), {x.value.size(2)}, {}, {}, static_cast<double>(eps), false);
  return {at::add(shift.value.unsqueeze(1), at::mul(normed, at::add(scale.value, 1).unsqueeze(1))).to(x.value.scalar_type())};
}

TorchTensor TorchOps::rope(const Tensor& x, const Tensor& cos, const Tensor& sin) {
  require(x.value.dim() == 3 && cos.value.dim() == 2 && cos.value.sizes() == sin.value.sizes() && cos.value.size(0) == x.value.size(0) &&
              cos.value.size(1) <= x.value.size(2) && cos.value.size(1) % 2 == 0,
          "rope", "x [n, heads, dim], cos and sin [n, an even number up to dim]");
  const std::int64_t rotary = cos.value.size(1), half = rotary / 2;
  const at::Tensor turned = x.value.narrow(2, 0, rotary).to(at::kFloat);
  const at::Tensor swapped = at::cat({turned.narrow(2, half, half).neg(), turned.narrow(2, 0, half)}, 2);
  const at::Tensor out =
      at::add(at::mul(turned, kept(cos.value).unsqueeze(1)), at::mul(swapped, kept(sin.value).unsqueeze(1))).to(x.value.scalar_type());
  return {rotary == x.value.size(2) ? out : at::cat({out, x.value.narrow(2, rotary, x.value.size(2) - rotary)}, 2)};
}

TorchTensor TorchOps::transform(const Tensor& x, const Tensor& matrices) {
  const at::Tensor &v = x.value, &m = matrices.value;
  require(v.dim() == 3 && v.size(2) % 4 == 0 && m.dim() == 3 && m.size(0) == v.size(0) && m.size(1) == 4 && m.size(2) == 4, "transform",
          "x [n, heads, a multiple of four], matrices [n, 4, 4]");
  const at::Tensor columns = v.to(at::kFloat).reshape({v.size(0), v.size(1) * v.size(2) / 4, 4});
  return {at::matmul(columns, m.to(at::kFloat).transpose(1, 2)).reshape(v.sizes()).to(v.scalar_type())};
}

TorchCache TorchOps::cache(std::int64_t capacity, std::int64_t heads, std::int64_t dim) {
  return {.values = at::empty({capacity, heads, dim}, at::TensorOptions(type_).device(device_)), .length = 0};
}

void TorchOps::append(Cache& cache, const Tensor& x) {
  require(x.value.dim() == 3 && x.value.size(1) == cache.values.size(1) && x.value.size(2) == cache.values.size(2) &&
              cache.length + x.value.size(0) <= cache.values.size(0),
          "append", "[n, heads, dim] within the capacity");
  cache.values.narrow(0, cache.length, x.value.size(0)).copy_(x.value);
  cache.length += x.value.size(0);
}

TorchTensor TorchOps::contents(const Cache& cache) { return {cache.values.narrow(0, 0, cache.length), false}; }

void TorchOps::truncate(Cache& cache, std::int64_t length) {
  require(length >= 0 && length <= cache.length, "truncate", "a length up to the present one");
  cache.length = length;
}

TorchTensor TorchOps::activate(const Tensor& x, nn::Activation activation) {
  return {activation == nn::Activation::none ? x.value.clone() : kept(activated(kept(x.value), activation))};
}

TorchTensor TorchOps::silu_mul(const Tensor& gate, const Tensor& up) {
  require(gate.value.sizes() == up.value.sizes(), "silu_mul", "equal shapes");
  return {at::mul(at::silu(kept(gate.value)), kept(up.value))};
}

TorchTensor TorchOps::multiply(const Tensor& x, const Tensor& y) {
  require(x.value.sizes() == y.value.sizes(), "multiply", "equal shapes");
  return {at::mul(kept(x.value), kept(y.value))};
}

TorchTensor TorchOps::combine(float a, const Tensor& x, float b, const Tensor& y) {
  require(x.value.sizes() == y.value.sizes(), "combine", "equal shapes");
  return {at::add(at::mul(x.value, a), y.value, b)};
}

TorchTensor TorchOps::add(const Tensor& x, const Tensor& y) {
  const std::int64_t from = x.value.dim() - y.value.dim();
  require(from >= 0 && x.value.sizes().slice(static_cast<std::size_t>(std::max<std::int64_t>(from, 0))) == y.value.sizes(), "add",
          "a second tensor whose shape is the end of that of the first");
  return {at::add(x.value, y.value.to(x.value.scalar_type()))};
}

void TorchOps::add_into(const Tensor& x, const Tensor& y, float factor) {
  require_writable(x, "add_into");
  require(x.value.sizes() == y.value.sizes(), "add_into", "equal shapes");
  x.value.add_(y.value, factor);
}

void TorchOps::copy_into(const Tensor& x, const Tensor& y) {
  require_writable(x, "copy_into");
  require(x.value.sizes() == y.value.sizes(), "copy_into", "equal shapes");
  x.value.copy_(y.value);
}

}  // namespace sinew
