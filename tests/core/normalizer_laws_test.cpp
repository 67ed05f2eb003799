// SPDX-License-Identifier: Apache-2.0
// The law suite of sinew::testing for every mode of every rule, on every instruction set, and what the suite cannot see.
#include "sinew/testing/normalizer_laws.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "sinew/core/error.hpp"
#include "sinew/core/isa.hpp"
#include "test_seed.hpp"

using namespace sinew;
using namespace sinew::testing;

namespace {

/// Puts the instruction set back.
struct IsaGuard {
  Isa before = active_isa();
  ~IsaGuard() { select_isa(before); }
};

std::string refusal(auto&& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

VectorStatistics unit_statistics(std::size_t dim) {
  VectorStatistics statistics;
  for_each_statistic(statistics, [dim](std::string_view name, std::vector<double>& values) {
    values.assign(dim, name == "max" || name == "std" || name.starts_with("q9") ? 1 : 0);
  });
  return statistics;
}

}  // namespace

TEST_CASE("normalizer laws: hold for every mode of every rule, one row of statistics or one per step, on every instruction set") {
  const IsaGuard guard;
  for (const Isa isa : available_isas()) {
    select_isa(isa);
    CAPTURE(to_string(isa));
    for (const std::string_view rule : normalization_rules()) {
      CHECK(!normalization_modes(rule).empty());
      for (const NormalizationMode mode : normalization_modes(rule)) {
        for (const std::size_t dim : {1, 7, 14, 29})
          for (const std::size_t steps : {1, 6})
            for (const auto& violation : check_normalizer(mode, rule, {.seed = seed(), .trials = 6, .dim = dim, .steps = steps}))
              FAIL_CHECK(violation);
      }
    }
  }
}

TEST_CASE("normalizer: all instruction sets give the same bits, for any length") {
  const IsaGuard guard;
  Random random(3);
  const VectorStatistics statistics = [&] {
    VectorStatistics made;
    for (int d = 0; d < 5; ++d) {
      made.q01.push_back(random.uniform(-2, 2));
      made.q99.push_back(made.q01.back() + random.uniform(0.1, 2));
    }
    return made;
  }();
  for (const std::size_t rows : {1, 2, 3, 7, 50}) {
    std::vector<double> x(rows * 5);
    for (double& value : x) value = random.uniform(-4, 4);
    std::vector<float> narrow(x.begin(), x.end());
    for (const std::string_view rule : {"lerobot", "qwen", "starvla", "groot"}) {
      const Normalizer normalizer(statistics, NormalizationMode::quantile, std::string(rule), 5);
      std::vector<float> y, single;
      std::vector<double> back;
      for (const Isa isa : available_isas()) {
        select_isa(isa);
        std::vector<float> other_y(x.size()), other_single(x.size());
        std::vector<double> other_back(x.size());
        REQUIRE(normalizer.forward(x, other_y) == Status::ok);
        REQUIRE(normalizer.forward(narrow, other_single) == Status::ok);
        REQUIRE(normalizer.inverse(narrow, other_back) == Status::ok);
        CHECK((y.empty() || (y == other_y && single == other_single && back == other_back)));
        y = other_y, single = other_single, back = other_back;
      }
    }
  }
}

TEST_CASE("normalizer: the suite notices another formula") {
  const PlainDimension at{.low = 1, .high = 3};
  CHECK(plain_normalized(NormalizationMode::quantile, "qwen", at, 2.5) == 0.5);
  CHECK(plain_normalized(NormalizationMode::quantile, "openpi", at, 2.5) != 0.5);
  CHECK(plain_restored(NormalizationMode::quantile, "groot", at, 5) == 3);
  CHECK(plain_restored(NormalizationMode::quantile, "lerobot", at, 5) == 7);
}

TEST_CASE("normalizer: the epsilon of each inverse shows where the range is 0") {
  VectorStatistics zero;
  for_each_statistic(zero, [](std::string_view, std::vector<double>& values) { values = {0}; });
  const auto restored = [&](const char* rule, NormalizationMode mode) {
    std::vector<double> x(1);
    REQUIRE(Normalizer(zero, mode, rule, 1).inverse(std::vector<float>{1}, x) == Status::ok);
    return x[0];
  };
  using Mode = NormalizationMode;
  CHECK(restored("lerobot", Mode::quantile) == 1e-8);
  CHECK(restored("openpi", Mode::quantile) == 1e-6);
  CHECK(restored("oft", Mode::quantile) == 1e-8);
  for (const char* rule : {"openvla", "starvla", "qwen", "groot"}) CHECK(restored(rule, Mode::quantile) == 0);
  CHECK(restored("lerobot", Mode::mean_std) == 0);
  CHECK(restored("openpi", Mode::mean_std) == 1e-6);
  CHECK(restored("groot", Mode::mean_std) == 1);  // passes
}

TEST_CASE("normalizer: a combination that no stack has is refused with the list of those there are") {
  const auto make = [](NormalizationMode mode, const std::string& rule) {
    return refusal([&] { const Normalizer normalizer(unit_statistics(2), mode, rule, 2); });
  };
  CHECK(make(NormalizationMode::min_max, "openpi") ==
        "[Normalizer] mode of rule \"openpi\": expected one of identity, mean_std, quantile, got min_max");
  CHECK(make(NormalizationMode::quantile10, "groot") ==
        "[Normalizer] mode of rule \"groot\": expected one of identity, mean_std, min_max, quantile, sin_cos, got quantile10");
  CHECK(make(NormalizationMode::identity, "") == "accepted");
  CHECK(refusal([] { static_cast<void>(normalization_mode("quantiles")); }) ==
        "[Normalizer] mode: expected one of identity, mean_std, min_max, quantile, quantile10, scale, binary, sin_cos, got \"quantiles\" "
        "(did you mean 'quantile'?)");
  CHECK(normalization_mode("scale") == NormalizationMode::scale);
}

TEST_CASE("normalizer: a direction that the reference does not have is missing, and says so at set-up") {
  const Normalizer scale(unit_statistics(2), NormalizationMode::scale, "starvla", 2);
  std::vector<float> y(2);
  CHECK(!scale.has_inverse());
  CHECK(scale.inverse(std::vector<float>{0, 0}, y) == Status::missing);
  // openpi: longer statistics are cut by Normalize and refused by Unnormalize, shorter ones the other way round.
  const Normalizer longer(unit_statistics(3), NormalizationMode::quantile, "openpi", 2);
  CHECK((longer.has_forward() && !longer.has_inverse()));
  const Normalizer shorter(unit_statistics(1), NormalizationMode::quantile, "openpi", 2);
  CHECK((!shorter.has_forward() && shorter.has_inverse()));
  CHECK(shorter.forward(std::vector<float>{0, 0}, y) == Status::missing);
  REQUIRE(shorter.inverse(std::vector<float>{1, 0.25F}, y) == Status::ok);
  CHECK(y[0] == doctest::Approx(1 + 1e-6));
  CHECK(y[1] == 0.25F);
}

TEST_CASE("normalizer: statistics per step follow the rows of a chunk, and a shorter chunk takes the first of them") {
  VectorStatistics statistics;
  statistics.steps = 3;
  statistics.min = {0, 0, 10, 10, 20, 20};
  statistics.max = {2, 4, 12, 14, 22, 24};
  const Normalizer normalizer(statistics, NormalizationMode::min_max, "groot", 2);
  CHECK(normalizer.steps() == 3);
  std::vector<double> x(12);
  REQUIRE(normalizer.inverse(std::vector<float>(12, 0), x) == Status::ok);
  CHECK(x == std::vector<double>{1, 2, 11, 12, 21, 22, 1, 2, 11, 12, 21, 22});
  REQUIRE(normalizer.inverse(std::vector<float>(4, 0), std::span(x).first(4)) == Status::ok);
  CHECK(x[2] == 11);
  CHECK(normalizer.inverse(std::vector<float>(8, 0), std::span(x).first(8)) == Status::bad_shape);  // one chunk and a third
  statistics.max.pop_back();
  CHECK(refusal([&] { const Normalizer broken(statistics, NormalizationMode::min_max, "groot", 2); }) ==
        "[Normalizer] statistics 'max': expected 2 values for each of 3 steps, got 5");
}

TEST_CASE("normalizer: joined blocks map their own columns") {
  const Normalizer arm(unit_statistics(2), NormalizationMode::min_max, "starvla", 2);
  const Normalizer gripper({}, {.mode = NormalizationMode::binary, .rule = "starvla", .dim = 1, .threshold = 0.2});
  const Normalizer joined = Normalizer::join(std::vector<Normalizer>{arm, gripper});
  CHECK(joined.dim() == 3);
  std::vector<double> x(6);
  REQUIRE(joined.inverse(std::vector<float>{-1, 1, 0.3F, 0, 0, 0.2F}, x) == Status::ok);
  CHECK(x == std::vector<double>{0, 1, 1, 0.5, 0.5, 0});
  const Normalizer other(unit_statistics(2), NormalizationMode::quantile, "qwen", 2);
  CHECK_THROWS_AS(static_cast<void>(Normalizer::join(std::vector<Normalizer>{arm, other})), Error);
  CHECK_THROWS_AS(static_cast<void>(Normalizer::join({})), Error);
}

TEST_CASE("normalizer: what a clip brings back into range passes, however large it was") {
  const Normalizer clipped(unit_statistics(1), NormalizationMode::quantile, "qwen", 1);
  std::vector<float> y(1);
  CHECK(clipped.forward(std::vector<double>{1e300}, y) == Status::ok);
  CHECK(y[0] == 1.0F);
  y[0] = -3e38F;
  CHECK(clipped.forward(std::span<const float>(y), y) == Status::ok);  // in place: the value is still there when it is done again
  CHECK(y[0] == -1.0F);
  const Normalizer open(unit_statistics(1), NormalizationMode::quantile, "lerobot", 1);
  CHECK(open.forward(std::vector<double>{1e300}, y) == Status::out_of_range);
}
