// SPDX-License-Identifier: Apache-2.0
// The two halves of a policy server, for those who put something between them: bytes of a request to bytes of a reply, and the sockets.
#include <pybind11/stl/filesystem.h>

#include <filesystem>
#include <memory>
#include <tuple>
#include <utility>

#include "bindings.hpp"
#include "guarded.hpp"
#include "sinew/backend/registry.hpp"
#include "sinew/runtime/policy.hpp"
#include "sinew/serve/policy_server.hpp"
#include "sinew/serve/policy_service.hpp"
#include "sinew/serve/web_socket_server.hpp"

namespace sinew::bindings {

using namespace serve;

namespace {

/// (bytes, whether they are text, whether the connection ends behind them)
using Reply = std::tuple<py::bytes, bool, bool>;

py::bytes to_bytes(std::span<const std::byte> bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }
std::span<const std::byte> view_of(std::string_view text) { return std::as_bytes(std::span(text)); }

/// A policy behind openpi's protocol, without a socket.
struct Service {
  Service(Policy policy, WireForm form, std::size_t most_bytes)
      : metrics(std::make_shared<ServerMetrics>()),
        openpi(std::make_unique<OpenpiService>(served(std::move(policy), form), metrics, remote::MsgpackLimits{.most_bytes = most_bytes})) {
  }

  std::shared_ptr<ServerMetrics> metrics;
  std::unique_ptr<OpenpiService> openpi;
  Exchange exchange;
};

Guarded<Service> make_service(const std::filesystem::path& directory, const BackendRegistry& registry, const std::string& backend,
                              const std::string& protocol, std::size_t most_bytes) {
  const ServedProtocol served = served_protocol_from_string(protocol);
  if (served == ServedProtocol::groot)
    fail(ErrorCode::unsupported, {"serve", "protocol", "openpi or aloha", "groot", "its messages go over another kind of socket"});
  return Guarded<Service>(
      Service(Policy::load(directory, registry, backend), served == ServedProtocol::aloha ? WireForm::aloha : WireForm::droid, most_bytes));
}

Reply handle(Guarded<Service>& self, const py::bytes& message, bool is_text) {
  const Exclusive exclusive(*self.mutex);
  Exchange& exchange = self.value.exchange;
  exchange.request = {.kind = is_text ? remote::MessageKind::text : remote::MessageKind::binary,
                      .bytes = view_of(std::string_view(message))};
  {
    const py::gil_scoped_release release;
    self.value.openpi->handle(exchange);
  }
  return {to_bytes(exchange.reply), exchange.kind == remote::MessageKind::text, exchange.close};
}

/// Sockets in front of a function of Python.
struct Front {
  std::shared_ptr<ServerMetrics> metrics;
  std::unique_ptr<WebSocketServer> server;
};

using Function = std::shared_ptr<py::function>;

/// What the function says; "no answer", and the exception kept, where it raises.
void call(const py::function& function, ServerMetrics& metrics, Exchange& exchange) noexcept {
  const SteadyClock clock;
  const Time begun = clock.now();
  const py::gil_scoped_acquire held;
  bool is_text = true;
  exchange.close = false;
  exchange.reply.clear();
  try {
    auto [bytes, text, close] =
        function(to_bytes(exchange.request.bytes), exchange.request.kind == remote::MessageKind::text).cast<Reply>();
    const auto reply = view_of(std::string_view(bytes));
    exchange.reply.assign(reply.begin(), reply.end());
    is_text = text;
    exchange.close = close;
  } catch (const std::exception& problem) {  // not for strangers
    const auto said = view_of("[serve] request: expected an answer, got none");
    exchange.reply.assign(said.begin(), said.end());
    metrics.failed(problem.what());
  }
  exchange.kind = is_text ? remote::MessageKind::text : remote::MessageKind::binary;
  metrics.answered(clock.now() - begun, !is_text);
}

Front make_front(const py::bytes& greeting, py::function handler, const std::string& host, std::uint16_t port, const std::string& token,
                 std::size_t handlers, std::size_t most_connections, std::size_t most_bytes, double idle, double drain) {
  const PolicyServerOptions options{.host = host,
                                    .port = port,
                                    .token = token,
                                    .most_connections = most_connections,
                                    .most_bytes = most_bytes,
                                    .idle = from_seconds(idle),
                                    .drain = from_seconds(drain)};
  check(options);
  const Function function(new py::function(std::move(handler)), [](py::function* given) {
    const py::gil_scoped_acquire held;
    delete given;
  });
  Front front{.metrics = std::make_shared<ServerMetrics>(), .server = {}};
  const auto hello = view_of(std::string_view(greeting));
  const py::gil_scoped_release release;
  front.server = std::make_unique<WebSocketServer>(
      WebSocketServerOptions{.host = host,
                             .port = port,
                             .token = token,
                             .most_connections = most_connections,
                             .most_bytes = most_bytes,
                             .idle = options.idle,
                             .drain = options.drain,
                             .handlers = handlers},
      std::vector<std::byte>(hello.begin(), hello.end()),
      [function, metrics = front.metrics](Exchange& exchange) { call(*function, *metrics, exchange); }, front.metrics);
  return front;
}

}  // namespace

void bind_service(py::module_& m) {
  py::class_<Guarded<Service>>(m, "Service", "A policy directory behind openpi's protocol, without a socket; one call at a time.")
      .def(py::init(&make_service), py::arg("directory"), py::arg("registry"), py::kw_only(), py::arg("backend") = "",
           py::arg("protocol") = "openpi", py::arg("max_bytes") = std::size_t{16} << 20, "As sinew.serve.Service.")
      .def_property_readonly(
          "greeting", [](const Guarded<Service>& self) { return to_bytes(self.value.openpi->greeting()); },
          "bytes that a connection is sent first")
      .def("handle", &handle, py::arg("message"), py::arg("is_text") = false,
           "Bytes of a request -> (bytes of the reply, whether they are text, whether the connection ends behind them). Does not raise.")
      .def(
          "metrics", [](const Guarded<Service>& self) { return self.value.metrics->text(); }, "What Prometheus reads: text.")
      .def_property_readonly(
          "last_error", [](const Guarded<Service>& self) { return to_str(self.value.metrics->last_error()); },
          "What the policy said at the last request that it could not answer; \"\" for none.");
  py::class_<Front>(m, "WebSocketServer", py::release_gil_before_calling_cpp_dtor(), "The sockets of a policy server, until stop().")
      .def(py::init(&make_front), py::arg("greeting"), py::arg("handler"), py::kw_only(), py::arg("host") = "127.0.0.1",
           py::arg("port") = 0, py::arg("token") = "", py::arg("handlers") = 1, py::arg("max_connections") = 64,
           py::arg("max_bytes") = std::size_t{16} << 20, py::arg("idle") = 600.0, py::arg("drain") = 10.0,
           "handler: (bytes of a request, whether they are text) -> (bytes of the reply, whether text, whether the connection ends), "
           "called\n"
           "by `handlers` threads. The rest is as of sinew.serve.Server.")
      .def_property_readonly(
          "port", [](const Front& self) { return self.server->port(); }, "The port that was taken.")
      .def(
          "metrics", [](const Front& self) { return self.metrics->text(); }, "What Prometheus reads: text.")
      .def_property_readonly(
          "last_error", [](const Front& self) { return to_str(self.metrics->last_error()); },
          "What the handler raised last; \"\" for nothing.")
      .def(
          "stop", [](Front& self) { self.server->stop(); }, py::call_guard<py::gil_scoped_release>(),
          "Takes no more connections, lets requests that are being answered end, and closes.");
}

}  // namespace sinew::bindings
