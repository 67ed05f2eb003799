// SPDX-License-Identifier: Apache-2.0
// Acceptance rules, and how a new chunk joins the old ones.
#include "sinew/motion/chunk_timeline.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "../core/all_finite.hpp"
#include "chunk_plan.hpp"
#include "sinew/core/error.hpp"

namespace sinew {

using detail::ChunkPlan;
using detail::ColumnKind;
using detail::is_finite;

namespace {

/// Pieces into which the rest of an old plan is cut for the blend: at least so many, and more for a chunk that begins late.
constexpr int kBlendPieces = 16, kMostPieces = 256;
constexpr Time kBlendPiece = std::chrono::milliseconds(8);

/// Instants beyond this (36 years) are refused, so that no sum of times can overflow.
constexpr Time kLatest = std::chrono::hours(24 * 365 * 36);

/// How far from 1 the length of a quaternion may be: single precision, and a few products.
constexpr double kUnitTolerance = 1e-3;

bool representable(Time t) noexcept { return t >= -kLatest && t <= kLatest; }

[[noreturn]] void refuse(std::string_view what, std::string_view expected, const std::string& got) {
  fail(ErrorCode::invalid_argument, {"ChunkTimeline", what, expected, got, ""});
}

void require_positive(std::string_view what, Time value) {
  if (value <= Time{} || value > std::chrono::hours(1))
    refuse(what, "more than 0 s, at most 3600 s", fmt::format("{} s", to_seconds(value)));
}

void require_column(std::string_view what, int column, int last) {
  if (column < 0 || column > last) refuse(what, fmt::format("0 to {}", last), fmt::format("{}", column));
}

void check_options(int dof, const ChunkTimelineOptions& options) {
  constexpr int kMost = 1 << 16, kMostChunks = 1024;
  if (dof < 1 || dof > kMost) refuse("dof", fmt::format("1 to {}", kMost), fmt::format("{}", dof));
  if (options.max_horizon < 1 || options.max_horizon > kMost)
    refuse("max_horizon", fmt::format("1 to {}", kMost), fmt::format("{}", options.max_horizon));
  if (options.blend != Time{}) require_positive("blend", options.blend);
  if (options.validity != Time{}) require_positive("validity", options.validity);
  if (options.dt != Time{}) require_positive("dt", options.dt);
  require_positive("max_lead", options.max_lead);
  require_positive("max_age", options.max_age);
  require_positive("max_dt", options.max_dt);
  if (options.ensemble_chunks < 1 || options.ensemble_chunks > kMostChunks)
    refuse("ensemble_chunks", fmt::format("1 to {}", kMostChunks), fmt::format("{}", options.ensemble_chunks));
  if (!(std::abs(options.ensemble_coefficient) * options.ensemble_chunks < 700))
    refuse("ensemble_coefficient", "weights that are numbers", fmt::format("{}", options.ensemble_coefficient));
  const auto width = static_cast<std::size_t>(dof);
  if (options.lower.size() != options.upper.size() || (!options.lower.empty() && options.lower.size() != width))
    refuse("envelope", fmt::format("{} lower and upper values, or none", dof),
           fmt::format("{} and {}", options.lower.size(), options.upper.size()));
  for (std::size_t i = 0; i < options.lower.size(); ++i)
    if (!(options.lower[i] <= options.upper[i]))
      refuse(fmt::format("envelope of column {}", i), "lower <= upper", fmt::format("[{}, {}]", options.lower[i], options.upper[i]));
  if (!(options.tolerance >= 0) || !is_finite(options.tolerance))
    refuse("tolerance", "a finite number, 0 or more", fmt::format("{}", options.tolerance));
}

std::vector<ColumnKind> column_kinds(int dof, const ChunkTimelineOptions& options) {
  std::vector<ColumnKind> kinds(static_cast<std::size_t>(dof), ColumnKind::smooth);
  const auto mark = [&](std::string_view what, std::size_t column, ColumnKind kind) {
    if (kinds[column] != ColumnKind::smooth) refuse(what, "columns that are named once", fmt::format("column {} again", column));
    kinds[column] = kind;
  };
  for (const int column : options.hold_columns) {
    require_column("hold column", column, dof - 1);
    mark("hold column", static_cast<std::size_t>(column), ColumnKind::hold);
  }
  for (const int column : options.quaternion_columns) {
    require_column("quaternion column", column, dof - 4);
    for (std::size_t i = 0; i < 4; ++i) mark("quaternion column", static_cast<std::size_t>(column) + i, ColumnKind::quaternion);
  }
  return kinds;
}

}  // namespace

std::string_view to_string(ChunkMerge merge) noexcept {
  switch (merge) {
    case ChunkMerge::replace: return "replace";
    case ChunkMerge::blend: return "blend";
    case ChunkMerge::ensemble: return "ensemble";
  }
  return "unknown";
}

struct ChunkTimeline::Plans {
  int dof = 0;
  ChunkTimelineOptions options;
  std::vector<ColumnKind> kinds;
  ChunkPlan active;
  ChunkPlan old;                       ///< what was due when the active chunk came, sampled over the blend; empty = nothing to blend
  ChunkPlan scratch;                   ///< the next `old` while it is computed from the present one
  std::vector<ChunkPlan> predictions;  ///< for `ensemble`: chunks as they came, the oldest first
  std::size_t prediction_count = 0;
  std::vector<double> weights;  ///< of predictions, by age
  Time blend_start{};
  mutable std::vector<double> old_target;   ///< of `blended`
  std::vector<detail::ColumnState> states;  ///< of `blended_states`
  std::vector<detail::ColumnState> old_states;
  std::vector<double> prediction;
  std::vector<double> mean;
  bool taken = false;  ///< a chunk was accepted since the last `clear`
  std::uint64_t sequence = 0;
  std::uint64_t observation_id = 0;

