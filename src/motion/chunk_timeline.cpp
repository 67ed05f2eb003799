// SPDX-License-Identifier: Apache-2.0
// Acceptance rules, interpolation and blending of action chunks.
#include "sinew/motion/chunk_timeline.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <utility>

#include "sinew/core/error.hpp"

namespace sinew {

namespace {

/// Pieces into which the rest of an old plan is cut for the blend.
constexpr int kBlendPieces = 64;

/// Instants beyond this (36 years) are refused, so that no sum of times can overflow.
constexpr Time kLatest = std::chrono::hours(24 * 365 * 36);

bool is_finite(double x) noexcept { return (std::bit_cast<std::uint64_t>(x) & 0x7FF0000000000000ULL) != 0x7FF0000000000000ULL; }

bool representable(Time t) noexcept { return t >= -kLatest && t <= kLatest; }

[[noreturn]] void refuse(std::string_view what, std::string_view expected, const std::string& got) {
  fail(ErrorCode::invalid_argument, {"ChunkTimeline", what, expected, got, ""});
}

void require_positive(std::string_view what, Time value) {
  if (value <= Time{} || value > std::chrono::hours(1))
    refuse(what, "more than 0 s, at most 3600 s", fmt::format("{} s", to_seconds(value)));
}

}  // namespace

ChunkTimeline::ChunkTimeline(int dof, ChunkTimelineOptions options) : dof_(dof), options_(std::move(options)) {
  constexpr int kMost = 1 << 16;
  if (dof < 1 || dof > kMost) refuse("dof", fmt::format("1 to {}", kMost), fmt::format("{}", dof));
  if (options_.max_horizon < 1 || options_.max_horizon > kMost)
    refuse("max_horizon", fmt::format("1 to {}", kMost), fmt::format("{}", options_.max_horizon));
  if (options_.blend != Time{}) require_positive("blend", options_.blend);
  if (options_.validity != Time{}) require_positive("validity", options_.validity);
  require_positive("max_lead", options_.max_lead);
  require_positive("max_dt", options_.max_dt);
  const auto width = static_cast<std::size_t>(dof);
  if (options_.lower.size() != options_.upper.size() || (!options_.lower.empty() && options_.lower.size() != width))
    refuse("envelope", fmt::format("{} lower and upper values, or none", dof),
           fmt::format("{} and {}", options_.lower.size(), options_.upper.size()));
  for (std::size_t i = 0; i < options_.lower.size(); ++i)
    if (!(options_.lower[i] <= options_.upper[i]))
      refuse(fmt::format("envelope of column {}", i), "lower <= upper", fmt::format("[{}, {}]", options_.lower[i], options_.upper[i]));
  if (!(options_.tolerance >= 0) || !is_finite(options_.tolerance))
    refuse("tolerance", "a finite number, 0 or more", fmt::format("{}", options_.tolerance));
  holds_.resize(width);
  for (const int column : options_.hold_columns) {
    if (column < 0 || column >= dof) refuse("hold column", fmt::format("0 to {}", dof - 1), fmt::format("{}", column));
    holds_[static_cast<std::size_t>(column)] = 1;
  }
  active_.values.resize(static_cast<std::size_t>(options_.max_horizon) * width);
  for (Plan* plan : {&old_, &scratch_}) plan->values.resize(static_cast<std::size_t>(kBlendPieces + 1) * width);
  old_target_.resize(width);
}

Status ChunkTimeline::check(const ActionChunk& chunk, Time now) const noexcept {
  if (chunk.space != ActionSpace::joint_position || chunk.dim != dof_ || chunk.horizon < 1) return Status::bad_shape;
  if (chunk.horizon > options_.max_horizon) return Status::over_capacity;
  const auto width = static_cast<std::size_t>(dof_);
  if (chunk.values.size() != static_cast<std::size_t>(chunk.horizon) * width) return Status::bad_shape;
  if (chunk.joint_order_hash != 0 && options_.joint_order_hash != 0 && chunk.joint_order_hash != options_.joint_order_hash)
    return Status::bad_shape;
  if (!std::all_of(chunk.values.begin(), chunk.values.end(), is_finite)) return Status::not_finite;
  if (chunk.dt <= Time{} || chunk.dt > options_.max_dt || !representable(chunk.t0) || !representable(now)) return Status::out_of_range;
  if (!empty() && chunk.sequence <= sequence_) return Status::stale;
  if (chunk.t0 + chunk.dt * (chunk.horizon - 1) < now) return Status::stale;
  if (chunk.t0 > now + options_.max_lead) return Status::out_of_range;
  for (std::size_t i = 0; i < chunk.values.size() && !options_.lower.empty(); ++i) {
    const std::size_t column = i % width;
    if (chunk.values[i] < options_.lower[column] - options_.tolerance || chunk.values[i] > options_.upper[column] + options_.tolerance)
      return Status::out_of_range;
  }
  return Status::ok;
}

Status ChunkTimeline::push(const ActionChunk& chunk, Time now) noexcept {
  const Status status = check(chunk, now);
  if (status != Status::ok) return status;
  keep_old(now, std::max(now, chunk.t0));
  std::copy(chunk.values.begin(), chunk.values.end(), active_.values.begin());
  active_.horizon = chunk.horizon;
  active_.t0 = chunk.t0;
  active_.dt = chunk.dt;
  sequence_ = chunk.sequence;
  return Status::ok;
}

// Note [Blending a blend]
// A chunk may arrive while the one before is still being blended in. What was due is then itself a blend; it is sampled
// over the time that the new blend takes, beginning exactly at `now`, so that the target has no step there. Memory and
// time stay bounded however fast chunks arrive.
void ChunkTimeline::keep_old(Time now, Time start) noexcept {
  const Time span = start - now + options_.blend;
  if (empty() || span == Time{}) {
    old_.horizon = 0;
    return;
  }
  const auto width = static_cast<std::size_t>(dof_);
  scratch_.t0 = now;
  scratch_.dt = span / kBlendPieces + Time(1);
  scratch_.horizon = kBlendPieces + 1;
  for (int i = 0; i < scratch_.horizon; ++i)
    blended(now + i * scratch_.dt, {scratch_.values.data() + static_cast<std::size_t>(i) * width, width});
  std::swap(old_, scratch_);
  blend_start_ = start;
}

// Note [Between samples]
// A cubic Hermite piece whose tangents are the harmonic mean of the two neighbouring slopes, zero where these differ in
// sign (Fritsch and Butland 1984, SIAM J. Sci. Stat. Comput. 5): the velocity of the target has no steps, and the piece
// rises or falls from one sample to the next without leaving the range between them. It is written as a weight in [0, 1],
// so that rounding cannot leave that range either. Straight pieces would make the filter chase a velocity step at each
// sample.
namespace {

/// Tangent at the joint of two pieces in units of the slope of the second; 1 (straight) when there is no first, 0 at a turn.
double relative_tangent(double neighbour, double slope) noexcept {
  const double ratio = 2 * neighbour / (neighbour + slope);
  if (!(neighbour > 0 && slope > 0) && !(neighbour < 0 && slope < 0)) return 0;
  return is_finite(ratio) ? ratio : 1;  // slopes near the largest double
}

/// Weight of the later sample at `share` of a piece with relative tangents `a` and `b`.
double cubic_weight(double share, double a, double b) noexcept {
  const double rest = 1 - share;
  const double weight = share * share * (3 - 2 * share) + share * rest * (rest * a - share * b);
  return weight < 0 ? 0 : weight > 1 ? 1 : weight;
}

}  // namespace

void ChunkTimeline::read(const Plan& plan, Time t, std::span<double> target) const noexcept {
  const Time since = std::clamp(t - plan.t0, Time{}, plan.dt * (plan.horizon - 1));
  const auto index = static_cast<std::size_t>(since / plan.dt);
  const Time rest = since - static_cast<Time::rep>(index) * plan.dt;
  const double share = static_cast<double>(rest.count()) / static_cast<double>(plan.dt.count());
  const auto width = static_cast<std::size_t>(dof_);
  const double* from = plan.values.data() + index * width;
  const double* to = rest == Time{} ? from : from + width;
  const bool has_earlier = index > 0;
  const bool has_later = index + 2 < static_cast<std::size_t>(plan.horizon);
  for (std::size_t i = 0; i < width; ++i) {
    if (holds_[i] != 0 || rest == Time{}) {
      target[i] = from[i];
      continue;
    }
    const double slope = to[i] - from[i];
    const double a = has_earlier ? relative_tangent(from[i] - (from - width)[i], slope) : 1;
    const double b = has_later ? relative_tangent((to + width)[i] - to[i], slope) : 1;
    const double weight = cubic_weight(share, a, b);
    // Unlike from + weight (to - from), this form cannot overflow.
    target[i] = (1.0 - weight) * from[i] + weight * to[i];
  }
}

void ChunkTimeline::blended(Time t, std::span<double> target) const noexcept {
  const Time since = t - blend_start_;
  if (old_.horizon == 0 || since >= options_.blend) return read(active_, t, target);
  if (since <= Time{}) return read(old_, t, target);
  read(active_, t, target);
  read(old_, t, old_target_);
  const double weight = static_cast<double>(since.count()) / static_cast<double>(options_.blend.count());
  for (std::size_t i = 0; i < target.size(); ++i)
    if (holds_[i] == 0) target[i] = (1.0 - weight) * old_target_[i] + weight * target[i];
}

Status ChunkTimeline::at(Time t, std::span<double> target) const noexcept {
  if (empty()) return Status::not_ready;
  if (target.size() != static_cast<std::size_t>(dof_)) return Status::bad_shape;
  const Time instant = std::clamp(t, -2 * kLatest, 2 * kLatest);
  blended(instant, target);
  return instant > end() ? Status::stopped : Status::ok;
}

Time ChunkTimeline::end() const noexcept { return empty() ? Time{} : active_.t0 + active_.dt * (active_.horizon - 1) + options_.validity; }

void ChunkTimeline::clear() noexcept {
  active_.horizon = 0;
  old_.horizon = 0;
  sequence_ = 0;
}

}  // namespace sinew
