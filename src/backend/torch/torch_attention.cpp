// SPDX-License-Identifier: Apache-2.0
// Attention of TorchOps: masks become what ATen's fused kernels take.
#include <ATen/Context.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cstdint>

#include "sinew/backend/torch/torch_ops.hpp"
#include "torch_checks.hpp"

namespace sinew {

using detail::require;

namespace {

/// Of `batch` entries; on the host.
TorchMask make_mask(const nn::Mask& mask, std::int64_t batch, std::int64_t queries, std::int64_t keys) {
  if (mask.valid.empty() && (!mask.causal || mask.offset >= keys - 1)) return {};
  if (mask.valid.empty() && mask.causal && mask.offset == 0 && queries == keys && queries > 1) return {.causal = true};
  const std::int64_t entries = static_cast<std::int64_t>(mask.valid.size()) == batch * keys ? batch : 1, rows = mask.causal ? queries : 1;
  TorchMask made{.seen = at::empty({entries, 1, rows, keys}, at::kBool)};
  auto* seen = made.seen.data_ptr<bool>();
  for (std::int64_t b = 0; b < entries; ++b)
    for (std::int64_t i = 0; i < rows; ++i, seen += keys) {
      for (std::int64_t j = 0; j < keys; ++j)
        seen[j] = (!mask.causal || j <= i + mask.offset) && (mask.valid.empty() || mask.valid[static_cast<std::size_t>(b * keys + j)] != 0);
      made.blind_rows |= std::none_of(seen, seen + keys, [](bool one) { return one; });
    }
  return made;
}

/// x, or a dense copy where CUDA's kernels would take rows that begin between 16 bytes: they look at sizes alone, and give wrong numbers or
/// none (PyTorch 2.11).
at::Tensor aligned(const at::Tensor& x) {
  if (!x.is_cuda()) return x;
  constexpr std::int64_t kBytes = 16;
  const auto item = static_cast<std::int64_t>(x.element_size());
  bool fits = reinterpret_cast<std::uintptr_t>(x.const_data_ptr()) % kBytes == 0 && x.stride(-1) == 1;
  for (std::int64_t axis = 0; axis + 1 < x.dim(); ++axis) fits = fits && x.stride(axis) * item % kBytes == 0;  // of one entry, too
  return fits ? x : x.clone(at::MemoryFormat::Contiguous);
}

/// q [b, n, heads, dim], k and v [b, m, kv_heads, dim] to [b, n, heads dim].
at::Tensor attend(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, float scale, const TorchMask& mask) {
  at::Tensor out = at::scaled_dot_product_attention(aligned(q).transpose(1, 2), aligned(k).transpose(1, 2), aligned(v).transpose(1, 2),
                                                    mask.seen.defined() ? std::optional<at::Tensor>(mask.seen) : std::nullopt, 0.0,
                                                    mask.causal, static_cast<double>(scale), q.size(2) != k.size(2));
  if (mask.blind_rows) out = out.masked_fill(mask.seen.any(-1, true).logical_not(), 0.0);
  return out.transpose(1, 2).reshape({q.size(0), q.size(1), q.size(2) * q.size(3)}).contiguous();
}

}  // namespace

c10::Device detail::parse_device(const std::string& name) {
  const auto refuse = [&name](std::string_view expected) {
    fail(ErrorCode::invalid_argument, {"TorchOps", "device", expected, "'" + name + "'", ""});
  };
  try {
    const c10::Device device(name);
    if (!device.is_cpu() && !device.is_cuda()) refuse("\"cpu\" or \"cuda\"");
    if (device.is_cuda() && !at::hasCUDA()) refuse("one that this PyTorch and this machine have");
    return device;
  } catch (const c10::Error&) {
    refuse("a device as PyTorch names it, e.g. \"cuda:0\"");
  }
  return c10::Device(c10::kCPU);  // not reached
}

TorchTensor TorchOps::masked_attention(const Tensor& q, const Tensor& k, const Tensor& v, const nn::Attention& options,
                                       std::optional<TorchMask>& made) {
  const bool batched = q.value.dim() == 4;
  require((batched || q.value.dim() == 3) && k.value.dim() == q.value.dim() && k.value.sizes() == v.value.sizes() &&
              k.value.size(-1) == q.value.size(-1) && k.value.size(-2) > 0 && q.value.size(-2) % k.value.size(-2) == 0 &&
              (!batched || k.value.size(0) == q.value.size(0)),
          "attention", "q [b, n, heads, dim], k and v [b, m, kv_heads, dim], heads a multiple of kv_heads");
  const auto raised = [batched](const at::Tensor& x) { return batched ? x : x.unsqueeze(0); };
  const auto type = q.value.scalar_type();  // the others may come from a cache of another
  const at::Tensor q4 = raised(kept(q.value)), k4 = raised(kept(k.value).to(type)), v4 = raised(kept(v.value).to(type));
  const std::int64_t batch = q4.size(0), queries = q4.size(1), keys = k4.size(1);
  const auto& mask = options.mask;
  const auto marks = static_cast<std::int64_t>(mask.valid.size());
  require(marks == 0 || marks == keys || marks == batch * keys, "attention", "a mask of [batch, keys] or [keys]");
  const auto lowered = [batched, this](const at::Tensor& x) { return TorchTensor{kept(batched ? x : x.squeeze(0))}; };
  if (q4.numel() == 0 || keys == 0)  // of which CUDA's kernels make a tensor of another rank
    return lowered(at::zeros({batch, queries, q4.size(2) * q4.size(3)}, q4.options()));
  if (mask.segments.empty()) {
    if (!made) {
      made = make_mask(mask, batch, queries, keys);
      if (made->seen.defined()) made->seen = made->seen.to(q4.device());
    }
    return lowered(attend(q4, k4, v4, options.scale, *made));
  }

  const auto bounds = mask.segments;
  require(!mask.causal && mask.valid.empty() && queries == keys && bounds.size() > 1 && bounds.front() == 0 && bounds.back() == keys &&
              std::ranges::is_sorted(bounds),
          "attention", "segments over rows that are queries and keys, without another mask");
  const auto blocks = static_cast<std::int64_t>(bounds.size()) - 1, length = bounds[1];
  const TorchMask all;
  bool equal = batch == 1 && length > 0;
  for (std::size_t i = 1; i < bounds.size(); ++i) equal = equal && bounds[i] - bounds[i - 1] == length;
  if (equal) {
    const auto split = [&](const at::Tensor& x) { return x.reshape({blocks, length, x.size(2), x.size(3)}); };
    return lowered(attend(split(q4), split(k4), split(v4), options.scale, all).reshape({1, queries, q4.size(2) * q4.size(3)}));
  }
  std::vector<at::Tensor> parts;
  for (std::size_t i = 1; i < bounds.size(); ++i) {
    const auto part = [&](const at::Tensor& x) { return x.narrow(1, bounds[i - 1], bounds[i] - bounds[i - 1]); };
    if (bounds[i] > bounds[i - 1]) parts.push_back(attend(part(q4), part(k4), part(v4), options.scale, all));
  }
  return lowered(at::cat(parts, 1));
}

}  // namespace sinew
