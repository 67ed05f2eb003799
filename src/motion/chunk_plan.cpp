// SPDX-License-Identifier: Apache-2.0
// Monotone quintics between samples, slerp for quaternions, and a last stretch that slows down.
#include "chunk_plan.hpp"

#include <algorithm>
#include <cmath>

#include "stop_plan.hpp"

namespace sinew::detail {

namespace {

// Note [Between samples]
// A quintic Hermite piece: position, velocity and acceleration are continuous, so that the filter chases no steps. Velocities at the
// samples are the harmonic mean of the two neighbouring slopes, zero where these differ in sign (Fritsch and Butland 1984, SIAM J. Sci.
// Stat. Comput. 5); accelerations are the second difference, bounded by kBend times the flatter slope (kTurn where the motion turns). With
// these bounds a piece rises or falls from one sample to the next without leaving the range between them, whatever the slopes are
// (tests/motion/chunk_timeline_test.cpp walks their ratios), so that what was checked for the samples holds in between.
constexpr double kBend = 6, kTurn = 8;

double smaller_size(double a, double b) noexcept { return smaller(absolute(a), absolute(b)); }

double knot_slope(double before, double after) noexcept {
  const bool agree = (before > 0 && after > 0) || (before < 0 && after < 0);
  return agree ? 2 * before * (after / (before + after)) : 0;
}

double knot_bend(double before, double after) noexcept {
  const bool agree = (before > 0 && after > 0) || (before < 0 && after < 0);
  const double most = smaller_size(before, after) * (agree ? kBend : kTurn);
  return clamped(after - before, -most, most);
}

/// The piece from `from` to `to` in powers of the share of the step.
struct Quintic {
  double c0, c1, c2, c3, c4, c5;

