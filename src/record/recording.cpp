// SPDX-License-Identifier: Apache-2.0
// Puts observations together from their messages and numbers the records as the recorder did.
#include "sinew/record/recording.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "recorded_values.hpp"
#include "sinew/core/error.hpp"
#include "sinew/io/card_json.hpp"
#include "sinew/io/image_codec.hpp"
#include "sinew/io/text.hpp"

namespace sinew {
namespace {

constexpr std::string_view kCameraTopic = "/camera/";

std::string_view text_of(std::span<const std::uint8_t> bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

}  // namespace

struct Recording::State {
  State(const std::filesystem::path& path, const RecordingOptions& options)
      : name(printable(path.string(), 512)), reader(path, options.file), decode_jpeg(options.decode_jpeg) {
    for (const auto& attachment : reader.attachments()) {
      if (attachment.name != kCardFile && attachment.name != "joint_limits.json") continue;
      const auto bytes = reader.read(attachment);
      const std::string where = name + ' ' + attachment.name;
      if (attachment.name == kCardFile) {
        card = card_from_json(Json::parse(text_of(bytes), where), where);
      } else {
        auto read = detail::read_limits(text_of(bytes), where);
        joint_names = std::move(read.joint_names);
        limits = std::move(read.limits);
      }
    }
  }

  [[nodiscard]] bool next(Record& record);
  [[nodiscard]] bool take(Record& record);
  [[nodiscard]] std::uint64_t number();
  void begin_observation(Record& record);
  [[nodiscard]] bool take_frame(Record& record);
  void read_frame(const detail::AnnouncedFrame& announced, CameraFrame& frame);
  void give_up_observation();
  void count_lost(std::uint64_t sequence);
  void check_time(Time stated) const;

  /// For messages about the message at hand.
  [[nodiscard]] std::string where() const {
    return fmt::format("{}, {} with sequence {}", name, printable(message.topic), message.sequence);
  }