  [[nodiscard]] std::size_t width() const noexcept { return static_cast<std::size_t>(dof); }
  [[nodiscard]] Time blend() const noexcept { return options.merge == ChunkMerge::replace ? Time{} : options.blend; }
  [[nodiscard]] Status check(const ActionChunk& chunk, Time now) const noexcept;
  [[nodiscard]] Status check_times(const ActionChunk& chunk, Time now) const noexcept;
  [[nodiscard]] Status check_values(const ActionChunk& chunk) const noexcept;
  void take(const ActionChunk& chunk) noexcept;
  void align_signs(std::span<double> samples, std::size_t column) const noexcept;
  void average(std::span<double> samples) noexcept;
  void keep_old(Time now, Time start) noexcept;
  void blended(Time t, std::span<double> target) const noexcept;
  void blended_states(Time t) noexcept;
};

ChunkTimeline::ChunkTimeline(int dof, ChunkTimelineOptions options) : plans_(std::make_unique<Plans>()) {
  check_options(dof, options);
  Plans& plans = *plans_;
  plans.dof = dof;
  plans.kinds = column_kinds(dof, options);
  plans.options = std::move(options);
  plans.active.allocate(plans.options.max_horizon, plans.kinds);
  for (ChunkPlan* plan : {&plans.old, &plans.scratch}) plan->allocate(kMostPieces + 1, plans.kinds);
  for (auto* values : {&plans.old_target, &plans.prediction, &plans.mean}) values->resize(plans.width());
  for (auto* states : {&plans.states, &plans.old_states}) states->resize(plans.width());
  if (plans.options.merge != ChunkMerge::ensemble) return;
  plans.predictions.resize(static_cast<std::size_t>(plans.options.ensemble_chunks));
  for (std::size_t i = 0; i < plans.predictions.size(); ++i) {
    plans.predictions[i].allocate(plans.options.max_horizon, plans.kinds);
    plans.weights.push_back(std::exp(-plans.options.ensemble_coefficient * static_cast<double>(i)));
  }
}

ChunkTimeline::ChunkTimeline(ChunkTimeline&&) noexcept = default;
ChunkTimeline& ChunkTimeline::operator=(ChunkTimeline&&) noexcept = default;
ChunkTimeline::~ChunkTimeline() = default;

Status ChunkTimeline::Plans::check_times(const ActionChunk& chunk, Time now) const noexcept {
  if (chunk.dt <= Time{} || chunk.dt > options.max_dt || !representable(chunk.t0) || !representable(now)) return Status::out_of_range;
  if (options.dt != Time{} && chunk.dt != options.dt) return Status::out_of_range;
  if (taken) {
    if (chunk.sequence <= sequence) return Status::stale;
    if (chunk.observation_id != 0 && chunk.observation_id < observation_id) return Status::stale;
  }
  if (chunk.t0 + chunk.dt * (chunk.horizon - 1) < now || chunk.t0 < now - options.max_age) return Status::stale;
  return chunk.t0 > now + options.max_lead ? Status::out_of_range : Status::ok;
}

Status ChunkTimeline::Plans::check_values(const ActionChunk& chunk) const noexcept {
  bool inside = true;
  for (int row = 0; row < chunk.horizon; ++row) {
    const std::span<const double> values = chunk.step(row);
    for (std::size_t i = 0; i < values.size(); ++i) {
      const double least = options.lower.empty() ? -kLargest : options.lower[i] - options.tolerance;
      const double most = options.upper.empty() ? kLargest : options.upper[i] + options.tolerance;
      inside = inside && values[i] >= least && values[i] <= most;
    }
    for (const int column : options.quaternion_columns) {
      double square = 0;
      for (std::size_t i = 0; i < 4; ++i)
        square += values[static_cast<std::size_t>(column) + i] * values[static_cast<std::size_t>(column) + i];
      inside = inside && std::abs(square - 1) < 2 * kUnitTolerance;
    }
  }
  return inside ? Status::ok : Status::out_of_range;
}

Status ChunkTimeline::Plans::check(const ActionChunk& chunk, Time now) const noexcept {
  if (chunk.space != options.space || chunk.dim != dof || chunk.horizon < 1) return Status::bad_shape;
  if (chunk.horizon > options.max_horizon) return Status::over_capacity;
  if (chunk.values.size() != static_cast<std::size_t>(chunk.horizon) * width()) return Status::bad_shape;
  if (chunk.joint_order_hash != 0 && options.joint_order_hash != 0 && chunk.joint_order_hash != options.joint_order_hash)
    return Status::bad_shape;
  if (!detail::all_finite(chunk.values)) return Status::not_finite;
  const Status times = check_times(chunk, now);
  return times == Status::ok ? check_values(chunk) : times;
}

Status ChunkTimeline::check(const ActionChunk& chunk, Time now) const noexcept { return plans_->check(chunk, now); }

Status ChunkTimeline::push(const ActionChunk& chunk, Time now) noexcept {
  Plans& plans = *plans_;
  const Status status = plans.check(chunk, now);
  if (status != Status::ok) return status;
  plans.keep_old(now, std::max(now, chunk.t0));
  plans.take(chunk);
  plans.taken = true;
  plans.sequence = chunk.sequence;
  if (chunk.observation_id != 0) plans.observation_id = chunk.observation_id;
  return Status::ok;
}

void ChunkTimeline::Plans::take(const ActionChunk& chunk) noexcept {
  const std::span<double> samples = active.begin(chunk.horizon, chunk.t0, chunk.dt);
  std::copy(chunk.values.begin(), chunk.values.end(), samples.begin());
  for (const int column : options.quaternion_columns) align_signs(samples, static_cast<std::size_t>(column));
  if (options.merge == ChunkMerge::ensemble) average(samples);
  active.shape(options.validity);
}

/// q and -q are one rotation: each row gets the sign that is near the row before, the first that of the old plan.
void ChunkTimeline::Plans::align_signs(std::span<double> samples, std::size_t column) const noexcept {
  const double* before = old.empty() ? samples.data() : old.samples().data();
  for (std::size_t at = 0; at < samples.size(); at += width()) {
    double* row = samples.data() + at;
    double dot = 0;
    for (std::size_t i = column; i < column + 4; ++i) dot += before[i] * row[i];
    for (std::size_t i = column; dot < 0 && i < column + 4; ++i) row[i] = -row[i];
    before = row;
  }
}

// Each sample becomes the weighted mean of what all remembered chunks predict for its moment, this one included.
void ChunkTimeline::Plans::average(std::span<double> samples) noexcept {
  if (prediction_count == predictions.size())
    std::rotate(predictions.begin(), predictions.begin() + 1, predictions.end());
  else
    ++prediction_count;
  ChunkPlan& newest = predictions[prediction_count - 1];
  std::copy(samples.begin(), samples.end(), newest.begin(active.horizon(), active.t0(), active.dt()).begin());
  newest.shape(Time{});
  for (int row = 0; row < active.horizon(); ++row) {
    const Time t = active.t0() + row * active.dt();
    const std::span<double> sample = samples.subspan(static_cast<std::size_t>(row) * width(), width());
    double total = 0;
    std::size_t age = 0;
    for (std::size_t k = 0; k < prediction_count; ++k) {
      if (predictions[k].t0() > t || predictions[k].last() < t) continue;
      predictions[k].read(t, prediction);
      const double weight = weights[age++];
      total += weight;
      if (age > 1) detail::blend_columns(kinds, mean, weight / total, prediction);  // hold columns take the newest
      std::copy(prediction.begin(), prediction.end(), mean.begin());
    }
    std::copy(mean.begin(), mean.end(), sample.begin());
  }
}

// Note [Blending a blend]
// A chunk may arrive while the one before is still being blended in. What was due is then itself a blend; it is sampled
// over the time that the new blend takes, with its position, velocity and acceleration, beginning exactly at `now`: the target has no step
// there. Memory and time stay bounded however fast chunks arrive.
void ChunkTimeline::Plans::keep_old(Time now, Time start) noexcept {
  const Time span = start - now + blend();
  if (active.empty() || span == Time{}) {
    old.clear();
    return;
  }
  const auto pieces = static_cast<int>(std::clamp<std::int64_t>(span / kBlendPiece + 1, kBlendPieces, kMostPieces));
  const Time step = span / pieces + Time(1);
  (void)scratch.begin(pieces + 1, now, step);
  for (int row = 0; row <= pieces; ++row) {
    blended_states(now + row * step);
    scratch.set_row(row, states);
  }
  scratch.take_ranges(active, old.empty() ? active : old);
  std::swap(old, scratch);
  blend_start = start;
}

void ChunkTimeline::Plans::blended(Time t, std::span<double> target) const noexcept {
  const Time since = t - blend_start;
  if (old.empty() || since >= blend()) return active.read(t, target);
  if (since <= Time{}) return old.read(t, target);
  active.read(t, target);
  old.read(t, old_target);
  detail::blend_columns(kinds, old_target, detail::smooth_step(static_cast<double>(since.count()) / static_cast<double>(blend().count())),
                        target);
}

/// What `blended` says, with derivatives, into `states`.
void ChunkTimeline::Plans::blended_states(Time t) noexcept {
  const Time since = t - blend_start;
  if (old.empty() || since >= blend()) return active.read_states(t, states);
  if (since <= Time{}) return old.read_states(t, states);
  active.read_states(t, states);
  old.read_states(t, old_states);
  blended(t, prediction);
  const double rate = 1 / to_seconds(blend()), x = to_seconds(since) * rate, rest = 1 - x, w = detail::smooth_step(x);
  const double first = 30 * x * x * rest * rest * rate, second = 60 * x * rest * (1 - 2 * x) * rate * rate;  // of the weight
  for (std::size_t i = 0; i < width(); ++i) {
    if (kinds[i] != ColumnKind::smooth) {
      states[i].position = prediction[i];
      continue;
    }
    const detail::ColumnState a = old_states[i], b = states[i];
    const double gap = b.position - a.position, gap_rate = b.velocity - a.velocity;
    states[i] = {(1.0 - w) * a.position + w * b.position, (1 - w) * a.velocity + w * b.velocity + first * gap,
                 (1 - w) * a.acceleration + w * b.acceleration + 2 * first * gap_rate + second * gap};
  }
}

Status ChunkTimeline::at(Time t, std::span<double> target) const noexcept {
  if (empty()) return Status::not_ready;
  if (target.size() != plans_->width()) return Status::bad_shape;
  const Time instant = std::clamp(t, -2 * kLatest, 2 * kLatest);
  plans_->blended(instant, target);
  return instant > end() ? Status::stopped : Status::ok;
}

void ChunkTimeline::delay(Time by) noexcept {
  Plans& plans = *plans_;
  for (ChunkPlan* plan : {&plans.active, &plans.old}) plan->delay(by);
  plans.blend_start += by;
}

int ChunkTimeline::first_row_after(Time now) const noexcept {
  const ChunkPlan& plan = plans_->active;
  if (plan.empty() || now < plan.t0()) return 0;
  const auto rows = (now - plan.t0()) / plan.dt() + 1;
  return static_cast<int>(std::min<std::int64_t>(rows, plan.horizon()));
}

Time ChunkTimeline::end() const noexcept { return empty() ? Time{} : plans_->active.last() + plans_->options.validity; }

int ChunkTimeline::dof() const noexcept { return plans_->dof; }
bool ChunkTimeline::empty() const noexcept { return plans_->active.empty(); }
std::uint64_t ChunkTimeline::sequence() const noexcept { return plans_->sequence; }
std::uint64_t ChunkTimeline::observation_id() const noexcept { return plans_->observation_id; }
const ChunkTimelineOptions& ChunkTimeline::options() const noexcept { return plans_->options; }

void ChunkTimeline::drop_plans() noexcept {
  plans_->active.clear();
  plans_->old.clear();
  plans_->prediction_count = 0;
}

void ChunkTimeline::clear() noexcept {
  drop_plans();
  plans_->taken = false;
  plans_->sequence = plans_->observation_id = 0;
}

}  // namespace sinew
