// SPDX-License-Identifier: Apache-2.0
// Binds observation/wire_encoder.
#include <algorithm>
#include <map>
#include <optional>
#include <tuple>

#include "bindings.hpp"
#include "guarded.hpp"
#include "sinew/observation/wire_encoder.hpp"

namespace sinew {

namespace py = pybind11;
using namespace bindings;

namespace {

constexpr const char* kWhere = "WireEncoder";

/// The encoder with the tensors that it writes.
struct PyWireEncoder {
  explicit PyWireEncoder(WireOptions options) : encoder(std::move(options)), tensors(make_tensors(encoder.spec())) {}
  WireEncoder encoder;
  TensorMap tensors;
  std::unique_ptr<std::mutex> mutex = std::make_unique<std::mutex>();  // of the calls
};

using ChannelSizes = std::vector<std::pair<std::string, int>>;

void set_scaling(WireOptions& options, const std::string& name) {
  if (name == "none") {
    options.scaling = AsTheyAre{};
    return;
  }
  try {
    options.scaling = fit_rule_from_string(name, kWhere);
  } catch (const Error&) {  // no letterbox: a filter, or neither
    options.scaling = resize_rule_from_string(name, kWhere);
  }
}

PyWireEncoder make(const std::string& form, const std::optional<std::map<std::string, std::string>>& cameras,
                   const std::vector<std::string>& optional, const std::optional<std::map<std::string, ChannelSizes>>& states,
                   const std::optional<std::string>& text_key, std::optional<std::pair<int, int>> size,
                   const std::optional<std::string>& scaling, std::optional<bool> rotate_180) {
  WireOptions options = wire_options(wire_form_from_string(form, kWhere));
  if (cameras) {
    options.cameras.clear();
    for (const auto& [key, camera] : *cameras) options.cameras.push_back({key, camera, false});
  }
  for (const std::string& key : optional) {
    const auto camera = std::ranges::find(options.cameras, key, &WireCamera::key);
    if (camera == options.cameras.end()) fail(ErrorCode::invalid_argument, {kWhere, "optional", "keys of cameras", key, ""});
    camera->optional = true;
  }
  if (states) {
    options.states.clear();
    for (const auto& [key, channels] : *states) {
      WireState& state = options.states.emplace_back(WireState{.key = key, .channels = {}});
      for (const auto& [name, values] : channels) state.channels.push_back({.name = name, .unit = "", .size = values, .rate = 0});
    }
  }
  if (text_key) options.text_key = *text_key;
  if (size) std::tie(options.height, options.width) = *size;
  if (scaling) set_scaling(options, *scaling);
  if (rotate_180) options.rotate_180 = *rotate_180;
  return PyWireEncoder(std::move(options));
}

py::object value_of(const Tensor& tensor, bool text) {
  const std::vector<py::ssize_t> shape(tensor.shape().dims().begin(), tensor.shape().dims().end());
  if (text) return to_str({reinterpret_cast<const char*>(tensor.bytes().data()), tensor.size_bytes()});
  if (tensor.dtype() == DType::u8) return py::array_t<std::uint8_t>(shape, tensor.as<std::uint8_t>().data());
  if (tensor.dtype() == DType::f64) return py::array_t<double>(shape, tensor.as<double>().data());
  return py::array_t<float>(shape, tensor.as<float>().data());
}

py::dict encode(PyWireEncoder& self, const Observation& observation) {
  const Exclusive exclusive(*self.mutex);
  const Status status = self.encoder.encode(observation, self.tensors);
  raise_unless_ok(status, kWhere, self.encoder.last_error());
  py::dict request;
  for (const auto& [name, tensor] : self.tensors) {
    const bool text = name == self.encoder.options().text_key;
    if (text || tensor.size_bytes() > 0) request[py::str(name)] = value_of(tensor, text);
  }
  return request;
}

}  // namespace

void bind_wire(py::module_& observation) {
  py::class_<PyWireEncoder>(
      observation, "WireEncoder",
      "The request that a remote policy server expects, by its keys (nested maps joined by '/'): \"aloha\", \"droid\", "
      "\"libero\" (openpi), \"starvla\", \"groot\".")
      .def(py::init(&make), py::arg("form"), py::kw_only(), py::arg("cameras") = py::none(),
           py::arg("optional") = std::vector<std::string>{}, py::arg("states") = py::none(), py::arg("text_key") = py::none(),
           py::arg("size") = py::none(), py::arg("scaling") = py::none(), py::arg("rotate_180") = py::none(),
           "What is not given is the form's own. cameras: key -> camera name. optional: keys left out of the request when the observation "
           "lacks their camera. states: key -> [(channel, number of values), ...]. size: (height, width), pixels. scaling: letterbox or "
           "resize "
           "rule by name, or \"none\".")
      .def_property_readonly("keys",
                             [](const PyWireEncoder& self) {
                               std::vector<std::string> keys;
                               for (const TensorSpec& spec : self.encoder.spec()) keys.push_back(spec.name);
                               return keys;
                             })
      .def("__call__", &encode, py::arg("observation"),
           "dict: key -> uint8 image, float32 vector or str. Absent optional cameras are left out.");
}

}  // namespace sinew