  std::string name;
  McapReader reader;
  bool decode_jpeg;
  ImageDecoder decoder;
  std::optional<PolicyCard> card;
  std::optional<LimitsCard> limits;
  std::vector<std::string> joint_names;
  McapMessage message;
  std::uint64_t newest = 0;                    // record
  std::vector<detail::AnnouncedFrame> frames;  // of the observation being put together
  std::size_t frames_read = 0;
  std::uint64_t observation = 0;  // the record that it is, 0 = none
  std::uint64_t lost = 0;         // the newest record that was not complete
  std::uint64_t incomplete = 0;
  std::uint64_t dropped = 0;
};

/// The record's number: the file has it modulo 2^32, and it grows.
std::uint64_t Recording::State::number() {
  if (message.sequence == 0 && message.topic == "/event") return 0;
  const auto step = static_cast<std::uint32_t>(message.sequence - static_cast<std::uint32_t>(newest));
  if (step >= std::uint32_t{1} << 31)
    fail(ErrorCode::parse, {where(), "sequence", fmt::format("{} or later", static_cast<std::uint32_t>(newest)), "an earlier one", ""});
  return newest += step;
}

bool Recording::State::next(Record& record) {
  while (reader.next(message))
    if (take(record)) return true;
  give_up_observation();
  return false;
}

/// Uses one message; true when the record is there.
bool Recording::State::take(Record& record) {
  constexpr std::array<std::string_view, 5> kTopics{"/observation", "/command", "/chunk", "/event", "/motion"};
  const bool is_frame = message.topic.starts_with(kCameraTopic) && message.encoding == "cdr";
  if (!is_frame && !(message.encoding == "json" && std::ranges::find(kTopics, message.topic) != kTopics.end())) return false;
  const std::uint64_t sequence = number();
  if (is_frame) return take_frame(record);
  give_up_observation();
  record.sequence = sequence;
  if (message.topic == "/observation") {
    begin_observation(record);
    return observation == 0;
  }
  if (message.topic == "/command") {
    auto command = detail::read_command(text_of(message.data), where());
    check_time(command.time);
    record.content = std::move(command);
  } else if (message.topic == "/chunk") {
    auto chunk = detail::read_action_chunk(text_of(message.data), where());
    chunk.time = message.log_time;
    record.content = std::move(chunk);
  } else if (message.topic == "/motion") {
    auto motion = detail::read_motion(text_of(message.data), where());
    check_time(motion.time);
    record.content = std::move(motion);
  } else {
    auto event = detail::read_event(text_of(message.data), where());
    check_time(event.time);
    if (event.kind == "drop") dropped = std::max({dropped, event.dropped, std::uint64_t{1}});
    record.content = std::move(event);
  }
  return true;
}

void Recording::State::begin_observation(Record& record) {
  auto made = detail::read_observation(text_of(message.data), where(), frames);
  check_time(made.time);
  record.content = std::move(made);
  frames_read = 0;
  observation = frames.empty() ? 0 : newest;
}

bool Recording::State::take_frame(Record& record) {
  const auto announced = [&](const detail::AnnouncedFrame& frame) {
    return message.topic ==
           (frame.jpeg ? fmt::format("{}{}/compressed", kCameraTopic, frame.name) : fmt::format("{}{}", kCameraTopic, frame.name));
  };
  if (observation != newest || !announced(frames[frames_read])) {
    give_up_observation();
    count_lost(newest);
    return false;
  }
  read_frame(frames[frames_read], std::get<Observation>(record.content).cameras[frames_read]);
  if (++frames_read < frames.size()) return false;
  observation = 0;
  return true;
}

void Recording::State::read_frame(const detail::AnnouncedFrame& announced, CameraFrame& frame) {
  if (!announced.jpeg) return detail::read_image(message.data, where(), announced, frame.image);
  detail::read_jpeg(message.data, where(), announced, frame.jpeg);
  // What a camera delivered torn is data too: the frame has its bytes and no pixels.
  if (decode_jpeg && decoder.decode(std::as_bytes(std::span(frame.jpeg)), frame.image) != Status::ok) frame.image = {};
}

void Recording::State::give_up_observation() {
  if (observation != 0) count_lost(observation);
  observation = 0;
}

void Recording::State::count_lost(std::uint64_t sequence) {
  if (std::exchange(lost, sequence) != sequence) ++incomplete;
}

void Recording::State::check_time(Time stated) const {
  if (stated != message.log_time)
    fail(ErrorCode::parse,
         {where(), "time_ns", fmt::format("the log time {}", message.log_time.count()), std::to_string(stated.count()), ""});
}

Recording::Recording(const std::filesystem::path& path, const RecordingOptions& options) : state_(std::make_unique<State>(path, options)) {}
Recording::~Recording() = default;
Recording::Recording(Recording&& other) noexcept = default;
Recording& Recording::operator=(Recording&& other) noexcept = default;

const std::optional<PolicyCard>& Recording::card() const noexcept { return state_->card; }
const std::optional<LimitsCard>& Recording::limits() const noexcept { return state_->limits; }
bool Recording::next(Record& record) { return state_->next(record); }
bool Recording::complete() const noexcept { return state_->reader.complete(); }
const McapEnd& Recording::end() const noexcept { return state_->reader.end(); }
const McapUnverified& Recording::unverified() const noexcept { return state_->reader.unverified(); }
std::uint64_t Recording::incomplete() const noexcept { return state_->incomplete; }

std::uint64_t Recording::dropped() const noexcept { return state_->dropped; }

std::vector<std::string> Recording::joint_names() const {
  for (const auto& [id, channel] : state_->reader.channels()) {
    if (channel.topic != "/command") continue;
    for (const auto& [key, value] : channel.metadata)
      if (key == "joint_names") return detail::read_joint_names(value, state_->name + " joint_names of /command");
  }
  return state_->joint_names;
}

}  // namespace sinew
