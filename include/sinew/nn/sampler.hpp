// SPDX-License-Identifier: Apache-2.0
// From noise to actions: Euler steps along a learned velocity, guided towards what the robot is about to do, or with noise of known
// probability. Arithmetic of real-time chunking: core/chunk_math.hpp.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sinew/core/chunk_math.hpp"
#include "sinew/core/error.hpp"
#include "sinew/nn/differentiable.hpp"
#include "sinew/nn/tensor_ops.hpp"

namespace sinew::nn {

/// One Euler step: `x += dt v(x, t)`.
struct FlowStep {
  double t = 0;
  double dt = 0;  ///< negative where time runs from 1 to 0
};
/// `steps` equal steps from the noise to the actions.
[[nodiscard]] FlowStep flow_step(std::int64_t k, std::int64_t steps, FlowDirection direction) noexcept;

/// How a chunk is tied to the one before it.
enum class PrefixMode : std::uint8_t {
  guided,    ///< the velocity is turned towards the prefix (RTC with the Jacobian taken for the identity, as LeRobot computes it)
  jacobian,  ///< the same with the true Jacobian, as RTC's reference and StarVLA's "pigdm" have it; for Differentiable operations
  overwrite  ///< the first `delay` rows are the prefix's, before and after every step, for models that were trained so
};

/// The unexecuted rest of the previous chunk, in the policy's normalised space, its first row due now.
struct FlowPrefix {
  ChunkPrefix<float> chunk{};
  int delay = 0;  ///< rows that will be executed before the new chunk arrives
  int end = 0;    ///< guided, jacobian: rows from here on are free; 0, or beyond them: the rows of the prefix
  PrefixMode mode = PrefixMode::guided;
  PrefixSchedule schedule = PrefixSchedule::linear;
  double max_weight = 10;  ///< of guided and jacobian
};

/// What a prefix needs of memory, made once for a size of chunk.
class PrefixBuffers {
 public:
  PrefixBuffers() = default;
  PrefixBuffers(std::int64_t horizon, std::int64_t dim);
  /// Pads the prefix with zeros and computes its weights. Throws Error for one that is longer or wider than the chunk, or shorter than the
  /// delay in mode overwrite.
  void fill(const FlowPrefix& prefix);

  [[nodiscard]] std::span<const float> values() const noexcept { return values_; }    ///< [horizon, dim]
  [[nodiscard]] std::span<const float> weights() const noexcept { return weights_; }  ///< [horizon, dim]

