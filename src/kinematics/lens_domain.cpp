// SPDX-License-Identifier: Apache-2.0
// First positive roots of the polynomials that bound a lens.
#include "lens.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace sinew::detail {
namespace {

/// 1e6 is 1e-6 rad from the plane of the camera: farther out the polynomials say nothing about a lens.
constexpr double kLargestRadius = 1e6;

/// Coefficients, constant term first.
using Polynomial = std::vector<double>;

double value(const Polynomial& p, double x) {
  double sum = 0;
  for (auto c = p.rbegin(); c != p.rend(); ++c) sum = sum * x + *c;
  return sum;
}

Polynomial operator*(const Polynomial& a, const Polynomial& b) {
  Polynomial product(a.size() + b.size() - 1);
  for (std::size_t i = 0; i < a.size(); ++i) {
    for (std::size_t j = 0; j < b.size(); ++j) product[i + j] += a[i] * b[j];
  }
  return product;
}

/// a + factor * b
Polynomial sum(Polynomial a, const Polynomial& b, double factor) {
  a.resize(std::max(a.size(), b.size()));
  for (std::size_t i = 0; i < b.size(); ++i) a[i] += factor * b[i];
  return a;
}

Polynomial derivative(const Polynomial& p) {
  Polynomial slope(std::max<std::size_t>(p.size(), 2) - 1);
  for (std::size_t i = 1; i < p.size(); ++i) slope[i - 1] = static_cast<double>(i) * p[i];
  return slope;
}

/// Where `p` changes its sign in (0, upper), ascending: between two extrema there is at most one place, found by bisection.
std::vector<double> sign_changes(const Polynomial& p, double upper) {
  if (std::all_of(p.begin() + 1, p.end(), [](double c) { return c == 0; })) return {};
  std::vector<double> ends = sign_changes(derivative(p), upper);
  ends.insert(ends.begin(), 0.0);
  ends.push_back(upper);
  std::vector<double> places;
  for (std::size_t i = 0; i + 1 < ends.size(); ++i) {
    double low = ends[i], high = ends[i + 1];
    const bool positive = value(p, low) > 0;
    if ((value(p, high) > 0) == positive) continue;
    for (double middle = 0.5 * (low + high); middle > low && middle < high; middle = 0.5 * (low + high)) {
      ((value(p, middle) > 0) == positive ? low : high) = middle;
    }
    places.push_back(low);
  }
  return places;
}

/// The largest x up to which `p`, positive at 0, stays positive; `upper` when it does throughout.
double positive_up_to(const Polynomial& p, double upper) {
  const std::vector<double> places = sign_changes(p, upper);
  return places.empty() ? upper : places.front();
}

}  // namespace

void bound_brown_conrady(Lens& lens) {
  const double tangential = std::hypot(lens.p1, lens.p2);
  const Polynomial r = {0, 1};
  const Polynomial over = {1, 0, lens.k1, 0, lens.k2, 0, lens.k3}, under = {1, 0, lens.k4, 0, lens.k5, 0, lens.k6};
  const Polynomial square = under * under, ratio = over * under;
  // f' times the square of the denominator.
  const Polynomial slope = sum(ratio, r * sum(derivative(over) * under, over * derivative(under), -1.0), 1.0);
  double limit = positive_up_to(under, kLargestRadius);
  limit = positive_up_to(sum(slope, r * square, -6.0 * tangential), limit);
  limit = positive_up_to(sum(ratio, r * square, -6.0 * tangential), limit);
  lens.limit = limit;
  lens.image_max = limit * value(over, limit) / value(under, limit) + 3.0 * tangential * limit * limit;
}

void bound_kannala_brandt(Lens& lens) {
  const Polynomial slope = {1, 0, 3 * lens.k1, 0, 5 * lens.k2, 0, 7 * lens.k3, 0, 9 * lens.k4};
  const double theta = positive_up_to(slope, std::atan(kLargestRadius));
  lens.limit = std::tan(theta);
  lens.image_max = value({0, 1, 0, lens.k1, 0, lens.k2, 0, lens.k3, 0, lens.k4}, theta);
}

}  // namespace sinew::detail
