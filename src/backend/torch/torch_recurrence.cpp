// SPDX-License-Identifier: Apache-2.0
// Recurrences of TorchOps: causal convolution and the gated delta rule, token by token or by chunks.
#include <ATen/ops/add.h>
#include <ATen/ops/bmm.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/linalg_solve_triangular.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/softplus.h>
#include <ATen/ops/sub.h>
#include <ATen/ops/tril.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <vector>

#include "sinew/backend/torch/torch_ops.hpp"
#include "torch_activate.hpp"
#include "torch_checks.hpp"

namespace sinew {

using detail::require;

namespace {

constexpr std::int64_t kMostTaps = 16;
constexpr std::int64_t kChunk = 64;  // tokens, as transformers' torch_chunk_gated_delta_rule

/// [n, heads, dim] as [heads, n, dim] in f32, each head `times` times.
at::Tensor by_head(const at::Tensor& x, std::int64_t times) {
  const at::Tensor heads = x.to(at::kFloat).transpose(0, 1);
  return times == 1 ? heads : heads.repeat_interleave(times, 0);
}

/// q and k [heads, n, key_dim], v [heads, n, dim], decay and beta [heads, n], state [heads, key_dim, dim].
struct DeltaRows {
  at::Tensor q, k, v, decay, beta;

  [[nodiscard]] DeltaRows part(std::int64_t first, std::int64_t count) const {
    const auto of = [&](const at::Tensor& x) { return x.narrow(1, first, count); };
    return {of(q), of(k), of(v), of(decay), of(beta)};
  }
};

/// One token.
at::Tensor delta_step(const DeltaRows& r, at::Tensor& state) {
  state.mul_(r.decay.exp().unsqueeze(2));
  const at::Tensor delta = at::mul(at::sub(r.v, at::bmm(r.k, state)), r.beta.unsqueeze(2));
  state.baddbmm_(r.k.transpose(1, 2), delta);
  return at::bmm(r.q, state);
}

/// The changes of all tokens of a chunk solve one triangular system (arXiv 2412.06464, section 3.3), here with the state's share on its
/// right side, so that one solution is enough.
at::Tensor delta_chunk(const DeltaRows& r, at::Tensor& state) {
  const at::Tensor sums = r.decay.to(at::kDouble).cumsum(1);  // differences of them would cancel in f32
  const at::Tensor between = at::tril(at::sub(sums.unsqueeze(2), sums.unsqueeze(1)).to(at::kFloat).exp());
  const at::Tensor before = sums.to(at::kFloat).exp().unsqueeze(2), beta = r.beta.unsqueeze(2);
  const at::Tensor keys = r.k.transpose(1, 2);
  const at::Tensor system = at::mul(at::mul(at::bmm(r.k, keys), between), beta);  // its diagonal is taken for ones
  const at::Tensor right = at::mul(at::sub(r.v, at::mul(at::bmm(r.k, state), before)), beta);
  const at::Tensor delta = at::linalg_solve_triangular(system, right, /*upper=*/false, /*left=*/true, /*unitriangular=*/true);
  const at::Tensor out = at::add(at::mul(at::bmm(r.q, state), before), at::bmm(at::mul(at::bmm(r.q, keys), between), delta));
  const at::Tensor to_end = between.select(1, between.size(1) - 1).unsqueeze(1);  // [heads, 1, n]
  state.mul_(before.narrow(1, before.size(1) - 1, 1)).baddbmm_(at::mul(keys, to_end), delta);
  return out;
}

}  // namespace

TorchState TorchOps::state(const Shape& shape) {
  const c10::InferenceMode mode;
  return {at::zeros(at::IntArrayRef(shape.dims().data(), shape.rank()), at::TensorOptions(at::kFloat).device(device_))};
}

void TorchOps::clear(State& state) {
  const c10::InferenceMode mode;
  state.values.zero_();
}

TorchTensor TorchOps::causal_conv(State& state, const Tensor& x, const Parameter& weight, nn::Activation activation) {
  const at::Tensor& taps = weight.value;
  require(x.value.dim() == 2 && state.values.dim() == 2 && taps.dim() == 2 && taps.size(0) == state.values.size(0) + 1 &&
              taps.size(0) <= kMostTaps && taps.size(1) == x.value.size(1) && state.values.size(1) == x.value.size(1),
          "causal_conv", "x [n, w], a state [taps - 1, w] and a weight [taps, w], at most 16 taps");
  const std::int64_t count = x.value.size(0), before = taps.size(0) - 1;
  const at::Tensor all = at::cat({state.values, x.value.to(at::kFloat)}, 0);
  at::Tensor sum = at::mul(all.narrow(0, 0, count), taps.select(0, 0));
  for (std::int64_t tap = 1; tap <= before; ++tap) sum.addcmul_(all.narrow(0, tap, count), taps.select(0, tap));
  state.values.copy_(all.narrow(0, count, before));
  return {detail::activated(sum, activation)};  // f32: a delta rule behind it adds up what rounding would make of it
}

TorchTensor TorchOps::log_decay(const Tensor& x, const Parameter& rate, const Parameter& bias) {
  require(x.value.dim() == 2 && rate.value.dim() == 1 && rate.value.size(0) == x.value.size(1) && bias.value.sizes() == rate.value.sizes(),
          "log_decay", "x [n, heads], rate and bias [heads]");
  return {at::mul(at::softplus(at::add(x.value.to(at::kFloat), bias.value)), rate.value.neg())};
}

TorchTensor TorchOps::delta_rule(State& state, const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& decay, const Tensor& beta) {
  require(q.value.dim() == 3 && v.value.dim() == 3 && q.value.sizes() == k.value.sizes() && decay.value.dim() == 2 &&
              beta.value.sizes() == decay.value.sizes() && state.values.dim() == 3,
          "delta_rule", "q and k [n, key_heads, key_dim], v [n, heads, dim], decay and beta [n, heads], a state of rank 3");
  const std::int64_t count = v.value.size(0), heads = v.value.size(1), dim = v.value.size(2), key_heads = q.value.size(1);
  require(q.value.size(0) == count && key_heads > 0 && heads % key_heads == 0 && decay.value.size(0) == count &&
              decay.value.size(1) == heads && state.values.size(0) == heads && state.values.size(1) == q.value.size(2) &&
              state.values.size(2) == dim,
          "delta_rule", "as many rows of all, heads a multiple of key_heads, a state [heads, key_dim, dim]");
  const std::int64_t group = heads / key_heads;
  const DeltaRows rows{by_head(q.value, group), by_head(k.value, group), by_head(v.value, 1), decay.value.to(at::kFloat).transpose(0, 1),
                       beta.value.to(at::kFloat).transpose(0, 1)};
  std::vector<at::Tensor> parts;
  for (std::int64_t first = 0; first < count; first += kChunk) {
    const std::int64_t size = std::min(kChunk, count - first);
    const DeltaRows part = rows.part(first, size);
    parts.push_back(size == 1 ? delta_step(part, state.values) : delta_chunk(part, state.values));
  }
  const at::Tensor out = parts.empty() ? rows.v : parts.size() == 1 ? parts.front() : at::cat(parts, 1);
  return {out.transpose(0, 1).to(v.value.scalar_type()).reshape({count, heads * dim}).contiguous()};
}

}  // namespace sinew
