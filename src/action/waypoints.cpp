// SPDX-License-Identifier: Apache-2.0
#include "sinew/action/waypoints.hpp"

#include <algorithm>
#include <array>

#include "../core/all_finite.hpp"

namespace sinew {

namespace {

Status check(std::span<const double> rows) noexcept {
  if (rows.size() % 3 != 0) return Status::bad_shape;
  return detail::all_finite(rows) ? Status::ok : Status::not_finite;
}

bool finite(const Waypoint<double>& w) noexcept { return std::isfinite(w.x) && std::isfinite(w.y) && std::isfinite(w.heading); }

Waypoint<double> read(std::span<const double> rows, std::size_t i) noexcept { return {rows[i], rows[i + 1], rows[i + 2]}; }

void write(std::span<double> rows, std::size_t i, const Waypoint<double>& waypoint) noexcept {
  rows[i] = waypoint.x;
  rows[i + 1] = waypoint.y;
  rows[i + 2] = waypoint.heading;
}

template <class Map>
Status for_each(std::span<double> rows, const Map& map) noexcept {
  if (const Status status = check(rows); status != Status::ok) return status;
  for (std::size_t i = 0; i < rows.size(); i += 3) write(rows, i, map(read(rows, i)));
  return Status::ok;
}

}  // namespace

Status scale_waypoints(const WaypointScale& scale, std::span<double> rows) noexcept {
  if (!scale.valid()) return Status::out_of_range;
  return for_each(rows, [&](const Waypoint<double>& w) {
    const auto clip = [](double value) { return std::clamp(value, -1.0, 1.0); };
    return Waypoint<double>{clip(w.x / scale.x), clip(w.y / scale.y), clip(w.heading / scale.heading)};
  });
}

Status unscale_waypoints(const WaypointScale& scale, std::span<double> rows) noexcept {
  if (!scale.valid()) return Status::out_of_range;
  return for_each(rows,
                  [&](const Waypoint<double>& w) { return Waypoint<double>{w.x * scale.x, w.y * scale.y, w.heading * scale.heading}; });
}

Status chain_waypoints(std::span<double> rows) noexcept {
  Waypoint<double> first_from_row;
  return for_each(rows, [&](const Waypoint<double>& step) { return first_from_row = compose(first_from_row, step); });
}

Status unchain_waypoints(std::span<double> rows) noexcept {
  Waypoint<double> before;
  return for_each(rows, [&](const Waypoint<double>& row) {
    const Waypoint<double> step = compose(inverse(before), row);
    before = row;
    return step;
  });
}

Status waypoints_to_world(const Waypoint<double>& world_from_body, std::span<double> rows) noexcept {
  if (!finite(world_from_body)) return Status::not_finite;
  return for_each(rows, [&](const Waypoint<double>& w) { return compose(world_from_body, w); });
}

Status waypoints_to_body(const Waypoint<double>& world_from_body, std::span<double> rows) noexcept {
  if (!finite(world_from_body)) return Status::not_finite;
  const Waypoint<double> body_from_world = inverse(world_from_body);
  return for_each(rows, [&](const Waypoint<double>& w) { return compose(body_from_world, w); });
}

}  // namespace sinew
