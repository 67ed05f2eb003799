// SPDX-License-Identifier: Apache-2.0
#include "sinew/action/canonical.hpp"

#include <algorithm>
#include <string>

#include "sinew/core/error.hpp"

namespace sinew {

namespace {

constexpr std::array<std::string_view, kCanonicalParts> kNames = {"left_joints",  "left_tool",  "left_gripper",  "left_hand",
                                                                  "right_joints", "right_tool", "right_gripper", "right_hand",
                                                                  "base",         "waist",      "reserved"};

}  // namespace

std::string_view to_string(CanonicalPart part) noexcept { return kNames[static_cast<std::size_t>(part)]; }

CanonicalPart canonical_part(std::string_view name) {
  return static_cast<CanonicalPart>(find_name(name, kNames, "canonical_part", "part"));
}

CanonicalLayout::CanonicalLayout(std::vector<CanonicalSlot> slots) : slots_(std::move(slots)) {
  constexpr const char* kWhere = "CanonicalLayout";
  if (slots_.empty()) fail(ErrorCode::invalid_argument, {kWhere, "slots", "one and more", "none", ""});
  for (const auto& [part, size] : slots_) {
    const auto [first, most] = canonical_range(part);
    const std::string what = "part '" + std::string(to_string(part)) + "'";
    if (size == 0 || size > most)
      fail(ErrorCode::invalid_argument, {kWhere, what, "1 to " + std::to_string(most) + " dimensions", std::to_string(size), ""});
    if (mask_[first] != 0) fail(ErrorCode::invalid_argument, {kWhere, what, "each part once", "it twice", ""});
    for (std::size_t i = first; i < first + size; ++i) {
      mask_[i] = 1;
      columns_.push_back(i);
    }
  }
}

std::size_t CanonicalLayout::column(std::size_t slot) const noexcept {
  std::size_t column = 0;
  for (std::size_t i = 0; i < slot && i < slots_.size(); ++i) column += slots_[i].size;
  return column;
}

Status CanonicalLayout::mask(const CanonicalValidity& validity, std::span<std::uint8_t> mask) const noexcept {
  if (mask.size() % kCanonicalDim != 0 || validity.steps > mask.size() / kCanonicalDim) return Status::bad_shape;
  std::ranges::fill(mask, std::uint8_t{0});
  for (std::size_t step = 0; step < validity.steps; ++step) {
    for (std::size_t i = 0; i < kCanonicalDim; ++i) {
      const bool hand = i < 29 ? validity.left : i < 58 ? validity.right : true;
      mask[step * kCanonicalDim + i] = hand ? mask_[i] : std::uint8_t{0};
    }
  }
  return Status::ok;
}

}  // namespace sinew
