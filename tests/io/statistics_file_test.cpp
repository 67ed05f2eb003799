// SPDX-License-Identifier: Apache-2.0
// Statistics files of every stack: what the stacks wrote is read, what is ambiguous, missing or unknown is refused with the place.
#include "sinew/io/statistics_file.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

#include "golden.hpp"
#include "sinew/core/error.hpp"
#include "sinew/io/json_cursor.hpp"
#include "temporary_directory.hpp"

using namespace sinew;
using namespace sinew::testing;

namespace {

Statistics read(const std::string& text, StatisticsFormat format) { return statistics_from_json(Json::parse(text, "s"), format, "s"); }

std::string refusal(const std::string& text, StatisticsFormat format) {
  try {
    static_cast<void>(read(text, format));
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

}  // namespace

TEST_CASE("statistics file: LeRobot's stats.json, images as one number per channel") {
  const Statistics statistics = read(R"({"observation.images.top": {"mean": [[[0.5]], [[0.25]], [[0.75]]], "count": [10]},
               "action": {"min": [0, 1], "max": [2, 3], "q10": [0.5, 1.5], "q50": [1, 2], "q90": [1.5, 2.5], "count": [10]}})",
                                     StatisticsFormat::lerobot);
  CHECK(statistics.at("observation.images.top").mean == std::vector<double>{0.5, 0.25, 0.75});
  CHECK(statistics.at("observation.images.top").steps == 1);
  CHECK(statistics.at("action").q90 == std::vector<double>{1.5, 2.5});
  CHECK(refusal(R"({"action": {"q05": [1]}})", StatisticsFormat::lerobot) ==
        "[s /action] unknown key 'q05': expected one of mean, std, min, max, q01, q10, q90, q99 (did you mean 'q01'?)");
  CHECK(refusal(R"({"a": {"mean": [[[1, 2]]]}})", StatisticsFormat::lerobot).starts_with("[s /a/mean/0/0]"));
  CHECK(refusal(R"({"a": {"mean": [[[1]]]}})", StatisticsFormat::sinew).starts_with("[s /a/mean/0"));
}

TEST_CASE("statistics file: LeRobot's normaliser state, as the library names its tensors") {
  const GoldenCase golden = read_golden_case("lerobot_misc", "normalizer");
  const TemporaryDirectory folder;
  std::vector<SafetensorsTensor> tensors;
  constexpr std::string_view kPrefix = "state_dict.";
  for (const auto& [name, tensor] : golden.tensors)
    if (name.starts_with(kPrefix)) tensors.push_back({name.substr(kPrefix.size()), DType::f32, tensor.shape, tensor.bytes});
  const auto path = folder.path() / "policy_preprocessor_step_3_normalizer_processor.safetensors";
  write_safetensors(path, tensors);
  const Statistics statistics = read_statistics(path, StatisticsFormat::lerobot_safetensors);
  std::size_t seen = 0;
  for (const auto& [key, entry] : statistics) {
    for_each_statistic(entry, [&, &name = key](std::string_view statistic, const std::vector<double>& values) {
      const auto found = golden.tensors.find(std::string(kPrefix) + name + '.' + std::string(statistic));
      REQUIRE((found == golden.tensors.end()) == values.empty());
      if (values.empty()) return;
      const auto expected = found->second.as_f32();
      CHECK(values == std::vector<double>(expected.begin(), expected.end()));
      ++seen;
    });
  }
  CHECK(statistics.count("observation.images.top") == 1);  // split at the last dot
  CHECK(seen > 8);
  write_safetensors(path, std::vector<SafetensorsTensor>{{"action.median", DType::f32, {1}, std::as_bytes(std::span("abc", 4))}});
  CHECK_THROWS_WITH_AS(static_cast<void>(read_statistics(path, StatisticsFormat::lerobot_safetensors)),
                       doctest::Contains("tensor 'action.median': expected a name that ends with one of"), Error);
}

TEST_CASE("statistics file: openpi's norm_stats.json, with its own text and with quantiles that are null") {
  const GoldenCase golden = read_golden_case("openpi", "normalize");
  const JsonCursor root(golden.description, "golden");
  const Statistics statistics = read(root.at("norm_stats_json").text(), StatisticsFormat::openpi);
  for (const char* key : {"state", "actions"}) {
    CHECK(statistics.at(key).std == root.at("config").at("stats_float64").at("std").numbers());
    CHECK(statistics.at(key).q99 == root.at("config").at("stats_float64").at("q99").numbers());
  }
  const std::string nulls = R"({"norm_stats": {"state": {"mean": [1], "std": [2], "q01": null, "q99": null}}})";
  CHECK(read(nulls, StatisticsFormat::openpi).at("state").q01.empty());
  CHECK(refusal(nulls, StatisticsFormat::sinew).starts_with("[s /norm_stats] unknown key 'state'"));
  CHECK(refusal(R"({"state": {"mean": [1], "q01": null}})", StatisticsFormat::sinew).starts_with("[s /state/q01]"));
  CHECK(refusal(R"({"state": {}})", StatisticsFormat::openpi).find("norm_stats") != std::string::npos);
}

