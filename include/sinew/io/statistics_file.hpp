// SPDX-License-Identifier: Apache-2.0
// Statistics files of each stack, read into one form.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "sinew/core/card.hpp"
#include "sinew/core/statistics.hpp"
#include "sinew/io/json.hpp"

namespace sinew {

/// Who wrote a statistics file, and the keys that its entries get.
enum class StatisticsFormat : std::uint8_t {
  sinew,                ///< `stats.json` of a policy directory: the keys of the file
  lerobot,              ///< `meta/stats.json`: features, e.g. "observation.state"; `[channels, 1, 1]` becomes `[channels]`
  lerobot_safetensors,  ///< `*_normalizer_processor.safetensors`: "<feature>.<statistic>", split at the last dot
  openpi,               ///< `norm_stats.json`: "state", "actions"; quantiles may be null
  openvla,              ///< `dataset_statistics.json` of OpenVLA, OFT and StarVLA: "<unnorm_key>/action", "/proprio", "/state"
  groot                 ///< `statistics.json`: "<embodiment>/<modality>/<group>", e.g. "libero_sim/relative_action/arm"
};

/// Name of the enumerator, e.g. "lerobot_safetensors".
[[nodiscard]] std::string_view to_string(StatisticsFormat format) noexcept;
/// The format of that name. Throws Error that lists the names.
[[nodiscard]] StatisticsFormat statistics_format(std::string_view name);

/// Reads a statistics file. A statistic of two axes is `[steps, dim]`; those of one entry have the same dim, and the same steps
/// or one row, which is repeated. Beyond the statistics of core/statistics.hpp these members are known and left out: "count",
/// "q50" (LeRobot), "num_transitions", "num_trajectories" (OpenVLA). Any other is refused. Throws Error with the place.
[[nodiscard]] Statistics read_statistics(const std::filesystem::path& path, StatisticsFormat format);
/// The same from JSON; not for lerobot_safetensors.
[[nodiscard]] Statistics statistics_from_json(const Json& json, StatisticsFormat format, const std::string& where);

/// Binds `{"<key>": {"q01": [..], "q99": [..], "mean": [..], ..}}` of a policy directory.
[[nodiscard]] Statistics statistics_from_json(const Json& json, const std::string& where);
/// The statistics of a policy directory as its card describes them; none without a file. Throws Error that names both digests when the
/// file is not the one that the card was written for.
[[nodiscard]] Statistics read_statistics(const std::filesystem::path& directory, const StatisticsCard& card);

/// The key "<owner>/<part>" of `statistics`, e.g. "bridge_orig/action": `owner` is an unnorm_key or embodiment, and may be empty
/// when only one has that part. Throws Error that lists the owners there are.
[[nodiscard]] std::string statistics_key(const Statistics& statistics, std::string_view owner, std::string_view part);

}  // namespace sinew
