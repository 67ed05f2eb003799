// SPDX-License-Identifier: Apache-2.0
#include "sinew/core/chunk_math.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>

#include "all_finite.hpp"
#include "sinew/core/error.hpp"
#include "sinew/core/temporal_ensembler.hpp"

namespace sinew {

namespace {

constexpr std::array<std::string_view, 4> kSchedules = {"zeros", "ones", "linear", "exp"};

}  // namespace

std::string_view to_string(PrefixSchedule schedule) noexcept { return kSchedules[static_cast<std::size_t>(schedule)]; }

PrefixSchedule prefix_schedule(std::string_view name) {
  return static_cast<PrefixSchedule>(find_name(name, kSchedules, "prefix_schedule", "schedule"));
}

template <class Scalar>
TemporalEnsembler<Scalar>::TemporalEnsembler(double coefficient, int horizon, int dim) : horizon_(horizon), dim_(dim) {
  constexpr const char* kWhere = "TemporalEnsembler";
  if (horizon < 1 || dim < 1)
    fail(ErrorCode::invalid_argument,
         {kWhere, "size", "horizon and dim of 1 and more", std::to_string(horizon) + ", " + std::to_string(dim), ""});
  const auto n = static_cast<std::size_t>(horizon);
  Scalar sum = 0;
  for (std::size_t i = 0; i < n; ++i) {
    weights_.push_back(static_cast<Scalar>(std::exp(-coefficient * static_cast<double>(i))));
    sums_.push_back(sum += weights_.back());
  }
  if (!std::isfinite(sum) || !std::isfinite(coefficient))
    fail(ErrorCode::invalid_argument,
         {kWhere, "coefficient", "a finite number whose weights are finite", std::to_string(coefficient), "ACT uses 0.01"});
  average_.resize(n * static_cast<std::size_t>(dim));
  counts_.resize(n);
}

template <class Scalar>
Status TemporalEnsembler<Scalar>::update(std::span<const Scalar> chunk, std::span<Scalar> action) noexcept {
  const auto n = static_cast<std::size_t>(horizon_), dim = static_cast<std::size_t>(dim_);
  if (chunk.size() != n * dim || action.size() != dim) return Status::bad_shape;
  if (!detail::all_finite(chunk)) return Status::not_finite;
  for (std::size_t i = 0; i < n; ++i) {
    const std::size_t slot = (static_cast<std::size_t>(first_) + i) % n;
    Scalar* average = average_.data() + slot * dim;
    const Scalar* next = chunk.data() + i * dim;
    if (static_cast<int>(i) >= filled_) {
      std::copy_n(next, dim, average);
      counts_[slot] = 1;
      continue;
    }
    const auto count = static_cast<std::size_t>(counts_[slot]);
    const Scalar before = sums_[count - 1], weight = weights_[count], after = sums_[count];
    for (std::size_t j = 0; j < dim; ++j) average[j] = (average[j] * before + next[j] * weight) / after;
    ++counts_[slot];
  }
  std::copy_n(average_.data() + static_cast<std::size_t>(first_) * dim, dim, action.begin());
  first_ = (first_ + 1) % horizon_;
  filled_ = horizon_ - 1;
  return Status::ok;
}

template class TemporalEnsembler<float>;
template class TemporalEnsembler<double>;

}  // namespace sinew