TEST_CASE("statistics file: StarVLA's and OpenVLA's dataset_statistics.json by unnorm_key") {
  for (const char* name : {"server_unapply_libero_franka", "server_unapply_oxe_bridge"}) {
    const GoldenCase golden = read_golden_case("starvla_transforms", name);
    const JsonCursor root(golden.description, "golden");
    const Statistics statistics = statistics_from_json(root.at("dataset_statistics_json").value(), StatisticsFormat::openvla, name);
    const std::string owner = root.at("config").at("unnorm_key").text();
    CHECK(statistics_key(statistics, "", "action") == owner + "/action");
    const auto& action = statistics.at(statistics_key(statistics, owner, "action"));
    CHECK(action.q01 == root.at("dataset_statistics_json").at(owner).at("action").at("q01").numbers());
    CHECK(action.mask.size() == action.q01.size());
  }
  const Statistics two =
      read(R"({"bridge": {"action": {"q01": [0], "q99": [1], "mask": [false]}, "num_transitions": 4, "num_trajectories": 1},
                                  "fractal": {"action": {"q01": [0], "q99": [1]}, "proprio": {"min": [0], "max": [1]}}})",
           StatisticsFormat::openvla);
  CHECK(two.at("bridge/action").mask == std::vector<std::uint8_t>{0});
  CHECK(statistics_key(two, "", "proprio") == "fractal/proprio");
  CHECK_THROWS_WITH_AS(static_cast<void>(statistics_key(two, "", "action")),
                       "[statistics] owner of 'action': expected one of bridge, fractal, got none (name one)", Error);
  CHECK_THROWS_WITH_AS(static_cast<void>(statistics_key(two, "bridges", "action")),
                       "[statistics] owner of 'action': expected one of bridge, fractal, got 'bridges' (did you mean 'bridge'?)", Error);
  CHECK_THROWS_WITH_AS(static_cast<void>(statistics_key(two, "", "state")),
                       "[statistics] owner of 'state': expected statistics that have it, got none (name one)", Error);
  CHECK(refusal(R"({"a": {"action": {"q01": [0, 1], "mask": [true]}}})", StatisticsFormat::openvla).find("/a/action/mask") !=
        std::string::npos);
}

TEST_CASE("statistics file: GR00T's statistics.json, per step where the file has it") {
  const GoldenCase golden = read_golden_case("groot_n17", "action_decode");
  const JsonCursor raw = JsonCursor(golden.description, "golden").at("raw_stats");
  const Statistics statistics =
      statistics_from_json(Json(Json::Object{{"libero_sim", raw.value()}}), StatisticsFormat::groot, "statistics.json");
  for (const auto& [group, entry] : raw.at("relative_action").members()) {
    const VectorStatistics& read = statistics.at("libero_sim/relative_action/" + group);
    const auto rows = entry.at("min").elements();
    CHECK(read.steps == rows.size());
    for (std::size_t step = 0; step < rows.size(); ++step)
      CHECK(read.min.at(step * rows[step].numbers().size()) == rows[step].numbers().at(0));
  }
  CHECK(statistics_key(statistics, "", "action/gripper") == "libero_sim/action/gripper");
  const Statistics mixed =
      read(R"({"e": {"relative_action": {"arm": {"min": [[0, 1], [2, 3]], "max": [8, 9]}}}})", StatisticsFormat::groot);
  CHECK(mixed.at("e/relative_action/arm").max == std::vector<double>{8, 9, 8, 9});  // one row holds for every step
  CHECK(refusal(R"({"e": {"m": {"g": {"min": [[0, 1], [2]]}}}})", StatisticsFormat::groot).starts_with("[s /e/m/g/min/1]"));
  CHECK(refusal(R"({"e": {"m": {"g": {"min": [[0], [1]], "max": [[0], [1], [2]]}}}})", StatisticsFormat::groot).find("2 steps") !=
        std::string::npos);
}

TEST_CASE("statistics file: formats by name") {
  CHECK(statistics_format("openpi") == StatisticsFormat::openpi);
  CHECK(to_string(StatisticsFormat::lerobot_safetensors) == "lerobot_safetensors");
  CHECK_THROWS_WITH_AS(static_cast<void>(statistics_format("opemvla")), doctest::Contains("did you mean 'openvla'?"), Error);
}
