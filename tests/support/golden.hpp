// SPDX-License-Identifier: Apache-2.0
// Where the golden files are, and what their descriptions say.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>

#include "safetensors_file.hpp"
#include "sinew/io/json.hpp"

namespace sinew::testing {

/// SINEW_GOLDEN_DIR of the environment, or the files of this repository.
inline std::filesystem::path golden_directory() {
  const char* chosen = std::getenv("SINEW_GOLDEN_DIR");
  return chosen != nullptr ? chosen : SINEW_GOLDEN_DIR;
}

/// One golden case: `<area>/<name>.json` and the tensors of `<area>/<name>.safetensors`.
struct GoldenCase {
  Json description;
  std::map<std::string, GoldenTensor> tensors;
};

/// Throws when a file is missing or damaged.
inline GoldenCase read_golden_case(std::string_view area, std::string_view name) {
  const std::string stem = (golden_directory() / area / name).string();
  return {Json::read_file(stem + ".json"), read_golden(stem + ".safetensors")};
}

}  // namespace sinew::testing
