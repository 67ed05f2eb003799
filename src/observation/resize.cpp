// SPDX-License-Identifier: Apache-2.0
// Runs the two passes of a resize: which comes first, which rows are needed, what is kept between frames.
#include "sinew/observation/resize.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <new>
#include <vector>

#include "packed_axis.hpp"
#include "resample_axis.hpp"
#include "resize_state.hpp"
#include "sinew/core/error.hpp"
#include "sinew/io/text.hpp"

namespace sinew {

using detail::Arithmetic;
using detail::kRowsAtOnce;
using detail::kRowSlack;

namespace {

constexpr std::array<std::string_view, 20> kRuleNames = {"pil_nearest",    "pil_box",
                                                         "pil_bilinear",   "pil_bicubic",
                                                         "pil_lanczos",    "pil13_nearest",
                                                         "pil13_box",      "pil13_bilinear",
                                                         "pil13_bicubic",  "pil13_lanczos",
                                                         "torch_bilinear", "torch_bilinear_antialias",
                                                         "torch_bicubic",  "torch_bicubic_antialias",
                                                         "cv2_linear",     "cv2_area",
                                                         "cv2_cubic",      "jax_linear",
                                                         "jax_lanczos3",   "torch_area"};

bool in_range(int side) noexcept { return side >= 1 && side <= Resizer::kMaxSide; }

bool inside(const CropBox& box, int height, int width) noexcept {
  return box.top >= 0 && box.left >= 0 && box.height >= 1 && box.width >= 1 && box.height <= height - box.top &&
         box.width <= width - box.left;
}

template <class Value>
bool acceptable(const BasicImageView<Value>& in, int height, int width) noexcept {
  return !in.empty() && in.channels() <= 4 && in_range(in.height()) && in_range(in.width()) && in_range(height) && in_range(width);
}

}  // namespace

std::string_view to_string(ResizeRule rule) noexcept { return kRuleNames[static_cast<std::size_t>(rule)]; }

ResizeRule resize_rule_from_string(std::string_view name, std::string_view where) {
  const auto found = std::find(kRuleNames.begin(), kRuleNames.end(), name);
  if (found == kRuleNames.end()) {
    const auto near = nearest_name(name, kRuleNames);
    fail(ErrorCode::unsupported, {where, "resize rule " + quote(name), "one of " + join_names(kRuleNames), "no such rule",
                                  near.empty() ? "" : fmt::format("did you mean '{}'?", near)});
  }
  return static_cast<ResizeRule>(found - kRuleNames.begin());
}

Resizer::Resizer(ResizeRule rule) noexcept : rule_(rule) {}
Resizer::Resizer(Resizer&&) noexcept = default;
Resizer& Resizer::operator=(Resizer&&) noexcept = default;
Resizer::~Resizer() = default;

Resizer::State& Resizer::state() {
  if (!state_) state_ = std::make_unique<State>();
  return *state_;
}

Status Resizer::run_bands(const ImageView& in, int height, int width, int rows, const BandSink& sink) noexcept {
  if (!acceptable(in, height, width) || rows < 1) return Status::bad_shape;
  if (height == in.height() && width == in.width()) {
    for (int top = 0; top < height; top += rows) sink.call(sink.context, in.crop(top, 0, std::min(rows, height - top), width), top);
    return Status::ok;
  }
  try {
    State& work = state();
    const int row_bytes = width * in.channels();
    work.band.resize(static_cast<std::size_t>(std::min(rows, height)) * static_cast<std::size_t>(row_bytes));
    work.prepare(rule_, in, {height, width, {in.height(), in.width(), 0, 0}, {0, 0, height, width}});
    for (int top = 0; top < height; top += rows) {
      const int count = std::min(rows, height - top);
      work.produce(top, count, work.band.data());
      sink.call(sink.context, {work.band.data(), count, width, in.channels()}, top);
    }
  } catch (const std::bad_alloc&) {
    return Status::over_capacity;
  }
  return Status::ok;
}

Status Resizer::resize(const ImageView& in, int height, int width, std::span<std::uint8_t> out) noexcept {
  return resize(in, ResizeRequest{.height = height, .width = width}, out);
}

Status Resizer::resize(const ImageView& in, const ResizeRequest& wanted, std::span<std::uint8_t> out) noexcept {
  ResizeRequest request = wanted;
  if (!acceptable(in, request.height, request.width)) return Status::bad_shape;
  if (request.canvas.height == 0) request.canvas = {in.height(), in.width(), 0, 0};
  if (request.window.height == 0) request.window = {0, 0, request.height, request.width};
  const Placement& canvas = request.canvas;
  const CropBox& window = request.window;
  if (!in_range(canvas.height) || !in_range(canvas.width) ||
      !inside({canvas.top, canvas.left, in.height(), in.width()}, canvas.height, canvas.width) ||
      !inside(window, request.height, request.width))
    return Status::bad_shape;
  const auto row_bytes = static_cast<std::size_t>(window.width) * static_cast<std::size_t>(in.channels());
  if (out.size() != static_cast<std::size_t>(window.height) * row_bytes) return Status::bad_shape;
  try {
    if (request.height == canvas.height && request.width == canvas.width) {
      const ImageView whole = canvas.height == in.height() && canvas.width == in.width() ? in : state().flatten(in, canvas);
      return pad(crop(whole, window), {window.height, window.width, 0, 0}, 0, out);
    }
    State& work = state();
    work.prepare(rule_, in, request);
    work.produce(0, window.height, out.data());
  } catch (const std::bad_alloc&) {
    return Status::over_capacity;
  }
  return Status::ok;
}

Status Resizer::resize(const ImageView& in, int height, int width, Image& out) noexcept {
  if (!in_range(height) || !in_range(width) || in.channels() < 1 || in.channels() > 4) return Status::bad_shape;
  try {
    out.resize(height, width, in.channels());
  } catch (const std::bad_alloc&) {
    return Status::over_capacity;
  }
  return resize(in, height, width, out.pixels());
}

Status Resizer::resize(const FloatImageView& in, int height, int width, std::span<float> out) noexcept {
  if (!acceptable(in, height, width)) return Status::bad_shape;
  const auto row_size = static_cast<std::size_t>(width) * static_cast<std::size_t>(in.channels());
  if (out.size() != static_cast<std::size_t>(height) * row_size) return Status::bad_shape;
  for (int y = 0; y < in.height(); ++y)
    if (!detail::all_finite({in.row(y), static_cast<std::size_t>(in.width() * in.channels())})) return Status::not_finite;
  if (height == in.height() && width == in.width()) {
    for (int y = 0; y < height; ++y) std::copy_n(in.row(y), row_size, out.data() + static_cast<std::size_t>(y) * row_size);
    return Status::ok;
  }
  try {
    state().resize_floats(rule_, in, height, width, out.data());
  } catch (const std::bad_alloc&) {
    return Status::over_capacity;
  }
  return Status::ok;
}

}  // namespace sinew
