// SPDX-License-Identifier: Apache-2.0
// Binds runtime/policy and the backend registry: Policy, BackendRegistry, load_card.
#include <pybind11/stl/filesystem.h>

#include "bindings.hpp"
#include "python_backend.hpp"
#include "sinew/backend/cpu/cpu_backend.hpp"
#include "sinew/io/card_json.hpp"
#include "sinew/runtime/policy.hpp"
#include "tensor_arrays.hpp"

namespace sinew {

namespace py = pybind11;
using namespace bindings;

namespace {

py::object card_dict(const PolicyCard& card) { return py::module_::import("json").attr("loads")(to_text(card_to_json(card))); }

py::list spec_list(const TensorSpecs& specs) {
  py::list list;
  for (const auto& spec : specs) {
    const auto dims = spec.capacity.dims();
    list.append(py::make_tuple(spec.name, std::string(to_string(spec.dtype)),
                               py::tuple(py::cast(std::vector<std::int64_t>(dims.begin(), dims.end())))));
  }
  return list;
}

ActionChunk act(Policy& policy, const Observation& observation, std::optional<std::int64_t> seed, std::optional<Floats> noise,
                std::optional<Floats> prefix, int prefix_delay, const std::optional<py::dict>& inputs) {
  ActionChunk chunk = policy.make_chunk();
  const TensorMap others = inputs ? to_tensors(*inputs, policy.spec().optional_inputs) : TensorMap();
  ActOptions options{.seed = seed, .prefix_delay = prefix_delay, .inputs = &others};
  if (noise) options.noise = {noise->data(), static_cast<std::size_t>(noise->size())};
  if (prefix) {
    require_shape(*prefix, {-1, -1}, "Policy.act", "prefix");
    options.prefix = {
        {prefix->data(), static_cast<std::size_t>(prefix->size())}, static_cast<int>(prefix->shape(0)), static_cast<int>(prefix->shape(1))};
  }
  Status status;
  {
    const py::gil_scoped_release release;
    status = policy.act(observation, chunk, options);
  }
  raise_unless_ok(status, "Policy.act", policy.last_error());
  return chunk;
}

py::list act_batch(Policy& policy, const std::vector<const Observation*>& observations) {
  std::vector<ActionChunk> chunks(observations.size(), policy.make_chunk());
  std::vector<BatchedAct> several(observations.size());
  for (std::size_t i = 0; i < several.size(); ++i) {
    if (observations[i] == nullptr)
      fail(ErrorCode::invalid_argument, {"Policy.act_batch", fmt::format("observation {}", i), "a sinew.Observation", "None", ""});
    several[i] = {.observation = observations[i], .chunk = &chunks[i]};
  }
  {
    const py::gil_scoped_release release;
    policy.act_batch(several);
  }
  py::list made;
  for (std::size_t i = 0; i < several.size(); ++i) {
    raise_unless_ok(several[i].status, fmt::format("Policy.act_batch, observation {}", i), several[i].error.view());
    made.append(std::move(chunks[i]));
  }
  return made;
}

/// Backends on libtorch live in a module of their own, which is loaded when one is asked for.
Policy load_policy(const std::filesystem::path& directory, const std::string& backend, BackendRegistry registry) {
  if (!registry.contains("torch")) {
    const std::string name = backend.empty() ? read_card(directory / "sinew.json").backend : backend;
    if (name == "torch") py::module_::import("sinew._torch").attr("add_to")(py::cast(registry, py::return_value_policy::reference));
  }
  return Policy::load(directory, registry, backend);
}

void bind_policy(py::module_& m) {
  py::class_<BackendRegistry>(m, "BackendRegistry", "Backends by name; starts with the built-in ones.")
      .def(py::init(&BackendRegistry::with_defaults))
      .def(
          "add",
          [](BackendRegistry& r, std::string name, py::object factory) { r.add(std::move(name), python_factory(std::move(factory))); },
          py::arg("name"), py::arg("factory"),
          "factory(path: str) -> object with infer(dict) -> dict. infer gets the encoder's tensors, read-only, and returns\n"
          "{\"actions\": float32 [horizon, dim]} in the policy's normalised space; reset() is called at the start of an episode if it "
          "exists.\n"
          "With infer_batch(list of dicts) -> list of dicts it is asked for several observations at once, by act_batch and by a server; "
          "an\n"
          "attribute max_batch says for how many (8).")
      .def(
          "add_cpu", [](BackendRegistry& r, std::string name, int threads) { r.add(std::move(name), cpu_backend({.threads = threads})); },
          py::arg("name"), py::arg("threads"), "The backend \"cpu\" with several threads for each inference, under another name.")
      .def("names", [](const BackendRegistry& r) {
        std::vector<std::string> names;
        for (const auto name : r.names()) names.emplace_back(name);
        return names;
      });
  py::class_<Policy>(m, "Policy", "Observation in, action chunk out: encoder, backend and decoder of one policy directory.")
      .def_static(
          "load",
          [](const std::filesystem::path& directory, const std::string& backend, const BackendRegistry* registry) {
            return load_policy(directory, backend, registry != nullptr ? *registry : BackendRegistry::with_defaults());
          },
          py::arg("directory"), py::arg("backend") = "", py::arg("registry") = nullptr,
          "directory: holds sinew.json. backend: a name of the registry, or \"torch\" where this build and the interpreter have it; empty "
          "takes\n"
          "the card's. Raises sinew.Error.")
      .def_property_readonly(
          "card", [](const Policy& p) { return card_dict(p.card()); }, "the card as the dict that sinew.json holds")
      .def_property_readonly(
          "input_spec", [](const Policy& p) { return spec_list(p.input_spec()); }, "[(name, dtype, maximum shape)] that the encoder writes")
      .def_property_readonly(
          "spec",
          [](const Policy& p) {
            return py::dict(py::arg("name") = p.spec().name, py::arg("inputs") = spec_list(p.spec().inputs),
                            py::arg("outputs") = spec_list(p.spec().outputs),
                            py::arg("optional_inputs") = spec_list(p.spec().optional_inputs));
          },
          "dict of the backend: name; inputs, outputs and optional_inputs as [(name, dtype, maximum shape)]")
      .def(
          "act", &act, py::arg("observation"), py::kw_only(), py::arg("seed") = py::none(), py::arg("noise") = py::none(),
          py::arg("prefix") = py::none(), py::arg("prefix_delay") = 0, py::arg("inputs") = py::none(),
          "One inference -> sinew.ActionChunk in SI units. For backends that sample: seed, or noise [horizon, dim]; prefix [rows, dim], "
          "the\n"
          "unexecuted rest of the previous chunk in the policy's normalised space (outputs[\"actions\"]), its first row due now, of which\n"
          "prefix_delay rows will be executed before the new chunk arrives. inputs: other tensors of spec[\"optional_inputs\"], as a dict "
          "of\n"
          "arrays. Raises sinew.Error with the stage that refused.")
      .def("act_batch", &act_batch, py::arg("observations"),
           "A list of observations -> list of sinew.ActionChunk, max_batch at a time. Raises sinew.Error for the first that is refused.")
      .def_property_readonly("max_batch", &Policy::most_batch, "How many observations the backend infers at once.")
      .def_property_readonly(
          "outputs", [](const Policy& p) { return to_dict(p.outputs()); }, "dict of copies of what the backend wrote at the last act")
      .def("reset", &Policy::reset, "Starts a new episode.");
  m.def(
      "load_card", [](const std::filesystem::path& path) { return card_dict(read_card(path)); }, py::arg("path"),
      "Reads and checks a sinew.json -> dict. Raises sinew.Error with the place and the nearest valid key.");
}

}  // namespace

void bind_loop(py::module_& m);
void bind_operator(py::module_& m);

void bind_runtime(py::module_& m) {
  bind_policy(m);
  auto runtime = m.def_submodule("runtime", "Closing the loop between a policy and a robot.");
  bind_operator(runtime);
  bind_loop(runtime);
}

}  // namespace sinew
