// SPDX-License-Identifier: Apache-2.0
// The first half of every decoder: what the policy emits, checked and mapped back to SI units.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "sinew/action/action_tokens.hpp"
#include "sinew/core/action_chunk.hpp"
#include "sinew/core/card.hpp"
#include "sinew/core/fixed_text.hpp"
#include "sinew/core/normalizer.hpp"
#include "sinew/core/observation.hpp"
#include "sinew/core/tensor_spec.hpp"

namespace sinew {

/// The tensor that a policy with this action card emits.
[[nodiscard]] TensorSpecs action_specs(const ActionCard& action);

/// Reads a policy's actions, takes them out of their layout and un-normalises them; knows what every chunk of the policy has in common.
///
/// Numbers are `actions f32 [rows, width]`, rows and width of the card's layout, else `[horizon, dim]`. Tokens are
/// `action_ids i64 [n]`, n up to the card's max_tokens.
class ActionReader {
 public:
  /// Throws Error when `validate` refuses the card, its decoder is another kind, or its statistics or the tokenizer in `tokens` are
  /// missing; `where` begins the message.
  ActionReader(const PolicyCard& card, const Statistics& statistics, DecoderKind kind, const std::string& where, ActionTokens tokens = {});

  [[nodiscard]] const TensorSpecs& spec() const noexcept { return specs_; }
  [[nodiscard]] int horizon() const noexcept { return horizon_; }
  /// Columns of a row.
  [[nodiscard]] int dim() const noexcept { return dim_; }

  /// Keeps the actions in SI units for `row`. `missing`, `bad_shape`, `not_finite` or what the tokenizer says, with the reason in
  /// `error`, otherwise.
  [[nodiscard]] Status read(const TensorMap& in, FixedText& error) noexcept;
  /// Step `i` of the last `read`, `[dim]`; valid until the next one.
  [[nodiscard]] std::span<const double> row(int i) const noexcept;
  /// Sets size, times, ids and joint order of `chunk`; allocates when the chunk has never been that large.
  [[nodiscard]] Status start(ActionChunk& chunk, ActionSpace space, int columns, const Observation& observation) const noexcept;

 private:
  [[nodiscard]] Status find_numbers(const TensorMap& in, std::span<const float>& numbers, FixedText& error) noexcept;
  [[nodiscard]] Status map_back(std::span<const float> numbers) noexcept;

  TensorSpecs specs_;
  int horizon_;
  int dim_;
  Time dt_;
  std::uint64_t joint_order_hash_;
  std::size_t width_;                 // columns that the policy emits
  std::vector<std::size_t> columns_;  // [dim], the column of the tensor that each column of a row is; empty: the same
  Normalizer normalizer_;             // of the columns of a row when parts have their own, else of the tensor's
  bool per_part_;
  ActionTokens tokens_;
  std::vector<float> decoded_;   // [horizon, width], of tokens
  std::vector<double> tensor_;   // [horizon, width], when the columns differ
  std::vector<float> gathered_;  // [horizon, dim], when the columns differ and parts have their own normalisation
  std::vector<double> values_;   // [horizon, dim]
};

}  // namespace sinew
