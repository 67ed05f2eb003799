// SPDX-License-Identifier: Apache-2.0
// Binds data/: episodes of a recording as arrays; curation has a file of its own.
#include <pybind11/functional.h>
#include <pybind11/stl/filesystem.h>

#include <cstring>
#include <memory>
#include <optional>

#include "bindings.hpp"
#include "sinew/data/episode_reader.hpp"
#include "sinew/io/card_json.hpp"

namespace sinew {

namespace py = pybind11;
using namespace bindings;

namespace {

py::dict channels_of(const Episode& episode) {
  py::dict channels;
  const auto frames = static_cast<py::ssize_t>(episode.frames());
  for (const EpisodeChannel& channel : episode.channels)
    channels[py::str(channel.name)] =
        py::make_tuple(to_array(channel.values, {frames, static_cast<py::ssize_t>(channel.width)}), channel.unit);
  return channels;
}

py::dict cameras_of(const Episode& episode) {
  py::dict cameras;
  for (const CameraTrack& camera : episode.cameras)
    cameras[py::str(camera.name)] =
        py::dict(py::arg("brightness") = to_array(camera.brightness), py::arg("sharpness") = to_array(camera.sharpness),
                 py::arg("digest") = py::array_t<std::uint64_t>(static_cast<py::ssize_t>(camera.digest.size()), camera.digest.data()));
  return cameras;
}

Doubles times_of(const Episode& episode) {
  std::vector<double> seconds;
  for (const Time time : episode.times) seconds.push_back(to_seconds(time));
  return to_array(seconds);
}

Doubles actions_of(const Episode& episode) {
  return to_array(episode.actions,
                  {static_cast<py::ssize_t>(episode.dof == 0 ? 0 : episode.frames()), static_cast<py::ssize_t>(episode.dof)});
}

/// The values of a table `[frames, columns]`.
std::vector<double> table(const Doubles& array, py::ssize_t frames, std::string_view what) {
  require_shape(array, {frames, -1}, "Episode", what);
  return {array.data(), array.data() + array.size()};
}

void add_cameras(Episode& episode, const py::dict& cameras, py::ssize_t frames) {
  for (const auto& [name, measures] : cameras) {
    CameraTrack& camera = episode.cameras.emplace_back();
    camera.name = name.cast<std::string>();
    const auto values = measures.cast<py::dict>();
    const auto digest = values["digest"].cast<py::array_t<std::uint64_t, py::array::c_style>>();
    if (digest.size() == 0) continue;  // not measured
    const auto column = [&](const char* key) { return table(values[key].cast<Doubles>().reshape({-1, 1}), frames, camera.name); };
    camera.brightness = column("brightness");
    camera.sharpness = column("sharpness");
    require_shape(digest, {frames}, "Episode", camera.name);
    camera.digest.assign(digest.data(), digest.data() + digest.size());
  }
}

Episode make_episode(const Doubles& times, const py::dict& channels, const std::optional<Doubles>& actions, const py::dict& cameras,
                     std::int64_t index, std::string instruction) {
  Episode episode;
  episode.index = index;
  episode.instruction = std::move(instruction);
  episode.finished = true;
  for (const double time : to_vector(times, "Episode", "times")) episode.times.push_back(time_of(time, "Episode", "times"));
  const auto frames = static_cast<py::ssize_t>(episode.frames());
  for (const auto& [name, content] : channels) {
    const auto entry = content.cast<std::pair<Doubles, std::string>>();
    EpisodeChannel channel{.name = name.cast<std::string>(), .unit = entry.second, .width = 0, .values = {}};
    channel.values = table(entry.first, frames, channel.name);
    channel.width = static_cast<std::size_t>(entry.first.shape(1));
    episode.channels.push_back(std::move(channel));
  }
  if (actions) {
    episode.actions = table(*actions, frames, "actions");
    episode.dof = static_cast<std::size_t>(actions->shape(1));
  }
  add_cameras(episode, cameras, frames);
  return episode;
}

/// All of an episode, for another process: times in nanoseconds, texts as bytes, so that the copy is the same to the bit.
py::tuple state_of(const Episode& episode) {
  py::array_t<std::int64_t> times(static_cast<py::ssize_t>(episode.times.size()));
  std::ranges::transform(episode.times, times.mutable_data(), [](Time time) { return time.count(); });
  py::list faults;
  for (const EpisodeFault& fault : episode.faults)
    faults.append(py::make_tuple(fault.frame, py::bytes(fault.name), py::bytes(fault.reason)));
  return py::make_tuple(episode.index, py::bytes(episode.instruction), episode.succeeded, episode.finished, times, channels_of(episode),
                        episode.dof == 0 ? py::object(py::none()) : py::object(actions_of(episode)), cameras_of(episode), faults);
}

Episode episode_of(const py::tuple& state) {
  if (state.size() != 9) fail(ErrorCode::invalid_argument, {"Episode", "state", "9 entries", std::to_string(state.size()), ""});
  const auto times = state[4].cast<py::array_t<std::int64_t, py::array::c_style>>();
  Episode episode = make_episode(to_array(std::vector<double>(static_cast<std::size_t>(times.size()))), state[5].cast<py::dict>(),
                                 state[6].cast<std::optional<Doubles>>(), state[7].cast<py::dict>(), state[0].cast<std::int64_t>(),
                                 state[1].cast<std::string>());
  std::transform(times.data(), times.data() + times.size(), episode.times.begin(), [](std::int64_t time) { return Time(time); });
  episode.succeeded = state[2].cast<std::optional<bool>>();
  episode.finished = state[3].cast<bool>();
  for (const py::handle& each : state[8].cast<py::list>()) {
    auto [frame, name, reason] = each.cast<std::tuple<std::size_t, std::string, std::string>>();
    episode.faults.push_back({frame, std::move(name), std::move(reason)});
  }
  return episode;
}

using EpisodePointer = std::shared_ptr<Episode>;

EpisodePointer next_of(EpisodeReader& reader) {
  auto episode = std::make_shared<Episode>();
  bool found = false;
  {
    const py::gil_scoped_release release;
    found = reader.next(*episode);
  }
  if (!found) throw py::stop_iteration();
  return episode;
}

using OnFrame = std::function<void(std::size_t, const Observation&)>;

std::unique_ptr<EpisodeReader> read_episodes(const std::filesystem::path& path, bool measure_cameras, OnFrame on_frame,
                                             std::vector<std::string> without) {
  const py::gil_scoped_release release;
  return std::make_unique<EpisodeReader>(
      path, EpisodeOptions{.file = {}, .measure_cameras = measure_cameras, .on_frame = std::move(on_frame), .without = std::move(without)});
}

using Integers = py::array_t<std::int64_t, py::array::c_style | py::array::forcecast>;

template <class Value>
std::vector<Value> column_of(const Integers& array) {
  std::vector<Value> values;
  for (py::ssize_t i = 0; i < array.size(); ++i) values.push_back(static_cast<Value>(array.data()[i]));
  return values;
}

Integers choose(const Integers& frame_times, const std::optional<Integers>& frame_sequences, const Integers& command_times,
                const Integers& command_sequences) {
  if (frame_sequences) require_shape(*frame_sequences, {frame_times.size()}, "choose_commands", "frame_sequences");
  require_shape(command_sequences, {command_times.size()}, "choose_commands", "command_sequences");
  const auto sequences = frame_sequences ? column_of<std::uint64_t>(*frame_sequences) : std::vector<std::uint64_t>{};
  const auto chosen =
      choose_commands(column_of<Time>(frame_times), sequences, column_of<Time>(command_times), column_of<std::uint64_t>(command_sequences));
  return Integers(static_cast<py::ssize_t>(chosen.size()), chosen.data());
}

py::object card_of(const EpisodeReader& reader) {
  if (!reader.recording().card()) return py::none();
  return py::module_::import("json").attr("loads")(to_text(card_to_json(*reader.recording().card())));
}

py::list faults_of(const Episode& episode) {
  py::list faults;
  for (const EpisodeFault& fault : episode.faults) faults.append(py::make_tuple(fault.frame, to_str(fault.name), to_str(fault.reason)));
  return faults;
}

}  // namespace

void bind_curate(py::module_& data);

namespace {

void bind_rules(py::module_& data) {
  py::class_<EpisodeMark>(data, "EpisodeMark", "What an event of kind \"episode\" says.")
      .def_readonly("index", &EpisodeMark::index)
      .def_readonly("instruction", &EpisodeMark::instruction, "None: not said")
      .def_readonly("end", &EpisodeMark::end, "False: an episode begins")
      .def_readonly("succeeded", &EpisodeMark::succeeded, "of an end; None: unknown");
  data.def(
      "parse_episode_mark",
      [](const RecordedEvent& event, const std::filesystem::path& file) { return parse_episode_mark(event, file.string()); },
      py::arg("event"), py::arg("file"),
      "Raises sinew.Error where the event's text is no JSON object with an index; file: what the error names.");
  data.def(
      "choose_commands", &choose, py::arg("frame_times"), py::arg("frame_sequences"), py::arg("command_times"),
      py::arg("command_sequences"),
      "The place of each frame's action among the commands, int64 [n], -1: none: the command of the same sequence number, else the\n"
      "newest not later than the next frame; for the last frame the newest. Times: int64, ns. frame_sequences: None, only times count.");
}

}  // namespace

void bind_data(py::module_& m) {
  auto data = m.def_submodule("data", "Recordings as training data: episodes, curation.");
  py::class_<Episode, EpisodePointer>(data, "Episode",
                                      "One episode: a frame is one observation, its action what the robot was told to reach by the next.")
      .def(py::init(&make_episode), py::arg("times"), py::arg("channels"), py::arg("actions") = py::none(), py::arg("cameras") = py::dict(),
           py::arg("index") = 0, py::arg("instruction") = "",
           "times: s [n]. channels: name -> (values [n, width], unit). actions: [n, dof]. cameras: name -> dict of brightness, sharpness, "
           "digest, each [n].")
      .def_readonly("index", &Episode::index)
      .def_readonly("instruction", &Episode::instruction)
      .def_readonly("succeeded", &Episode::succeeded, "None: the recording does not say")
      .def_readonly("finished", &Episode::finished, "False: the recording ends, or another episode begins, before this one's end")
      .def_property_readonly("times", &times_of, "s, float64 [n], robot's monotonic clock; a copy")
      .def_property_readonly("channels", &channels_of, "dict name -> (float64 [n, width], unit); copies, NaN where a frame has none")
      .def_property_readonly("actions", &actions_of, "float64 [n, dof], rad or m; a copy; [0, 0] without commands")
      .def_property_readonly("cameras", &cameras_of, "dict name -> dict of brightness, sharpness, digest, [n] where measured; copies")
      .def_property_readonly("faults", &faults_of, "list of (frame, name, reason): what is not as the rest of the episode promises")
      .def("__len__", &Episode::frames)
      .def(py::pickle(&state_of, [](const py::tuple& state) { return std::make_shared<Episode>(episode_of(state)); }));
  py::class_<EpisodeReader>(data, "EpisodeReader", "A recording cut into its episodes, read once from front to back; iterate over it.")
      .def_property_readonly("card", &card_of, "the policy card as a dict in the form of sinew.json, or None")
      .def_property_readonly(
          "joint_names", [](const EpisodeReader& reader) { return reader.recording().joint_names(); }, "of the actions, in order")
      .def_property_readonly(
          "complete", [](const EpisodeReader& reader) { return reader.recording().complete(); }, "False: a crash cut the file")
      .def_property_readonly(
          "end",
          [](const EpisodeReader& reader) {
            const McapEnd& end = reader.recording().end();
            return py::make_tuple(end.offset, end.bytes, end.reason);
          },
          "as of record.Recording")
      .def_property_readonly(
          "incomplete", [](const EpisodeReader& reader) { return reader.recording().incomplete(); }, "as of record.Recording")
      .def_property_readonly(
          "dropped", [](const EpisodeReader& reader) { return reader.recording().dropped(); }, "as of record.Recording")
      .def("__iter__", [](py::object self) { return self; })
      .def("__next__", &next_of);
  data.def("read_episodes", &read_episodes, py::arg("path"), py::kw_only(), py::arg("measure_cameras") = false,
           py::arg("on_frame") = py::none(), py::arg("without") = std::vector<std::string>{},
           "Opens a recording -> an iterable of data.Episode. measure_cameras: brightness, sharpness and digests of the frames.\n"
           "on_frame: called with (index in the episode, sinew.Observation) for each frame as it is read; frames are not kept.\n"
           "without: channels that are passed over.");
  bind_rules(data);
  bind_curate(data);
}

}  // namespace sinew
