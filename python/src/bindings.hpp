// SPDX-License-Identifier: Apache-2.0
// What the binding files share: conversions between NumPy arrays and spans, with errors that name the argument.
#pragma once

#include <fmt/format.h>
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <cstdlib>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sinew/core/clock.hpp"
#include "sinew/core/error.hpp"
#include "sinew/core/image.hpp"
#include "sinew/core/status.hpp"

namespace sinew::bindings {

namespace py = pybind11;

/// A float64 row-major array; other dtypes and layouts are converted.
using Doubles = py::array_t<double, py::array::c_style | py::array::forcecast>;
using Floats = py::array_t<float, py::array::c_style | py::array::forcecast>;
/// A uint8 row-major array; anything else is refused by pixels().
using Bytes = py::array_t<std::uint8_t, py::array::c_style>;

inline std::string shape_text(const py::array& array) {
  std::string text = "[";
  for (py::ssize_t axis = 0; axis < array.ndim(); ++axis) text += (axis > 0 ? ", " : "") + std::to_string(array.shape(axis));
  return text + "]";
}

/// Throws sinew::Error unless `array` has these dimensions; -1 accepts any size.
inline void require_shape(const py::array& array, std::initializer_list<py::ssize_t> dims, std::string_view where, std::string_view what) {
  bool same = array.ndim() == static_cast<py::ssize_t>(dims.size());
  std::string expected = "[";
  py::ssize_t axis = 0;
  for (const py::ssize_t dim : dims) {
    expected += (axis > 0 ? ", " : "") + (dim < 0 ? std::string("n") : std::to_string(dim));
    if (same && dim >= 0 && array.shape(axis) != dim) same = false;
    ++axis;
  }
  if (!same) fail(ErrorCode::invalid_argument, {where, what, "shape " + expected + "]", shape_text(array), ""});
}

/// The numbers of an array; valid while the array lives.
inline std::span<const double> as_span(const Doubles& array) { return {array.data(), static_cast<std::size_t>(array.size())}; }

/// A copy of the numbers of an array [n]; throws sinew::Error for another rank.
inline std::vector<double> to_vector(const Doubles& array, std::string_view where, std::string_view what) {
  require_shape(array, {-1}, where, what);
  return {array.data(), array.data() + array.size()};
}

/// A new float64 array [n] with a copy of `values`.
inline Doubles to_array(std::span<const double> values) {
  Doubles array(static_cast<py::ssize_t>(values.size()));
  std::copy(values.begin(), values.end(), array.mutable_data());
  return array;
}

/// A new float64 array with a copy of `values`, of the given shape.
inline Doubles to_array(std::span<const double> values, std::vector<py::ssize_t> shape) {
  Doubles array(std::move(shape));
  std::copy(values.begin(), values.end(), array.mutable_data());
  return array;
}

/// A copy of an array of numbers, to be changed and returned.
template <class Value>
py::array_t<Value, py::array::c_style | py::array::forcecast> copy_of(
    const py::array_t<Value, py::array::c_style | py::array::forcecast>& array) {
  py::array_t<Value, py::array::c_style | py::array::forcecast> copy(std::vector<py::ssize_t>(array.shape(), array.shape() + array.ndim()));
  std::copy_n(array.data(), array.size(), copy.mutable_data());
  return copy;
}
/// The numbers of an array of ours, to be written.
template <class Value>
std::span<Value> writable(py::array_t<Value, py::array::c_style | py::array::forcecast>& array) {
  return {array.mutable_data(), static_cast<std::size_t>(array.size())};
}

/// The pixels of an array [height, width, channels] of `Value`; valid while `array` lives. Rows may be apart (a crop, say), pixels not.
template <class Value>
BasicImageView<Value> image_of(const py::array& array, std::string_view where, std::string_view expected) {
  constexpr auto kItem = static_cast<py::ssize_t>(sizeof(Value));
  const auto rows_are_dense = [&array] {
    return (array.shape(2) == 1 || array.strides(2) == kItem) && (array.shape(1) == 1 || array.strides(1) == kItem * array.shape(2)) &&
           array.strides(0) % kItem == 0 && (array.shape(0) == 1 || std::abs(array.strides(0)) >= kItem * array.shape(1) * array.shape(2));
  };
  const bool dense = py::isinstance<py::array_t<Value>>(array) && array.ndim() == 3 && (array.size() == 0 || rows_are_dense());
  constexpr py::ssize_t kMost = 1 << 20;
  if (!dense || array.shape(0) > kMost || array.shape(1) > kMost || array.shape(2) > kMost)
    fail(ErrorCode::invalid_argument,
         {where, "image", expected, fmt::format("{} {}", py::str(array.dtype()).cast<std::string>(), shape_text(array)),
          "numpy.ascontiguousarray brings pixels together"});
  const auto side = [&array](int axis) { return static_cast<int>(array.shape(axis)); };
  return {static_cast<const Value*>(array.data()), side(0), side(1), side(2),
          array.size() == 0 || array.shape(0) == 1 ? 0 : array.strides(0) / kItem};
}
inline ImageView pixels(const py::array& array, std::string_view where) {
  return image_of<std::uint8_t>(array, where, "a uint8 array [height, width, channels] whose rows are contiguous");
}
inline FloatImageView float_pixels(const py::array& array, std::string_view where) {
  return image_of<float>(array, where, "a float32 array [height, width, channels] whose rows are contiguous");
}

/// A new uint8 array [height, width, channels].
inline py::array to_array(const Image& image) {
  py::array_t<std::uint8_t> array({image.height(), image.width(), image.channels()});
  std::copy(image.pixels().begin(), image.pixels().end(), array.mutable_data());
  return array;
}

/// Seconds of a caller as Time; refuses what from_seconds could not represent.
inline Time time_of(double seconds, std::string_view where, std::string_view what) {
  if (!(seconds > -1e9 && seconds < 1e9))
    fail(ErrorCode::invalid_argument, {where, what, "finite seconds below 1e9", fmt::format("{}", seconds), ""});
  return from_seconds(seconds);
}

/// Text of the library for Python; bytes that are no UTF-8 are replaced, because a message must not fail to arrive.
inline py::str to_str(std::string_view text) {
  return py::reinterpret_steal<py::str>(PyUnicode_DecodeUTF8(text.data(), static_cast<py::ssize_t>(text.size()), "replace"));
}

/// Raises sinew.Error for a status that is not ok: "invalid_argument" when the caller's data were refused, else "failed".
inline void raise_unless_ok(Status status, std::string_view where, std::string_view detail) {
  if (status == Status::ok) return;
  const bool data = status == Status::bad_shape || status == Status::over_capacity || status == Status::missing ||
                    status == Status::not_finite || status == Status::out_of_range;
  fail(data ? ErrorCode::invalid_argument : ErrorCode::failed,
       {where, detail.empty() ? "call" : detail, "", std::string(to_string(status)), ""});
}

}  // namespace sinew::bindings
