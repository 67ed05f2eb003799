// SPDX-License-Identifier: Apache-2.0
// Relative joints: masks and numbers of LeRobot and openpi, re-anchoring, and the state that belongs to a chunk.
#include "sinew/action/relative.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <string>
#include <vector>

#include "golden.hpp"
#include "sinew/core/error.hpp"
#include "sinew/testing/action_space_laws.hpp"
#include "test_seed.hpp"

using namespace sinew;
using sinew::testing::read_golden_case;
using sinew::testing::worst_ratio;

namespace {

std::vector<double> widen(std::span<const float> values) { return {values.begin(), values.end()}; }
std::vector<float> narrow(std::span<const double> values) {
  std::vector<float> result;
  for (const double value : values) result.push_back(static_cast<float>(value));
  return result;
}

std::vector<bool> read_mask(const JsonCursor& json) {
  std::vector<bool> mask;
  for (const auto& element : json.elements()) mask.push_back(element.boolean());
  return mask;
}

}  // namespace

TEST_CASE("relative actions: LeRobot's masks from names, relative and back, per element of the batch") {
  const auto golden = read_golden_case("lerobot_misc", "relative_actions");
  const auto config = golden.json().at("config");
  const auto names = config.at("action_names").texts(), exclude = config.at("exclude_joints").texts();
  const auto state = golden.f32("state");
  const std::size_t batch = static_cast<std::size_t>(golden.tensor("state").shape[0]), states = state.size() / batch;
  const std::size_t dim = static_cast<std::size_t>(golden.tensor("action").shape.back());
  CHECK(relative_mask(names, exclude, dim) == read_mask(config.at("masks").at("named")));
  CHECK(relative_mask({}, exclude, dim) == read_mask(config.at("masks").at("nonames")));
  CHECK(relative_mask(std::span(names).first(2), exclude, dim) == read_mask(config.at("masks").at("shortnames")));
  CHECK(relative_mask(names, {}, dim) == read_mask(config.at("masks").at("noexclude")));
  CHECK(relative_mask(names, std::vector<std::string>{"GRIPPER.pos"}, dim) == read_mask(config.at("masks").at("named")));
  for (const auto& [name, mask] : config.at("masks").members()) {
    const RelativeActions relative(read_mask(mask));
    for (const std::string form : {"action", "action2d"}) {
      CAPTURE(name + "." + form);
      const auto actions = golden.f32(form);
      const std::size_t size = actions.size() / batch;
      for (std::size_t b = 0; b < batch; ++b) {
        const auto own = widen(state.subspan(b * states, states));
        auto values = widen(actions.subspan(b * size, size));
        REQUIRE(relative.to_relative(values, dim, own) == Status::ok);
        CHECK(worst_ratio(narrow(values), golden.f32(name + "." + form + ".relative").subspan(b * size, size), golden.tolerance()) <= 1);
        REQUIRE(relative.to_absolute(values, dim, own) == Status::ok);
        CHECK(worst_ratio(narrow(values), golden.f32(name + "." + form + ".absolute").subspan(b * size, size), golden.tolerance()) <= 1);
      }
    }
  }
}

TEST_CASE("reanchor_prefix: what is left of a chunk, relative to the state of now, normalised") {
  const auto golden = read_golden_case("lerobot_misc", "relative_actions");
  const auto config = golden.json().at("config");
  auto absolute = widen(golden.f32("reanchor.prev_absolute"));
  const auto stats = config.at("reanchor_stats");
  const auto mean = stats.at("mean").numbers(), std = stats.at("std").numbers();
  const auto mask = relative_mask(config.at("action_names").texts(), config.at("exclude_joints").texts(), mean.size());
  VectorStatistics statistics;
  statistics.mean = mean;
  statistics.std = std;
  const Normalizer normalizer(statistics, NormalizationMode::mean_std, "lerobot", mean.size());
  std::vector<float> prefix(absolute.size());
  REQUIRE(reanchor_prefix(RelativeActions(mask), normalizer, widen(golden.f32("reanchor.state")), absolute, prefix) == Status::ok);
  CHECK(worst_ratio(prefix, golden.f32("reanchor.out"), golden.tolerance()) <= 1);
}

