// SPDX-License-Identifier: Apache-2.0
// Binds io/image_codec.
#include <array>

#include "bindings.hpp"
#include "sinew/io/image_codec.hpp"

namespace sinew {

namespace py = pybind11;
using namespace bindings;

namespace {

py::array decode(const py::buffer& data, const std::string& dct) {
  if (dct != "accurate" && dct != "fast") fail(ErrorCode::invalid_argument, {"decode_image", "dct", "accurate, fast", dct, ""});
  const py::buffer_info bytes = data.request();
  if (bytes.itemsize != 1 || bytes.ndim != 1 || bytes.strides[0] != 1)
    fail(ErrorCode::invalid_argument, {"decode_image", "data", "bytes, or a contiguous buffer of bytes",
                                       fmt::format("{} dimensions of items of {} bytes", bytes.ndim, bytes.itemsize), ""});
  const std::string_view text(static_cast<const char*>(bytes.ptr), static_cast<std::size_t>(bytes.size));
  Image image;
  {
    const py::gil_scoped_release released;
    decode_image(std::as_bytes(std::span(text)), image, "decode_image", dct == "fast" ? JpegDct::fast : JpegDct::accurate);
  }
  return to_array(image);
}

py::bytes to_bytes(std::span<const std::byte> data) { return {reinterpret_cast<const char*>(data.data()), data.size()}; }

ChromaSubsampling subsampling_from_string(const std::string& name) {
  static constexpr std::array<std::string_view, 3> kNames = {"4:4:4", "4:2:2", "4:2:0"};
  for (std::size_t i = 0; i < kNames.size(); ++i)
    if (kNames[i] == name) return static_cast<ChromaSubsampling>(i);
  fail(ErrorCode::invalid_argument, {"encode_jpeg", "subsampling", join_names(kNames), name, ""});
}

py::bytes jpeg(const py::array& image, int quality, const std::string& subsampling) {
  std::vector<std::byte> out;
  raise_unless_ok(encode_jpeg(pixels(image, "encode_jpeg"), {quality, subsampling_from_string(subsampling)}, out), "encode_jpeg",
                  fmt::format("image {}, quality {}", shape_text(image), quality));
  return to_bytes(out);
}

py::bytes png(const py::array& image, int compression) {
  std::vector<std::byte> out;
  raise_unless_ok(encode_png(pixels(image, "encode_png"), compression, out), "encode_png",
                  fmt::format("image {}, compression {}", shape_text(image), compression));
  return to_bytes(out);
}

}  // namespace

void bind_image(py::module_& observation) {
  observation.def(
      "decode_image", &decode, py::arg("data"), py::arg("dct") = "accurate",
      "data: bytes (any buffer of them) of a JPEG or PNG. Returns uint8 [height, width, 3] RGB: grey and palettes become RGB, of 16 bits "
      "the upper 8 "
      "stay, alpha is dropped, EXIF orientation is ignored; CMYK is refused. dct: of a JPEG, \"accurate\" (Pillow, OpenCV) or \"fast\" "
      "(TensorFlow's default).");
  observation.def("encode_jpeg", &jpeg, py::arg("image"), py::arg("quality") = JpegOptions{}.quality, py::arg("subsampling") = "4:2:0",
                  "image: uint8 [height, width, 1 or 3], grey or RGB. quality: 1 to 100. subsampling: \"4:4:4\", \"4:2:2\", \"4:2:0\".");
  observation.def("encode_png", &png, py::arg("image"), py::arg("compression") = 6,
                  "image: uint8 [height, width, 1 to 4], grey, grey and alpha, RGB or RGBA. compression: 1 (fast) to 9 (small).");
}

}  // namespace sinew
