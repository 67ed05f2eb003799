// SPDX-License-Identifier: Apache-2.0
// Copies a recording record by record, with its constant mistakes undone.
#include "sinew/data/correction.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <variant>

#include "sinew/core/error.hpp"
#include "sinew/core/status.hpp"
#include "sinew/io/text.hpp"
#include "sinew/record/record_writer.hpp"
#include "sinew/record/recording.hpp"

namespace sinew {
namespace {

/// The command that was recorded with each observation of a file (empty: none), and the episode that it lies in.
struct PairedCommand {
  std::size_t episode = 0;
  std::vector<double> values;
};

std::vector<PairedCommand> paired_commands(const std::filesystem::path& input) {
  std::vector<PairedCommand> commands;
  Recording recording(input, {.decode_jpeg = false});
  std::size_t episode = 0;
  std::uint64_t sequence = 0;
  for (Record record; recording.next(record);) {
    if (const auto* event = std::get_if<RecordedEvent>(&record.content)) episode += event->kind == "episode";
    if (std::holds_alternative<Observation>(record.content)) {
      commands.push_back({episode, {}});
      sequence = record.sequence;
    } else if (auto* command = std::get_if<RecordedCommand>(&record.content); command != nullptr && record.sequence == sequence) {
      commands.back().values = std::move(command->values);
    }
  }
  if (!recording.complete())
    fail(ErrorCode::invalid_argument, {"write_corrected", printable(input.string(), 512), "a whole file", "one that ends early",
                                       "`sinew record recover` makes it whole"});
  return commands;
}

/// A file beside the one that is to be, until it is whole.
class UnfinishedCopy {
 public:
  explicit UnfinishedCopy(const std::filesystem::path& output) : output_(output), beside_(output) { beside_ += ".writing"; }
  ~UnfinishedCopy() {
    std::error_code ignored;
    std::filesystem::remove(beside_, ignored);
  }
  UnfinishedCopy(const UnfinishedCopy&) = delete;
  UnfinishedCopy& operator=(const UnfinishedCopy&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const noexcept { return beside_; }
  void publish() const {
    std::error_code error;
    std::filesystem::rename(beside_, output_, error);
    if (error) fail(ErrorCode::io, {"write_corrected", "renaming " + quote(beside_.string(), 512), "success", error.message(), ""});
  }

 private:
  const std::filesystem::path& output_;
  std::filesystem::path beside_;
};

class Copy {
 public:
  Copy(const std::filesystem::path& input, const std::filesystem::path& output, const Correction& correction)
      : input_(printable(input.string(), 512)),
        correction_(correction),
        paired_(paired_commands(input)),
        recording_(input, {.decode_jpeg = false}),
        writer_(output, recording_.card() ? &*recording_.card() : nullptr,
                {.joint_names = recording_.joint_names(), .limits = recording_.limits(), .overwrite = true}) {}

  CorrectionResult run() {
    Record next;
    bool more = recording_.next(next);
    if (more) announce(next);
    while (more) {
      Record record = std::exchange(next, {});
      more = recording_.next(next);
      if (auto* observation = std::get_if<Observation>(&record.content)) {
        const ActionChunk* chunk = nullptr;
        RecordedChunk kept;
        for (; more && next.sequence == record.sequence; more = recording_.next(next))  // recorded at once
          if (auto* decided = std::get_if<RecordedChunk>(&next.content)) {
            kept = std::move(*decided);
            correct(kept.chunk);
            chunk = &kept.chunk;
          }
        copy(*observation, chunk);
      } else {
        std::visit([this](auto& content) { copy(content); }, record.content);
      }
    }
    if (result_.observations > 0 && !found_)
      fail(ErrorCode::invalid_argument, {"write_corrected", input_, "what is to be corrected", "none of its channels", ""});
    if (!writer_.close()) fail(ErrorCode::io, {"write_corrected", "writing the copy", "success", std::string(writer_.last_error()), ""});
    return result_;
  }

 private:
  static Time time_of(const Record& record) {
    return std::visit([](const auto& content) { return content.time; }, record.content);
  }
  void announce(const Record& first) {
    for (const std::string& change : correction_.changes) writer_.add_event(time_of(first), "curation", change);
  }

  /// Of this observation, which counts from 0: recorded with one that lies as many frames before as commands are too early.
  [[nodiscard]] std::vector<double> command_of(std::uint64_t observation) {
    const std::int64_t from = static_cast<std::int64_t>(observation) - correction_.command_shift;
    if (from < 0 || from >= static_cast<std::int64_t>(paired_.size())) return {};
    const PairedCommand& command = paired_[static_cast<std::size_t>(from)];
    if (command.episode != paired_[observation].episode) return {};
    std::vector<double> values = command.values;
    found_ = multiply(values, correction_.command_signs) || found_ || correction_.command_shift != 0;
    return values;
  }

