// SPDX-License-Identifier: Apache-2.0
// Binds statistics and their use: sinew.Normalizer, sinew.read_statistics.
#include <filesystem>

#include <pybind11/stl/filesystem.h>

#include <algorithm>

#include "bindings.hpp"
#include "sinew/core/normalizer.hpp"
#include "sinew/io/statistics_file.hpp"

namespace sinew {

namespace py = pybind11;
using namespace bindings;

namespace {

/// A statistic [dim] or [steps, dim] of `stats`, or an empty array when it has none or None.
Doubles statistic_of(const py::dict& stats, const char* name) {
  if (!stats.contains(name) || stats[name].is_none()) return {};
  auto array = Doubles::ensure(stats[name]);
  if (!array) {
    PyErr_Clear();
    fail(ErrorCode::invalid_argument,
         {"Normalizer", fmt::format("statistics '{}'", name), "numbers [dim] or [steps, dim]", "something else", ""});
  }
  if (array.ndim() < 1 || array.ndim() > 2 || array.size() == 0)
    fail(ErrorCode::invalid_argument,
         {"Normalizer", fmt::format("statistics '{}'", name), "shape [dim] or [steps, dim]", shape_text(array), ""});
  return array;
}

/// Refuses keys that look like a slip of a statistic; others of a stack's file ("count", "q50") are not ours to judge.
void check_keys(const py::dict& stats) {
  std::vector<std::string_view> known = {"mask"};
  VectorStatistics none;
  for_each_statistic(none, [&](const char* name, const auto&) { known.push_back(name); });
  for (const auto& item : stats) {
    const std::string key = py::str(item.first).cast<std::string>();
    if (key == "count" || key == "q50" || std::ranges::find(known, key) != known.end()) continue;
    if (const auto near = nearest_name(key, known); !near.empty())
      fail(ErrorCode::invalid_argument, {"Normalizer", fmt::format("statistics '{}'", key), "one of " + join_names(known), "another",
                                         fmt::format("did you mean '{}'?", near)});
  }
}

VectorStatistics statistics_of(const py::dict& stats) {
  check_keys(stats);
  VectorStatistics statistics;
  for_each_statistic(statistics, [&](const char* name, const std::vector<double>&) {
    const Doubles array = statistic_of(stats, name);
    if (array.ndim() == 2) statistics.steps = std::max(statistics.steps, static_cast<std::size_t>(array.shape(0)));
  });
  for_each_statistic(statistics, [&](const char* name, std::vector<double>& values) {
    const Doubles array = statistic_of(stats, name);
    const bool one_row = array.ndim() == 1 || array.shape(0) == 1;
    for (std::size_t row = 0; array.size() > 0 && row < (one_row ? statistics.steps : 1); ++row)
      values.insert(values.end(), array.data(), array.data() + array.size());
  });
  if (stats.contains("mask") && !stats["mask"].is_none()) {
    const auto mask = py::array_t < bool, py::array::c_style | py::array::forcecast > ::ensure(stats["mask"]);
    if (!mask) {
      PyErr_Clear();
      fail(ErrorCode::invalid_argument, {"Normalizer", "statistics 'mask'", "booleans [dim]", "something else", ""});
    }
    statistics.mask.assign(mask.data(), mask.data() + mask.size());
  }
  return statistics;
}

/// Width of the statistics that are there, 0 for none.
std::size_t width_of(const VectorStatistics& statistics) {
  std::size_t width = 0;
  for_each_statistic(statistics, [&](const char*, const std::vector<double>& values) {
    if (!values.empty()) width = values.size() / statistics.steps;
  });
  return width;
}

/// A Normalizer for data of any width where the mode or rule takes that: binary and sin_cos have no statistics, openpi cuts and pads.
class AnyWidthNormalizer {
 public:
  AnyWidthNormalizer(const py::dict& stats, const std::string& mode, const std::string& rule, double threshold)
      : statistics_(statistics_of(stats)),
        options_{.mode = normalization_mode(mode), .rule = rule, .dim = width_of(statistics_), .threshold = threshold} {
    const bool needs_none = options_.mode == NormalizationMode::binary || options_.mode == NormalizationMode::sin_cos;
    if (options_.dim == 0 && !needs_none)
      fail(ErrorCode::invalid_argument,
           {"Normalizer", "stats", "a dict with mean, std, min, max, q01, q10, q90 or q99", "none of them", ""});
    own_ = Normalizer(statistics_, options_);
  }

  [[nodiscard]] std::size_t dim() const noexcept { return options_.dim; }
  [[nodiscard]] std::size_t steps() const noexcept { return statistics_.steps; }
  [[nodiscard]] Normalizer for_width(std::size_t width) const {
    if (width == options_.dim || (options_.dim != 0 && options_.rule != "openpi")) return own_;
    NormalizerOptions options = options_;
    options.dim = width;
    return Normalizer(statistics_, options);
  }

