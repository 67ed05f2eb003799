// SPDX-License-Identifier: Apache-2.0
// Binds observation/: fit_pad, image operations, FrameProcessor.
#include <optional>
#include <tuple>

#include "bindings.hpp"
#include "guarded.hpp"
#include "sinew/observation/fit_pad.hpp"
#include "sinew/observation/frame_processor.hpp"
#include "sinew/observation/image_ops.hpp"

namespace sinew {

namespace py = pybind11;
using namespace bindings;

namespace {

using Sides = std::pair<int, int>;

/// A new array [height, width, channels]; empty for sizes that the call will refuse.
template <class Value>
py::array_t<Value> new_image(const Sides& size, int channels) {
  const auto sane = [](int side) { return side >= 1 && side <= Resizer::kMaxSide ? side : 0; };
  return py::array_t<Value>({sane(size.first), sane(size.second), channels});
}

template <class Value>
std::span<Value> as_out(py::array_t<Value>& array) {
  return {array.mutable_data(), static_cast<std::size_t>(array.size())};
}

template <class Value>
py::array fitted(FitPad& fit, const BasicImageView<Value>& in, const Sides& size, const std::string& what) {
  auto out = new_image<Value>(size, in.channels());
  raise_unless_ok(fit.fit(in, size.first, size.second, as_out(out)), "fit_pad", what);
  return out;
}

py::array fit_pad(const py::array& image, const Sides& size, const std::string& rule) {
  FitPad fit(fit_rule_from_string(rule, "fit_pad"));
  const std::string what =
      fmt::format("{} to {} x {} (1 to {} pixels a side, 1 to 4 channels)", shape_text(image), size.first, size.second, Resizer::kMaxSide);
  if (py::isinstance<py::array_t<float>>(image)) return fitted(fit, float_pixels(image, "fit_pad"), size, what);
  return fitted(fit, pixels(image, "fit_pad"), size, what);
}

py::array levels(const py::array& image, const std::string& rule) {
  const FloatImageView in = float_pixels(image, "to_levels");
  if (rule != "truncate" && rule != "round_half_up") fail(ErrorCode::not_found, {"to_levels", "rule", "truncate, round_half_up", rule, ""});
  py::array_t<std::uint8_t> out({in.height(), in.width(), in.channels()});
  raise_unless_ok(to_levels(in, rule == "truncate" ? LevelRule::truncate : LevelRule::round_half_up, as_out(out)), "to_levels",
                  shape_text(image));
  return out;
}

py::array area_crop(const py::array& image, double area, const Sides& size) {
  const ImageView in = pixels(image, "crop_and_resize");
  auto out = new_image<std::uint8_t>(size, in.channels());
  raise_unless_ok(crop_and_resize(in, area, size.first, size.second, as_out(out)), "crop_and_resize",
                  fmt::format("{}, area {}", shape_text(image), area));
  return out;
}

template <class Value>
py::array run(FrameProcessor& self, const ImageView& frame, const std::string& what) {
  const Shape shape = self.output_shape(frame.height(), frame.width());
  py::array_t<Value> out(std::vector<py::ssize_t>(shape.dims().begin(), shape.dims().end()));
  raise_unless_ok(self.process(frame, as_out(out)), "FrameProcessor", what);
  return out;
}

using Processor = Guarded<FrameProcessor>;

py::array process(Processor& guarded, const py::array& image) {
  const Exclusive exclusive(*guarded.mutex);
  FrameProcessor& self = guarded.value;
  const ImageView frame = pixels(image, "FrameProcessor");
  const std::string what = fmt::format("frame {}, expected [height, width, 3] of a size that the recipe can crop", shape_text(image));
  return self.dtype() == DType::u8 ? run<std::uint8_t>(self, frame, what) : run<float>(self, frame, what);
}

std::array<float, 3> three(const std::vector<float>& values, std::string_view what) {
  if (values.size() != 3) fail(ErrorCode::invalid_argument, {"FrameProcessor", what, "3 values", std::to_string(values.size()), ""});
  return {values[0], values[1], values[2]};
}

Processor make_processor(const std::string& family, std::optional<Sides> size, std::optional<Sides> crop, std::optional<bool> letterbox,
                         double crop_fraction, bool centre_crop, bool jpeg, const std::optional<std::vector<float>>& mean,
                         const std::optional<std::vector<float>>& std, bool rotate_180) {
  FrameOptions options{
      .letterbox = letterbox, .crop_fraction = crop_fraction, .centre_crop = centre_crop, .jpeg = jpeg, .rotate_180 = rotate_180};
  const auto positive = [](const std::optional<Sides>& sides, std::string_view what) {
    if (sides && (sides->first < 1 || sides->second < 1))
      fail(ErrorCode::invalid_argument,
           {"FrameProcessor", what, "two sides of at least 1", fmt::format("{} x {}", sides->first, sides->second), ""});
  };
  positive(size, "size");
  positive(crop, "crop");
  if (size) std::tie(options.height, options.width) = *size;
  if (crop) std::tie(options.crop_height, options.crop_width) = *crop;
  if (mean.has_value() != std.has_value())
    fail(ErrorCode::invalid_argument, {"FrameProcessor", "mean and std", "both or neither", "one", ""});
  if (mean) options.mean_std = MeanStd{three(*mean, "mean"), three(*std, "std")};
  return Processor(FrameProcessor(frame_recipe(family, options, "FrameProcessor")));
}

void bind_frame_processor(py::module_& m) {
  py::class_<Processor>(m, "FrameProcessor",
                        "One camera frame to the tensor that a policy family reads: \"openpi\", \"pi0\", \"pi05\", \"pi0_lerobot04\", "
                        "\"pi05_lerobot04\", \"smolvla\", \"openvla\", \"openvla_oft\", \"groot_n15\", \"groot_n16\", \"groot_n17\", "
                        "\"groot_n17_albumentations\", \"act\", \"diffusion\", \"starvla\".")
      .def(py::init(&make_processor), py::arg("family"), py::kw_only(), py::arg("size") = py::none(), py::arg("crop") = py::none(),
           py::arg("letterbox") = py::none(), py::arg("crop_fraction") = 0.0, py::arg("centre_crop") = true, py::arg("jpeg") = true,
           py::arg("mean") = py::none(), py::arg("std") = py::none(), py::arg("rotate_180") = false,
           "size: (height, width) instead of the family's, pixels. crop: (height, width), diffusion's centre crop. letterbox, "
           "crop_fraction: "
           "GR00T N1.6 and N1.7 (0: the family's). centre_crop, jpeg: openvla_oft. mean, std: R, G, B on [0, 1], act and diffusion. "
           "rotate_180: turn the frame first.")
      .def_property_readonly(
          "reference", [](const Processor& self) { return self.value.recipe().reference; },
          "Project, file and commit or version whose result it is.")
      .def(
          "output_shape",
          [](const Processor& self, int height, int width) {
            const Shape shape = self.value.output_shape(height, width);
            return py::make_tuple(shape[0], shape[1], shape[2]);
          },
          py::arg("height"), py::arg("width"), "Shape of the result for a frame of this size; (0, 0, 0) when it cannot be processed.")
      .def("__call__", &process, py::arg("image"),
           "image: uint8 [height, width, 3] RGB. Returns float32 or, for GR00T and StarVLA, uint8.");
}

}  // namespace

void bind_processors(py::module_& observation) {
  observation.def(
      "fit_pad", &fit_pad, py::arg("image"), py::arg("size"), py::arg("rule"),
      "image: uint8 or float32 [height, width, channels]. size: (height, width), pixels. rule: whose letterbox: \"openpi\", "
      "\"openpi_jax\", \"pi0\" (LeRobot 0.6), \"pi0_lerobot04\", \"smolvla\", \"hf_pi0\". Returns the same dtype [*size, channels].");
  observation.def(
      "to_levels", &levels, py::arg("image"), py::arg("rule"),
      "image: float32 [height, width, channels] on [0, 1]. rule: \"truncate\" (openpi) or \"round_half_up\" (StarVLA). Returns uint8.");
  observation.def("crop_and_resize", &area_crop, py::arg("image"), py::arg("area"), py::arg("size"),
                  "image: uint8 [height, width, channels]. The central area (0 to 1) sampled bilinearly to size (height, width): OpenVLA's "
                  "centre crop.");
  bind_frame_processor(observation);
}

}  // namespace sinew
