// SPDX-License-Identifier: Apache-2.0
#include "sinew/data/episode.hpp"

#include <algorithm>
#include <iterator>
#include <numeric>

namespace sinew {

const EpisodeChannel* Episode::find_channel(std::string_view name) const noexcept {
  for (const EpisodeChannel& channel : channels)
    if (channel.name == name) return &channel;
  return nullptr;
}

EpisodeChannel* Episode::find_channel(std::string_view name) noexcept {
  for (EpisodeChannel& channel : channels)
    if (channel.name == name) return &channel;
  return nullptr;
}

double Episode::period() const {
  if (times.size() < 2) return 0;
  std::vector<Time> steps;
  steps.reserve(times.size() - 1);
  for (std::size_t i = 1; i < times.size(); ++i) steps.push_back(times[i] - times[i - 1]);
  const auto middle = steps.begin() + static_cast<std::ptrdiff_t>(steps.size() / 2);
  std::nth_element(steps.begin(), middle, steps.end());
  return to_seconds(*middle);
}

std::vector<std::ptrdiff_t> choose_commands(std::span<const Time> frame_times, std::span<const std::uint64_t> frame_sequences,
                                            std::span<const Time> command_times, std::span<const std::uint64_t> command_sequences) {
  const auto time_of = [command_times](std::ptrdiff_t command) { return command_times[static_cast<std::size_t>(command)]; };
  std::vector<std::ptrdiff_t> by_time(command_times.size()), chosen(frame_times.size(), -1);
  std::iota(by_time.begin(), by_time.end(), std::ptrdiff_t{0});
  std::ranges::stable_sort(by_time, {}, time_of);
  for (std::size_t frame = 0; frame < chosen.size(); ++frame) {
    const Time until = frame + 1 < chosen.size() ? frame_times[frame + 1] : Time::max();
    const auto later = std::ranges::upper_bound(by_time, until, {}, time_of);
    if (later != by_time.begin()) chosen[frame] = *std::prev(later);
    const std::uint64_t sequence = frame_sequences.empty() ? 0 : frame_sequences[frame];
    const auto paired = std::ranges::lower_bound(command_sequences, sequence);
    if (sequence != 0 && paired != command_sequences.end() && *paired == sequence) chosen[frame] = paired - command_sequences.begin();
  }
  return chosen;
}

}  // namespace sinew
