// SPDX-License-Identifier: Apache-2.0
// The 80 canonical dimensions of Qwen-RobotManip (arXiv 2606.17846, table of the state/action space): slots, maps, masks, tokens.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "sinew/core/status.hpp"

namespace sinew {

inline constexpr std::size_t kCanonicalDim = 80;
inline constexpr std::size_t kCanonicalTokens = 2;     ///< one per end effector, left first
inline constexpr std::size_t kCanonicalTokenDim = 40;  ///< 29 dimensions of the arm, then 11 of the reserved ones

/// A range of the canonical vector. A single arm uses the left parts.
enum class CanonicalPart : std::uint8_t {
  left_joints,   ///< rad, up to 7
  left_tool,     ///< state: position (m) and rot6d, 9; action: translation (m) and rotation vector (rad), 6
  left_gripper,  ///< 1
  left_hand,     ///< dexterous hand, rad, up to 12
  right_joints,
  right_tool,
  right_gripper,
  right_hand,
  base,     ///< vx, vy (m/s), wz (rad/s); where in the reserved dimensions is not published: our choice
  waist,    ///< rad, up to 4; our choice
  reserved  ///< the other 15
};
inline constexpr std::size_t kCanonicalParts = 11;

/// First dimension (from 0) and number of dimensions.
struct CanonicalRange {
  std::size_t first = 0;
  std::size_t size = 0;
};

/// Where a part lies among the 80.
[[nodiscard]] constexpr CanonicalRange canonical_range(CanonicalPart part) noexcept {
  constexpr std::array<CanonicalRange, kCanonicalParts> kRanges = {
      {{0, 7}, {7, 9}, {16, 1}, {17, 12}, {29, 7}, {36, 9}, {45, 1}, {46, 12}, {58, 3}, {61, 4}, {65, 15}}};
  return kRanges[static_cast<std::size_t>(part)];
}

[[nodiscard]] std::string_view to_string(CanonicalPart part) noexcept;
/// By name; Error lists the names.
[[nodiscard]] CanonicalPart canonical_part(std::string_view name);

/// A part that an embodiment has, with the dimensions that it uses, from the part's first on.
struct CanonicalSlot {
  CanonicalPart part = CanonicalPart::left_joints;
  std::size_t size = 0;

  friend bool operator==(const CanonicalSlot&, const CanonicalSlot&) = default;
};

/// Which steps and hands of a chunk are valid: a demonstration may lose a hand or end early.
struct CanonicalValidity {
  std::size_t steps = 0;  ///< the first ones
  bool left = true;
  bool right = true;
};

/// Maps an embodiment's own vector, its slots one after the other, to the canonical one and back. Immutable; shared by threads.
class CanonicalLayout {
 public:
  /// Throws Error for no slot, a part twice, and a size of 0 or above the part's.
  explicit CanonicalLayout(std::vector<CanonicalSlot> slots);

  /// Dimensions of the embodiment's own vector.
  [[nodiscard]] std::size_t dim() const noexcept { return columns_.size(); }
  [[nodiscard]] std::span<const CanonicalSlot> slots() const noexcept { return slots_; }
  /// 1 for each canonical dimension that the embodiment has.
  [[nodiscard]] std::span<const std::uint8_t, kCanonicalDim> slot_mask() const noexcept { return mask_; }
  /// First column of a slot in the embodiment's own vector.
  [[nodiscard]] std::size_t column(std::size_t slot) const noexcept;

  /// `own` `[rows, dim]` to `canonical` `[rows, 80]`; what the embodiment lacks is 0. `bad_shape`.
  template <class Scalar>
  [[nodiscard]] Status pack(std::span<const Scalar> own, std::span<Scalar> canonical) const noexcept {
    if (own.size() / dim() * kCanonicalDim != canonical.size() || own.size() % dim() != 0) return Status::bad_shape;
    for (auto& value : canonical) value = Scalar(0);
    for (std::size_t row = 0; row < own.size() / dim(); ++row)
      for (std::size_t j = 0; j < dim(); ++j) canonical[row * kCanonicalDim + columns_[j]] = own[row * dim() + j];
    return Status::ok;
  }
  /// `canonical` `[rows, 80]` to `own` `[rows, dim]`. `bad_shape`.
  template <class Scalar>
  [[nodiscard]] Status unpack(std::span<const Scalar> canonical, std::span<Scalar> own) const noexcept {
    if (own.size() / dim() * kCanonicalDim != canonical.size() || own.size() % dim() != 0) return Status::bad_shape;
    for (std::size_t row = 0; row < own.size() / dim(); ++row)
      for (std::size_t j = 0; j < dim(); ++j) own[row * dim() + j] = canonical[row * kCanonicalDim + columns_[j]];
    return Status::ok;
  }
  /// The mask `[rows, 80]` of loss and attention: the embodiment has the dimension, and the step is valid, and the hand is. `bad_shape`.
  [[nodiscard]] Status mask(const CanonicalValidity& validity, std::span<std::uint8_t> mask) const noexcept;

 private:
  std::vector<CanonicalSlot> slots_;
  std::vector<std::size_t> columns_;  // [dim], canonical dimension of each own one
  std::array<std::uint8_t, kCanonicalDim> mask_{};
};

/// The canonical dimension at a place of a token.
[[nodiscard]] constexpr std::size_t canonical_token_dim(std::size_t token, std::size_t place) noexcept {
  return place < 29 ? token * 29 + place : 58 + token * 11 + place - 29;
}

/// `[rows, 80]` to the DiT's `[rows, 2, 40]`, and back. `bad_shape`.
template <class Scalar>
[[nodiscard]] Status split_tokens(std::span<const Scalar> canonical, std::span<Scalar> tokens) noexcept {
  if (canonical.size() != tokens.size() || canonical.size() % kCanonicalDim != 0) return Status::bad_shape;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const std::size_t in_row = i % kCanonicalDim;
    tokens[i] = canonical[i - in_row + canonical_token_dim(in_row / kCanonicalTokenDim, in_row % kCanonicalTokenDim)];
  }
  return Status::ok;
}
template <class Scalar>
[[nodiscard]] Status join_tokens(std::span<const Scalar> tokens, std::span<Scalar> canonical) noexcept {
  if (canonical.size() != tokens.size() || canonical.size() % kCanonicalDim != 0) return Status::bad_shape;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const std::size_t in_row = i % kCanonicalDim;
    canonical[i - in_row + canonical_token_dim(in_row / kCanonicalTokenDim, in_row % kCanonicalTokenDim)] = tokens[i];
  }
  return Status::ok;
}

}  // namespace sinew
