// SPDX-License-Identifier: Apache-2.0
// Binds action/: sinew.Normalizer here, the rest in files of their own. Decoders are reached through a policy.
#include "bindings.hpp"
#include "sinew/core/normalizer.hpp"

namespace sinew {

void bind_action_spaces(pybind11::module_& action);
void bind_action_tokenizers(pybind11::module_& action);
void bind_chunk_math(pybind11::module_& action);
void bind_decoder(pybind11::module_& action);

namespace py = pybind11;
using namespace bindings;

namespace {

NormalizationMode mode_from(const std::string& name) {
  constexpr std::array modes = {NormalizationMode::identity, NormalizationMode::quantile};
  std::vector<std::string_view> names;
  for (const auto mode : modes) {
    if (to_string(mode) == name) return mode;
    names.push_back(to_string(mode));
  }
  fail(ErrorCode::unsupported, {"Normalizer", "mode", "one of " + join_names(names), "'" + name + "'", ""});
}

Normalizer make_normalizer_of(const py::dict& stats, const std::string& mode_name, const std::string& rule) {
  VectorStatistics statistics;
  std::size_t dim = 0;
  const std::array<std::pair<const char*, std::vector<double>*>, 6> members = {{{"mean", &statistics.mean},
                                                                                {"std", &statistics.std},
                                                                                {"min", &statistics.min},
                                                                                {"max", &statistics.max},
                                                                                {"q01", &statistics.q01},
                                                                                {"q99", &statistics.q99}}};
  for (const auto& [name, values] : members) {
    if (!stats.contains(name)) continue;
    const auto array = Doubles::ensure(stats[name]);
    if (!array) {
      PyErr_Clear();
      fail(ErrorCode::invalid_argument, {"Normalizer", fmt::format("statistics '{}'", name), "numbers [dim]", "something else", ""});
    }
    require_shape(array, {-1}, "Normalizer", fmt::format("statistics '{}'", name));
    values->assign(array.data(), array.data() + array.size());
    dim = values->size();
  }
  if (dim == 0)
    fail(ErrorCode::invalid_argument, {"Normalizer", "stats", "a dict with mean, std, min, max, q01 or q99", "none of them", ""});
  return Normalizer(statistics, mode_from(mode_name), rule, dim);
}

/// Applies `map` to every row of the last axis; the output has the shape of the input.
template <class In, class Out>
py::array_t<Out> apply(const Normalizer& self, const py::array_t<In, py::array::c_style | py::array::forcecast>& x, const char* where,
                       Status (Normalizer::*map)(std::span<const In>, std::span<Out>) const noexcept) {
  if (x.ndim() < 1 || static_cast<std::size_t>(x.shape(x.ndim() - 1)) != self.dim())
    fail(ErrorCode::invalid_argument, {where, "x", fmt::format("shape [..., {}]", self.dim()), shape_text(x), ""});
  py::array_t<Out> y(std::vector<py::ssize_t>(x.shape(), x.shape() + x.ndim()));
  const auto size = static_cast<std::size_t>(x.size());
  raise_unless_ok((self.*map)({x.data(), size}, {y.mutable_data(), size}), where, "x");
  return y;
}

}  // namespace

void bind_action(py::module_& m) {
  py::class_<Normalizer>(m, "Normalizer", "Per-dimension map between SI values and the space that a policy was trained in.")
      .def(py::init(&make_normalizer_of), py::arg("stats"), py::arg("mode"), py::arg("rule") = "",
           "stats: dict with mean, std, min, max, q01, q99 [dim] as far as the mode needs them. mode: \"quantile\" with rule \"qwen\" "
           "(y = clip(2 (x - q01) / (q99 - q01) - 1, -1, 1)), or \"identity\".")
      .def_property_readonly("dim", &Normalizer::dim)
      .def(
          "forward",
          [](const Normalizer& self, const Doubles& x) {
            return apply<double, float>(self, x, "Normalizer.forward", &Normalizer::forward);
          },
          py::arg("x"), "float64 [..., dim] in SI units -> float32, same shape. Raises for values that are not finite.")
      .def(
          "inverse",
          [](const Normalizer& self, const Floats& y) { return apply<float, double>(self, y, "Normalizer.inverse", &Normalizer::inverse); },
          py::arg("y"), "float32 [..., dim], normalised -> float64 in SI units, same shape. Raises for values that are not finite.");

  auto action = m.def_submodule("action", "Model outputs to actions, and actions to tokens.");
  bind_action_spaces(action);
  bind_action_tokenizers(action);
  bind_chunk_math(action);
  bind_decoder(action);
}

}  // namespace sinew
