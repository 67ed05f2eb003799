// SPDX-License-Identifier: Apache-2.0
// Which files of a policy directory hold its weights.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace sinew::detail {

struct WeightFiles {
  struct Shard {
    std::filesystem::path path;
    std::vector<std::string> names;  // that the index promises, in alphabetical order; none without an index
  };
  std::vector<Shard> shards;
  std::optional<double> total_size;  // bytes of all tensors, as the index has it
};

/// Throws Error whose message begins with the path of the directory or the index.
[[nodiscard]] WeightFiles find_weight_files(const std::filesystem::path& directory);

}  // namespace sinew::detail
