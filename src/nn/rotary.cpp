// SPDX-License-Identifier: Apache-2.0
#include "sinew/nn/models/rotary.hpp"

#include <algorithm>
#include <cmath>

namespace sinew::nn {

namespace {

std::size_t as_size(std::int64_t value) noexcept { return static_cast<std::size_t>(value); }

void turn(std::int64_t position, float frequency, float& cos, float& sin) noexcept {
  const double angle = static_cast<double>(static_cast<float>(position) * frequency);
  cos = static_cast<float>(std::cos(angle));
  sin = static_cast<float>(std::sin(angle));
}

/// Which of the three positions each frequency turns by.
std::vector<std::uint8_t> axes_of(std::size_t frequencies, std::span<const std::int64_t> sections, SectionLayout layout) {
  std::vector<std::uint8_t> axes(frequencies, 0);
  std::size_t before = as_size(sections[0]);  // frequencies of the axes before, of chunks
  for (std::size_t axis = 1; axis < 3; ++axis) {
    const bool chunked = layout == SectionLayout::chunked;
    const std::size_t first = chunked ? before : axis, end = chunked ? before + as_size(sections[axis]) : 3 * as_size(sections[axis]);
    for (std::size_t j = first; j < std::min(end, frequencies); j += chunked ? 1 : 3) axes[j] = static_cast<std::uint8_t>(axis);
    before = end;
  }
  return axes;
}

}  // namespace

void RotaryTable::resize(std::int64_t rows) {
  cos.resize(as_size(rows * width));
  sin.resize(as_size(rows * width));
}

std::vector<float> rotary_frequencies(std::int64_t width, double theta) {
  std::vector<float> frequencies(as_size(width / 2));
  for (std::size_t j = 0; j < frequencies.size(); ++j) {
    // torch: 1 / (theta ** (arange(0, width, 2) / width)), each step in f32.
    const float exponent = static_cast<float>(2 * j) / static_cast<float>(width);
    frequencies[j] = 1.0F / static_cast<float>(std::pow(theta, static_cast<double>(exponent)));
  }
  return frequencies;
}

SectionedRotary::SectionedRotary(std::int64_t width, double theta, std::span<const std::int64_t> sections, SectionLayout layout,
                                 std::int64_t capacity)
    : frequencies_(rotary_frequencies(width, theta)), axes_(axes_of(frequencies_.size(), sections, layout)), capacity_(capacity) {
  const std::size_t half = frequencies_.size();
  cos_.resize(as_size(capacity) * half);
  sin_.resize(cos_.size());
  for (std::int64_t p = 0; p < capacity; ++p)
    for (std::size_t j = 0; j < half; ++j) turn(p, frequencies_[j], cos_[as_size(p) * half + j], sin_[as_size(p) * half + j]);
}

void SectionedRotary::fill(std::span<const std::int64_t> positions, RotaryTable& table) const {
  const std::size_t half = frequencies_.size(), count = positions.size() / 3;
  table.width = static_cast<std::int64_t>(2 * half);
  table.resize(static_cast<std::int64_t>(count));
  for (std::size_t i = 0; i < count; ++i) {
    float *const cos = table.cos.data() + i * 2 * half, *const sin = table.sin.data() + i * 2 * half;
    for (std::size_t j = 0; j < half; ++j) {
      const std::int64_t position = positions[axes_[j] * count + i];
      if (position >= 0 && position < capacity_) {
        cos[j] = cos_[as_size(position) * half + j];
        sin[j] = sin_[as_size(position) * half + j];
      } else {
        turn(position, frequencies_[j], cos[j], sin[j]);
      }
      cos[half + j] = cos[j];
      sin[half + j] = sin[j];
    }
  }
}

void fill_patch_rotary(std::span<const std::int64_t> places, std::int64_t width, RotaryTable& table) {
  const auto frequencies = rotary_frequencies(width / 2, 10000);
  const std::size_t quarter = frequencies.size(), half = as_size(width / 2), count = places.size() / 2;
  table.width = width;
  table.resize(static_cast<std::int64_t>(count));
  for (std::size_t i = 0; i < count; ++i)
    for (std::size_t j = 0; j < half; ++j) {
      const std::size_t at = i * 2 * half + j;
      turn(places[2 * i + j / quarter], frequencies[j % quarter], table.cos[at], table.sin[at]);
      table.cos[at + half] = table.cos[at];
      table.sin[at + half] = table.sin[at];
    }
}

}  // namespace sinew::nn
