// SPDX-License-Identifier: Apache-2.0
// Every field is demanded, every other refused.
#include "recorded_values.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <limits>

#include "sinew/core/error.hpp"
#include "sinew/io/json_cursor.hpp"
#include "sinew/io/text.hpp"

namespace sinew::detail {
namespace {

constexpr int kMaxSide = 32768;  // Image's own

Json parse(std::string_view json, const std::string& where) {
  return Json::parse(json, where, {.max_bytes = std::numeric_limits<std::size_t>::max()});
}

Time time_of(const JsonCursor& parent, std::string_view key) { return Time(parent.at(key).integer()); }
std::uint64_t number_of(const JsonCursor& parent, std::string_view key) { return static_cast<std::uint64_t>(parent.at(key).integer(0)); }

/// Numbers, with null for what was not finite.
void append_numbers(const JsonCursor& array, std::vector<double>& out) {
  for (const auto& element : array.elements())
    out.push_back(element.is_null() ? std::numeric_limits<double>::quiet_NaN() : element.number());
}

std::uint64_t read_hash(const JsonCursor& cursor) {
  const std::string& text = cursor.text();
  std::uint64_t hash = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), hash, 16);
  if (text.size() != 16 || error != std::errc{} || end != text.data() + text.size()) cursor.refuse("16 hexadecimal digits");
  return hash;
}

}  // namespace

Observation read_observation(std::string_view json, const std::string& where, std::vector<AnnouncedFrame>& frames) {
  const Json document = parse(json, where);
  const JsonCursor root(document, where);
  root.only_keys({"id", "time_ns", "instruction", "channels", "cameras"});
  Observation observation;
  observation.id = number_of(root, "id");
  observation.time = time_of(root, "time_ns");
  observation.instruction = root.at("instruction").text();
  for (const auto& channel : root.at("channels").elements()) {
    channel.only_keys({"name", "unit", "stamp_ns", "values"});
    auto& made =
        observation.channels.emplace_back(Channel{channel.at("name").text(), channel.at("unit").text(), {}, time_of(channel, "stamp_ns")});
    append_numbers(channel.at("values"), made.values);
  }
  frames.clear();
  for (const auto& camera : root.at("cameras").elements()) {
    AnnouncedFrame& frame = frames.emplace_back(AnnouncedFrame{camera.at("name").text(), time_of(camera, "stamp_ns")});
    frame.jpeg = camera.optional("format").has_value();
    if (frame.jpeg) {
      camera.only_keys({"name", "stamp_ns", "format"});
      (void)camera.at("format").one_of({"jpeg"});
    } else {
      camera.only_keys({"name", "stamp_ns", "height", "width"});
      frame.height = static_cast<int>(camera.at("height").integer(0, kMaxSide));
      frame.width = static_cast<int>(camera.at("width").integer(0, kMaxSide));
    }
    observation.cameras.push_back({.name = frame.name, .image = {}, .stamp = frame.stamp});
  }
  return observation;
}

RecordedCommand read_command(std::string_view json, const std::string& where) {
  const Json document = parse(json, where);
  const JsonCursor root(document, where);
  root.only_keys({"time_ns", "values", "dt_ns", "measured"});
  RecordedCommand command{.time = time_of(root, "time_ns")};
  append_numbers(root.at("values"), command.values);
  if (root.optional("dt_ns")) command.dt = time_of(root, "dt_ns");
  if (const auto measured = root.optional("measured")) append_numbers(*measured, command.measured);
  return command;
}

RecordedChunk read_action_chunk(std::string_view json, const std::string& where) {
  constexpr std::array kSpaces{ActionSpace::joint_position, ActionSpace::tool_pose, ActionSpace::base_pose};
  const Json document = parse(json, where);
  const JsonCursor root(document, where);
  root.only_keys({"sequence", "observation_id", "space", "t0_ns", "dt_ns", "horizon", "dim", "joint_order_hash", "values", "status"});
  RecordedChunk recorded;
  ActionChunk& chunk = recorded.chunk;
  chunk.sequence = number_of(root, "sequence");
  chunk.observation_id = number_of(root, "observation_id");
  chunk.space = kSpaces[root.at("space").one_of({to_string(kSpaces[0]), to_string(kSpaces[1]), to_string(kSpaces[2])})];
  chunk.t0 = time_of(root, "t0_ns");
  chunk.dt = time_of(root, "dt_ns");
  chunk.horizon = static_cast<int>(root.at("horizon").integer(0, std::numeric_limits<int>::max()));
  chunk.dim = static_cast<int>(root.at("dim").integer(0, std::numeric_limits<int>::max()));
  chunk.joint_order_hash = read_hash(root.at("joint_order_hash"));
  const auto values = root.at("values");
  const auto rows = values.elements();
  if (rows.size() != static_cast<std::size_t>(chunk.horizon)) values.refuse(fmt::format("{} rows", chunk.horizon));
  for (const auto& row : rows) {
    const std::size_t before = chunk.values.size();
    append_numbers(row, chunk.values);
    if (chunk.values.size() - before != static_cast<std::size_t>(chunk.dim)) row.refuse(fmt::format("{} numbers", chunk.dim));
  }
  if (const auto status = root.optional("status")) recorded.status = status->text();
  return recorded;
}

RecordedMotion read_motion(std::string_view json, const std::string& where) {
  const Json document = parse(json, where);
  const JsonCursor root(document, where);
  root.only_keys({"time_ns", "kind", "event", "dt_ns", "values"});
  RecordedMotion motion{time_of(root, "time_ns"), root.at("kind").text(), root.at("event").text(), time_of(root, "dt_ns"), {}};
  append_numbers(root.at("values"), motion.values);
  return motion;
}

RecordedEvent read_event(std::string_view json, const std::string& where) {
  const Json document = parse(json, where);
  const JsonCursor root(document, where);
  root.only_keys({"time_ns", "kind", "text", "dropped"});
  RecordedEvent event{time_of(root, "time_ns"), root.at("kind").text(), root.at("text").text()};
  if (root.optional("dropped")) event.dropped = number_of(root, "dropped");
  return event;
}

std::vector<std::string> read_joint_names(std::string_view json, const std::string& where) {
  const Json document = parse(json, where);
  return JsonCursor(document, where).texts();
}

RecordedLimits read_limits(std::string_view json, const std::string& where) {
  const Json document = parse(json, where);
  const JsonCursor root(document, where);
  root.only_keys({"joint_names", "lower", "upper", "velocity", "acceleration", "jerk"});
  const auto numbers = [&](std::string_view key) {
    std::vector<double> values;
    append_numbers(root.at(key), values);
    return values;
  };
  return {root.at("joint_names").texts(),
          {numbers("lower"), numbers("upper"), numbers("velocity"), numbers("acceleration"), numbers("jerk")}};
}

}  // namespace sinew::detail
