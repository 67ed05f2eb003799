// SPDX-License-Identifier: Apache-2.0
// The module _sinew_remote: clients of policy servers, and a server. Nothing else of the package needs a socket.
#include <pybind11/stl/filesystem.h>

#include <cstring>
#include <filesystem>
#include <map>
#include <optional>
#include <utility>

#include "bindings.hpp"
#include "guarded.hpp"
#include "sinew/backend/any_backend.hpp"
#include "sinew/backend/registry.hpp"
#include "sinew/backend/remote/groot_protocol.hpp"
#include "sinew/backend/remote/openpi_protocol.hpp"
#include "sinew/backend/remote/remote_backend.hpp"
#include "sinew/backend/remote/starvla_protocol.hpp"
#include "sinew/backend/remote/vla_cpp_protocol.hpp"
#include "sinew/backend/remote/web_socket_link.hpp"
#include "sinew/backend/remote/zmq_link.hpp"
#include "sinew/runtime/policy.hpp"
#include "sinew/serve/policy_server.hpp"
#include "sinew/serve/remote_policy.hpp"
#include "tensor_arrays.hpp"

namespace py = pybind11;
using namespace sinew;
using namespace sinew::bindings;
using namespace sinew::remote;

namespace {

/// A client with the tensors of its requests and replies.
struct Client {
  AnyBackend backend;
  TensorMap in, out;
};

/// (name, dtype, largest shape) of each input, in order.
using Inputs = std::vector<std::tuple<std::string, std::string, std::vector<std::int64_t>>>;

TensorSpecs specs_of(const Inputs& inputs) {
  TensorSpecs specs;
  for (const auto& [name, dtype, shape] : inputs) {
    const auto known = dtype_from_string(dtype);
    if (!known)
      fail(ErrorCode::invalid_argument,
           {"remote", "dtype of input '" + name + "'", "one such as \"u8\" or \"f32\"", "'" + dtype + "'", ""});
    specs.push_back({name, *known, Shape(std::span<const std::int64_t>(shape))});
  }
  return specs;
}

RemoteOptions options_of(double deadline) { return {.deadline = from_seconds(deadline)}; }

/// Copies a text or an array into the tensor of its name.
void fill(Tensor& tensor, const std::string& name, const py::handle& value) {
  std::span<const std::byte> bytes;
  Shape shape;
  std::string text;
  py::array array;
  if (py::isinstance<py::str>(value)) {
    text = value.cast<std::string>();
    bytes = std::as_bytes(std::span(text));
    shape = Shape{static_cast<std::int64_t>(text.size())};
    if (tensor.dtype() != DType::u8)
      fail(ErrorCode::invalid_argument, {"remote", "input '" + name + "'", std::string(to_string(tensor.dtype())), "text", ""});
  } else {
    array = py::array::ensure(value, py::array::c_style);
    if (!array || !array.dtype().equal(numpy_dtype(tensor.dtype())))
      fail(ErrorCode::invalid_argument, {"remote", "input '" + name + "'", "an array of " + std::string(to_string(tensor.dtype())),
                                         array ? py::str(array.dtype()).cast<std::string>() : "something else", ""});
    const std::vector<std::int64_t> dims(array.shape(), array.shape() + array.ndim());
    if (dims.size() > Shape::kMaxRank)
      fail(ErrorCode::invalid_argument, {"remote", "input '" + name + "'", "at most 8 dimensions", shape_text(array), ""});
    shape = Shape(std::span<const std::int64_t>(dims));
    bytes = {static_cast<const std::byte*>(array.data()), static_cast<std::size_t>(array.nbytes())};
  }
  if (tensor.set_shape(shape) != Status::ok)
    fail(ErrorCode::invalid_argument,
         {"remote", "input '" + name + "'", "a shape within " + to_string(tensor.capacity()), to_string(shape), ""});
  if (!bytes.empty()) std::memcpy(tensor.bytes().data(), bytes.data(), bytes.size());
}

py::dict infer(Guarded<Client>& self, const py::dict& inputs) {
  const Exclusive exclusive(*self.mutex);
  Client& client = self.value;
  for (const auto& [key, value] : inputs) {
    const auto name = py::str(key).cast<std::string>();
    Tensor* const tensor = client.in.find(name);
    if (tensor == nullptr) fail(ErrorCode::invalid_argument, {"remote", "input", "one of the client's", "'" + name + "'", ""});
    fill(*tensor, name, value);
  }
  for (const auto& [name, tensor] : client.in)
    if (!inputs.contains(name)) fail(ErrorCode::invalid_argument, {"remote", "input '" + name + "'", "a value", "none", ""});
  Status status = Status::ok;
  {
    const py::gil_scoped_release release;
    status = client.backend.infer(client.in, client.out);
  }
  if (status != Status::ok)
    fail(ErrorCode::failed, {"remote", "reply", "actions", std::string(to_string(status)), std::string(client.backend.last_error())});
  return to_dict(client.out);
}

template <class Protocol, class Link>
Guarded<Client> client_of(Protocol protocol, Link link, double deadline) {
  AnyBackend backend(RemoteBackend(std::move(protocol), std::move(link), options_of(deadline)));
  TensorMap in = make_tensors(backend.spec().inputs), out = make_tensors(backend.spec().outputs);
  return Guarded<Client>({std::move(backend), std::move(in), std::move(out)});
}

WebSocketLink web_socket(const std::string& host, std::uint16_t port, const std::string& api_key) {
  return WebSocketLink({.host = host, .port = port, .authorization = api_key.empty() ? "" : "Api-Key " + api_key});
}

}  // namespace

