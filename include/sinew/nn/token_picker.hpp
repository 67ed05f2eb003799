// SPDX-License-Identifier: Apache-2.0
// From logits to the next token.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sinew/core/random.hpp"

namespace sinew::nn {

/// How tokens are chosen.
struct PickOptions {
  double temperature = 0;  ///< 0: the largest logit; else logits are divided by it and a token is drawn
  int top_k = 0;           ///< draw among so many of the largest; 0: all
  double top_p = 1;        ///< draw among the fewest whose probabilities add up to this
  std::uint64_t seed = 0;
  std::vector<std::int64_t> allowed{};  ///< no other token is chosen; empty: all may be
};

/// Picks one token after the other. Of equal logits the smaller id comes first.
class TokenPicker {
 public:
  /// Throws Error for options outside their ranges and allowed tokens outside the vocabulary.
  TokenPicker(PickOptions options, std::int64_t vocab);
  /// -1 when no logit of an allowed token is finite.
  [[nodiscard]] std::int64_t pick(std::span<const float> logits) noexcept;

 private:
  struct Candidate {
    std::int64_t token;
    double logit;
  };

  PickOptions options_;
  Random random_;
  std::vector<Candidate> candidates_;
};

}  // namespace sinew::nn
