// SPDX-License-Identifier: Apache-2.0
// Which kernels run, and the check that they compute what they were written to compute.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

#include "../core/isa_table.hpp"
#include "kernels/kernels.hpp"
#include "sinew/core/error.hpp"

namespace sinew::detail {

namespace {

const Kernels& kernels_of(Isa isa) noexcept {
#if defined(__x86_64__)
  static constexpr IsaTable<Kernels> kTable = {
      {Isa::portable, &portable::kKernels}, {Isa::v2, &v2::kKernels}, {Isa::v3, &v3::kKernels}, {Isa::v4, &v4::kKernels}};
  return kTable[isa];
#else
  (void)isa;
  return portable::kKernels;
#endif
}

}  // namespace

const Kernels& kernels() noexcept { return kernels_of(active_isa()); }

namespace {

/// Value-changing compiler options fold the reduction away; the error is then of the order of 1, not of rounding.
bool agrees_with_the_library(const Kernels& kernels) {
  constexpr std::size_t kCount = 64;
  std::array<double, kCount> angles, sine, cosine;
  for (std::size_t i = 0; i < kCount; ++i) angles[i] = (static_cast<double>(i) - 31.7) * 0.9 + 1e-3 * static_cast<double>(i * i);
  angles[0] = 1e5 + 0.1;
  angles[1] = 1e9 + 0.5;
  kernels.sincos(angles.data(), kCount, sine.data(), cosine.data());
  for (std::size_t i = 0; i < kCount; ++i) {
    if (!(std::abs(sine[i] - std::sin(angles[i])) < 1e-15 && std::abs(cosine[i] - std::cos(angles[i])) < 1e-15)) return false;
  }
  std::array<float, kCount> narrow, narrow_sine, narrow_cosine;
  std::ranges::transform(angles, narrow.begin(), [](double angle) { return static_cast<float>(angle); });
  kernels.sincos_float(narrow.data(), kCount, narrow_sine.data(), narrow_cosine.data());
  for (std::size_t i = 0; i < kCount; ++i) {
    const double angle = narrow[i];
    if (!(std::abs(narrow_sine[i] - std::sin(angle)) < 1e-6 && std::abs(narrow_cosine[i] - std::cos(angle)) < 1e-6)) return false;
  }
  return true;
}

}  // namespace

void check_kernels() {
  static const bool good = std::ranges::all_of(available_isas(), [](Isa isa) { return agrees_with_the_library(kernels_of(isa)); });
  if (!good)
    fail(ErrorCode::failed, {"kinematics", "self-check of sine and cosine", "the values of the C library", "others",
                             "compile Sinew without -ffast-math and its like"});
}

}  // namespace sinew::detail
