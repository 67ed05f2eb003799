// SPDX-License-Identifier: Apache-2.0
// Binds observation/: resize, ImageProcessor; prompts and the frame budget have files of their own.
#include "bindings.hpp"
#include "guarded.hpp"
#include "patch_layout.hpp"
#include "sinew/observation/image_processor.hpp"
#include "sinew/observation/resize.hpp"

namespace sinew {

void bind_encoder(pybind11::module_& observation);
void bind_frame_budget(pybind11::module_& observation);
void bind_image(pybind11::module_& observation);
void bind_processors(pybind11::module_& observation);
void bind_wire(pybind11::module_& observation);
void bind_prompt(pybind11::module_& observation);
void bind_tokenizer(pybind11::module_& observation);

namespace py = pybind11;
using namespace bindings;

namespace {

using Processor = Guarded<QwenVlProcessor>;

py::array resize(const py::array& image, std::pair<int, int> size, const std::string& rule) {
  const auto [height, width] = size;
  Resizer resizer(resize_rule_from_string(rule, "resize"));
  const auto what = [&, height = height, width = width] {
    return fmt::format("{} to {} x {} (1 to {} pixels a side, 1 to 4 channels)", shape_text(image), height, width, Resizer::kMaxSide);
  };
  if (!py::isinstance<py::array_t<float>>(image) && !py::isinstance<py::array_t<std::uint8_t>>(image))
    fail(ErrorCode::invalid_argument, {"resize", "image", "a uint8 or float32 array [height, width, channels]",
                                       fmt::format("{} {}", py::str(image.dtype()).cast<std::string>(), shape_text(image)), ""});
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

/// One image, a sequence of them, or an array [n, height, width, 3].
std::vector<py::array> arrays_of(const py::object& images) {
  if (py::isinstance<py::array>(images) && py::reinterpret_borrow<py::array>(images).ndim() != 4) return {images};
  if (!py::isinstance<py::iterable>(images) || py::isinstance<py::str>(images))
    fail(ErrorCode::invalid_argument, {"ImageProcessor", "images", "an array [height, width, 3] or a sequence of them",
                                       py::str(py::type::of(images)).cast<std::string>(), "numpy.asarray makes an array of a PIL image"});
  std::vector<py::array> arrays;
  for (const auto& image : images) {
    if (!py::isinstance<py::array>(image))
      fail(ErrorCode::invalid_argument, {"ImageProcessor", fmt::format("image {}", arrays.size()), "an array [height, width, 3]",
                                         py::str(py::type::of(image)).cast<std::string>(), "numpy.asarray makes an array of a PIL image"});
    arrays.push_back(py::reinterpret_borrow<py::array>(image));
  }
  return arrays;
}

/// The float array [patches, row_length] to write: the caller's, or a new one.
py::array_t<float> values_for(const QwenVlProcessor& processor, std::size_t patches, const py::object& out) {
  if (out.is_none()) return py::array_t<float>({patches, processor.row_length()});
  const bool usable = py::isinstance<py::array_t<float, py::array::c_style>>(out) && py::reinterpret_borrow<py::array>(out).writeable();
  if (!usable)
    fail(ErrorCode::invalid_argument,
         {"ImageProcessor", "out", "a contiguous, writable float32 array",
          py::isinstance<py::array>(out) ? fmt::format("{}", py::str(py::reinterpret_borrow<py::array>(out).dtype()).cast<std::string>())
                                         : py::str(py::type::of(out)).cast<std::string>(),
          ""});
  auto array = py::reinterpret_borrow<py::array_t<float>>(out);
  require_shape(array, {static_cast<py::ssize_t>(patches), static_cast<py::ssize_t>(processor.row_length())}, "ImageProcessor", "out");
  return array;
}

void put_grid(py::array_t<std::int64_t>& grids, py::ssize_t row, const PatchGrid& grid) {
  grids.mutable_at(row, 0) = grid.temporal;
  grids.mutable_at(row, 1) = grid.height;
  grids.mutable_at(row, 2) = grid.width;
}

py::dict process(Processor& self, const py::object& images, const py::object& out) {
  const Exclusive exclusive(*self.mutex);
  QwenVlProcessor& processor = self.value;
  const std::vector<py::array> arrays = arrays_of(images);
  std::vector<ImageView> views;
  py::array_t<std::int64_t> grids({static_cast<py::ssize_t>(arrays.size()), py::ssize_t{3}});
  std::size_t patches = 0;
  for (const auto& array : arrays) {
    const ImageView view = pixels(array, "ImageProcessor");
    const PatchGrid grid = grid_of(processor, view.height(), view.width());
    if (view.channels() != 3)
      fail(ErrorCode::invalid_argument,
           {"ImageProcessor", fmt::format("image {}", views.size()), "3 channels", std::to_string(view.channels()), ""});
    put_grid(grids, static_cast<py::ssize_t>(views.size()), grid);
    patches += grid.patches();
    views.push_back(view);
  }
  py::array_t<float> values = values_for(processor, patches, out);
  const std::span<float> target(values.mutable_data(), patches * processor.row_length());
  Status status = Status::ok;
  {
    const py::gil_scoped_release release;
    status = processor.process(views, target);
  }
  raise_unless_ok(status, "ImageProcessor", "images");
  return py::dict(py::arg("pixel_values") = values, py::arg("image_grid_thw") = grids);
}

py::dict process_video(Processor& self, const py::object& frames) {
  const Exclusive exclusive(*self.mutex);
  QwenVlProcessor& processor = self.value;
  const std::vector<py::array> arrays = arrays_of(frames);
  std::vector<ImageView> views;
  for (const auto& array : arrays) views.push_back(pixels(array, "ImageProcessor.video"));
  const auto grid =
      views.empty() ? std::nullopt : processor.video_grid(static_cast<int>(views.size()), {views[0].height(), views[0].width()});
  if (!grid)
    fail(ErrorCode::invalid_argument, {"ImageProcessor.video", "frames", "at least one of a size that the processor takes", "others", ""});
  py::array_t<float> values({grid->patches(), processor.row_length()});
  raise_unless_ok(processor.process_video(views, {values.mutable_data(), static_cast<std::size_t>(values.size())}), "ImageProcessor.video",
                  "frames of one size with 3 channels, layout hugging_face");
  py::array_t<std::int64_t> grids({1, 3});
  put_grid(grids, 0, *grid);
  return py::dict(py::arg("pixel_values_videos") = values, py::arg("video_grid_thw") = grids);
}

Processor make_processor(int patch_size, int merge_size, int temporal_patch_size, std::int64_t min_pixels, std::int64_t max_pixels,
                         double rescale_factor, std::array<double, 3> mean, std::array<double, 3> std, const std::string& rule) {
  return Processor(QwenVlProcessor({.patch_size = patch_size,
                                    .merge_size = merge_size,
                                    .temporal_patch_size = temporal_patch_size,
                                    .min_pixels = min_pixels,
                                    .max_pixels = max_pixels,
                                    .rescale_factor = rescale_factor,
                                    .mean = mean,
                                    .std = std,
                                    .rule = resize_rule_from_string(rule, "ImageProcessor")}));
}

void bind_processor(py::module_& m) {
  const QwenVlOptions defaults;
  py::class_<Processor>(m, "ImageProcessor",
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
          [](const py::object& directory_or_json, const std::string& resample, const std::string& layout) {
            QwenVlOptions options = qwen_vl_options_from_pretrained(py::str(directory_or_json), resample);
            options.layout = layout_of(layout, "observation");
            return Processor(QwenVlProcessor(options));
          },
          py::arg("directory_or_json"), py::arg("resample") = "pil12", py::arg("layout") = "hugging_face",
          "Reads preprocessor_config.json: a folder, a file or the text itself. resample: \"pil12\" or \"pil13\", whose pass order, or "
          "\"torch\": what transformers does where torchvision is installed. layout: \"hugging_face\" rows [3, temporal, patch, patch] or "
          "\"single_frame\" rows [3, patch, patch].")
      .def_static(
          "of",
          [](const std::string& generation, const std::string& layout) {
            QwenVlOptions options = qwen_vl_options(generation);
            options.layout = layout_of(layout, "observation");
            return Processor(QwenVlProcessor(options));
          },
          py::arg("generation"), py::arg("layout") = "hugging_face",
          "generation: \"qwen2_vl\", \"qwen2_5_vl\", \"qwen3_vl\" or \"qwen3_5\".")
      .def(
          "grid",
          [](const Processor& self, int height, int width) {
            const PatchGrid grid = grid_of(self.value, height, width);
            return py::make_tuple(grid.temporal, grid.height, grid.width);
          },
          py::arg("height"), py::arg("width"), "(temporal, height, width) in patches of an image of this size in pixels.")
      .def("__call__", &process, py::arg("images"), py::kw_only(), py::arg("out") = py::none(),
           "images: one or a sequence of uint8 [height, width, 3] RGB. out: float32 array for pixel_values, else a new one. dict: "
           "pixel_values float32 [patches, floats per patch], image_grid_thw int64 [images, 3].")
      .def("video", &process_video, py::arg("frames"),
           "frames: uint8 [height, width, 3] RGB, all of one size. dict: pixel_values_videos float32 [patches, floats per patch], "
           "video_grid_thw int64 [1, 3].");
}

}  // namespace

void bind_observation(py::module_& m) {
  auto observation = m.def_submodule("observation", "Observations to the tensors that a model was trained on.");
  observation.def(
      "resize", &resize, py::arg("image"), py::arg("size"), py::arg("rule"),
      "image: uint8 or float32 [height, width, channels], 1 to 4 channels. size: (height, width), pixels. rule: "
      "\"pil_nearest\", \"pil_box\", "
      "\"pil_bilinear\", \"pil_bicubic\", \"pil_lanczos\" (Pillow to 12), \"pil13_*\" (from 13), \"torch_bilinear\", "
      "\"torch_bicubic\", each also with "
      "\"_antialias\", \"cv2_linear\", \"cv2_area\", \"cv2_cubic\", \"jax_linear\", \"jax_lanczos3\", \"torch_area\". Returns [*size, "
      "channels] of the same dtype.");
  bind_processor(observation);
  bind_image(observation);
  bind_processors(observation);
  bind_wire(observation);
  bind_prompt(observation);
  bind_frame_budget(observation);
  bind_tokenizer(observation);
  bind_encoder(observation);
}

}  // namespace sinew
