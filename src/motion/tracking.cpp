// SPDX-License-Identifier: Apache-2.0
// Tracking law: choose the acceleration whose braking trajectory ends on the target.
#include "tracking.hpp"

#include <cmath>

namespace sinew::detail {

namespace {

/// Positive root of p^2 + b p = c, for b > 0 and c >= 0.
double positive_root(double b, double c) noexcept { return c > 0 ? 2.0 * c / (b + std::sqrt(b * b + 4.0 * c)) : 0.0; }

/// Peak of the braking acceleration, v and a mirrored so that it points against the axis. One of four closed forms, by
/// which of the two ramps (to the peak; back to zero) is held to the shortest duration `s`.
double braking_peak(double v, double a, double jerk, double s) noexcept {
  const double short_ramp = jerk * s;
  const double both_long = std::sqrt(larger(jerk * v + 0.5 * a * a, 0.0));
  if (both_long >= short_ramp && both_long + a >= short_ramp) return both_long;
  const double first_short = positive_root(short_ramp, jerk * (2.0 * v + s * a));
  if (first_short >= short_ramp && absolute(first_short + a) <= short_ramp) return first_short;
  const double second_short = positive_root(short_ramp, 2.0 * jerk * v + a * a);
  if (second_short <= short_ramp && second_short + a >= short_ramp) return second_short;
  return v / s + 0.5 * a;
}

/// The largest acceleration after which the velocity, with the acceleration let go at once, peaks below `velocity`.
double acceleration_below(double velocity, double v, double a, const TrackingGains& gains, const TickTimes& times) noexcept {
  const double room = velocity - v - 0.5 * a * times.seconds;
  const double linear = room * times.per_ramp;
  if (linear <= gains.jerk * times.smoothing) return linear;
  const double reach = a + gains.jerk * times.seconds;  // of this tick
  if (0.5 * reach * times.seconds + 0.5 * reach * reach / gains.jerk <= room) return reach;
  return positive_root(gains.jerk * times.seconds, 2.0 * gains.jerk * room);
}

}  // namespace

double rest_position(const JointState& x, const TrackingGains& gains, const TickTimes& times) noexcept {
  const double s = times.smoothing;
  const double jerk = gains.jerk;
  const double linear_peak = -(x.v * times.per_smoothing + 0.5 * x.a);
  const double steepest = jerk * s;
  if (absolute(linear_peak) <= steepest && absolute(linear_peak - x.a) <= steepest && absolute(linear_peak) <= gains.acceleration)
    return x.q + s * (x.v + s * x.a / 3.0);

  const double sign = x.v + 0.5 * x.a * absolute(x.a) / jerk < 0 ? -1.0 : 1.0;
  const double v = sign * x.v;
  const double a = sign * x.a;
  const double free_peak = braking_peak(v, a, jerk, s);
  const double peak = free_peak < gains.acceleration ? free_peak : gains.acceleration;
  const double ramp = larger(s, absolute(peak + a) / jerk);
  const double release = larger(s, absolute(peak) / jerk);
  const JointState braking = advance({0.0, v, a}, -peak, ramp);
  // What the two ramps leave of the velocity is braked away at the peak.
  const double released = braking.v - 0.5 * peak * release;
  const double hold = free_peak > peak ? larger(released / peak, 0.0) : 0.0;
  const double distance =
      braking.q + hold * (braking.v - 0.5 * hold * peak) + 0.5 * peak * release * release - peak * release * release / 3.0;
  return x.q + sign * distance;
}

double tracking_acceleration(const JointState& x, const TrackingTarget& target, const TrackingGains& gains,
                             const TickTimes& times) noexcept {
  const double seconds = times.seconds;
  const double reach = gains.jerk * seconds;
  double low = larger(x.a - reach, -gains.acceleration);
  double high = x.a + reach < gains.acceleration ? x.a + reach : gains.acceleration;
  high = clamped(acceleration_below(gains.velocity, x.v, x.a, gains, times), low, high);
  low = clamped(-acceleration_below(gains.velocity, -x.v, -x.a, gains, times), low, high);

  // Seen from a frame that is on the target at the end of the tick and moves with it.
  const double error = x.q - target.position + target.velocity * seconds;
  const JointState relative{absolute(error) > gains.resolution ? error : 0.0, x.v - target.velocity, x.a};
  const auto miss = [&](double end) { return rest_position(advance(relative, end, seconds), gains, times); };

  // Near rest the miss is linear in `end`: solve it at once. This also makes rest on the target a fixed point to the bit.
  const double s = times.smoothing;
  const double constant = relative.q + relative.v * (seconds + s) + relative.a * seconds * (seconds / 3.0 + 0.5 * s);
  double end = clamped(-constant * times.per_slope, low, high);
  const double steepest = gains.jerk * s;
  const JointState next = advance(relative, end, seconds);
  const double peak = next.v * times.per_smoothing + 0.5 * end;
  if (absolute(peak) <= steepest && absolute(peak + end) <= steepest && absolute(peak) <= gains.acceleration) return end;

  double miss_low = miss(low);
  double miss_high = miss(high);
  if (miss_low >= 0) return low;
  if (miss_high <= 0) return high;
  // Illinois: the secant, with the stale end's weight halved. Bracketed, so the count bounds the cost, not the safety.
  constexpr int kIterations = 24;
  int side = 0;
  for (int i = 0; i < kIterations && high - low > 1e-12 * gains.acceleration; ++i) {
    end = clamped((low * miss_high - high * miss_low) / (miss_high - miss_low), low, high);
    const double value = miss(end);
    if (absolute(value) <= gains.resolution) return end;
    if (value < 0) {
      low = end;
      miss_low = value;
      if (side < 0) miss_high *= 0.5;
      side = -1;
    } else {
      high = end;
      miss_high = value;
      if (side > 0) miss_low *= 0.5;
      side = 1;
    }
  }
  return end;
}

}  // namespace sinew::detail
