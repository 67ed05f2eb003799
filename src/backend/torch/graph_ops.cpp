// SPDX-License-Identifier: Apache-2.0
// Each operation of TorchOps by way of the tape.
#include "sinew/backend/torch/graph_ops.hpp"

#include <exception>
#include <utility>

#include "graph_recorder.hpp"

namespace sinew {

using detail::KeptAttention;

namespace {

// What moves a cache or a state on, on a handle of its own: the host's part of it, a cache's length, is the caller's.
void append_to(TorchOps& ops, TorchCache cache, const TorchTensor& x) { ops.append(cache, x); }
void clear_state(TorchOps& ops, TorchState state) { ops.clear(state); }
TorchTensor conv_on(TorchOps& ops, TorchState state, const TorchTensor& x, const TorchParameter& weight, nn::Activation activation) {
  return ops.causal_conv(state, x, weight, activation);
}
TorchTensor delta_on(TorchOps& ops, TorchState state, const TorchTensor& q, const TorchTensor& k, const TorchTensor& v,
                     const TorchTensor& decay, const TorchTensor& beta) {
  return ops.delta_rule(state, q, k, v, decay, beta);
}
TorchTensor attend(TorchOps& ops, const TorchTensor& q, const TorchTensor& k, const TorchTensor& v, const KeptAttention& kept) {
  const nn::Mask mask{.causal = kept.causal, .offset = kept.offset, .valid = kept.valid, .segments = kept.segments};
  return ops.masked_attention(q, k, v, {.scale = kept.scale, .mask = mask}, kept.mask);
}
TorchTensor concat_parts(TorchOps& ops, std::int64_t axis, const std::vector<TorchTensor>& parts) { return ops.concat_all(axis, parts); }
TorchTensor keep_dense(TorchOps& /*ops*/, const TorchTensor& x) { return {x.value.contiguous(), x.writable || !x.value.is_contiguous()}; }

/// Of a tensor of rank 2; of another, which is refused afterwards, none.
std::int64_t rows_of(const GraphTensor& x) { return x.value.dim() == 2 ? x.size(0) : 0; }

}  // namespace

GraphOps::Scope::Scope(detail::GraphRecorder& recorder) : recorder_(recorder), exceptions_(std::uncaught_exceptions()) {
  if (recorder.begin()) mode_.emplace(!recorder.torch().differentiates());
}
GraphOps::Scope::~Scope() { recorder_.end(std::uncaught_exceptions() > exceptions_); }
GraphTensor GraphOps::Scope::keep(const Tensor& x) const { return recorder_.run<&keep_dense>(x); }

GraphOps::GraphOps(const TorchOptions& options, const GraphOptions& graphs)
    : recorder_(std::make_unique<detail::GraphRecorder>(options, graphs)) {}
GraphOps::~GraphOps() = default;
GraphOps::GraphOps(GraphOps&&) noexcept = default;
GraphOps& GraphOps::operator=(GraphOps&&) noexcept = default;

const TorchOptions& GraphOps::options() const noexcept { return std::as_const(*recorder_).torch().options(); }
GraphReport GraphOps::report() const { return recorder_->report(); }

// Set-up runs at once, and is no part of a tape.
TorchMatrix GraphOps::matrix(const RowSource& source) { return recorder_->torch().matrix(source); }
TorchMatrix GraphOps::table(const RowSource& source) { return recorder_->torch().table(source); }
TorchParameter GraphOps::parameter(std::span<const float> values, const Shape& shape) {
  return recorder_->torch().parameter(values, shape);
}
TorchCache GraphOps::cache(std::int64_t capacity, std::int64_t heads, std::int64_t dim) {
  return recorder_->torch().cache(capacity, heads, dim);
}
TorchState GraphOps::state(const Shape& shape) { return recorder_->torch().state(shape); }
TorchFilter GraphOps::filter(const RowSource& source, const nn::Window& window) { return recorder_->torch().filter(source, window); }

GraphTensor GraphOps::upload(std::span<const float> values, const Shape& shape) { return recorder_->upload(values, shape); }
void GraphOps::download(const Tensor& x, std::span<float> values) { recorder_->download(x, values); }
GraphTensor GraphOps::indices(std::span<const std::int64_t> values, std::int64_t below, const char* operation) {
  return recorder_->indices(values, below, operation);
}

GraphTensor GraphOps::view(const Parameter& parameter) { return recorder_->run<&TorchOps::view>(parameter); }
GraphTensor GraphOps::reshape(const Tensor& x, const Shape& shape) { return recorder_->run<&TorchOps::reshape>(x, shape); }
GraphTensor GraphOps::slice(const Tensor& x, std::int64_t axis, std::int64_t begin, std::int64_t end) {
  return recorder_->run<&TorchOps::slice>(x, axis, begin, end);
}
GraphTensor GraphOps::expand(const Tensor& x, std::int64_t count) { return recorder_->run<&TorchOps::expand>(x, count); }
GraphTensor GraphOps::copy(const Tensor& x) { return recorder_->run<&TorchOps::copy>(x); }
GraphTensor GraphOps::concat(std::int64_t axis, std::initializer_list<Tensor> parts) {
  return recorder_->run<&concat_parts>(axis, std::span<const Tensor>(parts.begin(), parts.size()));
}

GraphTensor GraphOps::linear(const Tensor& x, const Matrix& matrix, const Parameter* bias, nn::Activation activation) {
  return recorder_->run<&TorchOps::linear>(x, matrix, bias, activation);
}
void GraphOps::add_linear_into(const Tensor& residual, const Tensor& x, const Matrix& matrix, const Parameter* bias) {
  recorder_->run<&TorchOps::add_linear_into>(residual, x, matrix, bias);
}
GraphTensor GraphOps::embedding(const Matrix& matrix, std::span<const std::int64_t> ids) {
  return recorder_->run<&TorchOps::embedding_at>(matrix, indices(ids, matrix.outputs, "embedding"));
}
GraphTensor GraphOps::gather_rows(const Tensor& x, std::span<const std::int64_t> rows) {
  return recorder_->run<&TorchOps::gather_rows_at>(x, indices(rows, rows_of(x), "gather_rows"));
}
void GraphOps::add_rows_into(const Tensor& x, std::span<const std::int64_t> rows, const Tensor& y) {
  recorder_->run<&TorchOps::add_rows_at>(x, indices(rows, rows_of(x), "add_rows_into"), y);
}
void GraphOps::copy_rows_into(const Tensor& x, std::span<const std::int64_t> rows, const Tensor& y) {
  recorder_->run<&TorchOps::copy_rows_at>(x, indices(rows, rows_of(x), "copy_rows_into"), y);
}

GraphTensor GraphOps::layer_norm(const Tensor& x, const Parameter* weight, const Parameter* bias, float eps) {
  return recorder_->run<&TorchOps::layer_norm>(x, weight, bias, eps);
}
GraphTensor GraphOps::rms_norm(const Tensor& x, const Parameter& weight, float eps) {
  return recorder_->run<&TorchOps::rms_norm>(x, weight, eps);
}
GraphTensor GraphOps::modulated_norm(const Tensor& x, const Tensor& scale, const Tensor& shift, float eps) {
  return recorder_->run<&TorchOps::modulated_norm>(x, scale, shift, eps);
}
GraphTensor GraphOps::rope(const Tensor& x, const Tensor& cos, const Tensor& sin) { return recorder_->run<&TorchOps::rope>(x, cos, sin); }
GraphTensor GraphOps::transform(const Tensor& x, const Tensor& matrices) { return recorder_->run<&TorchOps::transform>(x, matrices); }
GraphTensor GraphOps::attention(const Tensor& q, const Tensor& k, const Tensor& v, const nn::Attention& options) {
  return recorder_->run<&attend>(q, k, v, options);
}
GraphTensor GraphOps::convolution(const Tensor& x, const Filter& filter, const Parameter* bias, const Tensor* residual,
                                  nn::Activation activation) {
  return recorder_->run<&TorchOps::convolution>(x, filter, bias, residual, activation);
}
GraphTensor GraphOps::max_pool(const Tensor& x, const nn::Window& window) { return recorder_->run<&TorchOps::max_pool>(x, window); }

void GraphOps::append(Cache& cache, const Tensor& x) {
  recorder_->run<&append_to>(cache, x);
  cache.length += x.size(0);
}
GraphTensor GraphOps::contents(const Cache& cache) { return recorder_->run<&TorchOps::contents>(cache); }
void GraphOps::truncate(Cache& cache, std::int64_t length) { recorder_->torch().truncate(cache, length); }
void GraphOps::clear(State& state) { recorder_->run<&clear_state>(state); }
GraphTensor GraphOps::causal_conv(State& state, const Tensor& x, const Parameter& weight, nn::Activation activation) {
  return recorder_->run<&conv_on>(state, x, weight, activation);
}
GraphTensor GraphOps::delta_rule(State& state, const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& decay, const Tensor& beta) {
  return recorder_->run<&delta_on>(state, q, k, v, decay, beta);
}
GraphTensor GraphOps::log_decay(const Tensor& x, const Parameter& rate, const Parameter& bias) {
  return recorder_->run<&TorchOps::log_decay>(x, rate, bias);
}

GraphTensor GraphOps::activate(const Tensor& x, nn::Activation activation) { return recorder_->run<&TorchOps::activate>(x, activation); }
GraphTensor GraphOps::silu_mul(const Tensor& gate, const Tensor& up) { return recorder_->run<&TorchOps::silu_mul>(gate, up); }
GraphTensor GraphOps::multiply(const Tensor& x, const Tensor& y) { return recorder_->run<&TorchOps::multiply>(x, y); }
GraphTensor GraphOps::combine(float a, const Tensor& x, float b, const Tensor& y) { return recorder_->run<&TorchOps::combine>(a, x, b, y); }
GraphTensor GraphOps::add(const Tensor& x, const Tensor& y) { return recorder_->run<&TorchOps::add>(x, y); }
void GraphOps::add_into(const Tensor& x, const Tensor& y, float factor) { recorder_->run<&TorchOps::add_into>(x, y, factor); }
void GraphOps::copy_into(const Tensor& x, const Tensor& y) { recorder_->run<&TorchOps::copy_into>(x, y); }

nn::Vjp<GraphTensor> GraphOps::vjp(const std::function<Tensor(const Tensor&)>& function, const Tensor& x,
                                   const std::function<Tensor(const Tensor&)>& cotangent) {
  recorder_->leave("a product with a Jacobian");
  const auto on_tensors = [this](const std::function<Tensor(const Tensor&)>& each) {
    return [this, &each](const TorchTensor& at) -> TorchTensor { return recorder_->real(each(GraphTensor{at})); };
  };
  const auto taken = recorder_->torch().vjp(on_tensors(function), recorder_->real(x), on_tensors(cotangent));
  return {GraphTensor{taken.value}, GraphTensor{taken.gradient}};
}

}  // namespace sinew
