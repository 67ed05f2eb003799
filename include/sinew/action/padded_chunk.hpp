// SPDX-License-Identifier: Apache-2.0
// The padded action tensor of Qwen-VLA: control modes of any width and length share one `[H, K]`.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "sinew/core/status.hpp"

namespace sinew {

/// A control mode fills the first `channels` of K columns and the first `steps` of H rows; the rest is 0 and masked
/// (Qwen-VLA, arXiv 2605.30280, action tensor Y and mask M).
struct PaddedChunk {
  std::size_t horizon = 0;   ///< H
  std::size_t width = 0;     ///< K
  std::size_t steps = 0;     ///< of the control mode, <= H
  std::size_t channels = 0;  ///< of the control mode, <= K

  static constexpr std::size_t kMost = 65536;  ///< of each

  [[nodiscard]] bool valid() const noexcept {
    return steps > 0 && channels > 0 && steps <= horizon && channels <= width && horizon <= kMost && width <= kMost;
  }

  /// `chunk` `[steps, channels]` to `padded` `[H, K]`. `bad_shape`.
  template <class Scalar>
  [[nodiscard]] Status pack(std::span<const Scalar> chunk, std::span<Scalar> padded) const noexcept {
    if (!valid() || chunk.size() != steps * channels || padded.size() != horizon * width) return Status::bad_shape;
    std::ranges::fill(padded, Scalar(0));
    for (std::size_t i = 0; i < steps; ++i)
      std::ranges::copy(chunk.subspan(i * channels, channels), padded.begin() + static_cast<std::ptrdiff_t>(i * width));
    return Status::ok;
  }
  /// `padded` `[H, K]` to `chunk` `[steps, channels]`. `bad_shape`.
  template <class Scalar>
  [[nodiscard]] Status unpack(std::span<const Scalar> padded, std::span<Scalar> chunk) const noexcept {
    if (!valid() || chunk.size() != steps * channels || padded.size() != horizon * width) return Status::bad_shape;
    for (std::size_t i = 0; i < steps; ++i)
      std::ranges::copy(padded.subspan(i * width, channels), chunk.begin() + static_cast<std::ptrdiff_t>(i * channels));
    return Status::ok;
  }
  /// The mask M `[H, K]`: 1 where the control mode has a number. `bad_shape`.
  [[nodiscard]] Status mask(std::span<std::uint8_t> mask) const noexcept {
    if (!valid() || mask.size() != horizon * width) return Status::bad_shape;
    for (std::size_t i = 0; i < mask.size(); ++i) mask[i] = i / width < steps && i % width < channels ? 1 : 0;
    return Status::ok;
  }
};

}  // namespace sinew
