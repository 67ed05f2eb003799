// SPDX-License-Identifier: Apache-2.0
#include "sinew/nn/token_picker.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "sinew/core/error.hpp"

namespace sinew::nn {

TokenPicker::TokenPicker(PickOptions options, std::int64_t vocab) : options_(std::move(options)), random_(options_.seed) {
  const auto check = [](bool condition, std::string_view what, std::string_view expected, const std::string& got) {
    if (!condition) fail(ErrorCode::invalid_argument, {"generate", what, expected, got, ""});
  };
  check(options_.temperature >= 0 && std::isfinite(options_.temperature), "temperature", "0 or a positive number",
        fmt::format("{}", options_.temperature));
  check(options_.top_k >= 0, "top_k", "0 or a positive number", fmt::format("{}", options_.top_k));
  check(options_.top_p > 0 && options_.top_p <= 1, "top_p", "a number above 0, at most 1", fmt::format("{}", options_.top_p));
  std::ranges::sort(options_.allowed);
  const auto repeated = std::ranges::unique(options_.allowed);  // would be drawn as often as they are named
  options_.allowed.erase(repeated.begin(), repeated.end());
  for (const auto token : options_.allowed)
    check(token >= 0 && token < vocab, "allowed tokens", fmt::format("0 to {}", vocab - 1), fmt::format("{}", token));
  candidates_.reserve(static_cast<std::size_t>(vocab));
}

std::int64_t TokenPicker::pick(std::span<const float> logits) noexcept {
  candidates_.clear();
  const auto add = [&](std::int64_t token) {
    const double logit = static_cast<double>(logits[static_cast<std::size_t>(token)]);
    if (std::isfinite(logit)) candidates_.push_back({token, logit});
  };
  if (options_.allowed.empty())
    for (std::size_t i = 0; i < logits.size(); ++i) add(static_cast<std::int64_t>(i));
  else
    for (const auto token : options_.allowed) add(token);
  if (candidates_.empty()) return -1;
  const auto larger = [](const Candidate& a, const Candidate& b) { return a.logit != b.logit ? a.logit > b.logit : a.token < b.token; };
  if (options_.temperature == 0) return std::ranges::min_element(candidates_, larger)->token;

  const std::size_t most =
      options_.top_k == 0 ? candidates_.size() : std::min(candidates_.size(), static_cast<std::size_t>(options_.top_k));
  std::partial_sort(candidates_.begin(), candidates_.begin() + static_cast<std::ptrdiff_t>(most), candidates_.end(), larger);
  candidates_.resize(most);
  double sum = 0;
  const double largest = candidates_.front().logit;
  for (auto& candidate : candidates_) sum += candidate.logit = std::exp((candidate.logit - largest) / options_.temperature);
  double kept = 0;
  std::size_t count = 0;
  while (count < candidates_.size() && kept < options_.top_p * sum) kept += candidates_[count++].logit;
  double drawn = random_.uniform(0, kept);
  for (std::size_t i = 0; i < count; ++i)
    if ((drawn -= candidates_[i].logit) < 0) return candidates_[i].token;
  return candidates_[count - 1].token;
}

}  // namespace sinew::nn