  void copy(Observation&) {}  // see the other one
  void copy(Observation& observation, const ActionChunk* chunk) {
    for (Channel& channel : observation.channels) {
      if (std::ranges::find(correction_.joint_channels, channel.name) != correction_.joint_channels.end())
        found_ = multiply(channel.values, correction_.joint_signs) || found_;
      if (channel.name == correction_.pose_channel && !correction_.pose_channel.empty()) free_pose(channel.values);
    }
    const std::vector<double> command = command_of(result_.observations++);
    if (!command.empty()) ++result_.commands;
    if (command.empty() && !paired_[result_.observations - 1].values.empty()) ++result_.commands_left_out;
    writer_.add(observation, command, chunk);
  }
  void copy(RecordedCommand& command) {
    ++result_.commands;
    found_ = multiply(command.values, correction_.command_signs) || found_ || correction_.command_shift != 0;
    (void)multiply(command.measured, correction_.joint_signs);
    const Time time = command.time + correction_.command_shift * correction_.frame_period;
    if (time < Time{}) {
      ++result_.commands_left_out;
    } else if (command.dt > Time{}) {
      writer_.add_tick({.time = time, .dt = command.dt, .measured = command.measured, .command = command.values});
    } else {
      writer_.add_command(time, command.values);
    }
  }
  void correct(ActionChunk& chunk) const {
    if (chunk.space == ActionSpace::joint_position && chunk.dim == static_cast<int>(correction_.command_signs.size()))
      for (int i = 0; i < chunk.horizon; ++i)
        for (std::size_t j = 0; j < correction_.command_signs.size(); ++j) chunk.step(i)[j] *= correction_.command_signs[j];
  }
  void copy(RecordedChunk& recorded) {
    correct(recorded.chunk);
    Status status = Status::ok;  // the one of that name
    while (recorded.status != to_string(status) && status != Status::backend_failed)
      status = static_cast<Status>(static_cast<int>(status) + 1);
    writer_.add_chunk(recorded.time, recorded.chunk, status);
  }
  void copy(RecordedEvent& event) {
    const bool drop = event.kind == "drop";
    writer_.add_event(event.time, event.kind, drop ? fmt::format("{} records of the original: {}", event.dropped, event.text) : event.text);
  }
  void copy(RecordedMotion& motion) {
    writer_.add_motion({.time = motion.time, .kind = motion.kind, .event = motion.event, .dt = motion.dt, .values = motion.values});
  }

  static bool multiply(std::vector<double>& values, const std::vector<double>& signs) {
    if (signs.empty() || values.size() != signs.size()) return false;
    for (std::size_t i = 0; i < signs.size(); ++i) values[i] *= signs[i];
    return true;
  }
  void free_pose(std::vector<double>& pose) {
    if (pose.size() != 7) return;
    found_ = true;
    const Eigen::Quaterniond before(pose[3], pose[4], pose[5], pose[6]);
    Eigen::Isometry3d recorded = Eigen::Isometry3d::Identity();
    recorded.translation() << pose[0], pose[1], pose[2];
    recorded.linear() = before.normalized().toRotationMatrix();
    const Eigen::Isometry3d free = correction_.recorded_from_base.inverse() * recorded * correction_.tip_from_recorded.inverse();
    Eigen::Quaterniond after(free.linear());
    if (after.dot(before) < 0) after.coeffs() = -after.coeffs();
    const Eigen::Vector3d place = free.translation();
    pose = {place.x(), place.y(), place.z(), after.w(), after.x(), after.y(), after.z()};
  }

  std::string input_;
  const Correction& correction_;
  std::vector<PairedCommand> paired_;
  Recording recording_;
  RecordWriter writer_;
  CorrectionResult result_;
  bool found_ = false;
};

}  // namespace

CorrectionResult write_corrected(const std::filesystem::path& input, const std::filesystem::path& output, const Correction& correction) {
  if (correction.empty()) fail(ErrorCode::invalid_argument, {"write_corrected", "correction", "something to correct", "nothing", ""});
  std::error_code ignored;
  if (std::filesystem::exists(output, ignored))
    fail(ErrorCode::invalid_argument, {"write_corrected", quote(output.string(), 512), "a name that is free", "a file that is there",
                                       "a copy takes no file's place; name another"});
  const UnfinishedCopy unfinished(output);
  const CorrectionResult result = Copy(input, unfinished.path(), correction).run();
  unfinished.publish();
  return result;
}

}  // namespace sinew
