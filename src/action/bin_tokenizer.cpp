// SPDX-License-Identifier: Apache-2.0
#include "sinew/action/bin_tokenizer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "../core/all_finite.hpp"
#include "sinew/core/error.hpp"

namespace sinew {

namespace {

constexpr TokenId kMaxId = 1 << 30;

/// numpy.linspace(-1, 1, count), to the bit.
std::vector<double> edges_of(int count) {
  const double step = 2.0 / (count - 1);
  std::vector<double> edges(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) edges[static_cast<std::size_t>(i)] = i * step + -1.0;
  edges.back() = 1.0;
  return edges;
}

const BinTokenizerOptions& checked(const BinTokenizerOptions& options) {
  const auto refuse = [](std::string_view what, std::string_view expected, const std::string& got) {
    fail(ErrorCode::invalid_argument, {"BinTokenizer", what, expected, got, ""});
  };
  if (options.bins < 2 || options.bins > BinTokenizer::kMaxBins)
    refuse("bins", fmt::format("2 to {}", BinTokenizer::kMaxBins), std::to_string(options.bins));
  if (options.rule == BinRule::openvla) {
    if (options.vocab_size < options.bins || options.vocab_size > kMaxId)
      refuse("vocab_size", fmt::format("{} (bins) to {}", options.bins, kMaxId), std::to_string(options.vocab_size));
    return options;
  }
  if (options.offset < 0 || options.offset > kMaxId) refuse("offset", fmt::format("0 to {}", kMaxId), std::to_string(options.offset));
  if (options.low.empty() || options.low.size() != options.high.size())
    refuse("low and high", "one of each per dimension", fmt::format("{} and {}", options.low.size(), options.high.size()));
  for (std::size_t i = 0; i < options.low.size(); ++i)
    if (!(options.low[i] < options.high[i]) || !std::isfinite(options.high[i] - options.low[i]))
      refuse(fmt::format("limits of dimension {}", i), "finite, low below high", fmt::format("{} and {}", options.low[i], options.high[i]));
  return options;
}

}  // namespace

BinTokenizer::BinTokenizer(const BinTokenizerOptions& options) : rule_(checked(options).rule) {
  if (rule_ == BinRule::openvla) {
    edges_ = edges_of(options.bins);
    low_ = {-1.0};
    high_ = {1.0};
    bins_ = options.bins - 1;
    first_id_ = options.vocab_size - options.bins;
  } else {
    low_ = options.low;
    high_ = options.high;
    bins_ = options.bins;
    first_id_ = options.offset;
  }
  ids_ = options.bins;
  for (std::size_t i = 0; i < low_.size(); ++i) width_.push_back((high_[i] - low_[i]) / bins_);
}

/// numpy.digitize(value, edges) - 1 of a value in [-1, 1]: the last edge that is not above it.
int BinTokenizer::openvla_bin(double value) const noexcept {
  int bin = std::clamp(static_cast<int>((value + 1) * 0.5 * bins_), 0, bins_);
  // The guess is off by a rounding at most.
  while (bin > 0 && edges_[static_cast<std::size_t>(bin)] > value) --bin;
  while (bin < bins_ && edges_[static_cast<std::size_t>(bin) + 1] <= value) ++bin;
  return bin;
}

int BinTokenizer::uniform_bin(double value, std::size_t dimension) const noexcept {
  return std::clamp(static_cast<int>((value - low_[dimension]) / width_[dimension]), 0, bins_ - 1);
}

template <class Value>
Status BinTokenizer::encode_values(std::span<const Value> values, std::span<TokenId> ids) const noexcept {
  if (values.size() != ids.size() || values.size() % dim() != 0) return Status::bad_shape;
  if (!detail::all_finite(values)) return Status::not_finite;
  for (std::size_t i = 0, dimension = 0; i < values.size(); ++i) {
    const double value = std::clamp(static_cast<double>(values[i]), low_[dimension], high_[dimension]);
    ids[i] = rule_ == BinRule::openvla ? last_id() - openvla_bin(value) : first_id_ + uniform_bin(value, dimension);
    if (++dimension == dim()) dimension = 0;
  }
  return Status::ok;
}

template <class Value>
Status BinTokenizer::decode_ids(std::span<const TokenId> ids, std::span<Value> values, UnknownIds unknown) const noexcept {
  if (values.size() != ids.size() || values.size() % dim() != 0) return Status::bad_shape;
  const auto known = [this](TokenId id) { return id >= first_id_ && id <= last_id(); };
  if (unknown == UnknownIds::refuse && !std::all_of(ids.begin(), ids.end(), known)) return Status::out_of_range;
  for (std::size_t i = 0, dimension = 0; i < ids.size(); ++i) {
    const std::int64_t place = rule_ == BinRule::openvla ? std::int64_t{last_id()} - ids[i] : std::int64_t{ids[i]} - first_id_;
    const auto bin = static_cast<std::size_t>(std::clamp<std::int64_t>(place, 0, bins_ - 1));
    const double centre = rule_ == BinRule::openvla ? (edges_[bin] + edges_[bin + 1]) / 2
                                                    : low_[dimension] + (static_cast<double>(bin) + 0.5) * width_[dimension];
    values[i] = static_cast<Value>(centre);
    if (++dimension == dim()) dimension = 0;
  }
  return Status::ok;
}

Status BinTokenizer::encode(std::span<const float> values, std::span<TokenId> ids) const noexcept { return encode_values(values, ids); }
Status BinTokenizer::encode(std::span<const double> values, std::span<TokenId> ids) const noexcept { return encode_values(values, ids); }
Status BinTokenizer::decode(std::span<const TokenId> ids, std::span<float> values, UnknownIds unknown) const noexcept {
  return decode_ids(ids, values, unknown);
}
Status BinTokenizer::decode(std::span<const TokenId> ids, std::span<double> values, UnknownIds unknown) const noexcept {
  return decode_ids(ids, values, unknown);
}

}  // namespace sinew
