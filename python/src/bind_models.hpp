// SPDX-License-Identifier: Apache-2.0
// Binds models on one set of operations; _sinew does so for the CPU backend, _sinew_torch for libtorch.
#pragma once

#include <pybind11/stl/filesystem.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bindings.hpp"
#include "guarded.hpp"
#include "sinew/nn/language_model.hpp"

namespace sinew::bindings {

using Ids = py::array_t<std::int64_t, py::array::c_style | py::array::forcecast>;

/// Whole numbers; floats are refused, not cut.
inline Ids whole_numbers(const py::array& values, std::string_view what) {
  if (values.size() > 0 && values.dtype().kind() != 'i' && values.dtype().kind() != 'u')
    fail(ErrorCode::invalid_argument, {"nn", what, "whole numbers", py::str(values.dtype()).cast<std::string>(), ""});
  return Ids(values);
}

/// The arrays of a prompt, and views of them.
struct PromptArrays {
  Ids ids;
  std::optional<Floats> pixels;
  std::optional<Ids> grids_array, positions;
  std::vector<PatchGrid> grids{};

  [[nodiscard]] nn::VisionLanguageInput input(std::string_view where) {
    require_shape(ids, {-1}, where, "input_ids");
    nn::VisionLanguageInput input{.ids = {ids.data(), static_cast<std::size_t>(ids.size())}};
    if (pixels.has_value() != grids_array.has_value())
      fail(ErrorCode::invalid_argument, {where, "pixel_values and image_grid_thw", "both or none", "one of them", ""});
    if (positions) {
      require_shape(*positions, {3, ids.shape(0)}, where, "position_ids");
      input.positions = {positions->data(), static_cast<std::size_t>(positions->size())};
    }
    if (!pixels) return input;
    require_shape(*pixels, {-1, -1}, where, "pixel_values");
    require_shape(*grids_array, {-1, 3}, where, "image_grid_thw");
    std::size_t patches = 0;
    for (py::ssize_t i = 0; i < grids_array->shape(0); ++i) {
      const auto side = [&](py::ssize_t axis) {
        const std::int64_t value = grids_array->at(i, axis);
        if (value < 1 || value > 65536)
          fail(ErrorCode::invalid_argument, {where, "image_grid_thw", "1 to 65536", std::to_string(value), ""});
        return static_cast<int>(value);
      };
      grids.push_back({side(0), side(1), side(2)});
      patches += grids.back().patches();
    }
    if (patches != static_cast<std::size_t>(pixels->shape(0)))
      fail(ErrorCode::invalid_argument, {where, "rows of pixel_values", fmt::format("{}, the patches of image_grid_thw", patches),
                                         std::to_string(pixels->shape(0)), ""});
    input.pixels = {pixels->data(), static_cast<std::size_t>(pixels->size())};
    input.grids = grids;
    return input;
  }
};

inline constexpr const char* kPromptDoc =
    "input_ids [n] int64, an image's tokens in place; pixel_values [patches, values] float32 and image_grid_thw [images, 3] as the\n"
    "image processor gives them; position_ids [3, n], by default those of the model family.\n";

/// The class `name`: a vision-language model with its cache. `make` builds the operations from (dtype, threads or device).
template <nn::TensorOps Ops>
py::class_<Guarded<nn::LanguageModel<Ops>>> bind_language_model(py::module_& m, const char* name) {
  using Model = Guarded<nn::LanguageModel<Ops>>;
  py::class_<Model> type(m, name, "A vision-language model of a Hugging Face directory. Calls from several threads wait for each other.");
  const auto prompt = [](const py::array& ids, std::optional<Floats> pixels, const std::optional<py::array>& grids,
                         const std::optional<py::array>& positions) {
    PromptArrays arrays{whole_numbers(ids, "input_ids"), std::move(pixels), std::nullopt, std::nullopt};
    if (grids) arrays.grids_array = whole_numbers(*grids, "image_grid_thw");
    if (positions) arrays.positions = whole_numbers(*positions, "position_ids");
    return arrays;
  };
  type.def_property_readonly("hidden_size", [](const Model& self) { return self.value.hidden_size(); });
  type.def_property_readonly("vocab_size", [](const Model& self) { return self.value.vocab_size(); });
  type.def_property_readonly("depth", [](const Model& self) { return self.value.depth(); }, "number of layers");
  type.def(
      "hidden_states",
      [prompt](Model& self, const py::array& ids, std::optional<Floats> pixels, const std::optional<py::array>& grids,
               const std::optional<py::array>& positions, std::optional<std::vector<std::int64_t>> depths) -> py::object {
        auto arrays = prompt(ids, std::move(pixels), grids, positions);
        const auto input = arrays.input("hidden_states");
        const auto n = arrays.ids.shape(0), width = static_cast<py::ssize_t>(self.value.hidden_size());
        const std::vector<std::int64_t> wanted = depths.value_or(std::vector<std::int64_t>{});
        Floats last({n, width}), others({static_cast<py::ssize_t>(wanted.size()), n, width});
        {
          const Exclusive lock(*self.mutex);
          const auto to = writable(last), to_others = writable(others);
          const py::gil_scoped_release release;
          self.value.hidden_states(input, to, wanted, to_others);
        }
        if (!depths) return last;
        return py::make_tuple(last, others);
      },
      py::arg("input_ids"), py::arg("pixel_values") = py::none(), py::arg("image_grid_thw") = py::none(),
      py::arg("position_ids") = py::none(), py::kw_only(), py::arg("depths") = py::none(),
      (std::string(
           "Hidden states [n, hidden_size] float32 behind the last norm; with depths, ascending, also those [depths, n, hidden_size]\n"
           "before it: 0 the embeddings, d behind layer d - 1.\n") +
       kPromptDoc + "Raises sinew.Error.")
          .c_str());
  type.def(
      "logits",
      [prompt](Model& self, const py::array& ids, std::optional<Floats> pixels, const std::optional<py::array>& grids,
               const std::optional<py::array>& positions) {
        auto arrays = prompt(ids, std::move(pixels), grids, positions);
        const auto input = arrays.input("logits");
        Floats out({arrays.ids.shape(0), static_cast<py::ssize_t>(self.value.vocab_size())});
        const Exclusive lock(*self.mutex);
        const auto to = writable(out);
        const py::gil_scoped_release release;
        self.value.logits(input, to);
        return out;
      },
      py::arg("input_ids"), py::arg("pixel_values") = py::none(), py::arg("image_grid_thw") = py::none(),
      py::arg("position_ids") = py::none(),
      (std::string("Logits [n, vocab_size] float32 of every token.\n") + kPromptDoc + "Raises sinew.Error.").c_str());
  type.def(
      "generate",
      [prompt](Model& self, const py::array& ids, std::optional<Floats> pixels, const std::optional<py::array>& grids,
               const std::optional<py::array>& positions, std::int64_t max_new_tokens, std::vector<std::int64_t> stop, double temperature,
               int top_k, double top_p, std::uint64_t seed, std::vector<std::int64_t> allowed) {
        auto arrays = prompt(ids, std::move(pixels), grids, positions);
        const auto input = arrays.input("generate");
        const nn::GenerateOptions options{
            .max_new_tokens = max_new_tokens,
            .stop = std::move(stop),
            .pick = {.temperature = temperature, .top_k = top_k, .top_p = top_p, .seed = seed, .allowed = std::move(allowed)}};
        const Exclusive lock(*self.mutex);
        const py::gil_scoped_release release;
        return self.value.generate(input, options);
      },
      py::arg("input_ids"), py::arg("pixel_values") = py::none(), py::arg("image_grid_thw") = py::none(),
      py::arg("position_ids") = py::none(), py::kw_only(), py::arg("max_new_tokens") = 64, py::arg("stop") = std::vector<std::int64_t>{},
      py::arg("temperature") = 0.0, py::arg("top_k") = 0, py::arg("top_p") = 1.0, py::arg("seed") = 0,
      py::arg("allowed") = std::vector<std::int64_t>{},
      (std::string(
           "Tokens that follow the prompt -> list[int], the stop token included. temperature 0 takes the largest logit; else tokens are "
           "drawn\n"
           "among the top_k largest (0: all) and of those among the fewest that hold top_p of the probability. allowed: no other token is\n"
           "chosen (empty: all may be).\n") +
       kPromptDoc + "Raises sinew.Error.")
          .c_str());
  return type;
}

/// What a card's `architecture` can be.
template <nn::TensorOps Ops>
std::vector<std::string> architectures_of(const nn::ModelRegistry<Ops>& models) {
  std::vector<std::string> names;
  for (const auto model : models.models()) names.emplace_back(model);
  for (const auto backbone : models.backbones())
    for (const auto head : models.heads()) names.push_back(fmt::format("{}/{}", backbone, head));
  return names;
}

/// "f32" or "bf16".
inline DType weights_dtype(const std::string& name, std::string_view where) {
  const auto dtype = dtype_from_string(name);
  if (dtype != DType::f32 && dtype != DType::bf16)
    fail(ErrorCode::unsupported, {where, "dtype", "\"f32\" or \"bf16\"", "'" + name + "'", ""});
  return *dtype;
}

}  // namespace sinew::bindings
