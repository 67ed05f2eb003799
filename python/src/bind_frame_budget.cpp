// SPDX-License-Identifier: Apache-2.0
// Binds the frame budget of observation/: frame_budget.
#include <utility>
#include <variant>

#include "bindings.hpp"
#include "sinew/observation/frame_budget.hpp"

namespace sinew {

namespace py = pybind11;
using namespace bindings;

namespace {

constexpr std::string_view kWhere = "frame_budget";
using Cameras = std::variant<long long, std::vector<std::string>>;
using Weights = std::variant<std::vector<double>, std::map<std::string, double>>;
using Times = std::variant<long long, std::vector<double>>;

std::size_t checked_count(long long count, std::string_view what) {
  if (count < 0 || std::cmp_greater(count, FrameBudget::kMaxCells))
    fail(ErrorCode::invalid_argument, {kWhere, what, fmt::format("0 to {}", FrameBudget::kMaxCells), std::to_string(count), ""});
  return static_cast<std::size_t>(count);
}

std::vector<double> weights_of(const Weights& weights, const Cameras& cameras) {
  const auto* names = std::get_if<std::vector<std::string>>(&cameras);
  const std::size_t count = names != nullptr ? names->size() : checked_count(std::get<long long>(cameras), "cameras");
  std::vector<double> values;
  if (const auto* by_name = std::get_if<std::map<std::string, double>>(&weights)) {
    if (names == nullptr) fail(ErrorCode::invalid_argument, {kWhere, "weights", "a sequence, because cameras have no names", "a dict", ""});
    for (const auto& name : *names) {
      const auto found = by_name->find(name);
      if (found == by_name->end()) fail(ErrorCode::not_found, {kWhere, "weight of camera '" + name + "'", "a number", "none", ""});
      values.push_back(found->second);
    }
    if (by_name->size() != count)
      fail(ErrorCode::invalid_argument,
           {kWhere, "weights", "one per camera", fmt::format("{} for {} cameras", by_name->size(), count), ""});
  } else {
    values = std::get<std::vector<double>>(weights);
    if (values.size() != count)
      fail(ErrorCode::invalid_argument, {kWhere, "weights", "one per camera", fmt::format("{} for {} cameras", values.size(), count), ""});
  }
  return values;
}

std::vector<Time> stamps_of(const Times& times) {
  std::vector<Time> stamps;
  if (const auto* given = std::get_if<std::vector<double>>(&times)) {
    for (const double stamp : *given) stamps.push_back(time_of(stamp, kWhere, "times"));
  } else {
    const std::size_t count = checked_count(std::get<long long>(times), "times");
    for (std::size_t i = 0; i < count; ++i) stamps.emplace_back(static_cast<Time::rep>(i));
  }
  return stamps;
}

py::array_t<std::int64_t> frame_budget(const Times& times, const Cameras& cameras, int budget, double gamma, const Weights& weights,
                                       const std::string& mode, int b_min, int b_max, std::uint64_t seed) {
  FrameBudget shared({.budget = budget,
                      .gamma = gamma,
                      .weights = weights_of(weights, cameras),
                      .mode = budget_mode_from_string(mode),
                      .min_tokens = b_min,
                      .max_tokens = b_max,
                      .seed = seed});
  const std::vector<Time> stamps = stamps_of(times);
  std::vector<int> tokens(stamps.size() * shared.cameras());
  raise_unless_ok(shared.allocate(stamps, tokens), kWhere,
                  fmt::format("{} times of {} cameras (times must not decrease, at most {} cells)", stamps.size(), shared.cameras(),
                              FrameBudget::kMaxCells));
  py::array_t<std::int64_t> out({static_cast<py::ssize_t>(stamps.size()), static_cast<py::ssize_t>(shared.cameras())});
  std::copy(tokens.begin(), tokens.end(), out.mutable_data());
  return out;
}

}  // namespace

void bind_frame_budget(py::module_& observation) {
  observation.def(
      "frame_budget", &frame_budget, py::arg("times"), py::arg("cameras"), py::kw_only(), py::arg("budget"), py::arg("gamma"),
      py::arg("weights"), py::arg("mode"), py::arg("b_min"), py::arg("b_max"), py::arg("seed") = 0,
      "Qwen-RobotNav's visual memory: the tokens of each frame, int64 [times, cameras], oldest first, 0 for a frame that is not "
      "kept.\n\nArgs: times: how many, evenly spaced, or their stamps (s, not decreasing); cameras: how many, or names; budget: tokens of "
      "all frames; gamma: the newest kept time weighs e^gamma times the oldest; weights: per camera, a sequence or a dict by name; mode: "
      "\"latest\" or \"random\", which frames stay when not all fit; b_min, b_max: tokens of a kept frame; seed: of \"random\".");
}

}  // namespace sinew
