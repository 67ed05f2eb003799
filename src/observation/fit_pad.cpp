// SPDX-License-Identifier: Apache-2.0
#include "sinew/observation/fit_pad.hpp"

#include <algorithm>
#include <array>
#include <exception>
#include <string>

#include "sinew/core/error.hpp"
#include "sinew/io/text.hpp"

namespace sinew {

namespace {

constexpr std::array<std::string_view, 6> kNames = {"openpi", "openpi_jax", "pi0", "pi0_lerobot04", "smolvla", "hf_pi0"};

struct Range {
  float low, high;
};

bool clips(FitRule rule) noexcept { return rule == FitRule::openpi_jax || rule == FitRule::pi0 || rule == FitRule::pi0_lerobot04; }

Range float_range(FitRule rule) noexcept { return rule == FitRule::pi0 ? Range{0.0F, 1.0F} : Range{-1.0F, 1.0F}; }

/// Height and width that fit. Doubles and truncation as in Python, so that 223.99999 stays 223 where it does there.
CropBox fitted_size(FitRule rule, int in_height, int in_width, int height, int width) noexcept {
  if (rule == FitRule::hf_pi0) {
    const double scale = std::min(static_cast<double>(height) / in_height, static_cast<double>(width) / in_width);
    return {0, 0, static_cast<int>(in_height * scale), static_cast<int>(in_width * scale)};
  }
  const double ratio = std::max(static_cast<double>(in_width) / width, static_cast<double>(in_height) / height);
  return {0, 0, static_cast<int>(in_height / ratio), static_cast<int>(in_width / ratio)};
}

}  // namespace

std::string_view to_string(FitRule rule) noexcept { return kNames[static_cast<std::size_t>(rule)]; }

FitRule fit_rule_from_string(std::string_view name, std::string_view where) {
  const auto* found = std::ranges::find(kNames, name);
  if (found != kNames.end()) return static_cast<FitRule>(found - kNames.begin());
  const std::string_view near = nearest_name(name, kNames);
  fail(ErrorCode::not_found,
       {where, "letterbox rule", join_names(kNames), quote(name), near.empty() ? "" : "did you mean " + quote(near) + "?"});
}

ResizeRule resize_rule(FitRule rule) noexcept {
  switch (rule) {
    case FitRule::openpi: return ResizeRule::pil_bilinear;
    case FitRule::openpi_jax: return ResizeRule::jax_linear;
    case FitRule::hf_pi0: return ResizeRule::torch_bicubic_antialias;
    default: return ResizeRule::torch_bilinear;
  }
}

float pad_value(FitRule rule) noexcept {
  switch (rule) {
    case FitRule::openpi_jax:
    case FitRule::pi0_lerobot04: return -1.0F;
    case FitRule::hf_pi0: return 0.5F;
    default: return 0.0F;
  }
}

CropBox fitted_box(FitRule rule, int in_height, int in_width, int height, int width) noexcept {
  if (in_height < 1 || in_width < 1 || height < 1 || width < 1) return {};
  CropBox box = fitted_size(rule, in_height, in_width, height, width);
  if (box.height < 1 || box.width < 1 || box.height > height || box.width > width) return {};
  switch (rule) {
    case FitRule::hf_pi0: break;
    case FitRule::smolvla:
      box.top = height - box.height;
      box.left = width - box.width;
      break;
    default: box.top = (height - box.height) / 2; box.left = (width - box.width) / 2;
  }
  return box;
}

template <class Value>
Status FitPad::fit_any(const BasicImageView<Value>& in, const Placement& canvas, Value value, std::span<Value> out,
                       std::vector<Value>& fitted) noexcept {
  if (in.empty() || in.channels() > 4) return Status::bad_shape;
  const CropBox box = fitted_box(rule_, in.height(), in.width(), canvas.height, canvas.width);
  const auto channels = static_cast<std::size_t>(in.channels());
  const std::size_t row_size = static_cast<std::size_t>(canvas.width) * channels;
  if (box.height == 0 || out.size() != static_cast<std::size_t>(canvas.height) * row_size) return Status::bad_shape;
  const auto rows = static_cast<std::size_t>(box.height);
  if (box.width == canvas.width) {  // the rows of the picture lie together: no second buffer
    const auto picture = out.subspan(static_cast<std::size_t>(box.top) * row_size, rows * row_size);
    std::fill(out.begin(), out.begin() + (picture.data() - out.data()), value);
    std::fill(out.begin() + (picture.data() - out.data()) + static_cast<std::ptrdiff_t>(picture.size()), out.end(), value);
    return resizer_.resize(in, box.height, box.width, picture);
  }
  try {
    fitted.resize(rows * static_cast<std::size_t>(box.width) * channels);
  } catch (const std::exception&) {
    return Status::over_capacity;
  }
  if (const Status status = resizer_.resize(in, box.height, box.width, std::span(fitted)); status != Status::ok) return status;
  return pad(BasicImageView<Value>(fitted.data(), box.height, box.width, in.channels()), {canvas.height, canvas.width, box.top, box.left},
             value, out);
}

Status FitPad::fit(const ImageView& in, int height, int width, std::span<std::uint8_t> out) noexcept {
  return fit_any<std::uint8_t>(in, {height, width}, rule_ == FitRule::hf_pi0 ? 128 : 0, out, levels_);
}

Status FitPad::fit(const FloatImageView& in, int height, int width, std::span<float> out) noexcept {
  const Status status = fit_any<float>(in, {height, width}, pad_value(rule_), out, floats_);
  if (status == Status::ok && clips(rule_)) {
    const auto [low, high] = float_range(rule_);
    for (float& value : out) value = std::clamp(value, low, high);
  }
  return status;
}

}  // namespace sinew