  Quintic(double from, double to, double slope0, double slope1, double bend0, double bend1) noexcept
      : c0(from), c1(slope0), c2(0.5 * bend0) {
    const double rest = to - from - c1 - c2, slope = slope1 - c1 - 2 * c2, bend = bend1 - 2 * c2;
    c3 = 10 * rest - 4 * slope + 0.5 * bend;
    c4 = -15 * rest + 7 * slope - bend;
    c5 = 6 * rest - 3 * slope + 0.5 * bend;
  }
  [[nodiscard]] double at(double u) const noexcept { return c0 + u * (c1 + u * (c2 + u * (c3 + u * (c4 + u * c5)))); }
  [[nodiscard]] double first(double u) const noexcept { return c1 + u * (2 * c2 + u * (3 * c3 + u * (4 * c4 + u * 5 * c5))); }
  [[nodiscard]] double second(double u) const noexcept { return 2 * c2 + u * (6 * c3 + u * (12 * c4 + u * 20 * c5)); }
};

/// The share of the ending that is done at share `x` of its doubled time: velocity 1 to 0 without a step of the acceleration.
const Quintic& ending_curve() noexcept {
  static const Quintic curve(0, 1, 2, 0, 0, 0);
  return curve;
}

void slerp(const double* from, const double* to, double share, double* out) noexcept {
  double dot = 0;
  for (int i = 0; i < 4; ++i) dot += from[i] * to[i];
  const double sign = dot < 0 ? -1 : 1;  // the shorter way
  dot = smaller(absolute(dot), 1);
  constexpr double kNearby = 0.99999;  // the angle from its cosine would be inexact, and the chord is as good as the arc
  double a = 1 - share, b = share;
  if (dot < kNearby) {
    const double angle = std::acos(dot), scale = 1 / std::sin(angle);
    a = std::sin(a * angle) * scale;
    b = std::sin(b * angle) * scale;
  }
  double square = 0;
  for (int i = 0; i < 4; ++i) {
    out[i] = a * from[i] + sign * b * to[i];
    square += out[i] * out[i];
  }
  const double scale = 1 / std::sqrt(square);
  for (int i = 0; i < 4; ++i) out[i] *= scale;
}

}  // namespace

double smooth_step(double x) noexcept { return x <= 0 ? 0 : x >= 1 ? 1 : x * x * x * (10 + x * (-15 + 6 * x)); }

void blend_columns(std::span<const ColumnKind> kinds, std::span<const double> old, double weight, std::span<double> target) noexcept {
  for (std::size_t i = 0; i < target.size(); ++i) {
    if (kinds[i] == ColumnKind::hold) continue;
    if (kinds[i] == ColumnKind::quaternion) {
      slerp(old.data() + i, target.data() + i, weight, target.data() + i);
      i += 3;
    } else {
      target[i] = (1.0 - weight) * old[i] + weight * target[i];
    }
  }
}

void ChunkPlan::allocate(int max_horizon, std::span<const ColumnKind> kinds) {
  kinds_.assign(kinds.begin(), kinds.end());
  for (auto* table : {&values_, &slopes_, &bends_}) table->resize(static_cast<std::size_t>(max_horizon) * kinds.size());
  for (auto* row : {&least_, &most_}) row->resize(kinds.size());
}

std::span<double> ChunkPlan::begin(int horizon, Time t0, Time dt) noexcept {
  horizon_ = horizon;
  t0_ = t0;
  dt_ = dt;
  ending_ = Time{};
  return {values_.data(), static_cast<std::size_t>(horizon) * width()};
}

void ChunkPlan::shape(Time ending) noexcept {
  ending_ = std::min(ending, dt_ * (horizon_ - 1));
  const std::size_t columns = width(), rows = static_cast<std::size_t>(horizon_);
  for (std::size_t row = 0; row < rows; ++row)
    for (std::size_t i = 0; i < columns; ++i) {
      const double* at = values_.data() + row * columns + i;
      const double before = row > 0 ? at[0] - (at - columns)[0] : 0, after = row + 1 < rows ? at[columns] - at[0] : 0;
      const bool inside = row > 0 && row + 1 < rows;
      slopes_[row * columns + i] = inside ? knot_slope(before, after) : before + after;  // straight at the ends
      bends_[row * columns + i] = inside ? knot_bend(before, after) : 0;
      least_[i] = row == 0 ? *at : smaller(least_[i], *at);
      most_[i] = row == 0 ? *at : larger(most_[i], *at);
    }
}

void ChunkPlan::set_row(int row, std::span<const ColumnState> states) noexcept {
  const double step = to_seconds(dt_);
  for (std::size_t i = 0, at = static_cast<std::size_t>(row) * width(); i < states.size(); ++i, ++at) {
    values_[at] = states[i].position;
    slopes_[at] = states[i].velocity * step;
    bends_[at] = states[i].acceleration * step * step;
  }
}

void ChunkPlan::take_ranges(const ChunkPlan& a, const ChunkPlan& b) noexcept {
  for (std::size_t i = 0; i < width(); ++i) {
    least_[i] = smaller(a.least_[i], b.least_[i]);
    most_[i] = larger(a.most_[i], b.most_[i]);
  }
}

ChunkPlan::Place ChunkPlan::place(Time t) const noexcept {
  const Time length = dt_ * (horizon_ - 1), since = std::clamp(t - t0_, Time{}, length + ending_);
  const double step = static_cast<double>(dt_.count());
  if (since <= length - ending_ || ending_ == Time{}) {
    const auto index = static_cast<std::size_t>(since / dt_);
    return {index, static_cast<double>((since - static_cast<Time::rep>(index) * dt_).count()) / step};
  }
  const double ending = static_cast<double>(ending_.count()), x = static_cast<double>((since - (length - ending_)).count()) / (2 * ending);
  const double steps = (static_cast<double>((length - ending_).count()) + smaller(ending_curve().at(x), 1) * ending) / step;
  const double last = static_cast<double>(horizon_ - 1), place = smaller(steps, last);
  const auto index = static_cast<std::size_t>(place);
  return {index, place - static_cast<double>(index), 0.5 * ending_curve().first(x), 0.25 * ending_curve().second(x) / (ending * 1e-9)};
}

void ChunkPlan::read(Time t, std::span<double> values) const noexcept {
  const Place place = this->place(t);
  const std::size_t columns = width(), at = place.index * columns;
  const double u = place.share;
  if (u == 0) {
    std::copy_n(values_.data() + at, columns, values.data());
    return;
  }
  for (std::size_t i = 0; i < columns; ++i) {
    const std::size_t a = at + i, b = a + columns;
    const double from = values_[a], to = values_[b];
    if (kinds_[i] == ColumnKind::smooth) {
      const double x = Quintic(from, to, slopes_[a], slopes_[b], bends_[a], bends_[b]).at(u);
      values[i] = clamped(x, least_[i], most_[i]);  // against rounding
    } else if (kinds_[i] == ColumnKind::hold) {
      values[i] = from;
    } else {
      slerp(values_.data() + a, values_.data() + b, u, values.data() + i);
      i += 3;
    }
  }
}

void ChunkPlan::read_states(Time t, std::span<ColumnState> states) const noexcept {
  const Place place = this->place(t);
  const std::size_t columns = width(), at = place.index * columns;
  const bool moves = t >= t0_ && t <= end() && place.index + 1 < static_cast<std::size_t>(horizon_);
  const double per_second = 1 / to_seconds(dt_), u = place.share;
  for (std::size_t i = 0; i < columns; ++i) {
    const std::size_t a = at + i, b = a + columns;
    states[i] = {values_[a], 0, 0};
    if (!moves || kinds_[i] == ColumnKind::hold) continue;
    if (kinds_[i] == ColumnKind::quaternion) {
      double turned[4];
      slerp(values_.data() + a, values_.data() + b, u, turned);
      for (const double x : turned) states[i++] = {x, 0, 0};
      --i;
      continue;
    }
    const Quintic piece(values_[a], values_[b], slopes_[a], slopes_[b], bends_[a], bends_[b]);
    const double first = piece.first(u) * per_second, second = piece.second(u) * per_second * per_second;
    states[i] = {clamped(piece.at(u), least_[i], most_[i]), first * place.rate,
                 second * place.rate * place.rate + first * place.rate_change};
  }
}

}  // namespace sinew::detail
