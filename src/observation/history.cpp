// SPDX-License-Identifier: Apache-2.0
#include "sinew/observation/history.hpp"

#include <algorithm>
#include <exception>

#include "sinew/core/error.hpp"
#include "sinew/io/text.hpp"

namespace sinew {

namespace {

constexpr int kMaxSide = 16384;  // pixels

void check_sources(const std::vector<HistorySource>& sources, std::string_view kind) {
  for (std::size_t i = 0; i < sources.size(); ++i) {
    const auto& source = sources[i];
    const std::string what = fmt::format("{} {}", kind, quote(source.name));
    const auto refuse = [&](std::string_view expected, std::string_view got) {
      fail(ErrorCode::invalid_argument, {"ObservationHistory", what, expected, got, ""});
    };
    if (source.name.empty()) refuse("a name", "none");
    if (std::ranges::count(sources, source.name, &HistorySource::name) > 1) refuse("once", "twice");
    if (source.capacity == 0) refuse("a capacity of at least 1", "0");
    if (source.max_age < Time{}) refuse("a max_age of at least 0", "a negative one");
    if (source.height < 0 || source.width < 0 || source.height > kMaxSide || source.width > kMaxSide)
      refuse(fmt::format("sides of 0 to {} pixels", kMaxSide), fmt::format("{} x {}", source.height, source.width));
  }
}

void assign(const CameraFrame& from, CameraFrame& to) {
  to.image.assign(from.image.view());
  to.stamp = from.stamp;
}

void assign(const Channel& from, Channel& to) {
  to.values.assign(from.values.begin(), from.values.end());
  to.unit = from.unit;
  to.stamp = from.stamp;
}

/// The difference, or the most that Time can say.
Time apart(Time a, Time b) noexcept {
  const auto larger = static_cast<std::uint64_t>(std::max(a, b).count());
  const auto difference = larger - static_cast<std::uint64_t>(std::min(a, b).count());
  return Time(static_cast<Time::rep>(std::min(difference, static_cast<std::uint64_t>(Time::max().count()))));
}

double milliseconds(Time time) noexcept { return to_seconds(time) * 1e3; }

template <class Buffers>
void report(const Buffers& buffers, Time now, std::vector<SourceAge>& ages) noexcept {
  for (std::size_t i = 0; i < buffers.size(); ++i) {
    const auto stamps = buffers[i].ring.stamps();
    ages[i] = {.seen = !stamps.empty()};
    if (stamps.empty()) continue;
    ages[i].stamp = stamps.back();
    ages[i].age = now < stamps.back() ? -apart(now, stamps.back()) : apart(now, stamps.back());
  }
}

}  // namespace

ObservationHistory::ObservationHistory(HistoryOptions options) : options_(std::move(options)) {
  if (options_.cameras.empty() && options_.channels.empty())
    fail(ErrorCode::invalid_argument, {"ObservationHistory", "sources", "at least one camera or channel", "none", ""});
  check_sources(options_.cameras, "camera");
  check_sources(options_.channels, "channel");
  for (const auto& source : options_.cameras) {
    cameras_.emplace_back(source.capacity);
    for (CameraFrame& frame : cameras_.back().samples) {
      frame.name = source.name;
      if (source.height > 0 && source.width > 0) frame.image = Image(source.height, source.width, 3);
    }
  }
  for (const auto& source : options_.channels) {
    channels_.emplace_back(source.capacity);
    for (Channel& channel : channels_.back().samples) {
      channel.name = source.name;
      channel.values.reserve(source.values);
    }
  }
}

template <class Sample>
Status ObservationHistory::check_order(const HistorySource& source, const Buffer<Sample>& buffer, const Sample* sample) noexcept {
  const auto stamps = buffer.ring.stamps();
  if (sample == nullptr || stamps.empty() || sample->stamp >= stamps.back()) return Status::ok;
  error_.format("'{}': a sample that is {} ms older than the one before it", source.name,
                milliseconds(apart(sample->stamp, stamps.back())));
  return Status::stale;
}

Status ObservationHistory::push(const Observation& observation) noexcept {
  error_.clear();
  Status status = Status::ok;
  for (std::size_t i = 0; i < cameras_.size() && status == Status::ok; ++i)
    status = check_order(options_.cameras[i], cameras_[i], observation.find_camera(options_.cameras[i].name));
  for (std::size_t i = 0; i < channels_.size() && status == Status::ok; ++i)
    status = check_order(options_.channels[i], channels_[i], observation.find_channel(options_.channels[i].name));
  if (status != Status::ok) return status;

  const auto take = [&](auto& buffer, const auto* sample) {
    if (sample == nullptr || (buffer.ring.size() > 0 && buffer.ring.stamps().back() == sample->stamp)) return;
    // The copy first: should memory run out, the ring must not name a slot that holds half of it.
    assign(*sample, buffer.samples[buffer.ring.next_slot()]);
    static_cast<void>(buffer.ring.push(sample->stamp));
  };
  try {
    for (std::size_t i = 0; i < cameras_.size(); ++i) take(cameras_[i], observation.find_camera(options_.cameras[i].name));
    for (std::size_t i = 0; i < channels_.size(); ++i) take(channels_[i], observation.find_channel(options_.channels[i].name));
  } catch (const std::exception&) {
    clear();
    error_.format("no memory for a sample; the history is empty again");
    return Status::over_capacity;
  }
  return Status::ok;
}

template <class Sample>
Status ObservationHistory::pick(const HistorySource& source, const Buffer<Sample>& buffer, const Moment& moment,
                                const Sample*& out) noexcept {
  const auto stamps = buffer.ring.stamps();
  if (stamps.empty()) {
    error_.format("'{}': no sample yet", source.name);
    return Status::missing;
  }
  auto found = buffer.ring.at_or_before(moment.time);
  if (moment.pick == HistoryPick::nearest) {
    const std::size_t after = found ? *found + 1 : 0;
    const bool usable = after < stamps.size() && stamps[after] <= moment.now;
    if (usable && (!found || apart(stamps[after], moment.time) < apart(stamps[*found], moment.time))) found = after;
  }
  if (!found) {
    const bool full = stamps.size() == buffer.ring.capacity();
    error_.format("'{}': no sample old enough, the oldest of {} is {} ms too young{}", source.name, stamps.size(),
                  milliseconds(apart(stamps.front(), moment.time)), full ? "; older ones were overwritten" : "");
    return Status::not_ready;
  }
  if (const Time distance = apart(stamps[*found], moment.time); distance > source.max_age) {
    error_.format("'{}': the sample is {} ms from its moment, allowed are {}", source.name, milliseconds(distance),
                  milliseconds(source.max_age));
    return Status::stale;
  }
  out = &buffer.samples[buffer.ring.slot(*found)];
  return Status::ok;
}

Status ObservationHistory::check_skew(std::size_t offset, Time max_skew, const HistoryView& view) noexcept {
  if (cameras_.empty()) return Status::ok;
  const auto row = std::span(view.cameras).subspan(offset * cameras_.size(), cameras_.size());
  const auto [oldest, newest] = std::ranges::minmax(row, {}, [](const CameraFrame* frame) { return frame->stamp; });
  const Time skew = apart(oldest->stamp, newest->stamp);
  if (skew <= max_skew) return Status::ok;
  error_.format("'{}': {} ms behind '{}', allowed are {}", oldest->name, milliseconds(skew), newest->name, milliseconds(max_skew));
  return Status::stale;
}

void ObservationHistory::report_ages(Time now, HistoryView& out) const noexcept {
  report(cameras_, now, out.camera_ages);
  report(channels_, now, out.channel_ages);
}

Status ObservationHistory::select(Time now, const HistorySpec& spec, HistoryView& out) noexcept {
  error_.clear();
  try {
    out.offsets = spec.offsets.size();
    out.cameras.assign(out.offsets * cameras_.size(), nullptr);
    out.channels.assign(out.offsets * channels_.size(), nullptr);
    out.camera_ages.resize(cameras_.size());
    out.channel_ages.resize(channels_.size());
  } catch (const std::exception&) {
    error_.format("no memory for {} offsets", spec.offsets.size());
    return Status::over_capacity;
  }
  report_ages(now, out);
  for (std::size_t k = 0; k < spec.offsets.size(); ++k) {
    const Time offset = spec.offsets[k];
    // A moment before Time's range has no samples either.
    if (offset > Time{} || now < Time::min() - offset) {
      error_.format("offset {} ms: expected one of at most 0", milliseconds(offset));
      return Status::out_of_range;
    }
    const Moment moment{now + offset, now, spec.pick};
    Status status = Status::ok;
    for (std::size_t i = 0; i < cameras_.size() && status == Status::ok; ++i)
      status = pick(options_.cameras[i], cameras_[i], moment, out.cameras[k * cameras_.size() + i]);
    for (std::size_t i = 0; i < channels_.size() && status == Status::ok; ++i)
      status = pick(options_.channels[i], channels_[i], moment, out.channels[k * channels_.size() + i]);
    if (status == Status::ok) status = check_skew(k, spec.max_skew, out);
    if (status != Status::ok) return status;
  }
  return Status::ok;
}

void ObservationHistory::clear() noexcept {
  for (auto& buffer : cameras_) buffer.ring.clear();
  for (auto& buffer : channels_) buffer.ring.clear();
}

}  // namespace sinew