TEST_CASE("relative actions: openpi's masks by runs, shorter than the action") {
  const auto golden = read_golden_case("openpi", "delta_actions");
  for (const auto& [name, json] : golden.json().at("config").at("cases").members()) {
    CAPTURE(name);
    std::vector<int> runs;
    if (const auto at = json.at("make_bool_mask"); !at.is_null())
      for (const auto& element : at.elements()) runs.push_back(static_cast<int>(element.integer()));
    const auto mask = relative_mask(runs);
    if (const auto at = json.at("mask"); !at.is_null()) CHECK(mask == read_mask(at));
    const RelativeActions relative(mask);
    const std::size_t dim = static_cast<std::size_t>(golden.tensor(name + ".actions").shape.back());
    const auto state = widen(golden.f32(name + ".state"));
    auto values = widen(golden.f32(name + ".actions"));
    REQUIRE(relative.to_relative(values, dim, state) == Status::ok);
    CHECK(worst_ratio(narrow(values), golden.f32(name + ".delta"), golden.tolerance()) <= 1);
    REQUIRE(relative.to_absolute(values, dim, state) == Status::ok);
    CHECK(worst_ratio(narrow(values), golden.f32(name + ".absolute_of_delta"), golden.tolerance()) <= 1);
    values = widen(golden.f32(name + ".actions"));
    REQUIRE(relative.to_absolute(values, dim, state) == Status::ok);
    CHECK(worst_ratio(narrow(values), golden.f32(name + ".absolute"), golden.tolerance()) <= 1);
  }
}

TEST_CASE("relative actions: absolute undoes relative for every mask") {
  sinew::testing::Random random(51);
  for (int trial = 0; trial < 500; ++trial) {
    const std::size_t dim = 1 + random.below(20), rows = 1 + random.below(10);
    std::vector<bool> mask(random.below(dim + 1));
    for (std::size_t i = 0; i < mask.size(); ++i) mask[i] = random.below(2) == 0;
    std::vector<double> actions(rows * dim), state(dim);
    for (auto& value : actions) value = random.uniform(-3, 3);
    for (auto& value : state) value = random.uniform(-3, 3);
    CHECK(sinew::testing::relative_law(RelativeActions(mask), actions, dim, state) == "");
  }
}

TEST_CASE("relative actions: a refused call writes nothing") {
  const RelativeActions relative({true, false, true});
  std::vector<double> actions = {1, 2, 3, 4}, before = actions;
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK(relative.to_absolute(actions, 4, std::vector<double>{1, 2}) == Status::bad_shape);
  CHECK(relative.to_absolute(actions, 2, std::vector<double>{1, 2, 3}) == Status::bad_shape);
  CHECK(relative.to_absolute(actions, 3, std::vector<double>{1, 2, 3}) == Status::bad_shape);
  CHECK(relative.to_absolute(actions, 0, std::vector<double>{1, 2, 3}) == Status::bad_shape);
  CHECK(relative.to_absolute(actions, 4, std::vector<double>{1, 2, nan}) == Status::not_finite);
  CHECK(actions == before);
  CHECK(relative.to_absolute(actions, 4, std::vector<double>{1, nan, 3}) == Status::ok);  // a dimension that is not relative
  CHECK(actions == std::vector<double>{2, 2, 6, 4});
  actions[1] = nan;
  CHECK(relative.to_relative(actions, 4, std::vector<double>{1, 0, 3}) == Status::not_finite);
  CHECK_THROWS_AS((void)relative_mask(std::vector<int>{3, 0}), Error);
  CHECK_THROWS_AS((void)relative_mask(std::vector<int>{std::numeric_limits<int>::min()}), Error);
}

TEST_CASE("relative reference: a chunk is made absolute with the state of its own observation, or not at all") {
  RelativeReference reference(2, 3);
  const RelativeActions relative({true, true, false});
  REQUIRE(reference.remember(7, std::vector<double>{1, 2, 3}) == Status::ok);
  REQUIRE(reference.remember(8, std::vector<double>{10, 20, 30}) == Status::ok);
  std::vector<double> actions = {0.5, 0.5, 0.5};
  REQUIRE(reference.to_absolute(relative, 7, actions, 3) == Status::ok);
  CHECK(actions == std::vector<double>{1.5, 2.5, 0.5});
  CHECK(reference.to_absolute(relative, 9, actions, 3) == Status::stale);
  REQUIRE(reference.remember(9, std::vector<double>{0, 0, 0}) == Status::ok);  // forgets 7
  CHECK(reference.to_absolute(relative, 7, actions, 3) == Status::stale);
  CHECK(actions == std::vector<double>{1.5, 2.5, 0.5});
  REQUIRE(reference.remember(8, std::vector<double>{-1, -1, -1}) == Status::ok);  // the same id again: the newer state, 9 stays
  CHECK(reference.find(8)[0] == -1);
  CHECK_FALSE(reference.find(9).empty());
  CHECK(reference.remember(10, std::vector<double>{1, 2, 3, 4}) == Status::bad_shape);
  CHECK(reference.remember(10, std::vector<double>{}) == Status::bad_shape);
  CHECK(reference.remember(10, std::vector<double>{std::numeric_limits<double>::infinity()}) == Status::not_finite);
  reference.reset();
  CHECK(reference.find(8).empty());
  CHECK_THROWS_AS(RelativeReference(0, 3), Error);
}
