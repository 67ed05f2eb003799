// SPDX-License-Identifier: Apache-2.0
// write_corrected: every number of the copy against a plain loop over the episode that was spoilt; the original stays as it is.
#include "sinew/data/correction.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <string>

#include "sinew/core/error.hpp"
#include "sinew/data/curate.hpp"
#include "sinew/data/episode_reader.hpp"
#include "sinew/record/record_writer.hpp"
#include "smooth_motion.hpp"
#include "temporary_directory.hpp"

using namespace sinew;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t kJoints = 3, kFrames = 100, kEpisodes = 6;
constexpr double kPeriod = 0.2;  // s: so much motion that curation is sure of a lag of one frame

/// How a recording is spoilt; what write_corrected() is to undo.
struct Spoilt {
  std::vector<double> signs = {1, 1, 1};
  int late = 0;  ///< frames
  Eigen::Isometry3d tool = Eigen::Isometry3d::Identity();
};

Eigen::Isometry3d true_pose(const double* q) {
  Eigen::Isometry3d pose = Eigen::Isometry3d::Identity();
  pose.translation() << 0.4 + 0.1 * q[0], 0.1 * q[1], 0.3 + 0.1 * q[2];
  pose.linear() = Eigen::AngleAxisd(0.5 * q[0], Eigen::Vector3d(1, 2, 2) / 3).toRotationMatrix();
  return pose;
}

std::vector<double> pose_row(const Eigen::Isometry3d& pose) {
  const Eigen::Quaterniond turn(pose.linear());
  return {pose.translation().x(), pose.translation().y(), pose.translation().z(), turn.w(), turn.x(), turn.y(), turn.z()};
}

/// What the robot did in one episode: row i of the positions is reached by the command of row i - 1.
std::vector<double> positions(std::size_t episode) { return testing::SmoothMotion(kJoints, 500 + episode).table(kFrames + 1, kPeriod, 0); }

void write(const std::filesystem::path& path, const Spoilt& spoilt) {
  RecordWriter writer(path, nullptr, {.joint_names = {"a", "b", "c"}});
  Time now = 1s;
  for (std::size_t e = 0; e < kEpisodes; ++e, now += 5s) {
    const std::vector<double> q = positions(e);
    writer.add_event(now, "episode", R"({"index": )" + std::to_string(e) + R"(, "instruction": "go"})");
    for (std::size_t i = 0; i < kFrames; ++i, now += from_seconds(kPeriod)) {
      Observation observation;
      observation.time = now;
      observation.instruction = "go";
      std::vector<double> measured(q.begin() + static_cast<std::ptrdiff_t>(i * kJoints),
                                   q.begin() + static_cast<std::ptrdiff_t>((i + 1) * kJoints));
      const Eigen::Isometry3d recorded = true_pose(measured.data()) * spoilt.tool;
      for (std::size_t j = 0; j < kJoints; ++j) measured[j] *= spoilt.signs[j];
      observation.channels.push_back({"joint_position", "rad", std::move(measured), now});
      observation.channels.push_back({"tool_pose", "m,quat_wxyz", pose_row(recorded), now});
      std::vector<double> command;
      for (std::size_t j = 0; static_cast<int>(i) >= spoilt.late && j < kJoints; ++j)
        command.push_back(spoilt.signs[j] * q[(i + 1 - static_cast<std::size_t>(spoilt.late)) * kJoints + j]);
      writer.add(observation, command);
    }
    writer.add_event(now, "episode", R"({"index": )" + std::to_string(e) + R"(, "succeeded": true})");
  }
  REQUIRE(writer.close());
}

std::vector<Episode> read(const std::filesystem::path& path) {
  EpisodeReader reader(path);
  std::vector<Episode> episodes;
  for (Episode episode; reader.next(episode);) episodes.push_back(episode);
  return episodes;
}

std::string bytes_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<std::string> curation_events(const std::filesystem::path& path) {
  std::vector<std::string> texts;
  Recording recording(path);
  for (Record record; recording.next(record);)
    if (const auto* event = std::get_if<RecordedEvent>(&record.content); event != nullptr && event->kind == "curation")
      texts.push_back(event->text);
  return texts;
}

