// SPDX-License-Identifier: Apache-2.0
#include "sinew/data/episode.hpp"

#include <algorithm>

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

}  // namespace sinew
