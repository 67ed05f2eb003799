// SPDX-License-Identifier: Apache-2.0
// The weights of each library, in its own order of operations and precision, which decides the last bits.
#include "resample_axis.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <span>

namespace sinew::detail {

namespace {

using enum ResizeRule;

/// The windows of one axis before they are brought to a common length.
struct Windows {
  std::vector<std::int32_t> first;
  std::vector<std::vector<double>> weights;
  void add(int begin, std::vector<double> window) {
    first.push_back(begin);
    weights.push_back(std::move(window));
  }
};

bool is_pillow(ResizeRule rule) noexcept { return rule <= pil13_lanczos; }

/// The rule of Pillow's older generation with the same filter.
ResizeRule filter_of(ResizeRule rule) noexcept {
  constexpr int kFilters = 5;
  return is_pillow(rule) ? static_cast<ResizeRule>(static_cast<int>(rule) % kFilters) : rule;
}

bool is_cubic(ResizeRule rule) noexcept { return rule == torch_bicubic; }

double sinc(double x) noexcept { return x == 0 ? 1 : std::sin(x * std::numbers::pi) / (x * std::numbers::pi); }

template <class Real>
Real cubic(Real distance, Real a) noexcept {
  if (distance < 1) return ((a + 2) * distance - (a + 3)) * distance * distance + 1;
  return distance < 2 ? (((distance - 5) * distance + 8) * distance - 4) * a : 0;
}

double support_of(ResizeRule filter) noexcept {
  switch (filter) {
    case pil_box: return 0.5;
    case pil_bilinear:
    case torch_bilinear_antialias:
    case jax_linear: return 1;
    case pil_bicubic:
    case torch_bicubic_antialias: return 2;
    default: return 3;
  }
}

/// The kernels of Pillow (src/libImaging/Resample.c) and of the libraries that follow it.
template <class Real>
Real kernel(ResizeRule filter, Real x) noexcept {
  const Real distance = std::abs(x);
  switch (filter) {
    case pil_box: return x > Real(-0.5) && x <= Real(0.5) ? 1 : 0;
    case pil_bilinear:
    case torch_bilinear_antialias:
    case jax_linear: return distance < 1 ? 1 - distance : 0;
    case pil_bicubic:
    case torch_bicubic_antialias: return cubic<Real>(distance, Real(-0.5));
    default: return x >= -3 && x < 3 ? static_cast<Real>(sinc(x) * sinc(x / 3)) : 0;
  }
}

/// Windows of Pillow and of torch with antialias: the kernel widened by the scale. `Real` is the precision of the reference.
template <class Real>
Windows widened(ResizeRule filter, int in, int out) {
  Windows windows;
  const Real scale = static_cast<Real>(in) / static_cast<Real>(out);
  const Real widening = std::max(scale, Real(1));
  const Real support = static_cast<Real>(support_of(filter)) * widening;
  const Real inverse = Real(1) / widening;
  for (int i = 0; i < out; ++i) {
    const Real centre = (static_cast<Real>(i) + Real(0.5)) * scale;
    const int first = std::max(static_cast<int>(centre - support + Real(0.5)), 0);
    const int count = std::min(static_cast<int>(centre + support + Real(0.5)), in) - first;
    std::vector<double> window;
    Real sum = 0;
    for (int tap = 0; tap < count; ++tap) {
      const Real weight = kernel<Real>(filter, (static_cast<Real>(tap + first) - centre + Real(0.5)) * inverse);
      window.push_back(static_cast<double>(weight));
      sum += weight;
    }
    if (sum != 0)
      for (double& weight : window) weight = static_cast<double>(static_cast<Real>(weight) / sum);
    windows.add(first, std::move(window));
  }
  return windows;
}

/// Windows of jax.image.resize: float32, every sample within the widened kernel, normalised (jax/_src/image/scale.py).
Windows jax_windows(ResizeRule filter, int in, int out) {
  Windows windows;
  const float inverse_scale = 1.0F / (static_cast<float>(out) / static_cast<float>(in));
  const float widening = std::max(inverse_scale, 1.0F);
  const float reach = static_cast<float>(support_of(filter)) * widening;
  for (int i = 0; i < out; ++i) {
    const float sample = (static_cast<float>(i) + 0.5F) * inverse_scale - 0.5F;
    const int first = std::max(static_cast<int>(std::ceil(sample - reach)), 0);
    const int last = std::min(static_cast<int>(std::floor(sample + reach)), in - 1);
    std::vector<double> window;
    float sum = 0;
    for (int source = first; source <= last; ++source) {
      const float weight = kernel<float>(filter, std::abs(sample - static_cast<float>(source)) / widening);
      window.push_back(static_cast<double>(weight));
      sum += weight;
    }
    for (double& weight : window) weight = static_cast<double>(static_cast<float>(weight) / sum);
    windows.add(first, std::move(window));
  }
  return windows;
}

/// Adds taps whose places are clamped to the edges; taps that fall on one sample are summed.
template <class Real>
void add_clamped(Windows& windows, int begin, std::span<const Real> taps, int in) {
  const auto place = [in](int source) { return std::clamp(source, 0, in - 1); };
  const int first = place(begin);
  std::vector<double> window(static_cast<std::size_t>(place(begin + static_cast<int>(taps.size()) - 1) - first) + 1);
  for (std::size_t tap = 0; tap < taps.size(); ++tap)
    window[static_cast<std::size_t>(place(begin + static_cast<int>(tap)) - first)] += static_cast<double>(taps[tap]);
  windows.add(first, std::move(window));
}

/// torch without antialias on float images: the source place is one fused multiply-add in float, as its AVX2 build rounds it.
Windows torch_float_windows(ResizeRule rule, int in, int out) {
  Windows windows;
  const float scale = static_cast<float>(in) / static_cast<float>(out);
  for (int i = 0; i < out; ++i) {
    float place = std::fma(scale, static_cast<float>(i) + 0.5F, -0.5F);
    if (!is_cubic(rule)) place = std::max(place, 0.0F);
    const int below = std::min(static_cast<int>(std::floor(place)), in - 1);
    const float t = std::clamp(place - static_cast<float>(below), 0.0F, 1.0F);
    if (is_cubic(rule)) {
      constexpr float kA = -0.75F;
      add_clamped<float>(windows, below - 1, std::array{cubic(t + 1, kA), cubic(t, kA), cubic(1 - t, kA), cubic(2 - t, kA)}, in);
    } else {
      add_clamped<float>(windows, below, std::array{1 - t, t}, in);
    }
  }
  return windows;
}

/// torch without antialias on 8-bit images: the same taps in double, to become 16-bit integers.
Windows torch_byte_windows(ResizeRule rule, int in, int out) {
  Windows windows;
  const double scale = static_cast<double>(in) / out;
  for (int i = 0; i < out; ++i) {
    double place = scale * (i + 0.5) - 0.5;
    if (!is_cubic(rule)) place = std::max(place, 0.0);
    const int below = static_cast<int>(std::floor(place));
    const double t = place - below;
    if (is_cubic(rule)) {
      constexpr double kA = -0.75;
      add_clamped<double>(windows, below - 1, std::array{cubic(t + 1, kA), cubic(t, kA), cubic(1 - t, kA), cubic(2 - t, kA)}, in);
    } else {
      add_clamped<double>(windows, below, std::array{1 - t, t}, in);
    }
  }
  return windows;
}

/// The scale as OpenCV computes it: not in / out, which may differ in the last bit.
double opencv_scale(int in, int out) noexcept { return 1.0 / (static_cast<double>(out) / in); }

/// OpenCV's two taps for 8-bit images (modules/imgproc/src/resize.cpp): places in float, weights with 11 fractional bits. INTER_AREA
/// places them in its own way when it enlarges.
Windows opencv_byte_windows(ResizeRule rule, int in, int out) {
  Windows windows;
  const double scale = opencv_scale(in, out);
  const double inverse = static_cast<double>(out) / in;
  for (int i = 0; i < out; ++i) {
    const auto place = rule == cv2_area ? static_cast<float>(i * scale) : static_cast<float>((i + 0.5) * scale - 0.5);
    const int below = rule == cv2_area ? static_cast<int>(std::floor(i * scale)) : static_cast<int>(std::floor(place));
    float t = place - static_cast<float>(below);
    if (rule == cv2_area) {
      t = static_cast<float>((i + 1) - (below + 1) * inverse);
      t = t <= 0 ? 0.0F : t - std::floor(t);
    }
    if (below < 0 || below >= in - 1) t = 0;
    add_clamped<float>(windows, std::clamp(below, 0, in - 1), std::array{std::nearbyint((1 - t) * 2048), std::nearbyint(t * 2048)}, in);
  }
  return windows;
}

/// OpenCV's taps for float images, and for cubic ones of any kind (measured: OpenCV 5.0 on x86-64 computes them in double).
Windows opencv_real_windows(ResizeRule rule, int in, int out) {
  Windows windows;
  const double scale = opencv_scale(in, out);
  const double inverse = static_cast<double>(out) / in;
  for (int i = 0; i < out; ++i) {
    const double place = rule == cv2_area ? i * scale : (i + 0.5) * scale - 0.5;
    const int below = static_cast<int>(std::floor(place));
    double t = place - below;
    if (rule == cv2_cubic) {
      constexpr double kA = -0.75;
      const std::array taps{cubic(t + 1, kA), cubic(t, kA), cubic(1 - t, kA)};
      add_clamped<double>(windows, below - 1, std::array{taps[0], taps[1], taps[2], 1 - taps[0] - taps[1] - taps[2]}, in);
      continue;
    }
    if (rule == cv2_area) {  // rounded to float before the whole part goes: 0.99999999 is 1, and 1 becomes 0
      const auto rounded = static_cast<float>((i + 1) - (below + 1) * inverse);
      t = rounded <= 0 ? 0.0 : static_cast<double>(rounded - std::floor(rounded));
    }
    if (below < 0 || below >= in - 1) t = 0;
    add_clamped<double>(windows, std::clamp(below, 0, in - 1), std::array{1 - t, t}, in);
  }
  return windows;
}

/// OpenCV's INTER_AREA when it shrinks: the share of each input cell that an output cell covers.
Windows opencv_area_windows(int in, int out) {
  Windows windows;
  const double scale = opencv_scale(in, out);
  for (int i = 0; i < out; ++i) {
    const double begin = i * scale;
    const double end = begin + scale;
    const double cell = std::min(scale, in - begin);
    const int whole_end = std::min(static_cast<int>(std::floor(end)), in - 1);
    const int whole_begin = std::min(static_cast<int>(std::ceil(begin)), whole_end);
    int first = whole_begin;
    std::vector<double> window;
    if (whole_begin - begin > 1e-3) {
      --first;
      window.push_back(static_cast<float>((whole_begin - begin) / cell));
    }
    window.insert(window.end(), static_cast<std::size_t>(whole_end - whole_begin), static_cast<float>(1 / cell));
    if (end - whole_end > 1e-3) window.push_back(static_cast<float>(std::min(std::min(end - whole_end, 1.0), cell) / cell));
    windows.add(first, std::move(window));
  }
  return windows;
}

/// torch's adaptive average: every sample that an output cell touches weighs the same.
Windows mean_windows(int in, int out) {
  Windows windows;
  for (int i = 0; i < out; ++i) {
    const auto first = static_cast<int>(std::int64_t{i} * in / out);
    const auto end = static_cast<int>((std::int64_t{i + 1} * in + out - 1) / out);
    windows.add(first, std::vector<double>(static_cast<std::size_t>(end - first), 1.0 / (end - first)));
  }
  return windows;
}

/// Pillow accumulates the place instead of multiplying: that is what its affine scaling does.
Windows nearest_windows(int in, int out) {
  Windows windows;
  const double scale = static_cast<double>(in) / out;
  double place = 0.5 * scale;
  for (int i = 0; i < out; ++i, place += scale) windows.add(std::min(static_cast<int>(place), in - 1), {1.0});
  return windows;
}

Windows windows_of(const AxisRequest& request) {
  const ResizeRule rule = request.rule;
  const int in = request.in, out = request.out;
  const bool bytes = request.bytes, shrinks = request.shrinks;
  const ResizeRule filter = filter_of(rule);
  switch (filter) {
    case pil_nearest: return nearest_windows(in, out);
    case torch_bilinear:
    case torch_bicubic: return bytes ? torch_byte_windows(rule, in, out) : torch_float_windows(rule, in, out);
    case torch_bilinear_antialias:
    case torch_bicubic_antialias: return bytes ? widened<double>(filter, in, out) : widened<float>(filter, in, out);
    case cv2_area:
      if (shrinks) return opencv_area_windows(in, out);
      return bytes ? opencv_byte_windows(rule, in, out) : opencv_real_windows(rule, in, out);
    case cv2_linear: return bytes ? opencv_byte_windows(rule, in, out) : opencv_real_windows(rule, in, out);
    case cv2_cubic: return opencv_real_windows(rule, in, out);
    case torch_area: return mean_windows(in, out);
    case jax_linear:
    case jax_lanczos3: return jax_windows(filter, in, out);
    default: return widened<double>(filter, in, out);
  }
}

/// The largest precision at which torch's weights fit 16 bits (aten/src/ATen/native/cpu/UpSampleKernel.cpp).
int torch_bits(const Windows& windows) {
  double most = 0;
  for (const auto& window : windows.weights)
    for (const double weight : window) most = std::max(most, weight);
  int bits = 0;
  while (bits < 22 && static_cast<int>(0.5 + most * (1 << (bits + 1))) < (1 << 15)) ++bits;
  return bits;
}

/// Rounds to fixed point, halves away from zero, in place.
void to_fixed(Windows& windows, int bits) {
  for (auto& window : windows.weights)
    for (double& weight : window) {
      weight *= 1 << bits;
      weight = std::trunc(weight < 0 ? weight - 0.5 : weight + 0.5);
    }
}

void keep_part(Windows& windows, int begin, int count) {
  windows.first.erase(windows.first.begin() + begin + count, windows.first.end());
  windows.first.erase(windows.first.begin(), windows.first.begin() + begin);
  windows.weights.erase(windows.weights.begin() + begin + count, windows.weights.end());
  windows.weights.erase(windows.weights.begin(), windows.weights.begin() + begin);
}

/// How far a sample begins before one that precedes it: weights that are 0 at the beginning were dropped.
int lag_of(std::span<const std::int32_t> first) {
  int lag = 0;
  std::int32_t least = first.back();
  for (std::size_t i = first.size(); i-- > 0;) {
    least = std::min(least, first[i]);
    lag = std::max(lag, first[i] - least);
  }
  return lag;
}

/// Drops zeros at both ends and gives every window the length of the longest, inside the input.
void even_out(Windows& windows, ResampleAxis& axis) {
  std::size_t most = 1;
  for (std::size_t i = 0; i < windows.first.size(); ++i) {
    auto& window = windows.weights[i];
    while (window.size() > 1 && window.back() == 0) window.pop_back();
    std::size_t zeros = 0;
    while (zeros + 1 < window.size() && window[zeros] == 0) ++zeros;
    window.erase(window.begin(), window.begin() + static_cast<std::ptrdiff_t>(zeros));
    windows.first[i] += static_cast<std::int32_t>(zeros);
    most = std::max(most, window.size());
  }
  axis.taps = static_cast<int>(most);
  for (std::size_t i = 0; i < windows.first.size(); ++i) {
    auto& window = windows.weights[i];
    const std::int32_t first = std::min(windows.first[i], axis.in - axis.taps);
    window.insert(window.begin(), static_cast<std::size_t>(windows.first[i] - first), 0.0);
    window.resize(most);
    windows.first[i] = first;
  }
}

}  // namespace

Arithmetic arithmetic_of(ResizeRule rule, bool bytes) noexcept {
  if (filter_of(rule) == pil_nearest) return Arithmetic::pick;
  if (is_pillow(rule)) return bytes ? Arithmetic::fixed : Arithmetic::wide;
  const bool torch = rule >= torch_bilinear && rule <= torch_bicubic_antialias;
  return torch && bytes ? Arithmetic::fixed : Arithmetic::real;
}

Finish finish_of(ResizeRule rule, int in_height, int in_width, int height, int width) noexcept {
  const bool shrinks = height <= in_height && width <= in_width;
  if (rule == cv2_linear || (rule == cv2_area && !shrinks)) return Finish::opencv_linear;
  // OpenCV halves both sides with integers.
  if (rule == cv2_area && in_height == 2 * height && in_width == 2 * width) return Finish::half_up;
  return Finish::half_even;
}

bool vertical_first(ResizeRule rule, int in_height, int in_width, int height, int width) noexcept {
  if (!is_pillow(rule) || height >= in_height) return false;
  // Pillow 12 takes strips the other way round in PIL/Image.py, Pillow 13 weighs the work in Resample.c.
  const bool pillow_13 = rule >= pil13_nearest;
  return pillow_13 ? in_height - height > 2 * (in_width - width) : in_height > 100 * in_width;
}

void build_axis(const AxisRequest& request, ResampleAxis& axis) {
  axis.in = request.in;
  axis.out = request.count;
  axis.same = request.in == request.out;
  Windows windows = windows_of(request);
  const Arithmetic arithmetic = arithmetic_of(request.rule, request.bytes);
  if (arithmetic == Arithmetic::fixed) {
    constexpr int kPillowBits = 22;  // 32 bits less 8 for the value and 2 for kernels with negative lobes
    axis.bits = is_pillow(request.rule) ? kPillowBits : torch_bits(windows);
    to_fixed(windows, axis.bits);
  }
  keep_part(windows, request.begin, request.count);  // only now: torch's precision depends on all weights
  even_out(windows, axis);
  axis.first = std::move(windows.first);
  axis.lag = lag_of(axis.first);
  axis.fixed.clear();
  axis.real.clear();
  axis.wide.clear();
  for (const auto& window : windows.weights)
    for (const double weight : window) {
      if (arithmetic == Arithmetic::fixed) axis.fixed.push_back(static_cast<std::int32_t>(weight));
      if (arithmetic == Arithmetic::real) axis.real.push_back(static_cast<float>(weight));
      if (arithmetic == Arithmetic::wide) axis.wide.push_back(weight);
    }
}

}  // namespace sinew::detail
