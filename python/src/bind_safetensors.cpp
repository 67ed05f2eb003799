// SPDX-License-Identifier: Apache-2.0
// Binds what a safetensors file says about itself: sinew.read_safetensors_header.
#include "sinew/io/safetensors.hpp"

#include <pybind11/stl/filesystem.h>

#include <filesystem>

#include "bindings.hpp"

namespace sinew {

namespace py = pybind11;

void bind_safetensors(py::module_& m) {
  m.def(
      "read_safetensors_header",
      [](const std::filesystem::path& path) {
        const SafetensorsFile file(path, {.map = true});
        py::dict tensors;
        for (const auto& [name, view] : file.tensors())
          tensors[py::str(name)] = py::make_tuple(view.dtype, py::tuple(py::cast(view.shape)));
        return py::make_tuple(tensors, file.metadata());
      },
      py::arg("path"),
      "What a safetensors file says about itself, checked against everything the format demands: a dict name -> (dtype, shape), dtype as "
      "the file names it, and the dict of its metadata. The data are not read.");
}

}  // namespace sinew
