// SPDX-License-Identifier: Apache-2.0
// What goes into a recording, when its chunks end, and what is said of those that the disk refused.
#include "sinew/record/record_writer.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <exception>
#include <new>

#include "json_text.hpp"
#include "little_endian.hpp"
#include "schemas.hpp"
#include "sinew/core/error.hpp"
#include "sinew/io/card_json.hpp"
#include "sinew/io/json.hpp"
#include "sinew/io/text.hpp"

namespace sinew {
namespace {

using detail::as_bytes;
using detail::JsonText;
using detail::put;

void write_names(JsonText& json, const std::vector<std::string>& names) {
  json.begin_array();
  for (const auto& name : names) json.value(std::string_view(name));
  json.end_array();
}

std::string limits_text(const LimitsCard& limits, const std::vector<std::string>& joint_names) {
  std::string text;
  JsonText json(text);
  write_names(json.begin_object().key("joint_names"), joint_names);
  json.member("lower", limits.lower).member("upper", limits.upper).member("velocity", limits.velocity);
  json.member("acceleration", limits.acceleration).member("jerk", limits.jerk).end_object();
  return text;
}

std::string_view image_encoding(int channels) noexcept {
  switch (channels) {
    case 1: return "mono8";
    case 3: return "rgb8";
    case 4: return "rgba8";
    default: return {};
  }
}

constexpr std::array<std::uint8_t, 4> kCdrHead{0, 1, 0, 0};  // little-endian; a multiple of 4, so alignment may count from it

void align(std::vector<std::uint8_t>& out) {
  while (out.size() % 4 != 0) out.push_back(0);
}

/// A string as CDR has it: its length with the final NUL, four-aligned, then the bytes.
void put_cdr_string(std::vector<std::uint8_t>& out, std::string_view text) {
  align(out);
  put<std::uint32_t>(out, static_cast<std::uint32_t>(text.size() + 1));
  detail::put_bytes(out, as_bytes(text));
  out.push_back(0);
}

void require_different(const std::vector<std::string>& names) {
  for (auto name = names.begin(); name != names.end(); ++name)
    if (std::find(names.begin(), name, *name) != name)
      fail(ErrorCode::invalid_argument, {"RecordWriter", "joint_names", "each once", quote(*name) + " twice", ""});
}

}  // namespace

RecordWriter::RecordWriter(const std::filesystem::path& path, const PolicyCard* card, RecordWriterOptions options)
    : writer_((require_different(options.joint_names), path), options.overwrite),
      chunk_bytes_(options.chunk_bytes),
      chunk_interval_(options.chunk_interval),
      sync_interval_(options.sync_interval),
      synced_at_(SteadyClock{}.now()) {
  const auto ros_schema = [&](std::string_view name, std::string_view fields) {
    return writer_.add_schema(name, "ros2msg", std::string(fields).append(detail::kHeaderTypes));
  };
  image_schema_ = ros_schema("sensor_msgs/msg/Image", detail::kImageFields);
  jpeg_schema_ = ros_schema("sensor_msgs/msg/CompressedImage", detail::kCompressedImageFields);
  const auto json_channel = [&](std::string_view topic, std::string_view schema, std::string_view text,
                                const McapWriter::Metadata& metadata = {}) {
    return writer_.add_channel(topic, "json", writer_.add_schema(schema, "jsonschema", text), metadata);
  };
  std::string names;
  JsonText json(names);
  write_names(json, options.joint_names);
  observation_channel_ = json_channel("/observation", "sinew.Observation", detail::kObservationSchema);
  command_channel_ = json_channel("/command", "sinew.Command", detail::kCommandSchema, {{"joint_names", names}});
  chunk_channel_ = json_channel("/chunk", "sinew.ActionChunk", detail::kChunkSchema);
  event_channel_ = json_channel("/event", "sinew.Event", detail::kEventSchema);
  motion_channel_ = json_channel("/motion", "sinew.Motion", detail::kMotionSchema);
  if (card != nullptr) writer_.add_attachment("sinew.json", "application/json", as_bytes(to_text(card_to_json(*card))));
  if (options.limits)
    writer_.add_attachment("joint_limits.json", "application/json", as_bytes(limits_text(*options.limits, options.joint_names)));
  last_error_.reserve(256);
  text_.reserve(4096);
}

std::uint64_t RecordWriter::add(const Observation& observation, std::span<const double> command, const ActionChunk* chunk) noexcept {
  return record(observation.time, [&] {
    write_observation(observation);
    for (const auto& frame : observation.cameras) write_frame(observation.time, frame);
    if (!command.empty()) write_command(observation.time, command);
    if (chunk != nullptr) write_chunk(observation.time, *chunk, Status::ok);
  });
}

std::uint64_t RecordWriter::add_command(Time time, std::span<const double> command) noexcept {
  return record(time, [&] { write_command(time, command); });
}

std::uint64_t RecordWriter::add_tick(const TickNote& tick) noexcept {
  return record(tick.time, [&] {
    JsonText json(text_);
    json.begin_object().member("time_ns", tick.time).member("values", tick.command);
    json.member("dt_ns", tick.dt).member("measured", tick.measured).end_object();
    emit_text(command_channel_, tick.time, tick.time);
  });
}

std::uint64_t RecordWriter::add_chunk(Time time, const ActionChunk& chunk, Status status) noexcept {
  return record(time, [&] { write_chunk(time, chunk, status); });
}

std::uint64_t RecordWriter::add_motion(const MotionNote& note) noexcept {
  return record(note.time, [&] {
    JsonText json(text_);
    json.begin_object().member("time_ns", note.time).member("kind", note.kind).member("event", note.event);
    json.member("dt_ns", note.dt).member("values", note.values).end_object();
    emit_text(motion_channel_, note.time, note.time);
  });
}

std::uint64_t RecordWriter::add_event(Time time, std::string_view kind, std::string_view text) noexcept {
  return record(time, [&] {
    JsonText(text_).begin_object().member("time_ns", time).member("kind", kind).member("text", text).end_object();
    emit_text(event_channel_, time, time);
  });
}

/// One record: its number, its messages, and what becomes of it when they cannot be written.
template <class Write>
std::uint64_t RecordWriter::record(Time time, const Write& write) noexcept {
  ++sequence_;
  current_dropped_ = false;
  current_ = sequence_;
  if (closed_ || time < Time::zero()) {
    drop_current(closed_ ? "the recording is closed" : "the time is negative");
    return sequence_;
  }
  if (writer_.pending() > 0 && time - chunk_start_ >= chunk_interval_) flush_chunk();
  newest_time_ = std::max(newest_time_, time);
  try {
    report_drops(time);
    write();
  } catch (const std::exception& error) {  // out of memory, or more cameras than MCAP has channels
    drop_current(error.what());
  }
  if (!current_dropped_) complete_ = sequence_;
  return sequence_;
}

void RecordWriter::report_drops(Time time) {
  if (dropped_ == dropped_in_file_ || writer_.pending() > 0) return;
  const std::uint64_t record = std::exchange(current_, 0);
  dropped_in_chunk_ = dropped_;
  JsonText json(text_);
  json.begin_object().member("time_ns", time).member("kind", std::string_view("drop"));
  json.member("text", std::string_view(last_error_)).member("dropped", dropped_).end_object();
  emit_text(event_channel_, time, time);
  current_ = record;
}

void RecordWriter::write_observation(const Observation& observation) {
  JsonText json(text_);
  json.begin_object().member("id", observation.id).member("time_ns", observation.time);
  json.member("instruction", std::string_view(observation.instruction)).key("channels").begin_array();
  for (const auto& channel : observation.channels) {
    json.begin_object().member("name", std::string_view(channel.name)).member("unit", std::string_view(channel.unit));
    json.member("stamp_ns", channel.stamp).member("values", channel.values).end_object();
  }
  json.end_array().key("cameras").begin_array();
  for (const auto& frame : observation.cameras) {
    json.begin_object().member("name", std::string_view(frame.name)).member("stamp_ns", frame.stamp);
    if (frame.jpeg.empty())
      json.member("height", frame.image.height()).member("width", frame.image.width());
    else
      json.member("format", std::string_view("jpeg"));
    json.end_object();
  }
  json.end_array().end_object();
  emit_text(observation_channel_, observation.time, observation.time);
}

void RecordWriter::write_frame(Time time, const CameraFrame& frame) {
  const bool jpeg = !frame.jpeg.empty();
  const McapId channel = camera_channel(frame.name, jpeg);
  constexpr Time::rep kSecond = 1'000'000'000;
  head_.assign(kCdrHead.begin(), kCdrHead.end());
  put<std::uint32_t>(head_, static_cast<std::uint32_t>(frame.stamp.count() / kSecond));
  put<std::uint32_t>(head_, static_cast<std::uint32_t>(frame.stamp.count() % kSecond));
  put_cdr_string(head_, frame.name);
  if (jpeg) {
    put_cdr_string(head_, "jpeg");
    align(head_);
    put<std::uint32_t>(head_, static_cast<std::uint32_t>(frame.jpeg.size()));
    emit(channel, time, frame.stamp, {head_, frame.jpeg});
  } else {
    put_image_head(frame);
    emit(channel, time, frame.stamp, {head_, frame.image.pixels()});
  }
}

void RecordWriter::put_image_head(const CameraFrame& frame) {
  const Image& image = frame.image;
  align(head_);
  put<std::uint32_t>(head_, static_cast<std::uint32_t>(image.height()));
  put<std::uint32_t>(head_, static_cast<std::uint32_t>(image.width()));
  const std::string_view encoding = image_encoding(image.channels());
  const char other[] = {'8', 'U', 'C', static_cast<char>('0' + image.channels() / 10), static_cast<char>('0' + image.channels() % 10)};
  put_cdr_string(head_, encoding.empty() ? std::string_view(other, sizeof other) : encoding);
  head_.push_back(0);  // not big-endian
  align(head_);
  put<std::uint32_t>(head_, static_cast<std::uint32_t>(image.width() * image.channels()));
  put<std::uint32_t>(head_, static_cast<std::uint32_t>(image.pixels().size()));
}

void RecordWriter::write_command(Time time, std::span<const double> command) {
  JsonText(text_).begin_object().member("time_ns", time).member("values", command).end_object();
  emit_text(command_channel_, time, time);
}

void RecordWriter::write_chunk(Time time, const ActionChunk& chunk, Status status) {
  char hash[16];
  for (std::size_t i = 0; i < sizeof hash; ++i) hash[i] = "0123456789abcdef"[(chunk.joint_order_hash >> (60 - 4 * i)) & 0xFU];
  JsonText json(text_);
  json.begin_object().member("sequence", chunk.sequence).member("observation_id", chunk.observation_id);
  json.member("space", to_string(chunk.space)).member("t0_ns", chunk.t0).member("dt_ns", chunk.dt);
  json.member("horizon", chunk.horizon).member("dim", chunk.dim);
  json.member("joint_order_hash", std::string_view(hash, sizeof hash)).key("values").begin_array();
  for (int i = 0; i < chunk.horizon; ++i) json.value(chunk.step(i));
  json.end_array().member("status", to_string(status)).end_object();
  emit_text(chunk_channel_, time, time);
}

McapId RecordWriter::camera_channel(std::string_view name, bool jpeg) {
  for (const auto& camera : cameras_)
    if (camera.name == name && camera.jpeg == jpeg) return camera.channel;
  const std::string topic = "/camera/" + detail::repaired(name) + (jpeg ? "/compressed" : "");
  const McapId channel = writer_.add_channel(topic, "cdr", jpeg ? jpeg_schema_ : image_schema_);
  return cameras_.emplace_back(Camera{std::string(name), jpeg, channel}).channel;
}

void RecordWriter::emit_text(McapId channel, Time time, Time produced) { emit(channel, time, produced, {as_bytes(text_)}); }

void RecordWriter::emit(McapId channel, Time time, Time produced, McapWriter::Parts parts) {
  std::size_t payload = 0;
  for (const auto part : parts) payload += part.size();
  if (writer_.pending() > 0 && writer_.pending() + writer_.cost(channel, payload) > chunk_bytes_) flush_chunk();
  if (writer_.pending() == 0) {
    chunk_start_ = time;
    chunk_opened_ = SteadyClock{}.now();
  }
  writer_.message(channel, static_cast<std::uint32_t>(current_), time, std::max(produced, Time::zero()), parts);
  if (current_ == 0 || current_dropped_ || newest_in_chunk_ == current_) return;
  newest_in_chunk_ = current_;
  ++records_in_chunk_;
}

bool RecordWriter::flush_chunk() noexcept {
  if (writer_.pending() == 0) return true;
  const bool written = writer_.flush();
  if (written) {
    acknowledged_ = std::max(acknowledged_, complete_);
    if (dropped_in_chunk_ > 0) dropped_in_file_ = dropped_in_chunk_;
  } else {
    dropped_ += records_in_chunk_;
    current_dropped_ = current_dropped_ || newest_in_chunk_ == sequence_;
    complete_ = acknowledged_;
    set_error(writer_.error() != 0 ? std::strerror(writer_.error()) : "out of memory");
  }
  records_in_chunk_ = 0;
  newest_in_chunk_ = 0;
  dropped_in_chunk_ = 0;
  if (SteadyClock{}.now() - synced_at_ >= sync_interval_) sync();
  return written;
}

bool RecordWriter::sync() noexcept {
  synced_at_ = SteadyClock{}.now();
  // A device that failed once may have thrown away what it was to keep: nothing after it is promised.
  if (sync_failed_ || !writer_.sync()) {
    if (!sync_failed_) set_error(std::strerror(writer_.error()));
    sync_failed_ = true;
    return false;
  }
  durable_ = acknowledged_;
  return true;
}

bool RecordWriter::flush() noexcept {
  if (closed_) return false;
  const bool written = flush_chunk();
  return sync() && written;
}

bool RecordWriter::close() noexcept {
  if (closed_) return finished_ && dropped_ == 0;
  flush_chunk();
  closed_ = true;
  try {
    report_drops(newest_time_);
  } catch (const std::bad_alloc&) {
    // The count is lost to the file; `dropped` still has it.
  }
  finished_ = writer_.finish();
  if (!finished_) set_error(std::strerror(writer_.error()));
  if (finished_ && !sync_failed_) durable_ = acknowledged_;
  return finished_ && dropped_ == 0;
}

/// The record being written is not, or not completely, in the file. Counted once.
void RecordWriter::drop_current(std::string_view reason) noexcept {
  set_error(reason);
  if (current_dropped_) return;
  current_dropped_ = true;
  ++dropped_;
  if (newest_in_chunk_ == sequence_) --records_in_chunk_;
}

void RecordWriter::tend() noexcept {
  const Time now = SteadyClock{}.now();
  if (writer_.pending() > 0 && now - chunk_opened_ >= chunk_interval_) flush_chunk();
  if (durable_ < acknowledged_ && !sync_failed_ && now - synced_at_ >= sync_interval_) sync();
}

void RecordWriter::skip_record(std::string_view reason) noexcept {
  current_ = ++sequence_;
  current_dropped_ = false;
  drop_current(reason);
}

void RecordWriter::count_dropped(std::uint64_t records, std::string_view reason) noexcept {
  dropped_ += records;
  set_error(reason);
}

void RecordWriter::set_error(std::string_view text) noexcept { last_error_.assign(text.substr(0, last_error_.capacity())); }

}  // namespace sinew
