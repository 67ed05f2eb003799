// SPDX-License-Identifier: Apache-2.0
// What curate() refuses before it judges anything: files of different robots, and names that no recording knows. And gaps in time.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "sinew/core/error.hpp"
#include "sinew/data/smoothing.hpp"
#include "sinew/io/text.hpp"
#include "stages.hpp"

namespace sinew {

namespace {

constexpr std::size_t kMostMissing = 2;  // absent frames in a row that the other stages bridge

/// Width of the file's commands; 0: it has none.
std::size_t dof_of(const CurationFile& file) {
  for (const Episode* episode : file.episodes)
    if (episode->dof > 0) return episode->dof;
  return 0;
}

void require_one_robot(std::span<const CurationFile> files) {
  const CurationFile* first = nullptr;
  for (const CurationFile& file : files) {
    if (dof_of(file) == 0) continue;
    if (first == nullptr) first = &file;
    const std::string hint = fmt::format("{} has those; curate different robots apart", printable(first->name, 512));
    if (dof_of(file) != dof_of(*first))
      fail(ErrorCode::invalid_argument,
           {printable(file.name, 512), "commands", fmt::format("{} joints", dof_of(*first)), fmt::format("{}", dof_of(file)), hint});
    if (!first->joint_names.empty() && !file.joint_names.empty() && file.joint_names != first->joint_names)
      fail(ErrorCode::invalid_argument,
           {printable(file.name, 512), "joint names", printable(fmt::format("{}", fmt::join(first->joint_names, ", ")), 512),
            printable(fmt::format("{}", fmt::join(file.joint_names, ", ")), 512), hint});
  }
}

/// A channel that was asked for by name must be there, with a width that fits, in some episode of each file that has frames.
void require_channel(const CurationFile& file, const std::string& name, std::size_t width, std::string_view what) {
  std::vector<std::string> known;
  bool any = false;
  for (const Episode* episode : file.episodes) {
    any = any || episode->frames() > 0;
    for (const EpisodeChannel& channel : episode->channels) {
      const bool fits = width == 0 || channel.width == width;
      if (channel.name == name && fits) return;
      const std::string text = fmt::format("{} ({} values)", channel.name, channel.width);
      if (std::ranges::find(known, text) == known.end()) known.push_back(text);
    }
  }
  if (!any) return;
  const std::string expected = fmt::format("a channel '{}'{}", name, width == 0 ? "" : fmt::format(" of {} values", width));
  fail(ErrorCode::not_found, {printable(file.name, 512), what, printable(expected, 512),
                              known.empty() ? "no channels" : printable(fmt::format("{}", fmt::join(known, ", ")), 512), ""});
}

void require_joint_of(const CurationFile& file, const Chain<>& chain) {
  const auto known = [&](const std::string& joint) { return std::ranges::find(file.joint_names, joint) != file.joint_names.end(); };
  if (file.joint_names.empty() || dof_of(file) == 0 || std::ranges::any_of(chain.joint_names(), known)) return;
  fail(ErrorCode::not_found,
       {printable(file.name, 512), "joints of the robot description",
        printable(fmt::format("{}", fmt::join(chain.joint_names(), ", ")), 512),
        printable(fmt::format("{}", fmt::join(file.joint_names, ", ")), 512), "it is the description of another robot"});
}

}  // namespace

void require_fitting_inputs(const Curation& curation) {
  require_one_robot(curation.files);
  for (const CurationFile& file : curation.files) {
    if (!curation.options.joint_channel.empty()) require_channel(file, curation.options.joint_channel, dof_of(file), "channel of joints");
    if (!curation.options.pose_channel.empty()) require_channel(file, curation.options.pose_channel, 7, "channel of tool poses");
    if (curation.chain != nullptr) require_joint_of(file, *curation.chain);
  }
}

void note_names(Curation& curation) {
  for (std::size_t file = 0; file < curation.files.size(); ++file) {
    const std::size_t names = curation.files[file].joint_names.size(), dof = dof_of(curation.files[file]);
    if (names > 0 && dof > 0 && names != dof)
      curation.report.files[file].notes.push_back(
          fmt::format("structure: {} joint names for commands of {} joints; numbers stand for them", names, dof));
  }
}

void check_gaps(Curation& curation) {
  for (std::size_t file = 0; file < curation.files.size(); ++file)
    for (std::size_t e = 0; e < curation.files[file].episodes.size(); ++e) {
      const Episode& episode = *curation.files[file].episodes[e];
      const std::vector<std::size_t> missing = missing_frames(episode);
      for (std::size_t i = 1; i < missing.size(); ++i) {
        if (missing[i] <= kMostMissing) continue;
        Finding& finding = curation.add(CurationStage::structure, file, e, {i, i}, "time");
        finding.value = to_seconds(episode.times[i] - episode.times[i - 1]);
        finding.bound = static_cast<double>(kMostMissing + 1) * episode.period();
        finding.reason = fmt::format("comes {:.3g} s after the frame before, usual are {:.3g} s", finding.value, episode.period());
      }
    }
}

}  // namespace sinew
