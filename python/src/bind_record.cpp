// SPDX-License-Identifier: Apache-2.0
// Binds record/: the recorder; reading has a file of its own.
#include <pybind11/stl/filesystem.h>

#include <memory>
#include <optional>

#include "bindings.hpp"
#include "sinew/io/card_json.hpp"
#include "sinew/motion/joint_limits.hpp"
#include "sinew/record/recorder.hpp"

namespace sinew {

namespace py = pybind11;
using namespace bindings;

namespace {

/// The card as the strict reader sees it: a dict in the form of sinew.json.
PolicyCard to_card(const py::dict& card) {
  const auto text = py::module_::import("json").attr("dumps")(card).cast<std::string>();
  return card_from_json(Json::parse(text, "Recorder card"), "Recorder card");
}

std::vector<std::string> names_of(const py::sequence& names) {
  if (py::isinstance<py::str>(names)) fail(ErrorCode::invalid_argument, {"Recorder", "joint_names", "a list of names", "one str", ""});
  return names.cast<std::vector<std::string>>();
}

std::unique_ptr<Recorder> make_recorder(const std::filesystem::path& path, const std::optional<py::dict>& card,
                                        const py::sequence& joint_names, const std::optional<JointLimits>& limits, bool overwrite,
                                        std::int64_t frame_bytes, bool wait_for_room) {
  if (frame_bytes < 0) fail(ErrorCode::invalid_argument, {"Recorder", "frame_bytes", "0 or more", std::to_string(frame_bytes), ""});
  RecorderOptions options{.file = {.joint_names = names_of(joint_names), .overwrite = overwrite},
                          .frame_bytes = static_cast<std::size_t>(frame_bytes),
                          .wait_for_room = wait_for_room};
  if (limits) options.file.limits = LimitsCard{limits->lower, limits->upper, limits->velocity, limits->acceleration, limits->jerk};
  if (!card) return std::make_unique<Recorder>(path, nullptr, options);
  const PolicyCard parsed = to_card(*card);
  return std::make_unique<Recorder>(path, &parsed, options);
}

void close(Recorder& recorder) {
  const bool complete = [&] {
    const py::gil_scoped_release release;
    return recorder.close();
  }();
  if (complete) return;
  fail(ErrorCode::io, {"Recorder.close", "recording", "every record and the summary in the file",
                       fmt::format("{} dropped", recorder.dropped()), recorder.last_error()});
}

}  // namespace

void bind_record_read(py::module_& record);

void bind_record(py::module_& m) {
  auto record = m.def_submodule("record", "Recordings in MCAP: docs/recording.md lists the channels.");
  py::class_<Recorder>(
      record, "Recorder",
      "Writes one recording on a thread of its own. Any thread may add; nothing waits for the disk. What cannot be kept is\n"
      "dropped and counted, not raised; close() raises then.")
      .def(
          py::init(&make_recorder), py::arg("path"), py::arg("card") = py::none(), py::kw_only(), py::arg("joint_names") = py::list(),
          py::arg("limits") = py::none(), py::arg("overwrite") = false, py::arg("frame_bytes") = RecorderOptions{}.frame_bytes,
          py::arg("wait_for_room") = false,
          "path: file to create; one with content is refused unless overwrite. card: dict in the form of sinew.json, embedded.\n"
          "joint_names: of the commands, in order. limits: sinew.motion.JointLimits, embedded. frame_bytes: memory for camera frames that\n"
          "wait for the disk. wait_for_room: for simulators: an add waits for the disk instead of dropping.")
      .def(
          "add",
          [](Recorder& self, const Observation& observation, const std::optional<Doubles>& command, const ActionChunk* chunk) {
            if (command) require_shape(*command, {-1}, "Recorder.add", "command");
            return self.add(observation, command ? as_span(*command) : std::span<const double>{}, chunk);
          },
          py::arg("observation"), py::arg("command") = py::none(), py::arg("chunk") = py::none(),
          "Records an observation and what was decided from it; returns its sequence number, from 1; 0 = dropped. Of a frame that has a\n"
          "JPEG (`Observation.jpegs`) the JPEG is kept.\n"
          "command: float64 [dof], rad or m. chunk: sinew.ActionChunk.")
      .def(
          "add_command",
          [](Recorder& self, double time, const Doubles& command) {
            require_shape(command, {-1}, "Recorder.add_command", "command");
            return self.add_command(time_of(time, "Recorder.add_command", "time"), as_span(command));
          },
          py::arg("time"), py::arg("command"), "Records joint targets float64 [dof] (rad or m) sent at `time` (s); returns the number.")
      .def(
          "add_chunk",
          [](Recorder& self, double time, const ActionChunk& chunk) {
            return self.add_chunk(time_of(time, "Recorder.add_chunk", "time"), chunk);
          },
          py::arg("time"), py::arg("chunk"), "Records a chunk that was accepted at `time` (s); returns the number.")
      .def(
          "add_event",
          [](Recorder& self, double time, const std::string& kind, const std::string& text) {
            return self.add_event(time_of(time, "Recorder.add_event", "time"), kind, text);
          },
          py::arg("time"), py::arg("kind"), py::arg("text") = "",
          "Records something that happened at `time` (s): a word such as \"episode\" or \"intervention\", and more; returns the number.")
      .def("acknowledged", &Recorder::acknowledged, "Newest record that a crash of this process cannot lose; 0 = none.")
      .def("durable", &Recorder::durable, "Newest record that a power cut cannot lose; 0 = none.")
      .def_property_readonly("dropped", &Recorder::dropped, "Records that are not, or not completely, in the file.")
      .def_property_readonly("last_error", &Recorder::last_error, "Why the latest record was dropped.")
      .def("flush", &Recorder::flush, py::call_guard<py::gil_scoped_release>(),
           "Writes what waits and waits for the device; False on failure.")
      .def("close", &close, "Completes the file. Raises sinew.Error when records were dropped or the end could not be written.")
      .def("__enter__", [](py::object self) { return self; })
      .def("__exit__", [](Recorder& self, const py::args&) { close(self); });
  bind_record_read(record);
}

}  // namespace sinew
