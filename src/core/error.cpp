// SPDX-License-Identifier: Apache-2.0
#include "sinew/core/error.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>
#include <vector>

#include "shown.hpp"
#include "sinew/core/log.hpp"
#include "sinew/core/status.hpp"
#include "sinew/core/version.hpp"

namespace sinew {

#define SINEW_TEXT(x) SINEW_TEXT_(x)
#define SINEW_TEXT_(x) #x
std::string_view version() noexcept {
  return SINEW_TEXT(SINEW_VERSION_MAJOR) "." SINEW_TEXT(SINEW_VERSION_MINOR) "." SINEW_TEXT(SINEW_VERSION_PATCH);
}

std::string_view to_string(Status status) noexcept {
  switch (status) {
    case Status::ok: return "ok";
    case Status::bad_shape: return "bad_shape";
    case Status::over_capacity: return "over_capacity";
    case Status::missing: return "missing";
    case Status::not_finite: return "not_finite";
    case Status::out_of_range: return "out_of_range";
    case Status::stale: return "stale";
    case Status::unreachable: return "unreachable";
    case Status::not_ready: return "not_ready";
    case Status::stopped: return "stopped";
    case Status::timeout: return "timeout";
    case Status::backend_failed: return "backend_failed";
  }
  return "unknown";
}

std::string_view to_string(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::invalid_argument: return "invalid_argument";
    case ErrorCode::not_found: return "not_found";
    case ErrorCode::parse: return "parse";
    case ErrorCode::unsupported: return "unsupported";
    case ErrorCode::io: return "io";
    case ErrorCode::limit: return "limit";
    case ErrorCode::failed: return "failed";
    case ErrorCode::internal: return "internal";
  }
  return "unknown";
}

std::string_view to_string(LogLevel level) noexcept {
  switch (level) {
    case LogLevel::debug: return "debug";
    case LogLevel::info: return "info";
    case LogLevel::warning: return "warning";
    case LogLevel::error: return "error";
  }
  return "unknown";
}

std::string to_string(const Complaint& complaint) {
  std::string text = fmt::format("[{}] {}", complaint.where, complaint.what);
  if (!complaint.expected.empty()) text += fmt::format(": expected {}", complaint.expected);
  if (!complaint.got.empty()) text += fmt::format("{} got {}", complaint.expected.empty() ? ":" : ",", complaint.got);
  if (!complaint.hint.empty()) text += fmt::format(" ({})", complaint.hint);
  return text;
}

void fail(ErrorCode code, const Complaint& complaint) { throw Error(code, to_string(complaint)); }

std::string_view nearest_name(std::string_view word, std::span<const std::string_view> candidates) {
  std::string_view best;
  std::size_t best_distance = std::max<std::size_t>(2, word.size() / 3) + 1;
  for (const auto candidate : candidates) {
    std::vector<std::size_t> row(candidate.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < word.size(); ++i) {
      std::size_t diagonal = row[0];
      row[0] = i + 1;
      for (std::size_t j = 0; j < candidate.size(); ++j) {
        const std::size_t substitution = diagonal + (word[i] == candidate[j] ? 0 : 1);
        diagonal = row[j + 1];
        row[j + 1] = std::min({row[j + 1] + 1, row[j] + 1, substitution});
      }
    }
    if (row.back() < best_distance) {
      best_distance = row.back();
      best = candidate;
    }
  }
  return best;
}

std::size_t find_name(std::string_view name, std::span<const std::string_view> names, std::string_view where, std::string_view what) {
  const auto found = std::ranges::find(names, name);
  if (found != names.end()) return static_cast<std::size_t>(found - names.begin());
  const auto near = nearest_name(name, names);
  fail(ErrorCode::invalid_argument,
       {where, what, "one of " + join_names(names), detail::shown(name), near.empty() ? "" : fmt::format("did you mean '{}'?", near)});
}

std::string join_names(std::span<const std::string_view> names) { return fmt::format("{}", fmt::join(names, ", ")); }

}  // namespace sinew
