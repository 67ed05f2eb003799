// SPDX-License-Identifier: Apache-2.0
// What a transformer is told of cameras: matrices that turn keys and values from each camera's axes into those of a reference camera, and
// where patches lie in the image plane. GTA (arXiv 2310.10375), CaPE (EscherNet, arXiv 2402.03908), PRoPE (arXiv 2507.10496) in the
// form that Qwen-RobotManip describes.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace sinew::nn {

/// Poses of cameras relative to one of them, in doubles: what the world's frame is drops out here, before anything is rounded.
class RelativeCameras {
 public:
  /// `extrinsics [cameras, 4, 4]`: base_from_camera, row-major, m. Throws Error for what is not a rigid transform, and for a reference that
  /// does not exist.
  void read(std::span<const float> extrinsics, std::int64_t reference);
  void clear() noexcept { poses_.clear(); }

  [[nodiscard]] std::int64_t count() const noexcept { return static_cast<std::int64_t>(poses_.size() / 16); }
  /// Appends `reference_from_camera`, of keys and values, its inverse, of outputs, or the transpose of that, of queries: row-major
  /// `[4, 4]`.
  enum class Form : std::uint8_t { pose, inverse, query };
  void append(std::int64_t camera, Form form, std::vector<float>& matrices) const;

 private:
  std::vector<double> poses_;  // [cameras, 4, 4]
};

/// Appends, for `rows` by `columns` tokens of an image, x and y of each centre in the plane at unit distance. `intrinsics`: fx / width,
/// fy / height, cx / width, cy / height, so that they hold for every size of the image. Throws Error for a focal length that is not
/// positive.
void append_plane_coordinates(std::span<const float> intrinsics, std::int64_t rows, std::int64_t columns, std::vector<float>& coordinates);

}  // namespace sinew::nn
