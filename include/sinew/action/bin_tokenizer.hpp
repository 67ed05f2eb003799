// SPDX-License-Identifier: Apache-2.0
// Actions as one token per value: OpenVLA's bins at the end of a vocabulary, or uniform bins with limits per dimension.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "sinew/core/status.hpp"
#include "sinew/io/tokenizer.hpp"

namespace sinew {

/// How values become bins, and bins ids.
enum class BinRule : std::uint8_t {
  openvla,  ///< edges linspace(-1, 1, bins): bins - 1 bins; id = vocab_size - digitize(value), so a larger value has a smaller id
  uniform   ///< `bins` bins of equal width over [low, high] of a dimension; id = offset + bin
};

/// What a BinTokenizer needs; `vocab_size` belongs to `openvla`, the last three to `uniform`.
struct BinTokenizerOptions {
  BinRule rule = BinRule::openvla;
  TokenId vocab_size = 32000;
  int bins = 256;
  std::vector<double> low, high;  ///< [dim]
  TokenId offset = 0;
};

/// What decode does with ids that stand for no bin.
enum class UnknownIds : std::uint8_t {
  refuse,  ///< Status::out_of_range
  clip     ///< the nearest bin, as OpenVLA's ActionTokenizer does
};

/// Values to token ids and back. Immutable; shared by threads. Values outside the limits are clipped to them.
///
/// OpenVLA: prismatic/vla/action_tokenizer.py of moojink/openvla-oft 213c5ff8. Two ids decode to the last bin there:
/// value 1 has an edge, and an id, of its own. The 256 state bins of pi0.5 are state_bin() in observation/prompt.hpp.
class BinTokenizer {
 public:
  static constexpr int kMaxBins = 1 << 16;

  /// Throws Error for sizes that do not fit, empty or crossed limits.
  explicit BinTokenizer(const BinTokenizerOptions& options);

  /// One id per value; `values` are rows of dim() values. `bad_shape`: the sizes differ; `not_finite`: NaN or infinity,
  /// `ids` is then as it was.
  [[nodiscard]] Status encode(std::span<const float> values, std::span<TokenId> ids) const noexcept;
  [[nodiscard]] Status encode(std::span<const double> values, std::span<TokenId> ids) const noexcept;
  /// The centres of the bins of `ids`. On a status other than ok `values` is as it was.
  [[nodiscard]] Status decode(std::span<const TokenId> ids, std::span<float> values,
                              UnknownIds unknown = UnknownIds::refuse) const noexcept;
  [[nodiscard]] Status decode(std::span<const TokenId> ids, std::span<double> values,
                              UnknownIds unknown = UnknownIds::refuse) const noexcept;

  [[nodiscard]] BinRule rule() const noexcept { return rule_; }
  /// Values per row: 1 where all dimensions have the same limits.
  [[nodiscard]] std::size_t dim() const noexcept { return low_.size(); }
  /// The ids that encode gives: first_id() to last_id().
  [[nodiscard]] TokenId first_id() const noexcept { return first_id_; }
  [[nodiscard]] TokenId last_id() const noexcept { return first_id_ + ids_ - 1; }
  /// Width of a bin of this dimension.
  [[nodiscard]] double width(std::size_t dimension) const noexcept { return width_[dimension]; }

 private:
  template <class Value>
  Status encode_values(std::span<const Value> values, std::span<TokenId> ids) const noexcept;
  template <class Value>
  Status decode_ids(std::span<const TokenId> ids, std::span<Value> values, UnknownIds unknown) const noexcept;
  [[nodiscard]] int openvla_bin(double value) const noexcept;
  [[nodiscard]] int uniform_bin(double value, std::size_t dimension) const noexcept;

  BinRule rule_;
  std::vector<double> low_, high_, width_;  // [dim]
  std::vector<double> edges_;               // of openvla
  int bins_;                                // that have a centre
  TokenId first_id_, ids_;
};

}  // namespace sinew
