// SPDX-License-Identifier: Apache-2.0
// Binds the decoder of a policy card, and where action ids lie in a vocabulary.
#include <cstring>

#include "guarded.hpp"
#include "sinew/action/action_token_map.hpp"
#include "sinew/action/make_decoder.hpp"
#include "sinew/io/card_json.hpp"
#include "sinew/io/statistics_file.hpp"
#include "tensor_arrays.hpp"

namespace sinew {

namespace py = pybind11;
using namespace bindings;

namespace {

/// A decoder with the tensors that it reads.
struct DecoderAndTensors {
  AnyDecoder decoder;
  TensorMap tensors;
};
using BoundDecoder = Guarded<DecoderAndTensors>;

BoundDecoder from_directory(const py::object& directory) {
  const std::filesystem::path path = py::str(directory).cast<std::string>();
  const PolicyCard card = read_card(path);
  const Statistics statistics = read_statistics(path, card.statistics);
  AnyDecoder decoder = make_decoder(card, statistics, ActionTokens(path, card));
  TensorMap tensors = make_tensors(decoder.spec());
  return BoundDecoder({std::move(decoder), std::move(tensors)});
}

/// Copies the array of that name; its dtype must be the tensor's, its shape within the capacity.
void take(const py::dict& arrays, const TensorSpec& spec, Tensor& tensor) {
  constexpr const char* kWhere = "Decoder.decode";
  const std::string name(spec.name);
  if (!arrays.contains(name.c_str())) fail(ErrorCode::not_found, {kWhere, fmt::format("array '{}'", name), "it to be there", "none", ""});
  const bool ids = spec.dtype == DType::i64;
  const py::object value = arrays[name.c_str()];
  const py::array array = ids ? py::array(py::array_t<std::int64_t, py::array::c_style>::ensure(value)) : py::array(Floats::ensure(value));
  std::vector<std::int64_t> dims;
  if (array) dims.assign(array.shape(), array.shape() + array.ndim());
  if (!array || dims.size() != spec.capacity.rank() || tensor.set_shape(Shape(dims)) != Status::ok) {
    PyErr_Clear();
    fail(ErrorCode::invalid_argument,
         {kWhere, fmt::format("array '{}'", name), to_string(spec), array ? shape_text(array) : "no array of that kind", ""});
  }
  std::memcpy(tensor.bytes().data(), array.data(), tensor.size_bytes());
}

ActionChunk decode(BoundDecoder& self, const py::dict& arrays, const Observation& observation) {
  const Exclusive exclusive(*self.mutex);
  auto& [decoder, tensors] = self.value;
  for (const TensorSpec& spec : decoder.spec()) take(arrays, spec, tensors[spec.name]);
  ActionChunk chunk;
  Status status = Status::ok;
  {
    const py::gil_scoped_release release;
    status = decoder.decode(tensors, observation, chunk);
  }
  raise_unless_ok(status, "Decoder.decode", decoder.last_error());
  return chunk;
}

}  // namespace

void bind_decoder(py::module_& m) {
  py::class_<BoundDecoder>(m, "Decoder", "What a model emits to an ActionChunk in SI units, as the card of a policy directory describes.")
      .def_static("from_directory", &from_directory, py::arg("directory"), "Reads sinew.json and the files that it names; no model.")
      .def_property_readonly(
          "spec",
          [](const BoundDecoder& self) {
            py::list rows;
            for (const TensorSpec& spec : self.value.decoder.spec()) rows.append(to_string(spec));
            return rows;
          },
          "list of \"name dtype [capacity]\"")
      .def("decode", &decode, py::arg("tensors"), py::arg("observation"),
           "dict name -> array, and the observation that the inference used -> ActionChunk. Raises sinew.Error with the reason.");
  m.def(
      "model_ids",
      [](const std::vector<TokenId>& ids, const std::string& mapping) {
        const ActionTokenMap map = action_token_map(mapping);
        std::vector<TokenId> model;
        for (const TokenId id : ids) {
          const std::int64_t most = map.descending ? std::int64_t{map.first} + 1 : std::int64_t{map.count};
          if (id < 0 || id >= most)
            fail(ErrorCode::invalid_argument, {"model_ids", "id", fmt::format("0 to {}", most - 1), std::to_string(id), ""});
          model.push_back(map.to_model(id));
        }
        return model;
      },
      py::arg("ids"), py::arg("mapping"), "Ids of an action tokenizer as ids of the model; names of mappings in docs/action_spaces.md.");
  m.def(
      "action_ids",
      [](const std::vector<TokenId>& generated, const std::string& mapping) {
        std::vector<TokenId> actions(generated.size());
        actions.resize(collect_action_ids(generated, action_token_map(mapping), actions));
        return actions;
      },
      py::arg("generated"), py::arg("mapping"),
      "All ids of a model's output that the mapping takes for actions, in their order, as ids of the action tokenizer. With PaliGemma's "
      "mappings that "
      "is every id up to the first action: text must be cut off before.");
}

}  // namespace sinew
