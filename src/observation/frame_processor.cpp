// SPDX-License-Identifier: Apache-2.0
#include "sinew/observation/frame_processor.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <exception>
#include <type_traits>
#include <utility>

#include "kernels/kernels.hpp"
#include "sinew/core/error.hpp"
#include "sinew/io/image_codec.hpp"

namespace sinew {

namespace {

constexpr const char* kWhere = "FrameProcessor";
constexpr int kBandRows = 16;  // of a resize that is converted while it is in the cache

template <class... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};
template <class... Cases>
Overloaded(Cases...) -> Overloaded<Cases...>;  // clang 16 deduces no aggregate's arguments

struct Size {
  int height = 0;
  int width = 0;
};

Size scaled_to_edge(const Size& in, int edge) noexcept {
  const int shortest = std::min(in.height, in.width);
  if (shortest == edge) return in;
  const double scale = edge / static_cast<double>(shortest);
  const auto side = [scale](int length) { return std::max(1, static_cast<int>(std::nearbyint(length * scale))); };
  return {side(in.height), side(in.width)};
}

/// Size of an image after a step; a height of 0 says that the step cannot be done.
Size size_after(const FrameStep& step, const Size& in) noexcept {
  return std::visit(Overloaded{[&](const TurnStep&) { return in; },
                               [&](const SquareStep&) { return Size{std::max(in.height, in.width), std::max(in.height, in.width)}; },
                               [&](const ShortestEdgeStep& s) { return scaled_to_edge(in, s.edge); },
                               [&](const CropStep& s) {
                                 const CropBox box = centre_box(in.height, in.width, s.height, s.width, s.rounding);
                                 return Size{box.height, box.width};
                               },
                               [&](const CropFractionStep& s) {
                                 return Size{side_fraction(in.height, s.fraction, s.rounding),
                                             side_fraction(in.width, s.fraction, s.rounding)};
                               },
                               [&](const FitStep& s) {
                                 const bool fits = fitted_box(s.rule, in.height, in.width, s.height, s.width).height > 0;
                                 return fits ? Size{s.height, s.width} : Size{};
                               },
                               [](const auto& s) { return Size{s.height, s.width}; }},
                    step);
}

/// The part that a centre crop keeps; empty for other steps and where it does not fit.
CropBox crop_box(const FrameStep& step, const Size& in) noexcept {
  const Size out = size_after(step, in);
  if (const auto* cut = std::get_if<CropStep>(&step)) return centre_box(in.height, in.width, cut->height, cut->width, cut->rounding);
  if (std::holds_alternative<CropFractionStep>(step)) return centre_box(in.height, in.width, out.height, out.width, CropRounding::floor);
  return {};
}

FitRule fit_rule_of(const FrameStep& step) noexcept {
  const auto* fit = std::get_if<FitStep>(&step);
  return fit != nullptr ? fit->rule : FitRule::openpi;
}

ResizeRule resize_rule_of(const FrameStep& step) noexcept {
  if (const auto* resize = std::get_if<ResizeStep>(&step)) return resize->rule;
  if (const auto* shortest = std::get_if<ShortestEdgeStep>(&step)) return shortest->rule;
  if (const auto* jpeg = std::get_if<JpegResizeStep>(&step)) return jpeg->rule;
  return ResizeRule::pil_bicubic;
}

void check_side(int side) {
  if (side < 1 || side > Resizer::kMaxSide)
    fail(ErrorCode::invalid_argument,
         {kWhere, "a step's size", fmt::format("1 to {} pixels", Resizer::kMaxSide), std::to_string(side), ""});
}

void check_step(const FrameStep& step, bool on_floats) {
  if (on_floats && !std::holds_alternative<TurnStep>(step) && !std::holds_alternative<ResizeStep>(step) &&
      !std::holds_alternative<FitStep>(step) && !std::holds_alternative<CropStep>(step) && !std::holds_alternative<CropFractionStep>(step))
    fail(ErrorCode::unsupported, {kWhere, "recipe", "turn, resize, fit and crop on floats", "a step that needs levels", ""});
  std::visit(Overloaded{[](const TurnStep&) {}, [](const SquareStep&) {}, [](const ShortestEdgeStep& s) { check_side(s.edge); },
                        [](const CropFractionStep& s) {
                          if (!(s.fraction > 0 && s.fraction <= 1))
                            fail(ErrorCode::invalid_argument,
                                 {kWhere, "a crop's fraction", "above 0, at most 1", fmt::format("{}", s.fraction), ""});
                        },
                        [](const auto& s) {
                          check_side(s.height);
                          check_side(s.width);
                        }},
             step);
}

/// What a level becomes, in the reference's float arithmetic.
float scaled(float level, PixelScale scale, const MeanStd& statistics, std::size_t channel) noexcept {
  if (scale == PixelScale::levels) return level;
  const float unit = level / 255.0F;
  if (scale == PixelScale::unit) return unit;
  if (scale == PixelScale::symmetric) return unit * 2.0F - 1.0F;
  return (unit - statistics.mean[channel]) / statistics.std[channel];
}

float scaled_unit(float unit, PixelScale scale, const MeanStd& statistics, std::size_t channel) noexcept {
  if (scale == PixelScale::symmetric) return unit * 2.0F - 1.0F;
  return scale == PixelScale::mean_std ? (unit - statistics.mean[channel]) / statistics.std[channel] : unit;
}

}  // namespace

