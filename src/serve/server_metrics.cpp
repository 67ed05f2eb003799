// SPDX-License-Identifier: Apache-2.0
#include "sinew/serve/server_metrics.hpp"

#include <fmt/format.h>

#include <iterator>
#include <string_view>

namespace sinew::serve {

void ServerMetrics::answered(Time took, bool good) noexcept {
  ++(good ? good_ : failed_);
  nanoseconds_ += static_cast<std::uint64_t>(took.count());
  std::size_t place = 0;
  while (place < kBounds.size() && to_seconds(took) > kBounds[place]) ++place;
  ++buckets_[place];
}

void ServerMetrics::failed(std::string_view text) {
  const std::lock_guard lock(mutex_);
  last_error_.assign(text);
}

std::string ServerMetrics::last_error() const {
  const std::lock_guard lock(mutex_);
  return last_error_;
}

std::string ServerMetrics::text() const {
  std::string text;
  const auto head = [&text](std::string_view name, std::string_view kind, std::string_view help) {
    fmt::format_to(std::back_inserter(text), "# HELP {0} {2}\n# TYPE {0} {1}\n", name, kind, help);
  };
  const auto line = [&text](std::string_view name, auto value) { fmt::format_to(std::back_inserter(text), "{} {}\n", name, value); };
  head("sinew_connections", "gauge", "Open connections.");
  line("sinew_connections", open_.load());
  head("sinew_connections_total", "counter", "Connections that were accepted.");
  line("sinew_connections_total", opened_.load());
  head("sinew_requests_total", "counter", "Requests that were answered.");
  line("sinew_requests_total{result=\"chunk\"}", good_.load());
  line("sinew_requests_total{result=\"error\"}", failed_.load());
  head("sinew_inferences_total", "counter", "Inferences; fewer than requests where several were answered together.");
  line("sinew_inferences_total", inferred_.load());
  head("sinew_refused_total", "counter", "Connections and requests that were turned away.");
  constexpr std::array<std::string_view, 5> kWhy{"token", "connections", "late", "too_large", "malformed"};
  for (std::size_t i = 0; i < kWhy.size(); ++i) line(fmt::format("sinew_refused_total{{reason=\"{}\"}}", kWhy[i]), refused_[i].load());
  head("sinew_request_seconds", "histogram", "Reading the observation, inference, decoding, writing the reply.");
  std::uint64_t below = 0;
  for (std::size_t i = 0; i < kBounds.size(); ++i)
    line(fmt::format("sinew_request_seconds_bucket{{le=\"{}\"}}", kBounds[i]), below += buckets_[i].load());
  below += buckets_.back().load();
  line("sinew_request_seconds_bucket{le=\"+Inf\"}", below);
  line("sinew_request_seconds_sum", static_cast<double>(nanoseconds_.load()) * 1e-9);
  line("sinew_request_seconds_count", below);
  return text;
}

}  // namespace sinew::serve
