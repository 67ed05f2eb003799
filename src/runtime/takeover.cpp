// SPDX-License-Identifier: Apache-2.0
#include "sinew/runtime/takeover.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "sinew/core/error.hpp"
#include "sinew/io/json.hpp"

namespace sinew {

Takeover::Takeover(AnyOperator person, TakeoverOptions options)
    : person_(std::move(person)), options_(options), chunk_(options.max_rows, 7 + options.dim) {
  constexpr double kMostRate = 1e4;  // Hz
  const double rate = person_.rate();
  if (!(rate >= 0 && rate <= kMostRate))
    fail(ErrorCode::invalid_argument,
         {"ControlLoop", "rate of the operator", "0 (the policy's) to 10000 Hz", fmt::format("{} Hz", rate), ""});
  if (rate > 0) period_ = std::max(from_seconds(1 / rate), options.control_period);
  begin_ = to_text(Json(Json::Object{{"begin", true}, {"by", person_.name()}}), 0);
}

Status Takeover::ask(const OperatorView& view) noexcept {
  changed_ = false;
  bool held = held_;
  if (const Status status = person_.holds(view, held); status != Status::ok) return keep_error(status, person_.last_error());
  if (held != held_) change(held, view.observation.time);
  return Status::ok;
}

void Takeover::change(bool held, Time now) noexcept {
  held_ = first_ = held;
  changed_ = true;
  if (options_.recorder != nullptr)
    options_.recorder->add_event(now, "intervention", held ? std::string_view(begin_) : R"({"begin":false})");
}

Status Takeover::act(OperatorView view, JointResolver* resolver, ActionChunk& taken) noexcept {
  cut_ = false;
  view.first = std::exchange(first_, false);
  if (const Status status = person_.act(view, chunk_); status != Status::ok) return keep_error(status, person_.last_error());
  chunk_.observation_id = view.observation.id;
  const Status status = convert(view.commanded, resolver, taken);
  return status == Status::ok ? status : keep_error(status, "chunk refused");
}

Status Takeover::convert(std::span<const double> commanded, JointResolver* resolver, ActionChunk& taken) noexcept {
  const bool whole = chunk_.horizon >= 1 && chunk_.dim >= 1 &&
                     chunk_.values.size() == static_cast<std::size_t>(chunk_.horizon) * static_cast<std::size_t>(chunk_.dim);
  if (!whole) return Status::bad_shape;
  if (chunk_.horizon > options_.max_rows) return Status::over_capacity;
  if (chunk_.space != options_.space) {
    if (chunk_.space != ActionSpace::tool_pose || resolver == nullptr) return Status::bad_shape;
    const Status status = resolver->resolve(chunk_, commanded, taken);
    cut_ = resolver->resolved_rows() < chunk_.horizon;
    return status;
  }
  if (chunk_.dim != options_.dim) return Status::bad_shape;
  taken.resize(chunk_.horizon, chunk_.dim);
  std::copy(chunk_.values.begin(), chunk_.values.end(), taken.values.begin());
  taken.space = chunk_.space;
  taken.t0 = chunk_.t0;
  taken.dt = chunk_.dt;
  taken.observation_id = chunk_.observation_id;
  taken.joint_order_hash = chunk_.joint_order_hash;
  return Status::ok;
}

void Takeover::restart(Time now) noexcept {
  if (held_) change(false, now);
  changed_ = false;
  sequence_ = 0;
  error_.clear();
}

Status Takeover::keep_error(Status status, std::string_view text) noexcept {
  error_.format("operator '{}': {}: {}", cut_utf8(person_.name(), 64), to_string(status), text);
  return status;
}

}  // namespace sinew
