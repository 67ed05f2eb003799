// SPDX-License-Identifier: Apache-2.0
// curate(): what becomes of frames and episodes, and what the correction says.
#include "sinew/data/curate.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "sinew/core/error.hpp"
#include "smooth_motion.hpp"

using namespace sinew;

namespace {

constexpr std::size_t kFrames = 100, kEpisodes = 20, kJoints = 3;

/// Told one frame ahead of done, then recorded `late` frames late; of motion that goes on by `step` s from frame to frame.
std::vector<Episode> make_episodes(int late = 0, double step = 0.05) {
  std::vector<Episode> episodes;
  for (std::size_t e = 0; e < kEpisodes; ++e) {
    const testing::SmoothMotion motion(kJoints, 300 + e);
    Episode episode;
    episode.index = static_cast<std::int64_t>(10 + e);
    for (std::size_t i = 0; i < kFrames; ++i) episode.times.push_back(from_seconds(0.05 * static_cast<double>(i)));
    episode.channels.push_back({"joint_position", "rad", kJoints, motion.table(kFrames, step, 0)});
    episode.dof = kJoints;
    episode.actions = motion.table(kFrames, step, 1 - late);
    episodes.push_back(std::move(episode));
  }
  return episodes;
}

CurationReport judge(const std::vector<Episode>& episodes, std::vector<std::string> grippers = {}) {
  CurationFile file{.name = "a.mcap", .episodes = {}, .joint_names = {"a", "b", "c"}, .gripper_names = std::move(grippers)};
  for (const Episode& episode : episodes) file.episodes.push_back(&episode);
  return curate(std::span(&file, 1));
}

std::ptrdiff_t count(const CurationReport& report, Verdict verdict) {
  return std::ranges::count(report.files.at(0).episodes, verdict, &EpisodeVerdict::verdict);
}

}  // namespace

TEST_CASE("curation: clean episodes are kept, and nothing is found or corrected") {
  const CurationReport report = judge(make_episodes());
  CHECK(report.findings.empty());
  CHECK(count(report, Verdict::keep) == kEpisodes);
  CHECK(report.files[0].correction.empty());
  CHECK(report.files[0].episodes[3].index == 13);
  CHECK(report.files[0].episodes[3].runs.empty());
}

TEST_CASE("curation: a jump rejects its frame, not its episode, with the reason; a gripper may jump") {
  std::vector<Episode> episodes = make_episodes();
  episodes[4].channels[0].values[kJoints * 50 + 1] += 0.6;
  const CurationReport report = judge(episodes);
  REQUIRE(report.findings.size() == 1);
  CHECK(report.findings[0].stage == CurationStage::sudden_change);
  CHECK(report.findings[0].episode == 4);
  CHECK(report.findings[0].name == "joint_position/b");
  CHECK(report.findings[0].value == doctest::Approx(0.6).epsilon(0.05));
  CHECK(count(report, Verdict::keep) == kEpisodes);
  const EpisodeVerdict& verdict = report.files[0].episodes[4];
  REQUIRE(verdict.runs.size() == 1);
  CHECK(verdict.runs[0].first <= 50);
  CHECK(verdict.runs[0].first >= 48);  // third differences reach two frames
  CHECK(verdict.runs[0].last >= 50);
  CHECK(verdict.runs[0].last <= 52);
  CHECK(verdict.runs[0].verdict == Verdict::reject);
  CHECK(verdict.runs[0].reason == report.findings[0].reason);
  CHECK(judge(episodes, {"b"}).findings.empty());
}

TEST_CASE("curation: more than a fifth of the frames rejects the episode") {
  std::vector<Episode> episodes = make_episodes();
  const auto lose = [&](std::size_t episode, std::size_t frames) {
    for (std::size_t i = 0; i < frames; ++i) episodes[episode].faults.push_back({20 + i, "wrist", "is absent"});
  };
  lose(2, 20);
  lose(3, 21);
  const CurationReport report = judge(episodes);
  REQUIRE(report.findings.size() == 2);
  CHECK(report.findings[0].stage == CurationStage::structure);
  CHECK(report.findings[0].first == 20);
  CHECK(report.findings[0].last == 39);
  CHECK(report.findings[1].last == 40);
  CHECK(report.files[0].episodes[2].verdict == Verdict::keep);
  CHECK(report.files[0].episodes[3].verdict == Verdict::reject);
  CHECK(count(report, Verdict::reject) == 1);
}

TEST_CASE("curation: numbers that are not finite reject their frames") {
  std::vector<Episode> episodes = make_episodes();
  const auto begin = episodes[5].actions.begin() + 20 * kJoints;
  std::fill(begin, begin + 2 * kJoints, std::numeric_limits<double>::quiet_NaN());
  const CurationReport report = judge(episodes);
  REQUIRE(report.findings.size() == 1);
  CHECK(report.findings[0].stage == CurationStage::structure);
  CHECK(report.findings[0].episode == 5);
  CHECK(report.findings[0].first == 20);
  CHECK(report.findings[0].last == 21);
}