const ResizeStep* FrameProcessor::last_resize() const noexcept {
  return recipe_.steps.empty() ? nullptr : std::get_if<ResizeStep>(&recipe_.steps.back());
}

FrameProcessor::FrameProcessor(FrameRecipe recipe) : recipe_(std::move(recipe)) {
  for (const FrameStep& step : recipe_.steps) {
    check_step(step, recipe_.on_floats);
    scratch_.push_back({Resizer(resize_rule_of(step)), FitPad(fit_rule_of(step)), {}, {}, {}, {}});
  }
  if (recipe_.on_floats && recipe_.scale == PixelScale::levels)
    fail(ErrorCode::unsupported, {kWhere, "recipe", "a scale for floats", "levels", ""});
  if (recipe_.scale != PixelScale::mean_std) recipe_.normalizations.assign(1, MeanStd{});
  if (recipe_.normalizations.empty()) fail(ErrorCode::invalid_argument, {kWhere, "recipe", "statistics for mean_std", "none", ""});
  for (const MeanStd& statistics : recipe_.normalizations) {
    for (std::size_t c = 0; c < 3; ++c)
      if (!(std::isfinite(statistics.mean[c]) && std::isfinite(statistics.std[c]) && statistics.std[c] > 0))
        fail(ErrorCode::invalid_argument, {kWhere, "statistics", "finite means and positive standard deviations",
                                           fmt::format("{}, {}", statistics.mean[c], statistics.std[c]), ""});
    auto& table = tables_.emplace_back();
    for (std::size_t c = 0; c < 3; ++c)
      for (std::size_t level = 0; level < 256; ++level) table[c][level] = scaled(static_cast<float>(level), recipe_.scale, statistics, c);
  }
}

Shape FrameProcessor::output_shape(int height, int width) const noexcept {
  Size size{height, width};
  for (const FrameStep& step : recipe_.steps)
    if (size.height >= 1 && size.width >= 1) size = size_after(step, size);
  const auto side_ok = [](int side) { return side >= 1 && side <= Resizer::kMaxSide; };
  if (!side_ok(height) || !side_ok(width) || !side_ok(size.height) || !side_ok(size.width)) return {0, 0, 0};
  const auto channels = static_cast<std::int64_t>(3 * tables_.size());
  return recipe_.channels_first ? Shape{channels, size.height, size.width} : Shape{size.height, size.width, channels};
}

Status FrameProcessor::through_jpeg(int quality, Scratch& scratch, ImageView& image) {
  Status status = encode_jpeg(image, {.quality = quality}, scratch.encoded);
  if (status == Status::ok) status = ImageDecoder({}, JpegDct::fast).decode(scratch.encoded, scratch.decoded);
  image = scratch.decoded.view();
  return status;
}

