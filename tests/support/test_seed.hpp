// SPDX-License-Identifier: Apache-2.0
// Seeded randomness for tests: the same numbers on every machine, printed once, overridable.
#pragma once

#include <cstdint>
#include <cstdlib>

namespace sinew::testing {

/// The seed of this run: SINEW_TEST_SEED, or 20260101.
inline std::uint64_t seed() {
  const char* text = std::getenv("SINEW_TEST_SEED");
  return text != nullptr ? std::strtoull(text, nullptr, 10) : 20260101ULL;
}

/// xoshiro-quality is not needed here: splitmix64, identical on every platform (the distributions of <random> are not).
class Random {
 public:
  explicit Random(std::uint64_t stream = 0) : state_(seed() + stream * 0x9E3779B97F4A7C15ULL) {}
  std::uint64_t bits() noexcept {
    std::uint64_t z = (state_ += 0x9E3779B97F4A7C15ULL);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31);
  }
  /// Uniform in [0, 1).
  double uniform() noexcept { return static_cast<double>(bits() >> 11) * 0x1.0p-53; }
  /// Uniform in [low, high).
  double uniform(double low, double high) noexcept { return low + (high - low) * uniform(); }
  /// Uniform in 0 .. count - 1.
  std::uint64_t below(std::uint64_t count) noexcept { return bits() % count; }

 private:
  std::uint64_t state_;
};

}  // namespace sinew::testing
