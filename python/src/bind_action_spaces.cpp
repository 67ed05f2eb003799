// SPDX-License-Identifier: Apache-2.0
// Binds what actions mean: relative joints, grippers, canonical and padded layouts, waypoints.
#include "bindings.hpp"
#include "sinew/action/canonical.hpp"
#include "sinew/action/gripper.hpp"
#include "sinew/action/padded_chunk.hpp"
#include "sinew/action/relative.hpp"
#include "sinew/action/waypoints.hpp"

namespace sinew {

namespace py = pybind11;
using namespace bindings;

namespace {

void bind_relative(py::module_& m) {
  m.def(
      "relative_mask",
      [](const std::vector<std::string>& names, const std::vector<std::string>& exclude, std::size_t dim) {
        if (dim > 65536) fail(ErrorCode::invalid_argument, {"relative_mask", "dim", "at most 65536", std::to_string(dim), ""});
        return relative_mask(names, exclude, dim);
      },
      py::arg("names"), py::arg("exclude"), py::arg("dim"),
      "LeRobot's mask: dimensions whose name contains an entry of `exclude` stay absolute.");
  m.def(
      "relative_mask_of_runs", [](const std::vector<int>& runs) { return relative_mask(runs); }, py::arg("runs"),
      "openpi's mask: n relative dimensions for n > 0, -n absolute ones for n < 0, e.g. (6, -1).");
  const auto way = [](Status (RelativeActions::*function)(std::span<double>, std::size_t, std::span<const double>) const noexcept,
                      const char* where) {
    return [function, where](const Doubles& actions, const Doubles& state, const std::vector<bool>& mask) {
      if (actions.ndim() < 1) fail(ErrorCode::invalid_argument, {where, "actions", "[..., dim]", shape_text(actions), ""});
      require_shape(state, {-1}, where, "state");
      Doubles result = copy_of(actions);
      raise_unless_ok(
          (RelativeActions(mask).*function)(writable(result), static_cast<std::size_t>(actions.shape(actions.ndim() - 1)), as_span(state)),
          where, "actions and state");
      return result;
    };
  };
  m.def("to_relative", way(&RelativeActions::to_relative, "to_relative"), py::arg("actions"), py::arg("state"), py::arg("mask"),
        "actions [..., dim] minus state [>= mask] in the masked dimensions.");
  m.def("to_absolute", way(&RelativeActions::to_absolute, "to_absolute"), py::arg("actions"), py::arg("state"), py::arg("mask"),
        "The way back; the state must be the one that the inference used.");
}

void bind_grippers(py::module_& m) {
  m.def(
      "convert_gripper",
      [](const Doubles& values, const std::string& from, const std::string& to) {
        const GripperRule a = gripper_rule(from), b = gripper_rule(to);
        Doubles result = copy_of(values);
        for (double& value : writable(result)) value = convert_gripper(a, b, value);
        return result;
      },
      py::arg("values"), py::arg("source"), py::arg("target"), "Values of one convention in another; names in gripper_conventions().");
  m.def(
      "gripper_conventions",
      [] {
        py::dict rules;
        for (const auto name : gripper_rule_names()) {
          const GripperRule rule = gripper_rule(name);
          rules[py::str(std::string(name))] = py::dict(py::arg("open") = rule.open, py::arg("closed") = rule.closed);
        }
        return rules;
      },
      "dict name -> {open, closed}.");
  py::class_<StickyGripper>(m, "StickyGripper",
                            "Relative gripper commands, each large one held for some steps (the SimplerEnv policies of the Google robot).")
      .def(py::init([](double threshold, int steps) { return StickyGripper({.threshold = threshold, .steps = steps}); }),
           py::arg("threshold") = 0.5, py::arg("steps") = 15)
      .def("step", &StickyGripper::step, py::arg("opening"), "The command for the opening that the policy wants: positive closes.")
      .def("reset", &StickyGripper::reset);
  const auto aloha = [](Status (*function)(std::span<double>) noexcept, const char* where) {
    return [function, where](const Doubles& rows) {
      Doubles result = copy_of(rows);
      raise_unless_ok(rows.ndim() >= 1 && rows.shape(rows.ndim() - 1) == kAlohaDim ? function(writable(result)) : Status::bad_shape, where,
                      "rows [..., 14]");
      return result;
    };
  };
  m.def("aloha_states_to_pi", aloha(&aloha_states_to_pi, "aloha_states_to_pi"), py::arg("states"),
        "ALOHA's state [..., 14] in pi's space (openpi adapt_to_pi).");
  m.def("aloha_actions_to_pi", aloha(&aloha_actions_to_pi, "aloha_actions_to_pi"), py::arg("actions"),
        "ALOHA's actions [..., 14] in pi's space, for training.");
  m.def("aloha_actions_from_pi", aloha(&aloha_actions_from_pi, "aloha_actions_from_pi"), py::arg("actions"),
        "pi's actions [..., 14] as ALOHA takes them.");
}

std::vector<CanonicalSlot> slots_of(const py::object& parts, std::string_view where) {
  std::vector<CanonicalSlot> slots;
  if (py::isinstance<py::dict>(parts)) {
    for (const auto& [name, value] : parts.cast<py::dict>()) {
      const CanonicalPart part = canonical_part(name.cast<std::string>());
      const bool whole = py::isinstance<py::int_>(value);
      const auto size = whole ? value.cast<std::int64_t>() : static_cast<std::int64_t>(py::len(value));
      slots.push_back({part, size < 0 ? std::size_t{0} : static_cast<std::size_t>(size)});
    }
  } else if (py::isinstance<py::sequence>(parts) && !py::isinstance<py::str>(parts)) {
    for (const auto& name : parts) {
      const CanonicalPart part = canonical_part(name.cast<std::string>());
      slots.push_back({part, canonical_range(part).size});
    }
  } else {
    fail(ErrorCode::invalid_argument, {where, "parts", "a dict name -> values or size, or a list of names", "something else", ""});
  }
  return slots;
}

void bind_canonical(py::module_& action) {
  py::module_ m = action.def_submodule("canonical", "The 80 canonical dimensions of Qwen-RobotManip; names in docs/action_spaces.md.");
  m.def(
      "pack",
      [](const py::dict& parts) {
        constexpr const char* kWhere = "canonical.pack";
        const CanonicalLayout layout(slots_of(parts, kWhere));
        std::vector<double> own;
        for (const auto& [name, value] : parts) {
          const auto array = Doubles::ensure(value);
          if (!array || array.ndim() != 1) {
            PyErr_Clear();
            fail(ErrorCode::invalid_argument, {kWhere, name.cast<std::string>(), "numbers [n]", "something else", ""});
          }
          own.insert(own.end(), array.data(), array.data() + array.size());
        }
        Doubles vector(static_cast<py::ssize_t>(kCanonicalDim));
        raise_unless_ok(layout.pack<double>(own, writable(vector)), kWhere, "parts");
        py::array_t<bool> mask(static_cast<py::ssize_t>(kCanonicalDim));
        std::ranges::copy(layout.slot_mask(), mask.mutable_data());
        return py::make_tuple(vector, mask);
      },
      py::arg("parts"), "dict part -> values [n] -> (vector float64 [80], mask bool [80]); a part may use fewer dimensions than it has.");
  m.def(
      "unpack",
      [](const Doubles& vector, const py::object& parts) {
        constexpr const char* kWhere = "canonical.unpack";
        if (vector.ndim() < 1 || vector.shape(vector.ndim() - 1) != static_cast<py::ssize_t>(kCanonicalDim))
          fail(ErrorCode::invalid_argument, {kWhere, "vector", "shape [..., 80]", shape_text(vector), ""});
        py::dict result;
        for (const auto& slot : slots_of(parts, kWhere)) {
          const CanonicalLayout one({slot});
          std::vector<py::ssize_t> shape(vector.shape(), vector.shape() + vector.ndim());
          shape.back() = static_cast<py::ssize_t>(slot.size);
          Doubles values(shape);
          raise_unless_ok(one.unpack<double>(as_span(vector), writable(values)), kWhere, "vector");
          result[py::str(std::string(to_string(slot.part)))] = values;
        }
        return result;
      },
      py::arg("vector"), py::arg("parts"),
      "vector [..., 80] -> dict part -> [..., n]. parts: dict part -> size (or values of that length), or names.");
  m.def(
      "mask",
      [](const py::object& parts, std::size_t horizon, std::size_t steps, bool left, bool right) {
        constexpr const char* kWhere = "canonical.mask";
        if (horizon > 65536 || steps > horizon)
          fail(ErrorCode::invalid_argument,
               {kWhere, "horizon and steps", "steps up to a horizon of 65536", fmt::format("{}, {}", horizon, steps), ""});
        std::vector<std::uint8_t> mask(horizon * kCanonicalDim);
        raise_unless_ok(CanonicalLayout(slots_of(parts, kWhere)).mask({.steps = steps, .left = left, .right = right}, mask), kWhere,
                        "steps");
        py::array_t<bool> result({static_cast<py::ssize_t>(horizon), static_cast<py::ssize_t>(kCanonicalDim)});
        std::ranges::copy(mask, result.mutable_data());
        return result;
      },
      py::arg("parts"), py::arg("horizon"), py::arg("steps"), py::arg("left") = true, py::arg("right") = true,
      "bool [horizon, 80]: the embodiment has the dimension, the step is one of the first `steps`, and the hand is valid.");
  const auto tokens = [](auto&& function, const char* where) {
    return [function, where](const Doubles& values) {
      Doubles result = copy_of(values);
      raise_unless_ok(function(as_span(values), writable(result)), where, "values");
      return result;
    };
  };
  m.def("split_tokens",
        tokens([](std::span<const double> in, std::span<double> out) { return split_tokens<double>(in, out); }, "canonical.split_tokens"),
        py::arg("canonical"), "[..., 80] -> the same numbers in the order of the DiT's tokens, left then right, 40 each.");
  m.def("join_tokens",
        tokens([](std::span<const double> in, std::span<double> out) { return join_tokens<double>(in, out); }, "canonical.join_tokens"),
        py::arg("tokens"), "The way back.");
  m.def(
      "ranges",
      [] {
        py::dict ranges;
        for (std::size_t i = 0; i < kCanonicalParts; ++i) {
          const auto part = static_cast<CanonicalPart>(i);
          const auto [first, size] = canonical_range(part);
          ranges[py::str(std::string(to_string(part)))] = py::make_tuple(first, first + size);
        }
        return ranges;
      },
      "dict part -> (first, end), from 0.");
}

void bind_waypoints(py::module_& m) {
  const auto rows = [](const char* where, auto&& function) {
    return [where, function](const Doubles& values, const Doubles& other) {
      require_shape(values, {-1, 3}, where, "rows");
      require_shape(other, {3}, where, "second argument");
      Doubles result = copy_of(values);
      raise_unless_ok(function(writable(result), other.data()), where, "rows");
      return result;
    };
  };
  m.def("scale_waypoints",
        rows("scale_waypoints", [](std::span<double> r, const double* s) { return scale_waypoints({s[0], s[1], s[2]}, r); }),
        py::arg("rows"), py::arg("scale"),
        "x, y (m), heading (rad) [n, 3] divided by scale [3] (99th percentiles) and clipped to [-1, 1].");
  m.def("unscale_waypoints",
        rows("unscale_waypoints", [](std::span<double> r, const double* s) { return unscale_waypoints({s[0], s[1], s[2]}, r); }),
        py::arg("rows"), py::arg("scale"), "The way back.");
  m.def("waypoints_to_world",
        rows("waypoints_to_world", [](std::span<double> r, const double* b) { return waypoints_to_world({b[0], b[1], b[2]}, r); }),
        py::arg("rows"), py::arg("world_from_body"), "Waypoints [n, 3] of the body frame in the world; world_from_body is x, y, heading.");
  m.def("waypoints_to_body",
        rows("waypoints_to_body", [](std::span<double> r, const double* b) { return waypoints_to_body({b[0], b[1], b[2]}, r); }),
        py::arg("rows"), py::arg("world_from_body"), "The way back.");
  m.def(
      "chain_waypoints",
      [](const Doubles& values) {
        require_shape(values, {-1, 3}, "chain_waypoints", "rows");
        Doubles result = copy_of(values);
        raise_unless_ok(chain_waypoints(writable(result)), "chain_waypoints", "rows");
        return result;
      },
      py::arg("rows"), "Steps [n, 3], each in the axes of the one before, as waypoints in the axes of the first.");
}

void bind_padded(py::module_& m) {
  m.def(
      "pack_padded",
      [](const Doubles& chunk, std::size_t horizon, std::size_t width) {
        constexpr const char* kWhere = "pack_padded";
        require_shape(chunk, {-1, -1}, kWhere, "chunk");
        const PaddedChunk layout{horizon, width, static_cast<std::size_t>(chunk.shape(0)), static_cast<std::size_t>(chunk.shape(1))};
        if (!layout.valid())
          fail(ErrorCode::invalid_argument,
               {kWhere, "chunk", fmt::format("1 to {} steps of 1 to {} channels", horizon, width), shape_text(chunk), ""});
        Doubles padded({static_cast<py::ssize_t>(horizon), static_cast<py::ssize_t>(width)});
        py::array_t<bool> mask({static_cast<py::ssize_t>(horizon), static_cast<py::ssize_t>(width)});
        std::vector<std::uint8_t> bits(horizon * width);
        raise_unless_ok(layout.pack<double>(as_span(chunk), writable(padded)), kWhere, "chunk");
        raise_unless_ok(layout.mask(bits), kWhere, "chunk");
        std::ranges::copy(bits, mask.mutable_data());
        return py::make_tuple(padded, mask);
      },
      py::arg("chunk"), py::arg("horizon"), py::arg("width"), "chunk [h, c] -> (padded [horizon, width], mask bool): Qwen-VLA's Y and M.");
  m.def(
      "unpack_padded",
      [](const Doubles& padded, std::size_t steps, std::size_t channels) {
        constexpr const char* kWhere = "unpack_padded";
        require_shape(padded, {-1, -1}, kWhere, "padded");
        const PaddedChunk layout{static_cast<std::size_t>(padded.shape(0)), static_cast<std::size_t>(padded.shape(1)), steps, channels};
        if (!layout.valid())
          fail(ErrorCode::invalid_argument,
               {kWhere, "steps and channels", "those of the padded chunk at most", fmt::format("{}, {}", steps, channels), ""});
        Doubles chunk({static_cast<py::ssize_t>(steps), static_cast<py::ssize_t>(channels)});
        raise_unless_ok(layout.unpack<double>(as_span(padded), writable(chunk)), kWhere, "padded");
        return chunk;
      },
      py::arg("padded"), py::arg("steps"), py::arg("channels"), "The way back: the first rows and columns.");
}

}  // namespace

void bind_action_spaces(py::module_& m) {
  bind_relative(m);
  bind_grippers(m);
  bind_canonical(m);
  bind_padded(m);
  bind_waypoints(m);
}

}  // namespace sinew