namespace sinew::bindings {
void bind_service(py::module_& m);
}

PYBIND11_MODULE(_sinew_remote, m) {
  m.doc() = "Clients of policy servers, and a server; use sinew.remote and sinew.serve.";
  py::class_<Guarded<Client>>(m, "Client", "A policy server; one call at a time.")
      .def("infer", &infer, py::arg("inputs"),
           "inputs: name -> array or str, all of them -> dict with \"actions\" float32 [rows, action_dim]. Raises sinew.Error: no reply by "
           "the\n"
           "deadline, a broken connection, an error of the server, a reply of another form, or a connection that waits to be tried again.")
      .def(
          "reset",
          [](Guarded<Client>& self) {
            const Exclusive exclusive(*self.mutex);
            self.value.backend.reset();
          },
          "The next call begins with a new connection.");
  m.def(
      "openpi",
      [](const Inputs& inputs, std::int64_t horizon, std::int64_t action_dim, const std::string& host, std::uint16_t port,
         const std::string& api_key, bool nested, double deadline) {
        OpenpiProtocol protocol({.inputs = specs_of(inputs), .nested = nested, .horizon = horizon, .action_dim = action_dim});
        return client_of(std::move(protocol), web_socket(host, port, api_key), deadline);
      },
      py::arg("inputs"), py::arg("horizon"), py::arg("action_dim"), py::kw_only(), py::arg("host") = "127.0.0.1", py::arg("port") = 8000,
      py::arg("api_key") = "", py::arg("nested") = false, py::arg("deadline") = 0.5, "As sinew.remote.openpi.");
  m.def(
      "starvla",
      [](const Inputs& inputs, std::int64_t horizon, std::int64_t action_dim, const std::string& host, std::uint16_t port,
         const std::string& api_key, const std::string& unnorm_key, bool normalized, double deadline) {
        StarvlaProtocol protocol(
            {.inputs = specs_of(inputs), .horizon = horizon, .action_dim = action_dim, .unnorm_key = unnorm_key, .normalized = normalized});
        return client_of(std::move(protocol), web_socket(host, port, api_key), deadline);
      },
      py::arg("inputs"), py::arg("horizon"), py::arg("action_dim"), py::kw_only(), py::arg("host") = "127.0.0.1", py::arg("port") = 10093,
      py::arg("api_key") = "", py::arg("unnorm_key") = "", py::arg("normalized") = false, py::arg("deadline") = 0.5,
      "As sinew.remote.starvla.");
  m.def(
      "groot",
      [](const Inputs& inputs, std::int64_t horizon, const std::vector<std::pair<std::string, std::int64_t>>& groups,
         const std::string& endpoint, const std::string& api_token, double deadline) {
        std::vector<ActionGroup> columns;
        for (const auto& [key, size] : groups) columns.push_back({key, size});
        GrootProtocol protocol({.inputs = specs_of(inputs), .horizon = horizon, .groups = std::move(columns), .api_token = api_token});
        return client_of(std::move(protocol), ZmqLink({.endpoint = endpoint}), deadline);
      },
      py::arg("inputs"), py::arg("horizon"), py::arg("groups"), py::kw_only(), py::arg("endpoint") = "tcp://127.0.0.1:5555",
      py::arg("api_token") = "", py::arg("deadline") = 0.5, "As sinew.remote.groot.");
  m.def(
      "vla_cpp",
      [](const Inputs& inputs, std::int64_t horizon, std::int64_t action_dim, const std::string& endpoint, bool dealer, double deadline) {
        VlaCppProtocol protocol({.inputs = specs_of(inputs), .horizon = horizon, .action_dim = action_dim});
        return client_of(std::move(protocol), ZmqLink({.endpoint = endpoint, .form = dealer ? ZmqForm::dealer : ZmqForm::req}), deadline);
      },
      py::arg("inputs"), py::arg("horizon"), py::arg("action_dim"), py::kw_only(), py::arg("endpoint") = "tcp://127.0.0.1:5555",
      py::arg("dealer") = false, py::arg("deadline") = 0.5, "As sinew.remote.vla_cpp.");
  m.def(
      "connect",
      [](const std::string& host, std::uint16_t port, const std::string& token, double deadline, double patience) {
        return serve::connect({.host = host,
                               .port = port,
                               .token = token,
                               .patience = from_seconds(patience),
                               .remote = {.deadline = from_seconds(deadline)}});
      },
      py::arg("host") = "127.0.0.1", py::arg("port") = 8000, py::kw_only(), py::arg("token") = "", py::arg("deadline") = 0.5,
      py::arg("patience") = 5.0, py::call_guard<py::gil_scoped_release>(), "As sinew.remote.connect.");
  py::class_<serve::PolicyServer>(m, "Server", py::release_gil_before_calling_cpp_dtor(), "A policy directory on a socket, until stop().")
      .def(py::init([](const std::filesystem::path& directory, const BackendRegistry& registry, const std::string& backend,
                       const std::string& protocol, const std::string& host, std::uint16_t port, const std::string& token,
                       std::size_t most_connections, std::size_t most_bytes, double idle, double drain) {
             return serve::PolicyServer(Policy::load(directory, registry, backend),
                                        {.protocol = serve::served_protocol_from_string(protocol),
                                         .host = host,
                                         .port = port,
                                         .token = token,
                                         .most_connections = most_connections,
                                         .most_bytes = most_bytes,
                                         .idle = from_seconds(idle),
                                         .drain = from_seconds(drain)});
           }),
           py::arg("directory"), py::arg("registry"), py::kw_only(), py::arg("backend") = "", py::arg("protocol") = "openpi",
           py::arg("host") = "127.0.0.1", py::arg("port") = 0, py::arg("token") = "", py::arg("max_connections") = 64,
           py::arg("max_bytes") = std::size_t{16} << 20, py::arg("idle") = 600.0, py::arg("drain") = 10.0, "As sinew.serve.Server.")
      .def_property_readonly("port", &serve::PolicyServer::port, "The port that was taken.")
      .def("metrics", &serve::PolicyServer::metrics, "What Prometheus reads: text.")
      .def_property_readonly("last_error", &serve::PolicyServer::last_error,
                             "What the policy said at the last request that it could not answer; \"\" for none.")
      .def("stop", &serve::PolicyServer::stop, py::call_guard<py::gil_scoped_release>(),
           "Takes no more connections, lets requests that are being answered end, and closes.");
  bind_service(m);
}
