// SPDX-License-Identifier: Apache-2.0
#include "sinew/data/camera_faults.hpp"

#include <algorithm>
#include <cmath>

#include "sinew/data/smoothing.hpp"

namespace sinew {

namespace {

/// Appends a frame to the fault that ends before it, or begins one. `worst` picks between two values.
template <class Worst>
void extend(std::vector<CameraFault>& faults, const CameraFault& frame, const Worst& worst) {
  if (!faults.empty() && faults.back().last + 1 == frame.first) {
    faults.back().last = frame.first;
    faults.back().value = worst(faults.back().value, frame.value);
  } else {
    faults.push_back(frame);
  }
}

constexpr auto kLeast = [](double a, double b) { return std::min(a, b); };
constexpr auto kMost = [](double a, double b) { return std::max(a, b); };

/// Largest difference between two rows of a table; NaN counts as none.
double distance(std::span<const double> table, std::size_t columns, std::size_t a, std::size_t b) {
  double largest = 0;
  for (std::size_t c = 0; c < columns; ++c) {
    const double step = std::abs(table[a * columns + c] - table[b * columns + c]);
    if (step > largest) largest = step;
  }
  return largest;
}

void find_frozen(const CameraTrack& camera, std::span<const double> joints, double most, std::vector<CameraFault>& faults) {
  const std::size_t frames = camera.digest.size();
  if (frames == 0 || joints.size() < frames) return;
  const std::size_t columns = joints.size() / frames;
  for (std::size_t first = 0, next = 1; first < frames; first = next, ++next) {
    double moved = 0;
    while (next < frames && camera.digest[next] == camera.digest[first] && camera.digest[first] != 0) {
      moved = std::max(moved, distance(joints, columns, first, next));
      ++next;
    }
    if (moved > most) faults.push_back({CameraFaultKind::frozen, first + 1, next - 1, moved, most});
  }
}

}  // namespace

double usual_sharpness(const CameraTrack& camera, const CameraFaultOptions& options) {
  std::vector<double> values;
  for (std::size_t i = 0; i < camera.sharpness.size(); ++i)
    if (camera.brightness[i] >= options.least_brightness) values.push_back(camera.sharpness[i]);
  return values.empty() ? 0.0 : quantile(std::move(values), 0.5);
}

std::vector<CameraFault> camera_faults(const CameraTrack& camera, std::span<const double> joints, double sharpness,
                                       const CameraFaultOptions& options) {
  std::vector<CameraFault> black, blurred;
  for (std::size_t i = 0; i < camera.brightness.size(); ++i) {
    const double brightness = camera.brightness[i], share = sharpness > 0 ? camera.sharpness[i] / sharpness : 1;
    if (brightness < options.least_brightness)
      extend(black, {CameraFaultKind::black, i, i, brightness, options.least_brightness}, kLeast);
    else if (share < options.least_sharpness)
      extend(blurred, {CameraFaultKind::blurred, i, i, share, options.least_sharpness}, kLeast);
  }
  std::vector<CameraFault> faults = std::move(black);
  faults.insert(faults.end(), blurred.begin(), blurred.end());
  find_frozen(camera, joints, options.most_motion, faults);
  return faults;
}

std::vector<CameraFault> idle_frames(std::span<const double> joints, std::span<const double> actions, std::size_t frames, double period,
                                     const CameraFaultOptions& options) {
  std::vector<CameraFault> faults;
  if (frames < 2 || joints.size() < frames) return faults;
  double rest = 0;
  for (std::size_t i = 1; i < frames; ++i) {
    const double step = std::max(distance(joints, joints.size() / frames, i - 1, i), distance(actions, actions.size() / frames, i - 1, i));
    rest = step < options.idle_motion ? rest + period : 0;
    if (rest > options.idle_time) extend(faults, {CameraFaultKind::idle, i, i, rest, options.idle_time}, kMost);
  }
  return faults;
}

}  // namespace sinew
