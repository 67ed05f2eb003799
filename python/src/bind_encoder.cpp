// SPDX-License-Identifier: Apache-2.0
// Binds VlaEncoder and the positions of its tokens.
#include "guarded.hpp"
#include "patch_layout.hpp"
#include "sinew/core/position_ids.hpp"
#include "sinew/io/card_json.hpp"
#include "sinew/io/statistics_file.hpp"
#include "sinew/observation/vla_encoder.hpp"
#include "tensor_arrays.hpp"

namespace sinew {

namespace py = pybind11;
using namespace bindings;

namespace {

/// An encoder with the tensors that it writes to.
struct EncoderAndTensors {
  VlaEncoder encoder;
  TensorMap tensors;
};
using BoundEncoder = Guarded<EncoderAndTensors>;

BoundEncoder from_directory(const py::object& directory, const std::string& layout) {
  const std::filesystem::path path = py::str(directory).cast<std::string>();
  const PolicyCard card = read_card(path);
  const Statistics statistics = read_statistics(path, card.statistics);
  VlaEncoderOptions options = read_vla_encoder_options(path, card);
  options.layout = layout_of(layout, "VlaEncoder");
  VlaEncoder encoder(card, statistics, std::move(options));
  TensorMap tensors = make_tensors(encoder.spec());
  return BoundEncoder({std::move(encoder), std::move(tensors)});
}

using Integers = py::array_t<std::int64_t, py::array::c_style | py::array::forcecast>;

/// Whole numbers as int64; floats are not rounded on the quiet.
Integers integers(const py::array& array, std::string_view what) {
  if (array.dtype().kind() != 'i' && array.dtype().kind() != 'u' && array.dtype().kind() != 'b')
    fail(ErrorCode::invalid_argument, {"multi_section_positions", what, "integers", py::str(array.dtype()).cast<std::string>(), ""});
  return Integers(array);
}

Integers positions(const py::array& ids_, const py::array& mask_, TokenId image_token, const py::array& grids_, int merge) {
  constexpr const char* kWhere = "multi_section_positions";
  const Integers ids = integers(ids_, "ids"), mask = integers(mask_, "mask");
  const Integers grids = grids_.size() == 0 ? Integers(std::vector<py::ssize_t>{0, 3}) : integers(grids_, "grids");
  require_shape(ids, {-1}, kWhere, "ids");
  require_shape(mask, {ids.size()}, kWhere, "mask");
  require_shape(grids, {-1, 3}, kWhere, "grids");
  std::vector<PatchGrid> list;
  for (py::ssize_t i = 0; i < grids.shape(0); ++i) {
    for (py::ssize_t axis = 0; axis < 3; ++axis)
      if (grids.at(i, axis) < 1 || grids.at(i, axis) > (1 << 20))
        fail(ErrorCode::invalid_argument, {kWhere, "grids", "1 to 1048576 patches", std::to_string(grids.at(i, axis)), ""});
    list.push_back({static_cast<int>(grids.at(i, 0)), static_cast<int>(grids.at(i, 1)), static_cast<int>(grids.at(i, 2))});
  }
  Integers out({py::ssize_t{3}, ids.size()});
  const auto count = static_cast<std::size_t>(ids.size());
  raise_unless_ok(
      multi_section_positions({ids.data(), count}, {mask.data(), count}, image_token, list, merge, {out.mutable_data(), 3 * count}), kWhere,
      "image tokens that do not match the grids");
  return out;
}

}  // namespace

void bind_encoder(py::module_& observation) {
  py::class_<BoundEncoder>(observation, "VlaEncoder", "Observations to the tensors that the card of a policy directory describes.")
      .def_static(
          "from_directory", &from_directory, py::arg("directory"), py::kw_only(), py::arg("layout") = "hugging_face",
          "Reads sinew.json and the files that it names; no model. layout of pixel_values: \"hugging_face\" rows [3, temporal, patch, "
          "patch], \"single_frame\" rows [3, patch, patch].")
      .def_property_readonly(
          "spec",
          [](const BoundEncoder& self) {
            py::list rows;
            for (const TensorSpec& spec : self.value.encoder.spec()) rows.append(to_string(spec));
            return rows;
          },
          "list of \"name dtype [capacity]\"")
      .def(
          "encode",
          [](BoundEncoder& self, const Observation& observation_) {
            const Exclusive exclusive(*self.mutex);
            auto& [encoder, tensors] = self.value;
            Status status = Status::ok;
            {
              const py::gil_scoped_release release;
              status = encoder.encode(observation_, tensors);
            }
            raise_unless_ok(status, "VlaEncoder", encoder.last_error());
            return to_dict(tensors);
          },
          py::arg("observation"), "dict name -> array; copies. Raises sinew.Error that names the camera or channel at fault.")
      .def(
          "reset",
          [](BoundEncoder& self) {
            const Exclusive exclusive(*self.mutex);
            self.value.encoder.reset();
          },
          "Forgets the history, for a new episode.");
  observation.def(
      "multi_section_positions", &positions, py::arg("ids"), py::arg("mask"), py::kw_only(), py::arg("image_token"), py::arg("grids"),
      py::arg("merge") = 2,
      "ids, mask: [n]. grids: [images, 3] patches (temporal, height, width). int64 [3, n]: time, height, width of each token, as the "
      "Qwen-VL generations number them; 0 where mask is 0.");
}

}  // namespace sinew
