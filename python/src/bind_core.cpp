// SPDX-License-Identifier: Apache-2.0
// Binds core/ and what needs no folder of its own: Error, Observation, ActionChunk, build_info.
#include "bindings.hpp"
#include "sinew/core/action_chunk.hpp"
#include "sinew/core/isa.hpp"
#include "sinew/core/observation.hpp"
#include "sinew/core/version.hpp"
#include "sinew/io/image_codec.hpp"

namespace sinew {

namespace py = pybind11;
using namespace bindings;

void bind_safetensors(py::module_& m);

namespace {

py::dict build_info() {
  py::dict info;
  info["version"] = std::string(version());
  info["compiler"] = "g++ " __VERSION__;
#if defined(__x86_64__)
  info["isa"] = active_isa() == Isa::portable ? "x86-64" : fmt::format("x86-64-{}", to_string(active_isa()));
#elif defined(__aarch64__)
  info["isa"] = "aarch64";
#else
  info["isa"] = "generic";
#endif
#if defined(NDEBUG)
  info["assertions"] = false;
#else
  info["assertions"] = true;
#endif
  return info;
}

/// An entry is a value or a tuple (value, stamp in s[, unit]).
struct Entry {
  py::object value;
  Time stamp;
  std::string unit;
};

Entry entry_of(const py::handle& item, Time time) {
  if (!py::isinstance<py::tuple>(item)) return {py::reinterpret_borrow<py::object>(item), time, ""};
  const auto tuple = py::reinterpret_borrow<py::tuple>(item);
  if (tuple.size() < 1 || tuple.size() > 3)
    fail(ErrorCode::invalid_argument,
         {"Observation", "entry", "a value, (value, stamp) or (value, stamp, unit)", fmt::format("a tuple of {}", tuple.size()), ""});
  const Time stamp = tuple.size() > 1 && !tuple[1].is_none() ? time_of(tuple[1].cast<double>(), "Observation", "stamp") : time;
  return {tuple[0], stamp, tuple.size() > 2 ? tuple[2].cast<std::string>() : ""};
}

/// A frame as a camera delivered it: decoded, and kept beside its pixels.
CameraFrame jpeg_frame(const std::string& camera, const Entry& entry) {
  const std::string_view bytes = py::reinterpret_borrow<py::bytes>(entry.value);
  const std::string where = fmt::format("Observation camera '{}'", camera);
  if (!bytes.starts_with("\xff\xd8")) fail(ErrorCode::parse, {where, "bytes", "a JPEG", "something else", "pixels are an array"});
  CameraFrame frame{.name = camera, .image = {}, .stamp = entry.stamp, .jpeg = {bytes.begin(), bytes.end()}};
  decode_image(std::as_bytes(std::span(frame.jpeg)), frame.image, where);
  return frame;
}

/// UTF-8 of a str; a lone surrogate has none.
std::string utf8_of(const py::str& text, std::string_view where, std::string_view what) {
  Py_ssize_t size = 0;
  const char* bytes = PyUnicode_AsUTF8AndSize(text.ptr(), &size);
  if (bytes != nullptr) return {bytes, static_cast<std::size_t>(size)};
  PyErr_Clear();
  fail(ErrorCode::invalid_argument, {where, what, "text", "a str with a lone surrogate, which is none", "str.encode(errors=\"replace\")"});
}

Observation make_observation(const py::dict& cameras, const py::dict& state, const py::str& instruction, std::optional<double> time,
                             std::uint64_t id) {
  Observation observation;
  observation.time = time ? time_of(*time, "Observation", "time") : SteadyClock().now();
  observation.id = id;
  observation.instruction = utf8_of(instruction, "Observation", "instruction");
  for (const auto& [name, item] : cameras) {
    const Entry entry = entry_of(item, observation.time);
    const std::string camera = name.cast<std::string>();
    if (py::isinstance<py::bytes>(entry.value)) {
      observation.cameras.push_back(jpeg_frame(camera, entry));
      continue;
    }
    const auto array = py::array::ensure(entry.value);
    if (!array)
      fail(ErrorCode::invalid_argument, {"Observation", fmt::format("camera '{}'", camera), "an array or a JPEG", "something else", ""});
    observation.cameras.push_back(
        {.name = camera, .image = Image(pixels(array, fmt::format("Observation camera '{}'", camera))), .stamp = entry.stamp});
  }
  for (const auto& [name, item] : state) {
    const Entry entry = entry_of(item, observation.time);
    const std::string channel = name.cast<std::string>();
    const auto array = entry.value.is_none() ? Doubles() : Doubles::ensure(entry.value);
    if (array && !entry.value.is_none()) require_shape(array, {-1}, "Observation", fmt::format("channel '{}'", channel));
    if (!array || entry.value.is_none())
      fail(ErrorCode::invalid_argument, {"Observation", fmt::format("channel '{}'", channel), "numbers", "something else", ""});
    const auto values = as_span(array);
    observation.channels.push_back({channel, entry.unit, {values.begin(), values.end()}, entry.stamp});
  }
  return observation;
}

void bind_observation_type(py::module_& m) {
  py::class_<Observation>(m, "Observation", "What a robot saw, measured and was told at one moment.")
      .def(py::init(&make_observation), py::arg("cameras"), py::arg("state"), py::arg("instruction"), py::arg("time") = py::none(),
           py::arg("id") = 0,
           "cameras: name -> uint8 [height, width, 3] RGB, or bytes of a JPEG, or (either, stamp s). state: channel -> values [n], or "
           "(values, stamp s[, "
           "unit]).\n"
           "time: s in the robot's monotonic clock; None takes this machine's.")
      .def_readwrite("instruction", &Observation::instruction)
      .def_readwrite("id", &Observation::id)
      .def_property_readonly(
          "time", [](const Observation& o) { return to_seconds(o.time); }, "s, robot's monotonic clock")
      .def_property_readonly(
          "cameras",
          [](const Observation& o) {
            py::dict cameras;
            for (const auto& frame : o.cameras)
              cameras[py::str(frame.name)] = py::make_tuple(to_array(frame.image), to_seconds(frame.stamp));
            return cameras;
          },
          "dict name -> (uint8 [height, width, 3], stamp s); copies")
      .def_property_readonly(
          "jpegs",
          [](const Observation& o) {
            py::dict jpegs;
            for (const auto& frame : o.cameras)
              if (!frame.jpeg.empty())
                jpegs[py::str(frame.name)] = py::bytes(reinterpret_cast<const char*>(frame.jpeg.data()), frame.jpeg.size());
            return jpegs;
          },
          "dict name -> bytes: frames as their cameras delivered them, where they delivered JPEGs")
      .def_property_readonly(
          "state",
          [](const Observation& o) {
            py::dict state;
            for (const auto& channel : o.channels)
              state[py::str(channel.name)] = py::make_tuple(to_array(channel.values), to_seconds(channel.stamp), channel.unit);
            return state;
          },
          "dict channel -> (float64 [n], stamp s, unit); copies");
}

ActionChunk make_chunk(const Doubles& values, double t0, double dt, std::uint64_t sequence, std::uint64_t observation_id,
                       const std::string& space) {
  require_shape(values, {-1, -1}, "ActionChunk", "values");
  ActionChunk chunk(static_cast<int>(values.shape(0)), static_cast<int>(values.shape(1)));
  std::copy_n(values.data(), values.size(), chunk.values.data());
  chunk.t0 = time_of(t0, "ActionChunk", "t0");
  chunk.dt = time_of(dt, "ActionChunk", "dt");
  chunk.sequence = sequence;
  chunk.observation_id = observation_id;
  for (const ActionSpace known : {ActionSpace::joint_position, ActionSpace::tool_pose, ActionSpace::base_pose})
    if (space == to_string(known)) {
      chunk.space = known;
      return chunk;
    }
  fail(ErrorCode::invalid_argument, {"ActionChunk", "space", "\"joint_position\", \"tool_pose\" or \"base_pose\"", space, ""});
}

void bind_chunk_type(py::module_& m) {
  py::class_<ActionChunk>(m, "ActionChunk", "Timed targets [horizon, dim] in SI units; row i is due at t0 + i * dt.")
      .def(py::init(&make_chunk), py::arg("values"), py::arg("t0"), py::arg("dt"), py::arg("sequence") = 0, py::arg("observation_id") = 0,
           py::arg("space") = "joint_position",
           "values: float64 [horizon, dim]. t0, dt: s. space: \"joint_position\", \"tool_pose\" (x y z, w x y z, the rest) or "
           "\"base_pose\".")
      .def_property_readonly(
          "values",
          [](py::object self) {
            auto& chunk = self.cast<ActionChunk&>();
            return py::array_t<double>({chunk.horizon, chunk.dim}, chunk.values.data(), self);
          },
          "float64 [horizon, dim]; a view that keeps the chunk alive")
      .def_property_readonly(
          "space", [](const ActionChunk& c) { return std::string(to_string(c.space)); },
          "\"joint_position\", \"tool_pose\" or \"base_pose\"")
      .def_property_readonly(
          "t0", [](const ActionChunk& c) { return to_seconds(c.t0); }, "s, robot's monotonic clock")
      .def_property_readonly(
          "dt", [](const ActionChunk& c) { return to_seconds(c.dt); }, "s")
      .def_readonly("horizon", &ActionChunk::horizon)
      .def_readonly("dim", &ActionChunk::dim)
      .def_readwrite("sequence", &ActionChunk::sequence)
      .def_readwrite("observation_id", &ActionChunk::observation_id)
      .def("__repr__", [](const ActionChunk& c) {
        return fmt::format("<sinew.ActionChunk {} [{}, {}] t0={:.3f} s dt={:.3f} s sequence={}>", to_string(c.space), c.horizon, c.dim,
                           to_seconds(c.t0), to_seconds(c.dt), c.sequence);
      });
}

}  // namespace

void bind_core(py::module_& m) {
  // The translator outlives the module object: the type is kept for the life of the process.
  static py::handle error_type = py::exception<Error>(m, "Error", PyExc_RuntimeError).release();
  py::register_exception_translator([](std::exception_ptr pointer) {
    try {
      if (pointer) std::rethrow_exception(pointer);
    } catch (const Error& error) {
      py::object instance = error_type(to_str(error.what()));
      instance.attr("code") = std::string(to_string(error.code()));
      PyErr_SetObject(error_type.ptr(), instance.ptr());
    }
  });
  m.attr("__version__") = std::string(version());
  py::list names;
  for (int value = 0; value <= static_cast<int>(Status::backend_failed); ++value)
    names.append(std::string(to_string(static_cast<Status>(value))));
  m.attr("status_names") = py::tuple(names);  // index = the uint8 of traces
  m.def("build_info", &build_info, "dict: version, compiler, isa that this processor offers, assertions on or off.");
  bind_observation_type(m);
  bind_chunk_type(m);
  bind_safetensors(m);
}

}  // namespace sinew
