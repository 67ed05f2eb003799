// SPDX-License-Identifier: Apache-2.0
// The module _sinew_torch: models on libtorch. Nothing else of the package needs torch.
#include "bind_models.hpp"
#include "sinew/backend/torch/torch_backend.hpp"
#include "sinew/backend/torch/torch_models.hpp"
#include "sinew/backend/torch/torch_package_backend.hpp"

namespace py = pybind11;
using namespace sinew;
using namespace sinew::bindings;

PYBIND11_MODULE(_sinew_torch, m) {
  m.doc() = "Models on libtorch; use sinew.nn and sinew.Policy.load(backend=\"torch\").";
  bind_language_model<GraphOps>(m, "TorchLanguageModel")
      .def_static(
          "load",
          [](const std::filesystem::path& directory, const std::string& architecture, const std::string& dtype, const std::string& device,
             std::int64_t max_tokens, bool logits, bool graphs) {
            const TorchOptions options{.device = device, .dtype = weights_dtype(dtype, "nn.load")};
            const py::gil_scoped_release release;
            return Guarded(load_torch_language_model(directory, architecture, options, max_tokens, logits, {.enabled = graphs}));
          },
          py::arg("directory"), py::arg("architecture") = "qwen3_vl", py::arg("dtype") = "f32", py::arg("device") = "cpu",
          py::arg("max_tokens") = 4096, py::arg("logits") = true, py::arg("graphs") = false,
          "As CpuLanguageModel.load; dtype is that of activations too. device: as torch names it. graphs: as sinew.nn.load. Raises "
          "sinew.Error.");
  m.def("architectures", [] { return architectures_of(torch_models()); }, "As sinew.nn.architectures.");
  m.def(
      "add_torch",
      [](BackendRegistry& registry, std::string name, const std::string& device, bool graphs) {
        registry.add(std::move(name), torch_backend({.device = device, .graphs = {.enabled = graphs}}));
      },
      py::arg("registry"), py::arg("name") = "torch", py::arg("device") = "cpu", py::arg("graphs") = false,
      "Adds the backend on libtorch to a BackendRegistry. graphs: as sinew.nn.load.");
  m.def(
      "add_package",
      [](BackendRegistry& registry, std::string name, const std::string& file, bool trust_code, const std::string& device, bool batched) {
        registry.add(std::move(name),
                     torch_package_backend({.file = file, .trust_code = trust_code, .device = device, .batched = batched}));
      },
      py::arg("registry"), py::arg("name"), py::arg("file"), py::arg("trust_code") = false, py::arg("device") = "cpu",
      py::arg("batched") = true, "As sinew._torch.add_package.");
}
