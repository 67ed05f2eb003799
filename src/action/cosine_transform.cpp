// SPDX-License-Identifier: Apache-2.0
#include "cosine_transform.hpp"

#include <algorithm>
#include <cmath>
#include <complex>
#include <memory>
#include <numbers>
#include <utility>

namespace sinew::detail {

namespace {

/// Factors in pocketfft's order: fours, a two in front, then odd primes.
std::vector<int> factors_of(int length) {
  std::vector<int> factors;
  while (length % 4 == 0) {
    factors.push_back(4);
    length /= 4;
  }
  if (length % 2 == 0) {
    factors.push_back(2);
    length /= 2;
    std::swap(factors.front(), factors.back());
  }
  for (int divisor = 3; divisor * divisor <= length; divisor += 2)
    for (; length % divisor == 0; length /= divisor) factors.push_back(divisor);
  if (length > 1) factors.push_back(length);
  return factors;
}

/// Roots of unity as products of two of fewer ones, rounded as pocketfft does: the last bit of a double depends on it.
class Roots {
 public:
  explicit Roots(int count) : count_(count) {
    const int needed = (count + 2) / 2;
    while ((1 << shift_) * (1 << shift_) < needed) ++shift_;
    const int near = 1 << shift_;
    for (int i = 0; i < near; ++i) near_.push_back(root(i));
    for (int i = 0; i < (needed + near - 1) / near; ++i) far_.push_back(root(i * near));
  }
  [[nodiscard]] std::complex<double> operator[](int i) const {
    const bool mirrored = 2 * i > count_;
    if (mirrored) i = count_ - i;
    const auto& a = near_[static_cast<std::size_t>(i & ((1 << shift_) - 1))];
    const auto& b = far_[static_cast<std::size_t>(i >> shift_)];
    const double imaginary = a.real() * b.imag() + a.imag() * b.real();
    return {a.real() * b.real() - a.imag() * b.imag(), mirrored ? -imaginary : imaginary};
  }

 private:
  /// exp(2 pi i place / count) with an angle of at most pi / 4; places are in the first half.
  [[nodiscard]] std::complex<double> root(int place) const {
    if (place == 0) return {1, 0};
    const long n = count_, eighth = 8L * place;
    const double angle = static_cast<double>(0.25L * std::numbers::pi_v<long double> / n);
    const auto cosine = [angle](long x) { return std::cos(static_cast<double>(x) * angle); };
    const auto sine = [angle](long x) { return std::sin(static_cast<double>(x) * angle); };
    if (eighth < n) return {cosine(eighth), sine(eighth)};
    if (eighth < 2 * n) return {sine(2 * n - eighth), cosine(2 * n - eighth)};
    if (eighth < 3 * n) return {-sine(eighth - 2 * n), cosine(eighth - 2 * n)};
    if (eighth < 4 * n) return {-cosine(4 * n - eighth), sine(4 * n - eighth)};
    return {-cosine(eighth - 4 * n), -sine(eighth - 4 * n)};
  }

