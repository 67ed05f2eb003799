// SPDX-License-Identifier: Apache-2.0
// Curation, cameras: black, blurred and frozen frames, and frames in which nothing happens.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "sinew/data/episode.hpp"

namespace sinew {

/// What a camera frame must be.
struct CameraFaultOptions {
  double least_brightness = 12;   ///< mean luminance, 0 to 255: darker is black
  double least_sharpness = 0.15;  ///< of the usual variance of the Laplacian: less is blurred
  double most_motion = 0.05;      ///< rad or m that a joint may go while the pixels stay the same
  double idle_motion = 1e-3;      ///< rad or m from frame to frame: less is rest
  double idle_time = 2.0;         ///< s of rest, gripper and actions included, that are worth keeping; 0: any
};

/// What is wrong with a run of frames.
enum class CameraFaultKind : std::uint8_t { black, blurred, frozen, idle };

/// A run of frames, both ends included.
struct CameraFault {
  CameraFaultKind kind = CameraFaultKind::black;
  std::size_t first = 0;
  std::size_t last = 0;
  double value = 0;  ///< the worst of the run: brightness, share of the usual sharpness, rad or m moved, s at rest
  double bound = 0;
};

/// The usual sharpness of a camera: the median over an episode's frames that are not black; 0 for none.
[[nodiscard]] double usual_sharpness(const CameraTrack& camera, const CameraFaultOptions& options = {});

/// Runs of black, blurred and frozen frames of a measured camera. `sharpness`: the usual one of this camera. `joints` `[n, columns]`
/// row-major: what a frozen picture is caught by; the first frame of a frozen run is good.
[[nodiscard]] std::vector<CameraFault> camera_faults(const CameraTrack& camera, std::span<const double> joints, double sharpness,
                                                     const CameraFaultOptions& options = {});

/// Runs in which neither joints nor actions move, `[n, columns]` each, beyond their first `idle_time`. A gripper that moves, or is told
/// to, is an event and ends a run.
[[nodiscard]] std::vector<CameraFault> idle_frames(std::span<const double> joints, std::span<const double> actions, std::size_t frames,
                                                   double period, const CameraFaultOptions& options = {});

}  // namespace sinew
