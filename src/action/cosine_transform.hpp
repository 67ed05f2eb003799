// SPDX-License-Identifier: Apache-2.0
// Cosine transforms of one length: the tables that the kernels read.
#pragma once

#include <span>
#include <vector>

#include "kernels/kernels.hpp"

namespace sinew::detail {

/// DCT-II and its inverse, orthonormal, along the first axis of [length, dim]. Forward results are those of scipy.fft to the bit, in
/// the precision of the input, where 2, 3 and 5 are the only prime factors of the length; elsewhere they are sums in double, within a
/// few roundings.
class CosineTransform {
 public:
  /// The only call that allocates.
  CosineTransform(int length, double scale);
  CosineTransform(const CosineTransform&) = delete;  // the plans point into the tables
  CosineTransform& operator=(const CosineTransform&) = delete;

  [[nodiscard]] int length() const noexcept { return length_; }
  [[nodiscard]] double scale() const noexcept { return scale_; }

  /// `whole` [length, dim]: round(scale * transform), half to even. False when a value is not finite.
  [[nodiscard]] bool quantise(std::span<const float> chunk, int dim, std::span<std::int32_t> whole) noexcept;
  [[nodiscard]] bool quantise(std::span<const double> chunk, int dim, std::span<std::int32_t> whole) noexcept;
  /// The chunk of `whole / scale`, in float.
  void invert(std::span<const std::int32_t> whole, int dim, std::span<float> chunk) noexcept;

 private:
  template <class Scalar>
  struct Tables {
    CosinePlan<Scalar> plan{};
    std::vector<Scalar> values;
    void fill(int length, const std::vector<int>& factors);
  };
  template <class Scalar>
  bool quantise_by_sums(std::span<const Scalar> chunk, int dim, std::span<std::int32_t> whole) const noexcept;

  int length_;
  double scale_;
  bool factored_;
  Tables<float> singles_;
  Tables<double> doubles_;
  std::vector<float> basis_;      // of the inverse
  std::vector<double> forwards_;  // [length, length], where the length is not factored
  std::vector<double> work_;
  double* aligned_work_;  // at 64 bytes
};

}  // namespace sinew::detail
