// SPDX-License-Identifier: Apache-2.0
// Runs the stages; structure, columns and cameras. Trend and tool have files of their own.
#include "sinew/data/curate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "sinew/data/smoothing.hpp"
#include "stages.hpp"

namespace sinew {

std::string_view to_string(CurationStage stage) noexcept {
  switch (stage) {
    case CurationStage::structure: return "structure";
    case CurationStage::sudden_change: return "sudden_change";
    case CurationStage::action_trend: return "action_trend";
    case CurationStage::extreme_values: return "extreme_values";
    case CurationStage::tool_consistency: return "tool_consistency";
    case CurationStage::orientation: return "orientation";
    case CurationStage::cameras: return "cameras";
  }
  return "unknown";
}

std::string_view to_string(Verdict verdict) noexcept {
  switch (verdict) {
    case Verdict::keep: return "keep";
    case Verdict::correctable: return "correctable";
    case Verdict::reject: return "reject";
  }
  return "unknown";
}

Finding& Curation::add(CurationStage stage, std::size_t file, std::size_t episode, std::pair<std::size_t, std::size_t> frames,
                       std::string name) {
  Finding finding{.stage = stage, .file = file, .episode = episode, .first = frames.first, .last = frames.second, .name = std::move(name)};
  return report.findings.emplace_back(std::move(finding));
}

Finding& Curation::add_correctable(CurationStage stage, std::size_t file, std::string name, std::string reason) {
  report.files[file].correction.changes.push_back(reason);
  Finding finding{.stage = stage, .file = file, .name = std::move(name), .reason = std::move(reason), .correctable = true};
  return report.findings.emplace_back(std::move(finding));
}

std::vector<std::pair<std::size_t, std::size_t>> runs_of(std::span<const std::size_t> frames) {
  std::vector<std::pair<std::size_t, std::size_t>> runs;
  for (const std::size_t frame : frames) {
    if (runs.empty() || runs.back().second + 1 != frame)
      runs.emplace_back(frame, frame);
    else
      runs.back().second = frame;
  }
  return runs;
}

const EpisodeChannel* joint_channel(const Episode& episode, const CurationOptions& options) {
  if (!options.joint_channel.empty()) {
    const EpisodeChannel* named = episode.find_channel(options.joint_channel);
    return named != nullptr && named->width == episode.dof ? named : nullptr;
  }
  for (const EpisodeChannel& channel : episode.channels)
    if (channel.width == episode.dof && channel.width > 0 && column_kinds(channel.unit, channel.width).front() == ColumnKind::position)
      return &channel;
  return nullptr;
}

const EpisodeChannel* pose_channel(const Episode& episode, const CurationOptions& options) {
  for (const EpisodeChannel& channel : episode.channels)
    if (channel.width == 7 && (options.pose_channel.empty() ? channel.unit == "m,quat_wxyz" : channel.name == options.pose_channel))
      return &channel;
  return nullptr;
}

namespace {

/// Rows of a table with a number that is not finite, but for frames whose fault says more.
void check_finite(Curation& curation, std::pair<std::size_t, std::size_t> place, const std::string& name, std::span<const double> table) {
  const Episode& episode = *curation.files[place.first].episodes[place.second];
  const std::size_t width = episode.frames() == 0 ? 0 : table.size() / episode.frames();
  std::vector<std::size_t> frames;
  for (std::size_t i = 0; width > 0 && i < episode.frames(); ++i) {
    const bool finite = std::ranges::all_of(table.subspan(i * width, width), [](double value) { return std::isfinite(value); });
    const bool told =
        std::ranges::any_of(episode.faults, [&](const EpisodeFault& fault) { return fault.frame == i && fault.name == name; });
    if (!finite && !told) frames.push_back(i);
  }
  for (const auto& run : runs_of(frames))
    curation.add(CurationStage::structure, place.first, place.second, run, name).reason = fmt::format("{} is not finite", name);
}

void check_faults(Curation& curation, std::size_t file, std::size_t episode) {
  std::map<std::pair<std::string, std::string>, std::vector<std::size_t>> frames;
  for (const EpisodeFault& fault : curation.files[file].episodes[episode]->faults)
    frames[{fault.name, fault.reason}].push_back(fault.frame);
  for (auto& [what, places] : frames) {
    places.erase(std::ranges::unique(places).begin(), places.end());
    for (const auto& run : runs_of(places))
      curation.add(CurationStage::structure, file, episode, run, what.first).reason = fmt::format("{}: {}", what.first, what.second);
  }
}

std::string camera_reason(const CameraFault& fault, const std::string& name) {
  switch (fault.kind) {
    case CameraFaultKind::black: return fmt::format("camera {} is black: luminance {:.1f}", name, fault.value);
    case CameraFaultKind::blurred: return fmt::format("camera {} is blurred: {:.0f} % of its usual sharpness", name, 100 * fault.value);
    case CameraFaultKind::frozen:
      return fmt::format("camera {} shows one picture while a joint moves by {:.3f} rad or m", name, fault.value);
    case CameraFaultKind::idle: return fmt::format("nothing moves, for {:.1f} s", fault.value);
  }
  return {};
}

void add_camera_faults(Curation& curation, std::pair<std::size_t, std::size_t> place, const std::string& name,
                       std::span<const CameraFault> faults) {
  for (const CameraFault& fault : faults) {
    Finding& finding = curation.add(CurationStage::cameras, place.first, place.second, {fault.first, fault.last}, name);
    finding.value = fault.value;
    finding.bound = fault.bound;
    finding.reason = camera_reason(fault, name);
  }
}

/// Per camera the median of the episodes' usual sharpness: an episode that is blurred throughout is caught by it.
std::map<std::string, double> usual_sharpness_of(const CurationFile& file, const CameraFaultOptions& options) {
  std::map<std::string, std::vector<double>> values;
  for (const Episode* episode : file.episodes)
    for (const CameraTrack& camera : episode->cameras) values[camera.name].push_back(usual_sharpness(camera, options));
  std::map<std::string, double> usual;
  for (auto& [name, sharpness] : values) usual[name] = quantile(std::move(sharpness), 0.5);
  return usual;
}

}  // namespace

void check_structure(Curation& curation) {
  for (std::size_t file = 0; file < curation.files.size(); ++file)
    for (std::size_t e = 0; e < curation.files[file].episodes.size(); ++e) {
      const Episode& episode = *curation.files[file].episodes[e];
      if (episode.frames() < curation.options.least_frames) {
        Finding& finding = curation.add(CurationStage::structure, file, e, {0, episode.frames() == 0 ? 0 : episode.frames() - 1}, "frames");
        finding.value = static_cast<double>(episode.frames());
        finding.bound = static_cast<double>(curation.options.least_frames);
        finding.reason = fmt::format("the episode has {} frames", episode.frames());
      }
      check_faults(curation, file, e);
      for (const EpisodeChannel& channel : episode.channels) check_finite(curation, {file, e}, channel.name, channel.values);
      check_finite(curation, {file, e}, "command", episode.actions);
    }
}

void check_sudden_changes(Curation& curation, std::span<const Column> columns) {
  for (const Column& column : columns) {
    if (column.kind == ColumnKind::other || column.gripper) continue;
    std::vector<ColumnChange> changes;
    for (const ColumnPart& part : column.parts) {
      const std::vector<std::size_t> missing = missing_frames(*curation.files[part.file].episodes[part.episode]);
      changes.push_back(measure_change(part.values, part.period, curation.options.sudden_change, missing));
    }
    const ChangeBounds bounds = change_bounds(changes, curation.options.sudden_change);
    for (std::size_t i = 0; i < changes.size(); ++i)
      for (const auto& run : runs_of(sudden_frames(changes[i], bounds))) {
        Finding& finding = curation.add(CurationStage::sudden_change, column.parts[i].file, column.parts[i].episode, run, column.name);
        finding.value = *std::max_element(changes[i].residual.begin() + static_cast<std::ptrdiff_t>(run.first),
                                          changes[i].residual.begin() + static_cast<std::ptrdiff_t>(run.second) + 1);
        finding.bound = bounds.residual;
        finding.reason = fmt::format("{} leaves its trend by {:.3g}", column.name, finding.value);
      }
  }
}

void check_extreme_values(Curation& curation, std::span<const Column> columns) {
  for (const Column& column : columns) {
    if (column.kind == ColumnKind::quaternion || column.gripper) continue;
    std::vector<double> all;
    for (const ColumnPart& part : column.parts) all.insert(all.end(), part.values.begin(), part.values.end());
    const ExtremeBounds bounds = extreme_bounds(all, curation.options.extreme_values);
    const double middle = 0.5 * (bounds.low + bounds.high);
    for (const ColumnPart& part : column.parts)
      for (const auto& run : runs_of(extreme_frames(part.values, bounds))) {
        Finding& finding = curation.add(CurationStage::extreme_values, part.file, part.episode, run, column.name);
        const auto begin = part.values.begin() + static_cast<std::ptrdiff_t>(run.first);
        finding.value = *std::ranges::max_element(begin, begin + static_cast<std::ptrdiff_t>(run.second - run.first + 1), {},
                                                  [middle](double value) { return std::abs(value - middle); });
        finding.bound = finding.value > middle ? bounds.high : bounds.low;
        finding.reason =
            fmt::format("{} is {:.4g}, the data set's range {:.4g} to {:.4g}", column.name, finding.value, bounds.low, bounds.high);
      }
  }
}

void check_cameras(Curation& curation, std::size_t file) {
  const auto usual = usual_sharpness_of(curation.files[file], curation.options.cameras);
  for (std::size_t e = 0; e < curation.files[file].episodes.size(); ++e) {
    const Episode& episode = *curation.files[file].episodes[e];
    const EpisodeChannel* joints = joint_channel(episode, curation.options);
    const std::span<const double> positions = joints != nullptr ? std::span<const double>(joints->values) : std::span<const double>();
    for (const CameraTrack& camera : episode.cameras) {
      const double sharpness = std::max(usual.at(camera.name), usual_sharpness(camera, curation.options.cameras));
      add_camera_faults(curation, {file, e}, camera.name, camera_faults(camera, positions, sharpness, curation.options.cameras));
    }
    add_camera_faults(curation, {file, e}, "idle",
                      idle_frames(positions, episode.actions, episode.frames(), episode.period(), curation.options.cameras));
  }
}

CurationReport curate(std::span<const CurationFile> files, const Chain<>* chain, const CurationOptions& options) {
  Curation curation{.files = files, .chain = chain, .options = options, .report = {}};
  for (const CurationFile& file : files)
    curation.report.files.push_back({.name = file.name, .episodes = {}, .correction = {}, .notes = {}});
  require_fitting_inputs(curation);
  const std::vector<Column> columns = gather_columns(files);
  check_structure(curation);
  check_gaps(curation);
  note_names(curation);
  check_sudden_changes(curation, columns);
  for (std::size_t file = 0; file < files.size(); ++file) check_action_trend(curation, file);
  check_extreme_values(curation, columns);
  for (std::size_t file = 0; file < files.size(); ++file) check_tool(curation, file);
  for (std::size_t file = 0; file < files.size(); ++file) check_cameras(curation, file);
  std::ranges::stable_sort(curation.report.findings, {}, &Finding::stage);
  give_verdicts(curation);
  return std::move(curation.report);
}

}  // namespace sinew
