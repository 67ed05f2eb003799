// SPDX-License-Identifier: Apache-2.0
// Everything of Sinew that reads what strangers wrote, by name: a path in, a refusal out.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>

#include "sinew/core/error.hpp"

namespace sinew::testing {

/// "ok", the name of an ErrorCode or Status, or "torn" for a recording that is read up to its damage.
struct Refusal {
  std::string kind = "ok";
  std::string text{};
};

using Reader = std::function<Refusal(const std::filesystem::path&)>;

/// Calls the reader and takes what it throws. Anything but sinew::Error goes through, and fails the test.
inline Refusal call(const Reader& reader, const std::filesystem::path& path) {
  try {
    return reader(path);
  } catch (const Error& error) {
    return {std::string(to_string(error.code())), error.what()};
  }
}

/// By the names that the manifest uses.
[[nodiscard]] std::map<std::string, Reader> readers();

}  // namespace sinew::testing
