// SPDX-License-Identifier: Apache-2.0
// What a server counts, and the text in which Prometheus reads it.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

#include "sinew/core/clock.hpp"

namespace sinew::serve {

/// Any thread. Counters begin at 0 and grow.
class ServerMetrics {
 public:
  enum class Refusal : std::uint8_t { token, connections, late, too_large, malformed };

  void connection_opened() noexcept { ++open_, ++opened_; }
  void connection_closed() noexcept { --open_; }
  /// One request that was answered: how long the policy took, and whether the answer was a chunk.
  void answered(Time took, bool good) noexcept;
  /// The policy was asked once, for one observation or several.
  void inferred() noexcept { ++inferred_; }
  void refused(Refusal why) noexcept { ++refused_[static_cast<std::size_t>(why)]; }
  /// What the policy had to say, which is not for strangers.
  void failed(std::string_view text);
  [[nodiscard]] std::string last_error() const;

  [[nodiscard]] std::int64_t open() const noexcept { return open_; }
  /// Prometheus text format 0.0.4.
  [[nodiscard]] std::string text() const;

 private:
  static constexpr std::array<double, 12> kBounds{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0};  // s
  std::atomic<std::int64_t> open_{0};
  std::atomic<std::uint64_t> opened_{0}, inferred_{0}, good_{0}, failed_{0}, nanoseconds_{0};
  std::array<std::atomic<std::uint64_t>, kBounds.size() + 1> buckets_{};
  std::array<std::atomic<std::uint64_t>, 5> refused_{};
  mutable std::mutex mutex_;
  std::string last_error_;
};

}  // namespace sinew::serve