CurationReport judge(const std::vector<Episode>& episodes) {
  CurationFile file{.name = "a.mcap", .episodes = {}, .joint_names = {"a", "b", "c"}, .gripper_names = {}};
  for (const Episode& episode : episodes) file.episodes.push_back(&episode);
  return curate(std::span(&file, 1));
}

/// Every number of the copy is what the robot did; of late commands the last ones of an episode are not in the recording.
void check_copy(const std::vector<Episode>& copy, const Spoilt& spoilt) {
  REQUIRE(copy.size() == kEpisodes);
  double worst = 0;
  for (std::size_t e = 0; e < kEpisodes; ++e) {
    REQUIRE(copy[e].frames() == kFrames);
    CHECK(copy[e].succeeded == true);
    const std::vector<double> q = positions(e);
    const std::vector<double>&joints = copy[e].channels.at(0).values, &poses = copy[e].channels.at(1).values;
    for (std::size_t i = 0; i < kFrames; ++i) {
      for (std::size_t j = 0; j < kJoints; ++j) {
        worst = std::max(worst, std::abs(joints[i * kJoints + j] - q[i * kJoints + j]));
        const std::size_t told = std::min(i, kFrames - 1 - static_cast<std::size_t>(spoilt.late)) + 1;
        worst = std::max(worst, std::abs(copy[e].actions[i * kJoints + j] - q[told * kJoints + j]));
      }
      const std::vector<double> pose = pose_row(true_pose(q.data() + i * kJoints));
      for (std::size_t k = 0; k < 7; ++k) worst = std::max(worst, std::abs(poses[7 * i + k] - pose[k]));
    }
  }
  CHECK(worst < 1e-12);
}

}  // namespace

TEST_CASE("correction: signs, late commands and a tool offset are undone; the copy says so, and the original is untouched") {
  const testing::TemporaryDirectory folder;
  const auto bad = folder.path() / "bad.mcap", good = folder.path() / "good.mcap";
  Spoilt spoilt{.signs = {1, -1, 1}, .late = 2};
  spoilt.tool.translation() << 0.01, -0.02, 0.1;
  spoilt.tool.linear() = Eigen::AngleAxisd(0.4, Eigen::Vector3d::UnitZ()).toRotationMatrix();
  Correction correction{.joint_signs = {1, -1, 1}, .command_signs = {1, -1, 1}, .joint_channels = {"joint_position"}};
  correction.command_shift = -2;  // they belong two frames earlier
  correction.frame_period = from_seconds(kPeriod);
  correction.pose_channel = "tool_pose";
  correction.tip_from_recorded = spoilt.tool;  // recorded = true * this
  correction.changes = {"b has the other sign", "commands are late", "another tool"};
  write(bad, spoilt);
  const std::string before = bytes_of(bad);
  const CorrectionResult done = write_corrected(bad, good, correction);
  CHECK(bytes_of(bad) == before);
  CHECK(done.observations == kEpisodes * kFrames);
  CHECK(done.commands == kEpisodes * (kFrames - 2));
  CHECK(curation_events(bad).empty());
  CHECK(curation_events(good) == correction.changes);
  check_copy(read(good), spoilt);
  CHECK_THROWS_AS((void)write_corrected(bad, good, correction), Error);  // an output that exists
  CHECK_THROWS_AS((void)write_corrected(bad, folder.path() / "other.mcap", {}), Error);
}

TEST_CASE("correction: what curation found in a recording it does not find in the copy any more") {
  const testing::TemporaryDirectory folder;
  const auto bad = folder.path() / "bad.mcap", good = folder.path() / "good.mcap";
  write(bad, {.late = 1});
  const CurationReport report = judge(read(bad));
  REQUIRE(report.findings.size() == 1);
  CHECK(report.findings[0].correctable);
  CHECK(report.files[0].correction.command_shift == -1);
  (void)write_corrected(bad, good, report.files[0].correction);
  const std::vector<Episode> copy = read(good);
  check_copy(copy, {.late = 1});
  CHECK(judge(copy).findings.empty());
}
