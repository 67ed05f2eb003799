// SPDX-License-Identifier: Apache-2.0
// Binds nn/: models on the CPU backend.
#include "bind_models.hpp"
#include "sinew/backend/cpu/cpu_models.hpp"

namespace sinew {

namespace py = pybind11;
using namespace bindings;

void bind_nn(py::module_& m) {
  auto nn_module = m.def_submodule("nn", "Models without a policy around them: hidden states and text.");
  bind_language_model<CpuOps>(nn_module, "CpuLanguageModel")
      .def_static(
          "load",
          [](const std::filesystem::path& directory, const std::string& architecture, const std::string& dtype, int threads,
             std::int64_t max_tokens, bool logits) {
            CpuOps ops({.weights = weights_dtype(dtype, "nn.load"), .threads = threads});
            const py::gil_scoped_release release;
            return Guarded(nn::LanguageModel<CpuOps>(std::move(ops), cpu_models(), directory, architecture, max_tokens, logits));
          },
          py::arg("directory"), py::arg("architecture") = "qwen3_vl", py::arg("dtype") = "f32", py::arg("threads") = 1,
          py::arg("max_tokens") = 4096, py::arg("logits") = true,
          "directory: config.json and safetensors. dtype: of the weights. max_tokens: of a sequence, generated ones included. logits: "
          "whether there are any, and text. Raises "
          "sinew.Error.");
  nn_module.def(
      "architectures", [] { return architectures_of(cpu_models()); },
      "What a card's `architecture` can be on the backends \"cpu\" and \"torch\": backbone/head.");
}

}  // namespace sinew
