// SPDX-License-Identifier: Apache-2.0
// Camera tensors as ACT's convolutions take them: pixels side by side, normalised.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <vector>

#include "sinew/core/tensor_map.hpp"
#include "sinew/core/tensor_spec.hpp"
#include "sinew/nn/models/act_config.hpp"

namespace sinew::nn {

/// The cameras of ACT as normalised floats, channels last.
class ActImages {
 public:
  /// Throws Error for a camera that is not offered, or offered as neither `f32 [3, height, width]` nor `u8 [height, width, 3]`, in another
  /// size than the configuration's, in levels without statistics, or normalised although there are statistics.
  ActImages(const ActConfig& config, const TensorSpecs& offered);

  [[nodiscard]] const TensorSpecs& specs() const noexcept { return specs_; }
  /// Camera i `[height, width, 3]`; valid until it is read again.
  [[nodiscard]] std::span<const float> read(const TensorMap& in, std::size_t i);

 private:
  TensorSpecs specs_;
  std::vector<std::vector<float>> pixels_;
  std::vector<std::array<std::array<float, 256>, 3>> levels_;  // what a level becomes, for cameras that come as levels
};

}  // namespace sinew::nn
