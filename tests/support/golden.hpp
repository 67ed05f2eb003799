// SPDX-License-Identifier: Apache-2.0
// Where the golden files are, and what their descriptions say.
#pragma once

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>

#include "safetensors_file.hpp"
#include "sinew/io/json.hpp"
#include "sinew/io/json_cursor.hpp"

namespace sinew::testing {

/// SINEW_GOLDEN_DIR of the environment, or the files of this repository.
inline std::filesystem::path golden_directory() {
  const char* chosen = std::getenv("SINEW_GOLDEN_DIR");
  return chosen != nullptr ? chosen : SINEW_GOLDEN_DIR;
}

/// What a golden file says of its numbers: "atol 1e-6 rtol 1e-5", in any order, with other words between.
struct Tolerance {
  double absolute = 0;
  double relative = 0;

  [[nodiscard]] bool accepts(double got, double expected) const {
    return std::abs(got - expected) <= absolute + relative * std::abs(expected);
  }
};

/// The first figures behind "atol" and "rtol" in `text`; throws when there is neither.
inline Tolerance read_tolerance(const std::string& text) {
  const auto after = [&text](const char* name) {
    const auto at = text.find(name);
    return at == std::string::npos ? 0.0 : std::strtod(text.c_str() + at + 4, nullptr);
  };
  const Tolerance tolerance{.absolute = after("atol"), .relative = after("rtol")};
  if (!(tolerance.absolute > 0 || tolerance.relative > 0)) throw std::runtime_error("no tolerance in '" + text + "'");
  return tolerance;
}

/// One golden case: `<area>/<name>.json` and the tensors of `<area>/<name>.safetensors`.
struct GoldenCase {
  Json description;
  std::map<std::string, GoldenTensor> tensors;

  /// Bound to the description, for `at("config")` and the like; must not outlive this.
  [[nodiscard]] JsonCursor json() const { return {description, "golden"}; }
  [[nodiscard]] Tolerance tolerance() const { return read_tolerance(json().at("tolerance").text()); }
  /// The tensor of that name; throws when there is none.
  [[nodiscard]] const GoldenTensor& tensor(const std::string& name) const {
    const auto found = tensors.find(name);
    if (found == tensors.end()) throw std::runtime_error("golden tensor '" + name + "' is missing");
    return found->second;
  }
  [[nodiscard]] std::span<const float> f32(const std::string& name) const { return tensor(name).as_f32(); }
};

/// The largest difference, in multiples of the tolerance; NaN where one is.
inline double worst_ratio(std::span<const float> got, std::span<const float> expected, const Tolerance& tolerance) {
  if (got.size() != expected.size()) throw std::runtime_error("golden sizes differ");
  double worst = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    const double e = static_cast<double>(expected[i]);
    const double ratio = std::abs(static_cast<double>(got[i]) - e) / (tolerance.absolute + tolerance.relative * std::abs(e));
    if (!(ratio <= worst)) worst = ratio;
  }
  return worst;
}

/// Throws when a file is missing or damaged.
inline GoldenCase read_golden_case(std::string_view area, std::string_view name) {
  const std::string stem = (golden_directory() / area / name).string();
  return {Json::read_file(stem + ".json"), read_golden(stem + ".safetensors")};
}

}  // namespace sinew::testing
