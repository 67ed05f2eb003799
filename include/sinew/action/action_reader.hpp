// SPDX-License-Identifier: Apache-2.0
// The first half of every decoder: the policy's `actions` tensor, checked and mapped back to SI units.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "sinew/core/action_chunk.hpp"
#include "sinew/core/card.hpp"
#include "sinew/core/fixed_text.hpp"
#include "sinew/core/normalizer.hpp"
#include "sinew/core/observation.hpp"
#include "sinew/core/tensor_spec.hpp"

namespace sinew {

/// Reads `actions f32 [horizon, dim]` and un-normalises it; knows what every chunk of the policy has in common.
class ActionReader {
 public:
  /// Throws Error when `validate` refuses the card, its decoder is another kind or its statistics are missing; `where` begins the
  /// message.
  ActionReader(const PolicyCard& card, const Statistics& statistics, DecoderKind kind, const std::string& where);

  [[nodiscard]] const TensorSpecs& spec() const noexcept { return specs_; }
  [[nodiscard]] int horizon() const noexcept { return horizon_; }
  /// Columns of the tensor.
  [[nodiscard]] int dim() const noexcept { return dim_; }

  /// Keeps the actions in SI units for `row`. `missing`, `bad_shape` or `not_finite`, with the reason in `error`, otherwise.
  [[nodiscard]] Status read(const TensorMap& in, FixedText& error) noexcept;
  /// Step `i` of the last `read`, `[dim]`; valid until the next one.
  [[nodiscard]] std::span<const double> row(int i) const noexcept;
  /// Sets size, times, ids and joint order of `chunk`; allocates when the chunk has never been that large.
  [[nodiscard]] Status start(ActionChunk& chunk, ActionSpace space, int columns, const Observation& observation) const noexcept;

 private:
  TensorSpecs specs_;
  int horizon_;
  int dim_;
  Time dt_;
  std::uint64_t joint_order_hash_;
  Normalizer normalizer_;
  std::vector<double> values_;  // [horizon, dim]
};

}  // namespace sinew
