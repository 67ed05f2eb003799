// SPDX-License-Identifier: Apache-2.0
// The one place that states the version; CMake and the Python package read it from here.
#pragma once

#include <string_view>

#define SINEW_VERSION_MAJOR 0
#define SINEW_VERSION_MINOR 1
#define SINEW_VERSION_PATCH 0

namespace sinew {

/// Version of the library that was compiled, "major.minor.patch".
[[nodiscard]] std::string_view version() noexcept;

}  // namespace sinew