 private:
  std::int64_t horizon_ = 0, dim_ = 0;
  std::vector<float> values_, weights_, row_weights_;
};

/// Integrates `x [b, horizon, dim]`, which begins as noise, in place. `velocity(x, k)` gives the velocity at step k.
template <TensorOps Ops, class Velocity>
void sample_flow(Ops& ops, const typename Ops::Tensor& x, std::int64_t steps, FlowDirection direction, const Velocity& velocity) {
  for (std::int64_t k = 0; k < steps; ++k) {
    auto scope = ops.scope();
    ops.add_into(x, velocity(x, k), static_cast<float>(flow_step(k, steps, direction).dt));
  }
}

/// Throws Error for PrefixMode::jacobian on operations that have no vjp.
template <TensorOps Ops>
void require_prefix_mode(PrefixMode mode) {
  if (mode == PrefixMode::jacobian && !Differentiable<Ops>)
    fail(ErrorCode::unsupported, {"sampler", "prefix mode \"pigdm\"", "a backend that differentiates", "one that does not",
                                  "backend \"torch\", or mode \"guided\""});
}

/// The same, tied to a prefix that was filled into `buffers`; x `[1, horizon, dim]`.
template <TensorOps Ops, class Velocity>
void sample_flow(Ops& ops, const typename Ops::Tensor& x, std::int64_t steps, FlowDirection direction, const Velocity& velocity,
                 const FlowPrefix& prefix, const PrefixBuffers& buffers) {
  require_prefix_mode<Ops>(prefix.mode);
  const Shape shape{1, x.size(1), x.size(2)};
  const auto before = ops.upload(buffers.values(), shape), weights = ops.upload(buffers.weights(), shape);
  const bool overwrite = prefix.mode == PrefixMode::overwrite;
  const auto put_prefix = [&] {
    if (overwrite && prefix.delay > 0) ops.copy_into(ops.slice(x, 1, 0, prefix.delay), ops.slice(before, 1, 0, prefix.delay));
  };
  put_prefix();
  for (std::int64_t k = 0; k < steps; ++k) {
    auto scope = ops.scope();
    const FlowStep step = flow_step(k, steps, direction);
    const auto dt = static_cast<float>(step.dt);
    const bool forward = direction == FlowDirection::noise_at_zero;
    const auto way = static_cast<float>(forward ? 1 - step.t : -step.t);
    // Of the action that v leads to, what differs from the prefix, by weight.
    const auto error_of = [&](const auto& v) { return ops.multiply(ops.combine(1, before, -1, ops.combine(1, x, way, v)), weights); };
    const auto guide = [&](const auto& correction) {
      const double weight = rtc_guidance_weight(step.t, direction, prefix.max_weight);
      ops.add_into(x, correction, static_cast<float>(forward ? weight : -weight) * dt);
    };
    if (prefix.mode == PrefixMode::jacobian) {
      if constexpr (Differentiable<Ops>) {  // the Jacobian of x + way v by x is 1 + way dv/dx
        const auto taken = ops.vjp([&](const auto& at) { return velocity(at, k); }, x, error_of);
        guide(ops.combine(1, error_of(taken.value), way, taken.gradient));
        ops.add_into(x, taken.value, dt);
      }
      continue;
    }
    const auto v = velocity(x, k);
    if (!overwrite) guide(error_of(v));
    ops.add_into(x, v, dt);
    put_prefix();
  }
}

/// One step of the flow as a stochastic equation with the same marginals (Flow-GRPO, arXiv 2505.05470, eq. 9 with sigma_t =
/// level sqrt(s / (1 - s)), s the share of noise): the next x is normal with mean `x_factor x + v_factor v` and deviation `deviation`.
struct SdeStep {
  double x_factor = 1;
  double v_factor = 0;
  double deviation = 0;
};
/// At s = 1, where sigma is infinite, the s of the next step stands in, as in the paper's code. Throws Error for a level that is not
/// positive and finite.
[[nodiscard]] SdeStep sde_step(std::int64_t k, std::int64_t steps, FlowDirection direction, double level);
/// Logarithm of the density of `next` under independent normals of mean `mean`, summed over the elements.
[[nodiscard]] double sde_log_probability(std::span<const float> next, std::span<const float> mean, double deviation) noexcept;

/// Integrates the stochastic equation. `noise [steps, b, horizon, dim]`: standard normal. `log_probabilities [steps]`: of each step, all of
/// b together.
template <TensorOps Ops, class Velocity>
void sample_flow_sde(Ops& ops, const typename Ops::Tensor& x, FlowDirection direction, double level, std::span<const float> noise,
                     std::span<double> log_probabilities, const Velocity& velocity) {
  const auto steps = static_cast<std::int64_t>(log_probabilities.size());
  const std::size_t count = steps == 0 ? 0 : noise.size() / log_probabilities.size();
  const std::vector<float> zeros(count, 0.0F);
  for (std::int64_t k = 0; k < steps; ++k) {
    auto scope = ops.scope();
    const SdeStep step = sde_step(k, steps, direction, level);
    const auto draw = noise.subspan(static_cast<std::size_t>(k) * count, count);
    const auto mean = ops.combine(static_cast<float>(step.x_factor), x, static_cast<float>(step.v_factor), velocity(x, k));
    ops.copy_into(x, ops.combine(1, mean, static_cast<float>(step.deviation), ops.upload(draw, x.shape())));
    // (next - mean) / deviation is the draw: nothing is read back.
    log_probabilities[static_cast<std::size_t>(k)] =
        sde_log_probability(draw, zeros, 1) - static_cast<double>(count) * std::log(step.deviation);
  }
}

}  // namespace sinew::nn
