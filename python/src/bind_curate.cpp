// SPDX-License-Identifier: Apache-2.0
// Binds data/curate and data/correction.
#include <pybind11/stl/filesystem.h>

#include <memory>
#include <optional>

#include "bindings.hpp"
#include "guarded.hpp"
#include "kinematics_arrays.hpp"
#include "sinew/data/curate.hpp"

namespace sinew {

namespace py = pybind11;
using namespace bindings;

namespace {

using EpisodePointer = std::shared_ptr<Episode>;

/// A file of the data set, as its caller holds it.
struct DataFile {
  std::string name;
  std::vector<EpisodePointer> episodes;
  std::vector<std::string> joint_names;
  std::vector<std::string> gripper_names;
};

py::list runs_of(const EpisodeVerdict& verdict) {
  py::list runs;
  for (const FrameVerdict& run : verdict.runs)
    runs.append(py::make_tuple(run.first, run.last, std::string(to_string(run.verdict)), to_str(run.reason)));
  return runs;
}

py::list findings_of(const CurationReport& report) {
  py::list findings;
  for (const Finding& finding : report.findings)
    findings.append(py::dict(py::arg("stage") = std::string(to_string(finding.stage)), py::arg("file") = finding.file,
                             py::arg("episode") = finding.episode, py::arg("first") = finding.first, py::arg("last") = finding.last,
                             py::arg("name") = to_str(finding.name), py::arg("value") = finding.value, py::arg("bound") = finding.bound,
                             py::arg("reason") = to_str(finding.reason), py::arg("correctable") = finding.correctable));
  return findings;
}

py::list files_of(const CurationReport& report) {
  py::list files;
  for (const FileVerdict& file : report.files) {
    py::list episodes;
    for (const EpisodeVerdict& verdict : file.episodes)
      episodes.append(py::dict(py::arg("index") = verdict.index, py::arg("frames") = verdict.frames,
                               py::arg("verdict") = std::string(to_string(verdict.verdict)), py::arg("reason") = to_str(verdict.reason),
                               py::arg("runs") = runs_of(verdict)));
    files.append(py::dict(py::arg("name") = to_str(file.name), py::arg("episodes") = episodes, py::arg("correction") = file.correction,
                          py::arg("notes") = file.notes));
  }
  return files;
}

CurationReport curate_files(const std::vector<DataFile>& files, const std::optional<Chain<>>& chain, std::string joint_channel,
                            std::string pose_channel) {
  std::vector<CurationFile> views;
  for (const DataFile& file : files) {
    CurationFile& view = views.emplace_back(CurationFile{file.name, {}, file.joint_names, file.gripper_names});
    for (const EpisodePointer& episode : file.episodes) view.episodes.push_back(episode.get());
  }
  CurationOptions options;
  options.joint_channel = std::move(joint_channel);
  options.pose_channel = std::move(pose_channel);
  const py::gil_scoped_release release;
  return curate(views, chain ? &*chain : nullptr, options);
}

Doubles matrix_of(const Eigen::Isometry3d& pose) {
  Doubles out({4, 4});
  for (int i = 0; i < 4; ++i)
    for (int j = 0; j < 4; ++j) out.mutable_at(i, j) = pose.matrix()(i, j);
  return out;
}

void bind_correction(py::module_& data) {
  py::class_<Correction>(data, "Correction", "What is the same mistake in every frame of a file.")
      .def_readonly("changes", &Correction::changes, "one sentence each; empty: nothing to correct")
      .def_property_readonly(
          "joint_signs", [](const Correction& c) { return to_array(c.joint_signs); }, "float64 [dof] of 1 and -1, or [0]")
      .def_property_readonly(
          "command_signs", [](const Correction& c) { return to_array(c.command_signs); }, "float64 [dof] of 1 and -1, or [0]")
      .def_readonly("command_shift", &Correction::command_shift, "frames by which commands belong later than recorded")
      .def_property_readonly(
          "recorded_from_base", [](const Correction& c) { return matrix_of(c.recorded_from_base); }, "[4, 4]")
      .def_property_readonly("tip_from_recorded", [](const Correction& c) { return matrix_of(c.tip_from_recorded); }, "[4, 4]");
  data.def(
      "write_corrected",
      [](const std::filesystem::path& input, const std::filesystem::path& output, const Correction& correction) {
        const py::gil_scoped_release release;
        const CorrectionResult done = write_corrected(input, output, correction);
        return std::make_tuple(done.observations, done.commands, done.commands_left_out);
      },
      py::arg("input"), py::arg("output"), py::arg("correction"),
      "Copies a recording with the correction applied and its changes as events -> (observations, commands, commands left out). The\n"
      "output must not exist.");
}

}  // namespace

void bind_curate(py::module_& data) {
  bind_correction(data);
  py::class_<DataFile>(data, "CurationFile", "Episodes of one recording, made with one robot and one definition of its tool.")
      .def(py::init([](std::string name, std::vector<EpisodePointer> episodes, std::vector<std::string> joints,
                       std::vector<std::string> grippers) {
             return DataFile{std::move(name), std::move(episodes), std::move(joints), std::move(grippers)};
           }),
           py::arg("name"), py::arg("episodes"), py::arg("joint_names") = std::vector<std::string>{},
           py::arg("gripper_names") = std::vector<std::string>{},
           "joint_names: of the actions, in order. gripper_names: of these, exempt from sudden changes, extremes and trend.")
      .def_readonly("joint_names", &DataFile::joint_names);
  py::class_<CurationReport>(data, "CurationReport", "What curate() found.")
      .def_property_readonly("findings", &findings_of,
                             "list of dicts: stage, file, episode (None: all of the file's), first, last (frames), name, value, bound,\n"
                             "reason, correctable")
      .def_property_readonly(
          "files", &files_of,
          "list of dicts: name, episodes (dicts: index, frames, verdict \"keep\", \"correctable\" or \"reject\", reason,\n"
          "runs of (first, last, verdict, reason)), correction, notes");
  data.def(
      "curate", &curate_files, py::arg("files"), py::kw_only(), py::arg("chain") = py::none(), py::arg("joint_channel") = "",
      py::arg("pose_channel") = "",
      "Runs all stages over files (data.CurationFile) of one kind of robot -> data.CurationReport. chain: of the robot description; None\n"
      "leaves out the tool's consistency. Channels: \"\" takes the first that fits.");
}

}  // namespace sinew