 private:
  VectorStatistics statistics_;
  NormalizerOptions options_;
  Normalizer own_ = Normalizer::identity(0);
};

/// Applies `map` to chunks [steps, dim], or rows, of the last axes.
template <class In, class Out>
py::array_t<Out> apply(const AnyWidthNormalizer& self, const py::array_t<In, py::array::c_style | py::array::forcecast>& x,
                       const char* where, bool forward, Status (Normalizer::*map)(std::span<const In>, std::span<Out>) const noexcept) {
  const auto expected = [&] {
    return fmt::format("shape [..., {}{}]", self.steps() > 1 ? fmt::format("{}, ", self.steps()) : "", self.dim());
  };
  if (x.ndim() < 1) fail(ErrorCode::invalid_argument, {where, "x", expected(), shape_text(x), ""});
  const auto width = static_cast<std::size_t>(x.shape(x.ndim() - 1));
  const Normalizer normalizer = self.for_width(width);
  if (!(forward ? normalizer.has_forward() : normalizer.has_inverse()))
    fail(ErrorCode::unsupported, {where, "normalizer", "a mode and statistics that have this direction", "the reference has none", ""});
  const bool chunks = self.steps() > 1;
  const auto rows = static_cast<std::size_t>(chunks && x.ndim() > 1 ? x.shape(x.ndim() - 2) : 1);
  if (width != normalizer.dim() || (chunks && rows > self.steps()))
    fail(ErrorCode::invalid_argument, {where, "x", expected(), shape_text(x), ""});
  std::vector<py::ssize_t> shape(x.shape(), x.shape() + x.ndim());
  shape.back() = static_cast<py::ssize_t>(forward ? normalizer.out_dim() : normalizer.dim());
  py::array_t<Out> y(shape);
  const auto in_size = static_cast<std::size_t>(x.size()), out_size = static_cast<std::size_t>(y.size());
  if (in_size == 0) return y;
  const std::size_t calls = chunks ? in_size / (rows * width) : 1;
  for (std::size_t i = 0; i < calls; ++i)
    raise_unless_ok((normalizer.*map)({x.data() + i * (in_size / calls), in_size / calls},
                                      {y.mutable_data() + i * (out_size / calls), out_size / calls}),
                    where, "x");
  return y;
}

py::dict to_dict(const Statistics& statistics) {
  py::dict all;
  for (const auto& [key, entry] : statistics) {
    py::dict one;
    for_each_statistic(entry, [&, &from = entry](const char* name, const std::vector<double>& values) {
      if (values.empty()) return;
      const auto steps = static_cast<py::ssize_t>(from.steps), size = static_cast<py::ssize_t>(values.size());
      one[name] = steps > 1 ? to_array(values, {steps, size / steps}) : to_array(values);
    });
    if (!entry.mask.empty()) {
      py::array_t<bool> mask(static_cast<py::ssize_t>(entry.mask.size()));
      std::copy(entry.mask.begin(), entry.mask.end(), mask.mutable_data());
      one["mask"] = mask;
    }
    all[to_str(key)] = one;
  }
  return all;
}

}  // namespace

void bind_normalizer(py::module_& m) {
  py::class_<AnyWidthNormalizer>(m, "Normalizer", "Per-dimension map between SI values and the space that a policy was trained in.")
      .def(py::init<const py::dict&, const std::string&, const std::string&, double>(), py::arg("stats"), py::arg("mode"),
           py::arg("rule") = "", py::kw_only(), py::arg("threshold") = 0.5,
           "stats: dict with mean, std, min, max, q01, q10, q90, q99 [dim] or [steps, dim] and mask [dim], as far as the mode needs them. "
           "mode: \"mean_std\", \"min_max\", \"quantile\", \"quantile10\", \"scale\", \"binary\", \"sin_cos\" or \"identity\". rule: "
           "\"lerobot\", \"openpi\", \"openvla\", \"oft\", \"starvla\", \"qwen\" or \"groot\": whose formula (docs/normalization.md). "
           "threshold: of mode binary.")
      .def_property_readonly("dim", &AnyWidthNormalizer::dim)
      .def(
          "forward",
          [](const AnyWidthNormalizer& self, const Doubles& x) {
            return apply<double, float>(self, x, "Normalizer.forward", true, &Normalizer::forward);
          },
          py::arg("x"),
          "float64 [..., dim], or [..., steps, dim] with statistics per step, in SI units -> float32, same shape (last axis twice as long "
          "for sin_cos). Raises for values that are not finite.")
      .def(
          "inverse",
          [](const AnyWidthNormalizer& self, const Floats& y) {
            return apply<float, double>(self, y, "Normalizer.inverse", false, &Normalizer::inverse);
          },
          py::arg("y"), "float32 [..., dim], normalised -> float64 in SI units, same shape. Raises for values that are not finite.");
  m.def(
      "read_statistics",
      [](const std::filesystem::path& path, const std::string& format) {
        return to_dict(read_statistics(path, statistics_format(format)));
      },
      py::arg("path"), py::arg("format"),
      "Statistics of a file as a dict key -> dict of arrays [dim] or [steps, dim], as Normalizer takes them. format: \"sinew\", "
      "\"lerobot\", \"lerobot_safetensors\", \"openpi\", \"openvla\" (OFT and StarVLA too: keys \"<unnorm_key>/action\") or \"groot\" "
      "(keys \"<embodiment>/<modality>/<group>\").");
}

}  // namespace sinew
