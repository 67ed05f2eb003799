// SPDX-License-Identifier: Apache-2.0
// Statistics files from a stranger, as every format: either a reason, or statistics that a normaliser takes or refuses with a reason.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "fuzz.hpp"
#include "sinew/core/error.hpp"
#include "sinew/core/normalizer.hpp"
#include "sinew/io/statistics_file.hpp"

using namespace sinew;
using sinew::testing::check_error_text;
using sinew::testing::law;

namespace {

void normalise(const VectorStatistics& statistics) {
  std::size_t dim = 0;
  for_each_statistic(statistics, [&](std::string_view, const std::vector<double>& values) {
    law(values.size() % statistics.steps == 0, "every step has the same numbers");
    law(values.empty() || dim == 0 || values.size() / statistics.steps == dim, "all statistics have one dim");
    if (!values.empty()) dim = values.size() / statistics.steps;
  });
  if (dim == 0) return;
  law(statistics.mask.empty() || statistics.mask.size() == dim, "the mask has that dim");
  for (const std::string_view rule : normalization_rules()) {
    for (const NormalizationMode mode : normalization_modes(rule)) {
      try {
        const Normalizer normalizer(statistics, {.mode = mode, .rule = std::string(rule), .dim = dim});
        const std::vector<double> x(dim, 0.5);
        std::vector<float> y(normalizer.out_dim());
        const Status status = normalizer.forward(x, y);
        law(status != Status::ok || std::ranges::all_of(y, [](float value) { return value - value == 0; }), "what is ok is finite");
      } catch (const Error& error) {
        check_error_text(error.what());
      }
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (int format = 0; format <= static_cast<int>(StatisticsFormat::groot); ++format) {
    try {
      const Statistics statistics = statistics_from_json(Json::parse(text, "fuzz"), static_cast<StatisticsFormat>(format), "fuzz");
      for (const auto& [key, entry] : statistics) normalise(entry);
      law(!statistics_key(statistics, "", "action").empty(), "a key that was found has a name");
    } catch (const Error& error) {
      check_error_text(error.what());
    }
  }
  return 0;
}
