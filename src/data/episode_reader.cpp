// SPDX-License-Identifier: Apache-2.0
#include "sinew/data/episode_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <variant>

#include "episode_builder.hpp"
#include "sinew/io/json.hpp"
#include "sinew/io/json_cursor.hpp"
#include "sinew/io/text.hpp"

namespace sinew {

namespace {

const RecordedEvent* episode_event(const Record& record) {
  const auto* event = std::get_if<RecordedEvent>(&record.content);
  return event != nullptr && event->kind == "episode" ? event : nullptr;
}

bool has_episode_event(const std::filesystem::path& path, const McapReadOptions& options) {
  Recording recording(path, {.file = options, .decode_jpeg = false});
  Record record;
  while (recording.next(record))
    if (episode_event(record) != nullptr) return true;
  return false;
}

}  // namespace

EpisodeMark parse_episode_mark(const RecordedEvent& event, std::string_view file) {
  const std::string where = fmt::format("{}: episode event at {:.3f} s", printable(file, 512), to_seconds(event.time));
  const Json json = Json::parse(event.text, where);
  const JsonCursor root(json, where);
  EpisodeMark mark{.index = root.at("index").integer(0), .instruction = {}, .succeeded = {}};
  if (const auto succeeded = root.optional("succeeded")) {
    mark.end = true;
    if (!succeeded->is_null()) mark.succeeded = succeeded->boolean();
  }
  if (const auto instruction = root.optional("instruction")) mark.instruction = instruction->text();
  return mark;
}

struct EpisodeReader::State {
  State(const std::filesystem::path& file, EpisodeOptions given)
      : path(file.string()),
        options(std::move(given)),
        recording(file, {.file = options.file, .decode_jpeg = options.measure_cameras || options.on_frame}),
        builder(options.measure_cameras) {
    whole_file = !has_episode_event(file, options.file);
    if (whole_file) open_episode({});
  }

  void open_episode(const EpisodeMark& mark) {
    builder.begin(mark.index, mark.instruction);
    open = true;
  }

  /// Whether the event ends an episode, which is then in `episode`.
  bool take_mark(const EpisodeMark& mark, Episode& episode) {
    if (!mark.end) {
      const bool torn = open;
      if (torn) episode = builder.finish();
      open_episode(mark);
      return torn;
    }
    if (!open) return false;
    open = false;
    episode = builder.finish();
    episode.finished = episode.index == mark.index;
    if (episode.finished) episode.succeeded = mark.succeeded;
    return true;
  }

  void take_content(Record& record) {
    if (!open) return;
    if (auto* observation = std::get_if<Observation>(&record.content)) {
      std::erase_if(observation->channels, [&](const Channel& channel) { return std::ranges::count(options.without, channel.name) > 0; });
      if (options.on_frame) options.on_frame(builder.frames(), *observation);
      builder.add(record.sequence, *observation);
    } else if (auto* command = std::get_if<RecordedCommand>(&record.content)) {
      builder.add(record.sequence, std::move(*command));
    }
  }

  bool take_end(Episode& episode) {
    if (!open) return false;
    open = false;
    if (whole_file && builder.frames() == 0) return false;
    episode = builder.finish();
    episode.finished = whole_file && recording.complete();
    return true;
  }

  std::string path;
  EpisodeOptions options;
  Recording recording;
  EpisodeBuilder builder;
  bool whole_file = false;  // no episode events: one episode
  bool open = false;        // the builder has one
};

EpisodeReader::EpisodeReader(const std::filesystem::path& path, EpisodeOptions options)
    : state_(std::make_unique<State>(path, std::move(options))) {}
EpisodeReader::~EpisodeReader() = default;
EpisodeReader::EpisodeReader(EpisodeReader&& other) noexcept = default;
EpisodeReader& EpisodeReader::operator=(EpisodeReader&& other) noexcept = default;

bool EpisodeReader::next(Episode& episode) {
  Record record;
  while (state_->recording.next(record)) {
    if (const RecordedEvent* event = episode_event(record)) {
      if (state_->take_mark(parse_episode_mark(*event, state_->path), episode)) return true;
    } else {
      state_->take_content(record);
    }
  }
  return state_->take_end(episode);
}

const Recording& EpisodeReader::recording() const noexcept { return state_->recording; }

}  // namespace sinew
