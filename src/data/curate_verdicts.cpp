// SPDX-License-Identifier: Apache-2.0
// From findings to verdicts on frames and episodes.
#include <fmt/format.h>

#include <algorithm>

#include "stages.hpp"

namespace sinew {

namespace {

/// The first finding against each frame of an episode; null where there is none.
std::vector<const Finding*> rejected_frames(const std::vector<Finding>& findings, std::size_t file, std::size_t episode,
                                            std::size_t frames) {
  std::vector<const Finding*> reasons(frames);
  for (const Finding& finding : findings) {
    if (finding.file != file || finding.episode != episode || finding.correctable) continue;
    for (std::size_t i = finding.first; i <= finding.last && i < frames; ++i)
      if (reasons[i] == nullptr) reasons[i] = &finding;
  }
  return reasons;
}

std::vector<FrameVerdict> runs_of(const std::vector<const Finding*>& reasons) {
  std::vector<FrameVerdict> runs;
  for (std::size_t i = 0; i < reasons.size(); ++i) {
    if (reasons[i] == nullptr) continue;
    if (i > 0 && reasons[i] == reasons[i - 1])
      runs.back().last = i;
    else
      runs.push_back({i, i, Verdict::reject, reasons[i]->reason});
  }
  return runs;
}

}  // namespace

void give_verdicts(Curation& curation) {
  for (std::size_t file = 0; file < curation.files.size(); ++file) {
    FileVerdict& verdicts = curation.report.files[file];
    for (std::size_t e = 0; e < curation.files[file].episodes.size(); ++e) {
      const Episode& episode = *curation.files[file].episodes[e];
      EpisodeVerdict verdict{.index = episode.index, .frames = episode.frames(), .verdict = Verdict::keep, .reason = {}, .runs = {}};
      const auto reasons = rejected_frames(curation.report.findings, file, e, episode.frames());
      verdict.runs = runs_of(reasons);
      const auto bad = static_cast<double>(std::ranges::count_if(reasons, [](const Finding* finding) { return finding != nullptr; }));
      if (episode.frames() < curation.options.least_frames) {
        verdict.verdict = Verdict::reject;
        verdict.reason = fmt::format("the episode has {} frames", episode.frames());
      } else if (bad > curation.options.most_rejected * static_cast<double>(episode.frames())) {
        verdict.verdict = Verdict::reject;
        verdict.reason = fmt::format("{:.0f} of {} frames: {}", bad, episode.frames(), verdict.runs.front().reason);
      } else if (!verdicts.correction.empty()) {
        verdict.verdict = Verdict::correctable;
        verdict.reason = verdicts.correction.changes.front();
      }
      verdicts.episodes.push_back(std::move(verdict));
    }
  }
}

}  // namespace sinew