Status FrameProcessor::apply(const FrameStep& step, Scratch& scratch, ImageView& image) {
  const Size size = size_after(step, {image.height(), image.width()});
  const auto made = [&](auto&& write) {
    scratch.image.resize(size.height, size.width, 3);
    const Status status = write(scratch.image.pixels());
    image = scratch.image.view();
    return status;
  };
  const auto cut = [&] {
    image = crop(image, crop_box(step, {image.height(), image.width()}));
    return Status::ok;
  };
  const auto resize = [&](std::span<std::uint8_t> out) { return scratch.resizer.resize(image, size.height, size.width, out); };
  return std::visit(
      Overloaded{
          [&](const TurnStep&) { return made([&](auto out) { return turn_180(image, out); }); },
          [&](const ResizeStep&) { return made(resize); },
          [&](const ShortestEdgeStep& s) { return std::min(image.height(), image.width()) == s.edge ? Status::ok : made(resize); },
          [&](const FitStep& s) { return made([&](auto out) { return scratch.fit.fit(image, s.height, s.width, out); }); },
          [&](const SquareStep&) {
            if (image.height() == image.width()) return Status::ok;
            const Placement canvas{size.height, size.width, (size.height - image.height()) / 2, (size.width - image.width()) / 2};
            return made([&](auto out) { return pad(image, canvas, 0, out); });
          },
          [&](const CropStep&) { return cut(); }, [&](const CropFractionStep&) { return cut(); },
          [&](const AreaCropStep& s) { return made([&](auto out) { return crop_and_resize(image, s.area, s.height, s.width, out); }); },
          [&](const JpegResizeStep& s) {
            if (image.height() == s.height && image.width() == s.width) return Status::ok;
            const Status status = s.quality > 0 ? through_jpeg(s.quality, scratch, image) : Status::ok;
            return status == Status::ok ? made(resize) : status;
          }},
      step);
}

Status FrameProcessor::apply(const FrameStep& step, Scratch& scratch, FloatImageView& image) {
  const Size size = size_after(step, {image.height(), image.width()});
  if (std::holds_alternative<CropStep>(step) || std::holds_alternative<CropFractionStep>(step)) {
    image = crop(image, crop_box(step, {image.height(), image.width()}));
    return Status::ok;
  }
  scratch.floats.resize(static_cast<std::size_t>(size.height) * static_cast<std::size_t>(size.width) * 3);
  const std::span out(scratch.floats);
  Status status = Status::ok;
  if (std::holds_alternative<TurnStep>(step)) {
    status = turn_180(image, out);
  } else if (std::holds_alternative<FitStep>(step)) {
    status = scratch.fit.fit(image, size.height, size.width, out);
  } else {
    status = scratch.resizer.resize(image, size.height, size.width, out);
  }
  image = FloatImageView(scratch.floats.data(), size.height, size.width, 3);
  return status;
}

std::size_t FrameProcessor::join(std::size_t first, std::size_t count, const ImageView& image, ResizeRequest& request) const noexcept {
  std::size_t next = first;
  Size size{image.height(), image.width()};
  if (std::holds_alternative<SquareStep>(recipe_.steps[next])) {
    size = size_after(recipe_.steps[next++], size);
    request.canvas = {size.height, size.width, (size.height - image.height()) / 2, (size.width - image.width()) / 2};
  }
  if (next == count) return 0;
  const FrameStep& resize = recipe_.steps[next++];
  if (!std::holds_alternative<ResizeStep>(resize) && !std::holds_alternative<ShortestEdgeStep>(resize)) return 0;
  const Size whole = size_after(resize, size);
  if (whole.height == size.height && whole.width == size.width) return 0;
  request.height = whole.height;
  request.width = whole.width;
  request.window = {0, 0, whole.height, whole.width};
  if (next == count) return next - first;
  if (const CropBox box = crop_box(recipe_.steps[next], whole); box.height > 0) {
    request.window = box;
    ++next;
  }
  return next - first;
}

Status FrameProcessor::run_levels(const ImageView& frame, std::size_t count, ImageView& result) {
  result = frame;
  for (std::size_t i = 0; i < count;) {
    ResizeRequest request;
    const std::size_t joined = join(i, count, result, request);
    Scratch& scratch = scratch_[joined > 0 && request.canvas.height > 0 ? i + 1 : i];
    Status status = Status::ok;
    if (joined > 0) {
      scratch.image.resize(request.window.height, request.window.width, 3);
      status = scratch.resizer.resize(result, request, scratch.image.pixels());
      result = scratch.image.view();
    } else {
      status = apply(recipe_.steps[i], scratch, result);
    }
    if (status != Status::ok) return status;
    i += std::max<std::size_t>(joined, 1);
  }
  return Status::ok;
}

Status FrameProcessor::run_floats(const ImageView& frame, FloatImageView& result) {
  unit_.resize(static_cast<std::size_t>(frame.height()) * static_cast<std::size_t>(frame.width()) * 3);
  if (const Status status = to_unit(frame, unit_); status != Status::ok) return status;
  result = FloatImageView(unit_.data(), frame.height(), frame.width(), 3);
  for (std::size_t i = 0; i < recipe_.steps.size(); ++i)
    if (const Status status = apply(recipe_.steps[i], scratch_[i], result); status != Status::ok) return status;
  return Status::ok;
}