  int count_, shift_ = 1;
  std::vector<std::complex<double>> near_, far_;
};

/// What sample `n` has of coefficient `k`.
double basis(int k, int n, int length) {
  const double norm = std::sqrt((k == 0 ? 1.0 : 2.0) / length);
  return norm * std::cos(std::numbers::pi * static_cast<double>((2L * n + 1) * k % (4L * length)) / (2.0 * length));
}

}  // namespace

template <class Scalar>
void CosineTransform::Tables<Scalar>::fill(int length, const std::vector<int>& factors) {
  plan.length = length;
  plan.factor_count = static_cast<int>(factors.size());
  plan.norm = static_cast<Scalar>(1 / std::sqrt(static_cast<long double>(2 * length)));
  const Roots turns(4 * length), twiddles(length);
  std::vector<std::size_t> places;
  for (int i = 0; i < length; ++i) values.push_back(static_cast<Scalar>(turns[i + 1].real()));
  int groups = 1;
  for (const int factor : factors) {
    places.push_back(values.size());
    const int rest = length / (groups * factor);
    for (int j = 1; j < factor && rest > 1; ++j)
      for (int i = 1; i <= rest - 1; ++i) {
        const auto root = twiddles[j * groups * ((i + 1) / 2)];
        values.push_back(static_cast<Scalar>(i % 2 == 1 ? root.real() : root.imag()));
      }
    groups *= factor;
  }
  plan.turn = values.data();
  for (std::size_t i = 0; i < factors.size(); ++i) {
    plan.factors[i] = factors[i];
    plan.twiddles[i] = values.data() + places[i];
  }
}

CosineTransform::CosineTransform(int length, double scale) : length_(length), scale_(scale) {
  const std::vector<int> factors = factors_of(length);
  factored_ = std::all_of(factors.begin(), factors.end(), [](int factor) { return factor <= 5; });
  if (factored_) {
    singles_.fill(length, factors);
    doubles_.fill(length, factors);
  } else {
    for (int k = 0; k < length; ++k)
      for (int n = 0; n < length; ++n) forwards_.push_back(basis(k, n, length));
  }
  for (int k = 0; k < length; ++k)
    for (int n = 0; n < (length + 1) / 2; ++n) basis_.push_back(static_cast<float>(basis(k, n, length) / scale));
  constexpr std::size_t kAlignment = 64;
  const std::size_t needed = std::size_t{2} * static_cast<std::size_t>(length) * kMostLanes;
  work_.resize(needed + kAlignment / sizeof(double));
  void* begin = work_.data();
  std::size_t room = work_.size() * sizeof(double);
  aligned_work_ = static_cast<double*>(std::align(kAlignment, needed * sizeof(double), begin, room));
}

bool CosineTransform::quantise(std::span<const float> chunk, int dim, std::span<std::int32_t> whole) noexcept {
  if (!factored_) return quantise_by_sums(chunk, dim, whole);
  return action_kernels().quantise_float(
      singles_.plan, {chunk.data(), dim, static_cast<float>(scale_), reinterpret_cast<float*>(aligned_work_), whole.data()});
}

bool CosineTransform::quantise(std::span<const double> chunk, int dim, std::span<std::int32_t> whole) noexcept {
  if (!factored_) return quantise_by_sums(chunk, dim, whole);
  return action_kernels().quantise_double(doubles_.plan, {chunk.data(), dim, scale_, aligned_work_, whole.data()});
}

template <class Scalar>
bool CosineTransform::quantise_by_sums(std::span<const Scalar> chunk, int dim, std::span<std::int32_t> whole) const noexcept {
  const auto columns = static_cast<std::size_t>(dim), length = static_cast<std::size_t>(length_);
  for (std::size_t k = 0; k < length; ++k)
    for (std::size_t d = 0; d < columns; ++d) {
      double sum = 0;
      for (std::size_t n = 0; n < length; ++n) sum += forwards_[k * length + n] * static_cast<double>(chunk[n * columns + d]);
      const Scalar scaled = static_cast<Scalar>(sum) * static_cast<Scalar>(scale_);
      if (!std::isfinite(scaled)) return false;
      whole[k * columns + d] = static_cast<std::int32_t>(std::clamp(std::nearbyint(static_cast<double>(scaled)), -2e9, 2e9));
    }
  return true;
}

void CosineTransform::invert(std::span<const std::int32_t> whole, int dim, std::span<float> chunk) noexcept {
  // Chunks that move smoothly end with coefficients of zero.
  std::size_t used = whole.size();
  while (used > 0 && whole[used - 1] == 0) --used;
  const int rows = static_cast<int>((used + static_cast<std::size_t>(dim) - 1) / static_cast<std::size_t>(dim));
  action_kernels().inverse({whole.data(), rows, length_, dim, basis_.data(), reinterpret_cast<float*>(aligned_work_), chunk.data()});
}

}  // namespace sinew::detail
