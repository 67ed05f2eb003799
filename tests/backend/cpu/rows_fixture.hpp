// SPDX-License-Identifier: Apache-2.0
// Inputs and outputs of row kernels in memory whose ends nobody may pass, and a comparison with double precision.
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <span>
#include <vector>

#include "guarded_page.hpp"

namespace sinew::testing {

inline constexpr float kFiller = -77.25F;
inline constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

/// All around those of the vectors, and a few large ones.
inline std::vector<std::size_t> widths() {
  std::vector<std::size_t> list;
  for (std::size_t width = 1; width <= 70; ++width) list.push_back(width);
  for (const std::size_t width : {127, 128, 256, 720, 1001, 2048}) list.push_back(width);
  return list;
}

/// Values at the end of a page; those between rows are NaN and must never be used.
class Input {
 public:
  Input(std::size_t rows, std::size_t width, std::size_t stride, const std::function<double()>& draw)
      : page_(((rows - 1) * stride + width) * sizeof(float)), values_(page_.last<float>((rows - 1) * stride + width)) {
    for (std::size_t i = 0; i < values_.size(); ++i) values_[i] = i % stride < width ? static_cast<float>(draw()) : kNan;
  }
  const float* data() const { return values_.data(); }
  float operator[](std::size_t i) const { return values_[i]; }

 private:
  GuardedPage page_;
  std::span<float> values_;
};

/// Floats at the end of a page. What the kernel was not asked to write still holds the filler: in front and between rows.
template <class Value = float>
class Output {
 public:
  explicit Output(std::size_t count) : page_(count * sizeof(Value)), values_(page_.last<Value>(count)) {
    for (Value* value = values_.data() - kBefore; value != values_.data() + count; ++value) *value = static_cast<Value>(kFiller);
  }
  Value* data() { return values_.data(); }
  Value operator[](std::size_t i) const { return values_[i]; }
  bool untouched_before() const {
    return std::all_of(values_.data() - kBefore, values_.data(), [](Value value) { return value == static_cast<Value>(kFiller); });
  }

 private:
  GuardedPage page_;
  std::span<Value> values_;
};

/// Largest difference relative to the larger of 1 and the expected value.
inline double worst_difference(std::size_t count, const std::function<double(std::size_t)>& expected,
                               const std::function<double(std::size_t)>& got) {
  double worst = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const double difference = std::abs(got(i) - expected(i)) / std::max(1.0, std::abs(expected(i)));
    if (!(difference <= worst)) worst = difference;
  }
  return worst;
}

}  // namespace sinew::testing