void FrameProcessor::convert_rows(const ImageView& rows, int top, int height, float* out) const noexcept {
  const auto width = static_cast<std::size_t>(rows.width());
  const std::size_t plane = static_cast<std::size_t>(height) * width;
  const std::size_t copies = tables_.size();
  for (int y = 0; y < rows.height(); ++y) {
    const std::uint8_t* from = rows.row(y);
    const std::size_t begin = static_cast<std::size_t>(top + y) * width;
    for (std::size_t copy = 0; copy < copies; ++copy)
      for (std::size_t c = 0; c < 3; ++c) {
        const std::size_t channel = copy * 3 + c;
        const float* table = tables_[copy][c].data();
        float* to = recipe_.channels_first ? out + channel * plane + begin : out + begin * 3 * copies + channel;
        const std::size_t step = recipe_.channels_first ? 1 : 3 * copies;
        for (std::size_t x = 0; x < width; ++x) to[x * step] = table[from[3 * x + c]];
      }
  }
}

void FrameProcessor::convert_rows(const FloatImageView& image, float* out) const noexcept {
  const auto width = static_cast<std::size_t>(image.width());
  const std::size_t plane = static_cast<std::size_t>(image.height()) * width;
  const std::size_t channels = 3 * tables_.size();
  for (int y = 0; y < image.height(); ++y)
    for (std::size_t channel = 0; channel < channels; ++channel) {
      const float* from = image.row(y) + channel % 3;
      const MeanStd& statistics = recipe_.normalizations[channel / 3];
      const std::size_t begin = static_cast<std::size_t>(y) * width;
      float* to = recipe_.channels_first ? out + channel * plane + begin : out + begin * channels + channel;
      const std::size_t step = recipe_.channels_first ? 1 : channels;
      for (std::size_t x = 0; x < width; ++x) to[x * step] = scaled_unit(from[3 * x], recipe_.scale, statistics, channel % 3);
    }
}

Status FrameProcessor::convert(const ImageView& frame, std::span<float> out) {
  if (recipe_.on_floats) {
    FloatImageView image;
    const Status status = run_floats(frame, image);
    if (status == Status::ok) convert_rows(image, out.data());
    return status;
  }
  const ResizeStep* last = last_resize();
  ImageView image;
  const Status status = run_levels(frame, recipe_.steps.size() - (last != nullptr ? 1 : 0), image);
  if (status != Status::ok) return status;
  if (last == nullptr) {
    convert_rows(image, 0, image.height(), out.data());
    return Status::ok;
  }
  return scratch_.back().resizer.resize_bands(image, last->height, last->width, kBandRows,
                                              [&](const ImageView& band, int top) { convert_rows(band, top, last->height, out.data()); });
}

Status FrameProcessor::process(const ImageView& frame, std::span<float> out) noexcept {
  if (dtype() != DType::f32 || frame.channels() != 3 || frame.empty()) return Status::bad_shape;
  if (out.empty() || out.size() != output_shape(frame.height(), frame.width()).count()) return Status::bad_shape;
  try {
    return convert(frame, out);
  } catch (const std::exception&) {
    return Status::over_capacity;
  }
}

Status FrameProcessor::process(const ImageView& frame, std::span<std::uint8_t> out) noexcept {
  if (dtype() != DType::u8 || frame.channels() != 3 || frame.empty()) return Status::bad_shape;
  if (out.empty() || out.size() != output_shape(frame.height(), frame.width()).count()) return Status::bad_shape;
  try {
    ImageView image;
    const ResizeStep* last = last_resize();
    const bool in_bands = recipe_.channels_first && last != nullptr;
    if (const Status status = run_levels(frame, recipe_.steps.size() - (in_bands ? 1 : 0), image); status != Status::ok) return status;
    if (in_bands)
      return scratch_.back().resizer.resize_bands(image, last->height, last->width, kBandRows, [&](const ImageView& band, int top) {
        detail::observation_kernels().planes({.in = band.data(),
                                              .stride = band.row_stride(),
                                              .height = band.height(),
                                              .width = band.width(),
                                              .plane = std::ptrdiff_t{last->height} * last->width,
                                              .out = out.data() + std::ptrdiff_t{top} * last->width});
      });
    return recipe_.channels_first ? to_planes(image, out) : pad(image, {image.height(), image.width()}, 0, out);
  } catch (const std::exception&) {
    return Status::over_capacity;
  }
}

}  // namespace sinew
