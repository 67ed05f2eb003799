// SPDX-License-Identifier: Apache-2.0
#include "sinew/backend/native_backend.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "sinew/core/error.hpp"
#include "sinew/io/text.hpp"

namespace sinew {

std::pair<std::string_view, std::string_view> split_architecture(std::string_view architecture) {
  const auto slash = architecture.find('/');
  if (slash == std::string_view::npos && !architecture.empty()) return {{}, architecture};
  if (slash == 0 || slash == std::string_view::npos || slash + 1 == architecture.size())
    fail(ErrorCode::invalid_argument,
         {"card", "architecture", "a backbone and a head, e.g. \"qwen3_vl/flow_dit\"", quote(std::string(architecture)), ""});
  return {architecture.substr(0, slash), architecture.substr(slash + 1)};
}

void require_model(std::span<const std::string_view> known, std::string_view name) {
  if (std::ranges::find(known, name) != known.end()) return;
  std::string expected = "a backbone and a head, e.g. \"qwen3_vl/flow_dit\"";
  for (const auto model : known) expected += fmt::format(", or \"{}\"", model);
  fail(ErrorCode::invalid_argument, {"card", "architecture", expected, quote(std::string(name)), ""});
}

}  // namespace sinew
