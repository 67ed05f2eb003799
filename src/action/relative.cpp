// SPDX-License-Identifier: Apache-2.0
#include "sinew/action/relative.hpp"

#include <algorithm>
#include <cmath>

#include "../core/all_finite.hpp"
#include "sinew/core/error.hpp"

namespace sinew {

namespace {

std::string lower(const std::string& text) {
  std::string result = text;
  std::ranges::transform(result, result.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return result;
}

}  // namespace

std::vector<bool> relative_mask(std::span<const std::string> names, std::span<const std::string> exclude, std::size_t dim) {
  std::vector<bool> mask(dim, true);
  for (std::size_t i = 0; i < std::min(dim, names.size()); ++i)
    mask[i] = std::ranges::none_of(
        exclude, [name = lower(names[i])](const std::string& token) { return name.find(lower(token)) != std::string::npos; });
  return mask;
}

std::vector<bool> relative_mask(std::span<const int> runs) {
  std::vector<bool> mask;
  for (const int run : runs) {
    if (run == 0 || run > 65536 || run < -65536)
      fail(ErrorCode::invalid_argument,
           {"relative_mask", "run", "a number of dimensions up to 65536, negative for absolute ones", std::to_string(run), ""});
    mask.insert(mask.end(), static_cast<std::size_t>(std::abs(run)), run > 0);
  }
  return mask;
}

RelativeActions::RelativeActions(const std::vector<bool>& mask) : mask_(mask.begin(), mask.end()) {
  while (!mask_.empty() && mask_.back() == 0) mask_.pop_back();
}

Status RelativeActions::to_relative(std::span<double> actions, std::size_t dim, std::span<const double> state) const noexcept {
  return add(actions, dim, state, -1);
}

Status RelativeActions::to_absolute(std::span<double> actions, std::size_t dim, std::span<const double> state) const noexcept {
  return add(actions, dim, state, 1);
}

Status RelativeActions::add(std::span<double> actions, std::size_t dim, std::span<const double> state, double sign) const noexcept {
  if (dim == 0 || actions.size() % dim != 0 || mask_.size() > dim || state.size() < mask_.size()) return Status::bad_shape;
  if (!detail::all_finite(actions)) return Status::not_finite;
  for (std::size_t j = 0; j < mask_.size(); ++j)
    if (mask_[j] != 0 && !std::isfinite(state[j])) return Status::not_finite;
  for (std::size_t at = 0; at < actions.size(); at += dim)
    for (std::size_t j = 0; j < mask_.size(); ++j)
      if (mask_[j] != 0) actions[at + j] += sign * state[j];
  return Status::ok;
}

RelativeReference::RelativeReference(std::size_t capacity, std::size_t dim) : dim_(dim), entries_(capacity), states_(capacity * dim) {
  if (capacity == 0 || dim == 0)
    fail(ErrorCode::invalid_argument, {"RelativeReference", "size", "a capacity and dimensions of 1 and more", "0", ""});
}

Status RelativeReference::remember(std::uint64_t observation_id, std::span<const double> state) noexcept {
  if (state.empty() || state.size() > dim_) return Status::bad_shape;
  if (!detail::all_finite(state)) return Status::not_finite;
  // An id that comes again takes its own place: two states of one id would be a guess.
  const auto same = std::ranges::find_if(entries_, [&](const Entry& entry) { return entry.size != 0 && entry.id == observation_id; });
  const auto at = same != entries_.end() ? static_cast<std::size_t>(same - entries_.begin()) : next_;
  if (same == entries_.end()) next_ = (next_ + 1) % entries_.size();
  entries_[at] = {observation_id, state.size()};
  std::ranges::copy(state, states_.begin() + static_cast<std::ptrdiff_t>(at * dim_));
  return Status::ok;
}

std::span<const double> RelativeReference::find(std::uint64_t observation_id) const noexcept {
  for (std::size_t i = 0; i < entries_.size(); ++i)
    if (entries_[i].size != 0 && entries_[i].id == observation_id) return std::span(states_).subspan(i * dim_, entries_[i].size);
  return {};
}

Status RelativeReference::to_absolute(const RelativeActions& relative, std::uint64_t observation_id, std::span<double> actions,
                                      std::size_t dim) const noexcept {
  const auto state = find(observation_id);
  return state.empty() ? Status::stale : relative.to_absolute(actions, dim, state);
}

void RelativeReference::reset() noexcept { std::ranges::fill(entries_, Entry{}); }

Status reanchor_prefix(const RelativeActions& relative, const Normalizer& normalizer, std::span<const double> state,
                       std::span<double> absolute, std::span<float> prefix) noexcept {
  if (absolute.size() != prefix.size()) return Status::bad_shape;
  if (const Status status = relative.to_relative(absolute, normalizer.dim(), state); status != Status::ok) return status;
  return normalizer.forward(absolute, prefix);
}

}  // namespace sinew
