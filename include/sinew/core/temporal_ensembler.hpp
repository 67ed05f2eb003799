// SPDX-License-Identifier: Apache-2.0
// ACT's temporal ensembling in its on-line form.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "sinew/core/status.hpp"

namespace sinew {

/// Averages all predictions of one moment, made by successive chunks, with weights `exp(-coefficient * i)`, i = 0 for the oldest
/// (Zhao et al., arXiv 2304.13705; huggingface/lerobot @ 7427f31 src/lerobot/policies/act/modeling_act.py). A positive coefficient
/// favours old predictions, a negative one new ones. One inference per control step; works in the policy's normalised space.
/// One thread. Allocates only while being made.
template <class Scalar>
class TemporalEnsembler {
 public:
  /// Throws Error for a coefficient that is not finite or whose weights overflow, and for sizes below 1.
  TemporalEnsembler(double coefficient, int horizon, int dim);

  [[nodiscard]] int horizon() const noexcept { return horizon_; }
  [[nodiscard]] int dim() const noexcept { return dim_; }

  /// Takes the chunk `[horizon, dim]` predicted now and writes the action `[dim]` of now. `bad_shape`; `not_finite`: the chunk is
  /// refused and nothing changes, neither here nor in `action`.
  [[nodiscard]] Status update(std::span<const Scalar> chunk, std::span<Scalar> action) noexcept;
  /// Forgets all predictions: a new episode.
  void reset() noexcept { filled_ = 0; }

 private:
  int horizon_;
  int dim_;
  std::vector<Scalar> weights_;  // [horizon]
  std::vector<Scalar> sums_;     // [horizon], of the weights up to each
  std::vector<Scalar> average_;  // [horizon, dim], a ring whose oldest row is first_
  std::vector<int> counts_;      // [horizon], predictions in each average
  int first_ = 0;
  int filled_ = 0;  // 0 or horizon - 1 between calls
};

extern template class TemporalEnsembler<float>;
extern template class TemporalEnsembler<double>;

}  // namespace sinew
