// SPDX-License-Identifier: Apache-2.0
// Binds observation/: resize, ImageProcessor; prompts and the frame budget have files of their own.
#include "bindings.hpp"
#include "sinew/observation/image_processor.hpp"
#include "sinew/observation/resize.hpp"

namespace sinew {

void bind_frame_budget(pybind11::module_& observation);
void bind_image(pybind11::module_& observation);
void bind_processors(pybind11::module_& observation);
void bind_wire(pybind11::module_& observation);
void bind_prompt(pybind11::module_& observation);
void bind_tokenizer(pybind11::module_& observation);

namespace py = pybind11;
using namespace bindings;

namespace {

py::array resize(const py::array& image, std::pair<int, int> size, const std::string& rule) {
  const auto [height, width] = size;
  Resizer resizer(resize_rule_from_string(rule, "resize"));
  const auto what = [&, height = height, width = width] {
    return fmt::format("{} to {} x {} (1 to {} pixels a side, 1 to 4 channels)", shape_text(image), height, width, Resizer::kMaxSide);
  };
  if (py::isinstance<py::array_t<float>>(image)) {
    const FloatImageView in = float_pixels(image, "resize");
    const bool sane = height >= 1 && height <= Resizer::kMaxSide && width >= 1 && width <= Resizer::kMaxSide;
    py::array_t<float> out({sane ? height : 0, sane ? width : 0, in.channels()});
    raise_unless_ok(resizer.resize(in, height, width, {out.mutable_data(), static_cast<std::size_t>(out.size())}), "resize", what());
    return out;
  }
  Image out;
  raise_unless_ok(resizer.resize(pixels(image, "resize"), height, width, out), "resize", what());
  return to_array(out);
}

PatchGrid grid_of(const QwenVlProcessor& processor, int height, int width) {
  const auto grid = processor.grid({height, width});
  if (!grid)
    fail(ErrorCode::invalid_argument,
         {"ImageProcessor", "image size", fmt::format("sides of 1 to {} pixels, ratio at most 200", Resizer::kMaxSide),
          fmt::format("{} x {}", height, width), ""});
  return *grid;
}

py::dict process(QwenVlProcessor& processor, const py::object& images) {
  std::vector<py::array> arrays;
  if (py::isinstance<py::array>(images)) {
    arrays.push_back(images);
  } else {
    for (const auto& image : images) arrays.push_back(py::cast<py::array>(image));
  }
  std::vector<ImageView> views;
  py::array_t<std::int64_t> grids({static_cast<py::ssize_t>(arrays.size()), py::ssize_t{3}});
  std::size_t patches = 0;
  for (const auto& array : arrays) {
    const ImageView view = pixels(array, "ImageProcessor");
    const PatchGrid grid = grid_of(processor, view.height(), view.width());
    const auto row = static_cast<py::ssize_t>(views.size());
    grids.mutable_at(row, 0) = grid.temporal;
    grids.mutable_at(row, 1) = grid.height;
    grids.mutable_at(row, 2) = grid.width;
    patches += grid.patches();
    views.push_back(view);
  }
  py::array_t<float> values({patches, processor.row_length()});
  std::span<float> rest(values.mutable_data(), patches * processor.row_length());
  for (const ImageView& view : views) {
    const std::size_t size = grid_of(processor, view.height(), view.width()).patches() * processor.row_length();
    raise_unless_ok(processor.process(view, rest.first(size)), "ImageProcessor",
                    fmt::format("image of {} channels, expected 3", view.channels()));
    rest = rest.subspan(size);
  }
  return py::dict(py::arg("pixel_values") = values, py::arg("image_grid_thw") = grids);
}

QwenVlProcessor make_processor(int patch_size, int merge_size, int temporal_patch_size, std::int64_t min_pixels, std::int64_t max_pixels,
                               double rescale_factor, std::array<double, 3> mean, std::array<double, 3> std, const std::string& rule) {
  return QwenVlProcessor({.patch_size = patch_size,
                          .merge_size = merge_size,
                          .temporal_patch_size = temporal_patch_size,
                          .min_pixels = min_pixels,
                          .max_pixels = max_pixels,
                          .rescale_factor = rescale_factor,
                          .mean = mean,
                          .std = std,
                          .rule = resize_rule_from_string(rule, "ImageProcessor")});
}

void bind_processor(py::module_& m) {
  const QwenVlOptions defaults;
  py::class_<QwenVlProcessor>(m, "ImageProcessor",
                              "Images to patches as Qwen2-VL to Qwen3.5 read them; the defaults are Qwen3-VL's. Equal to the bits of "
                              "transformers' PIL path.")
      .def(py::init(&make_processor), py::kw_only(), py::arg("patch_size") = defaults.patch_size,
           py::arg("merge_size") = defaults.merge_size, py::arg("temporal_patch_size") = defaults.temporal_patch_size,
           py::arg("min_pixels") = defaults.min_pixels, py::arg("max_pixels") = defaults.max_pixels,
           py::arg("rescale_factor") = defaults.rescale_factor, py::arg("mean") = defaults.mean, py::arg("std") = defaults.std,
           py::arg("rule") = std::string(to_string(defaults.rule)),
           "patch_size: pixels. mean, std: R, G, B of the rescaled values. rule: resize rule by name.")
      .def_static(
          "from_pretrained",
          [](const py::object& directory_or_json, const std::string& resample) {
            return QwenVlProcessor(qwen_vl_options_from_pretrained(py::str(directory_or_json), resample));
          },
          py::arg("directory_or_json"), py::arg("resample") = "pil12",
          "Reads preprocessor_config.json: a folder, a file or the text itself. resample: \"pil12\" or \"pil13\", whose pass order.")
      .def(
          "grid",
          [](const QwenVlProcessor& self, int height, int width) {
            const PatchGrid grid = grid_of(self, height, width);
            return py::make_tuple(grid.temporal, grid.height, grid.width);
          },
          py::arg("height"), py::arg("width"), "(temporal, height, width) in patches of an image of this size in pixels.")
      .def("__call__", &process, py::arg("images"),
           "images: one or a sequence of uint8 [height, width, 3] RGB. dict: pixel_values float32 [patches, 3 * temporal * patch * patch], "
           "image_grid_thw int64 [images, 3].");
}

}  // namespace

void bind_observation(py::module_& m) {
  auto observation = m.def_submodule("observation", "Observations to the tensors that a model was trained on.");
  observation.def("resize", &resize, py::arg("image"), py::arg("size"), py::arg("rule"),
                  "image: uint8 or float32 [height, width, channels], 1 to 4 channels. size: (height, width), pixels. rule: "
                  "\"pil_nearest\", \"pil_box\", "
                  "\"pil_bilinear\", \"pil_bicubic\", \"pil_lanczos\" (Pillow to 12), \"pil13_*\" (from 13), \"torch_bilinear\", "
                  "\"torch_bicubic\", each also with "
                  "\"_antialias\", \"cv2_linear\", \"cv2_area\", \"cv2_cubic\", \"jax_linear\", \"jax_lanczos3\". Returns [*size, "
                  "channels] of the same dtype.");
  bind_processor(observation);
  bind_image(observation);
  bind_processors(observation);
  bind_wire(observation);
  bind_prompt(observation);
  bind_frame_budget(observation);
  bind_tokenizer(observation);
}

}  // namespace sinew
