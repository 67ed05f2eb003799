// SPDX-License-Identifier: Apache-2.0
// Binds record/recording and record/recover: reading recordings, and mending them after a crash.
#include <pybind11/stl/filesystem.h>

#include <utility>

#include "bindings.hpp"
#include "sinew/io/card_json.hpp"
#include "sinew/record/recording.hpp"
#include "sinew/record/recover.hpp"

namespace sinew {

namespace py = pybind11;
using namespace bindings;

namespace {

py::object card_of(const Recording& recording) {
  if (!recording.card()) return py::none();
  return py::module_::import("json").attr("loads")(to_text(card_to_json(*recording.card())));
}

py::object limits_of(const Recording& recording) {
  if (!recording.limits()) return py::none();
  const LimitsCard& limits = *recording.limits();
  return py::dict(py::arg("lower") = to_array(limits.lower), py::arg("upper") = to_array(limits.upper),
                  py::arg("velocity") = to_array(limits.velocity), py::arg("acceleration") = to_array(limits.acceleration),
                  py::arg("jerk") = to_array(limits.jerk));
}

py::dict unverified_of(const Recording& recording) {
  const McapUnverified& unverified = recording.unverified();
  return py::dict(py::arg("chunks") = unverified.chunks, py::arg("messages") = unverified.messages,
                  py::arg("attachments") = unverified.attachments, py::arg("data") = unverified.data,
                  py::arg("summary") = unverified.summary);
}

Record next_of(Recording& recording) {
  Record record;
  bool found = false;
  {
    const py::gil_scoped_release release;
    found = recording.next(record);
  }
  if (!found) throw py::stop_iteration();
  return record;
}

RecoverReport recover_file(const std::filesystem::path& path, bool cut_damage) {
  const py::gil_scoped_release release;
  return recover(path, {.cut_damage = cut_damage});
}

void bind_records(py::module_& record) {
  py::class_<RecordedCommand>(record, "Command", "Joint position targets sent to the robot.")
      .def_property_readonly(
          "time", [](const RecordedCommand& c) { return to_seconds(c.time); }, "s, robot's monotonic clock")
      .def_property_readonly(
          "values", [](const RecordedCommand& c) { return to_array(c.values); }, "float64 [dof], rad or m; a copy")
      .def_property_readonly(
          "dt", [](const RecordedCommand& c) { return to_seconds(c.dt); }, "s, length of a control tick; 0: no tick")
      .def_property_readonly(
          "measured", [](const RecordedCommand& c) { return to_array(c.measured); },
          "of a tick: float64 [dof], or [0] where the robot gave none");
  py::class_<RecordedChunk>(record, "Chunk", "An action chunk that was delivered.")
      .def_property_readonly(
          "time", [](const RecordedChunk& c) { return to_seconds(c.time); }, "s, when it was delivered")
      .def_readonly("chunk", &RecordedChunk::chunk, "sinew.ActionChunk")
      .def_readonly("status", &RecordedChunk::status, "\"ok\": accepted; else why it was refused");
  py::class_<RecordedMotion>(record, "Motion", "What the motion control was told besides chunks and ticks.")
      .def_property_readonly(
          "time", [](const RecordedMotion& c) { return to_seconds(c.time); }, "s")
      .def_readonly("kind", &RecordedMotion::kind, "\"arm\", \"event\", \"limits\" or \"skip\"")
      .def_readonly("event", &RecordedMotion::event, "of kind \"event\": its name")
      .def_property_readonly(
          "dt", [](const RecordedMotion& c) { return to_seconds(c.dt); }, "s, of kind \"skip\"")
      .def_property_readonly(
          "values", [](const RecordedMotion& c) { return to_array(c.values); },
          "float64: of arm measured [dof]; of limits lower, upper, velocity, acceleration, jerk in one piece");
  py::class_<RecordedEvent>(record, "Event", "Something that happened.")
      .def_property_readonly(
          "time", [](const RecordedEvent& e) { return to_seconds(e.time); }, "s")
      .def_readonly("kind", &RecordedEvent::kind, "\"episode\", \"intervention\", \"limit\", \"drop\" or another word")
      .def_readonly("text", &RecordedEvent::text)
      .def_readonly("dropped", &RecordedEvent::dropped, "of kind \"drop\": records that are not in the file");
  py::class_<Record>(record, "Record", "One observation, command, chunk or event; what was added at once has the same sequence.")
      .def_readonly("sequence", &Record::sequence, "as Recorder.add returned it; 0 = a report of the recorder itself")
      .def_readonly("content", &Record::content, "sinew.Observation, or record.Command, Chunk, Event or Motion");
}

void bind_recording(py::module_& record) {
  py::class_<Recording>(record, "Recording", "A recording being read, from front to back, once; iterate over it.")
      .def_property_readonly("card", &card_of, "the policy card as a dict in the form of sinew.json, or None")
      .def_property_readonly("limits", &limits_of, "dict of float64 [dof]: lower, upper, velocity, acceleration, jerk; or None")
      .def_property_readonly("joint_names", &Recording::joint_names, "of the commands, in order")
      .def_property_readonly("complete", &Recording::complete, "False: a crash cut the file; reading stops before the first torn record")
      .def_property_readonly(
          "end", [](const Recording& r) { return py::make_tuple(r.end().offset, r.end().bytes, r.end().reason); },
          "of a file that is not complete, once read: (byte where reading stopped, bytes from there, complaint)")
      .def_property_readonly("incomplete", &Recording::incomplete, "observations passed over because parts of theirs are not in the file")
      .def_property_readonly("dropped", &Recording::dropped,
                             "records that, as what was read so far says, were dropped while it was recorded")
      .def_property_readonly("unverified", &unverified_of, "dict: what was read so far without a checksum to compare with")
      .def("__iter__", [](py::object self) { return self; })
      .def("__next__", &next_of);
  record.def(
      "read", [](const std::filesystem::path& path, bool decode_jpeg) { return Recording(path, {.decode_jpeg = decode_jpeg}); },
      py::arg("path"), py::kw_only(), py::arg("decode_jpeg") = true,
      "Opens a recording -> an iterable of record.Record. Strict: whatever disagrees with a checksum, an index or a count raises "
      "sinew.Error;\n"
      "only at the end of the iteration has all been verified. decode_jpeg: frames that were recorded as JPEG get their pixels too.");
}

}  // namespace

void bind_record_read(py::module_& record) {
  bind_records(record);
  bind_recording(record);
  py::class_<RecoverReport>(record, "RecoverReport", "What a recording holds now, and what it took.")
      .def_readonly("changed", &RecoverReport::changed, "False: the file was complete and is as it was")
      .def_readonly("messages", &RecoverReport::messages)
      .def_readonly("chunks", &RecoverReport::chunks, "of the file")
      .def_readonly("bytes_cut", &RecoverReport::bytes_cut, "that were no part of a whole, good record")
      .def_readonly("last_sequence", &RecoverReport::last_sequence, "of the last record kept; 0 = none")
      .def_readonly("reason", &RecoverReport::reason, "the complaint about the first record that was cut");
  record.def(
      "recover", &recover_file, py::arg("path"), py::kw_only(), py::arg("cut_damage") = false,
      "Makes a recording that a crash cut short complete again -> RecoverReport. A complete file is not touched; one that is damaged\n"
      "elsewhere than at its end is refused, unless cut_damage gives up all that lies behind the damage.");
}

}  // namespace sinew