TEST_CASE("curation: long gaps are told as what they are, and nothing beside them is called sudden") {
  std::vector<Episode> episodes = make_episodes();
  for (std::size_t e = 0; e < kEpisodes; ++e) {
    std::vector<double>& values = episodes[e].channels[0].values;
    const auto cut = [&](auto& table, std::size_t width) {  // frames that are not in the recording
      const auto begin = table.begin() + static_cast<std::ptrdiff_t>(20 * width);
      table.erase(begin, begin + static_cast<std::ptrdiff_t>(e * width));
    };
    cut(episodes[e].times, 1);
    cut(values, kJoints);
    cut(episodes[e].actions, kJoints);
    if (e == 0) std::fill_n(values.begin() + 50 * kJoints, 12 * kJoints, std::numeric_limits<double>::quiet_NaN());
  }
  const CurationReport report = judge(episodes);
  REQUIRE(report.findings.size() == 1 + kEpisodes - 3);  // gaps of up to two frames are bridged
  CHECK(report.findings[0].first == 50);
  CHECK(report.findings[0].last == 61);
  for (std::size_t e = 3; e < kEpisodes; ++e) {
    const Finding& finding = report.findings[e - 2];
    CHECK((finding.stage == CurationStage::structure && finding.episode == e && finding.first == 20 && finding.last == 20));
    CHECK(finding.value == doctest::Approx(0.05 * static_cast<double>(e + 1)));
  }
}

TEST_CASE("curation: late commands and turned joints are corrected, in every episode") {
  for (const int late : {-3, -1, 1, 4}) {
    CAPTURE(late);
    const CurationReport report = judge(make_episodes(late, 0.2));
    CHECK(report.files[0].correction.command_shift == -late);
    CHECK(report.files[0].correction.command_signs.empty());
    CHECK(count(report, Verdict::correctable) == kEpisodes);
  }
  std::vector<Episode> episodes = make_episodes();
  for (Episode& episode : episodes)
    for (std::size_t i = 1; i < episode.actions.size(); i += kJoints) episode.actions[i] = -episode.actions[i];
  const CurationReport report = judge(episodes);
  CHECK(report.files[0].correction.command_signs == std::vector<double>{1, -1, 1});
  CHECK(report.files[0].correction.command_shift == 0);
  CHECK(report.findings.size() == 1);
  CHECK(count(report, Verdict::correctable) == kEpisodes);
}

TEST_CASE("curation: an episode with the commands of another is rejected, the others are kept") {
  std::vector<Episode> episodes = make_episodes();
  testing::Random random(1);
  for (double& action : episodes[6].actions) action = random.uniform(-0.3, 0.3);
  const CurationReport report = judge(episodes);
  CHECK(report.files[0].episodes[6].verdict == Verdict::reject);
  CHECK(count(report, Verdict::keep) == kEpisodes - 1);
}

TEST_CASE("curation: episodes of no and of one frame, without channels or commands, and no files at all are judged") {
  std::vector<Episode> episodes(2);
  episodes[1].times.push_back(Time{});
  const CurationReport report = judge(episodes);
  CHECK(count(report, Verdict::reject) == 2);
  CHECK_FALSE(report.files[0].notes.empty());
  CHECK(curate({}).findings.empty());
  CHECK(judge({}).files[0].episodes.empty());
}

TEST_CASE("curation: no lag is found in clean recordings of few frames") {
  for (std::size_t frames = 1; frames <= 30; ++frames)
    for (const std::uint64_t seed : {1, 2, 3, 4}) {
      CAPTURE(frames);
      const testing::SmoothMotion motion(kJoints, seed);
      Episode episode{.index = 0, .instruction = {}, .times = {}, .channels = {}, .actions = {}, .cameras = {}, .faults = {}};
      for (std::size_t i = 0; i < frames; ++i) episode.times.push_back(from_seconds(0.1 * static_cast<double>(i)));
      episode.channels.push_back({"joint_position", "rad", kJoints, motion.table(frames, 0.1, 0)});
      episode.dof = kJoints;
      episode.actions = motion.table(frames, 0.1, 1);
      CHECK(judge({episode}).files[0].correction.empty());
    }
}

TEST_CASE("curation: files of different robots and channels that nobody has are refused") {
  const std::vector<Episode> episodes = make_episodes();
  std::vector<CurationFile> files(2, {.name = "a.mcap", .episodes = {&episodes[0]}, .joint_names = {"a", "b", "c"}, .gripper_names = {}});
  CHECK_NOTHROW((void)curate(files));
  for (const auto& [joints, pose] : {std::pair("nochan", ""), std::pair("", "joint_position")}) {
    CurationOptions options;
    options.joint_channel = joints;
    options.pose_channel = pose;
    CHECK_THROWS_WITH_AS((void)curate(files, nullptr, options), doctest::Contains("joint_position (3 values)"), Error);
  }
  files[1].joint_names = {"a", "b", "d"};
  CHECK_THROWS_WITH_AS((void)curate(files), doctest::Contains("joint names: expected a, b, c, got a, b, d"), Error);
  Episode other = episodes[0];
  other.dof = 1;
  other.actions.resize(other.frames());
  files[1] = {.name = "b.mcap", .episodes = {&other}, .joint_names = {}, .gripper_names = {}};
  CHECK_THROWS_WITH_AS((void)curate(files), doctest::Contains("[b.mcap] commands: expected 3 joints, got 1"), Error);
}
