// SPDX-License-Identifier: Apache-2.0
// Normalizer against what the reference stacks computed. Sizes, statistics and tolerances come from the files.
#include <doctest/doctest.h>

#include <cmath>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "golden.hpp"
#include "sinew/core/normalizer.hpp"
#include "sinew/io/json_cursor.hpp"

using namespace sinew;
using namespace sinew::testing;

namespace {

using Values = std::vector<double>;

/// The number behind `word` in `text`, or 0.
double number_after(std::string_view text, std::string_view word) {
  const auto at = text.find(word);
  return at == std::string_view::npos ? 0 : std::strtod(std::string(text.substr(at + word.size())).c_str(), nullptr);
}

/// "rtol A atol B; constant dimension: rtol C" of a golden file.
struct Tolerance {
  double relative, absolute, special;
  explicit Tolerance(const GoldenCase& golden) {
    const std::string text = JsonCursor(golden.description, "golden").at("tolerance").text();
    const auto end = text.find(';');
    relative = number_after(text.substr(0, end), "rtol ");
    absolute = number_after(text.substr(0, end), "atol ");
    special = end == std::string::npos ? 0 : number_after(text.substr(end), "rtol ");
  }
};

class Golden {
 public:
  Golden(std::string_view area, std::string_view name) : golden_(read_golden_case(area, name)), tolerance_(golden_) {}

  [[nodiscard]] JsonCursor root() const { return {golden_.description, "golden"}; }
  [[nodiscard]] JsonCursor config() const { return root().at("config"); }
  [[nodiscard]] Values values(const std::string& name) const {
    const auto floats = golden_.tensors.at(name).as_f32();
    return {floats.begin(), floats.end()};
  }
  [[nodiscard]] std::size_t width(const std::string& name) const { return static_cast<std::size_t>(golden_.tensors.at(name).shape.back()); }
  [[nodiscard]] const Tolerance& tolerance() const { return tolerance_; }
  [[nodiscard]] const auto& tensors() const { return golden_.tensors; }

  /// A column of constants or of a tiny range has a tolerance of its own.
  void set_special(std::size_t column) { special_ = column; }
  void expect(const std::vector<double>& got, const std::string& name) const {
    CAPTURE(name);
    const Values expected = values(name);
    REQUIRE(got.size() == expected.size());
    for (std::size_t i = 0; i < got.size(); ++i) {
      const double relative = i % width(name) == special_ ? std::max(tolerance_.special, tolerance_.relative) : tolerance_.relative;
      CAPTURE(i);
      CHECK(std::abs(got[i] - expected[i]) <= tolerance_.absolute + relative * std::abs(expected[i]));
    }
  }
  /// Both precisions against the tensor of that name.
  void expect_forward(const Normalizer& normalizer, const std::string& in, const std::string& out) const {
    const Values x = values(in);
    const std::vector<float> narrow(x.begin(), x.end());
    std::vector<float> y(values(out).size());
    REQUIRE(normalizer.forward(x, y) == Status::ok);
    expect({y.begin(), y.end()}, out);
    REQUIRE(normalizer.forward(narrow, y) == Status::ok);
    expect({y.begin(), y.end()}, out);
  }
  void expect_inverse(const Normalizer& normalizer, const std::string& in, const std::string& out) const {
    const Values y = values(in);
    const std::vector<float> narrow(y.begin(), y.end());
    Values x(y.size());
    std::vector<float> single(y.size());
    REQUIRE(normalizer.inverse(narrow, x) == Status::ok);
    expect(x, out);
    REQUIRE(normalizer.inverse(narrow, single) == Status::ok);
    expect({single.begin(), single.end()}, out);
  }

 private:
  GoldenCase golden_;
  Tolerance tolerance_;
  std::size_t special_ = static_cast<std::size_t>(-1);
};

VectorStatistics statistics_of(const JsonCursor& entry) {
  VectorStatistics statistics;
  for_each_statistic(statistics, [&](const char* name, Values& values) {
    const auto member = entry.optional(name);
    if (!member) return;
    const auto rows = member->elements();
    if (rows.empty() || rows.front().value().as_array() == nullptr) {
      values = member->numbers();
      return;
    }
    statistics.steps = rows.size();
    for (const auto& row : rows)
      for (const double value : row.numbers()) values.push_back(value);
  });
  if (const auto mask = entry.optional("mask"))
    for (const auto& flag : mask->elements()) statistics.mask.push_back(flag.boolean() ? 1 : 0);
  return statistics;
}

VectorStatistics changed(VectorStatistics statistics, auto&& change) {
  for_each_statistic(statistics, [&](const char*, Values& values) {
    if (!values.empty()) change(values);
  });
  return statistics;
}

NormalizationMode starvla_mode(const std::string& name) { return normalization_mode(name == "q99" ? "quantile" : name); }

Normalizer joined(const std::vector<Normalizer>& parts) { return Normalizer::join(parts); }

/// The columns [first, first + count) of rows of `width`.
Values columns(const Values& values, std::size_t width, std::size_t first, std::size_t count) {
  Values some;
  for (std::size_t row = 0; row < values.size() / width; ++row)
    some.insert(some.end(), values.begin() + static_cast<std::ptrdiff_t>(row * width + first),
                values.begin() + static_cast<std::ptrdiff_t>(row * width + first + count));
  return some;
}

}  // namespace

TEST_CASE("normalizer golden: LeRobot, every mode of states, actions and images, with a constant dimension") {
  Golden golden("lerobot_misc", "normalizer");
  golden.set_special(static_cast<std::size_t>(golden.config().at("constant_dim").integer(0)));
  const std::map<std::string, NormalizationMode> modes = {{"MEAN_STD", NormalizationMode::mean_std},
                                                          {"MIN_MAX", NormalizationMode::min_max},
                                                          {"QUANTILES", NormalizationMode::quantile},
                                                          {"QUANTILE10", NormalizationMode::quantile10},
                                                          {"IDENTITY", NormalizationMode::identity}};
  const auto statistics = [&](const std::string& feature) {
    VectorStatistics made;
    for_each_statistic(made, [&](const char* name, Values& values) { values = golden.values("state_dict." + feature + '.' + name); });
    return made;
  };
  for (const auto& [name, mode] : modes) {
    const Normalizer state(statistics("observation.state"), mode, "lerobot", golden.width("state"));
    const Normalizer action(statistics("action"), mode, "lerobot", golden.width("action"));
    golden.expect_forward(state, "state", name + ".state");
    golden.expect_forward(action, "action", name + ".action");
    golden.expect_inverse(action, "y", name + ".inverse");
    golden.expect_forward(Normalizer::identity(golden.width("extra")), "extra", name + ".extra");  // no statistics: passed through
  }
}

TEST_CASE("normalizer golden: LeRobot images have one row of statistics per channel") {
  Golden golden("lerobot_misc", "normalizer");
  const auto& shape = golden.tensors().at("image").shape;  // [batch, channels, height, width]
  const auto channels = static_cast<std::size_t>(shape.at(1)), pixels = static_cast<std::size_t>(shape.at(2) * shape.at(3));
  VectorStatistics statistics;
  for_each_statistic(statistics, [&](const char* name, Values& values) {
    values = golden.values("state_dict.observation.images.top." + std::string(name));
  });
  const Normalizer normalizer(statistics, NormalizationMode::mean_std, "lerobot", channels);
  const Values image = golden.values("image");
  Values got(image.size());
  for (std::size_t plane = 0; plane < image.size() / pixels / channels; ++plane) {
    for (std::size_t pixel = 0; pixel < pixels; ++pixel) {
      Values x;
      std::vector<float> y(channels);
      for (std::size_t c = 0; c < channels; ++c) x.push_back(image[(plane * channels + c) * pixels + pixel]);
      REQUIRE(normalizer.forward(x, y) == Status::ok);
      for (std::size_t c = 0; c < channels; ++c) got[(plane * channels + c) * pixels + pixel] = y[c];
    }
  }
  golden.expect(got, "MEAN_STD.image");
}

TEST_CASE("normalizer golden: openpi, with statistics as long as the data, longer and shorter") {
  Golden golden("openpi", "normalize");
  const VectorStatistics statistics = statistics_of(golden.config().at("stats_float64"));
  for (std::size_t d = 0; d < statistics.std.size(); ++d)
    if (statistics.std[d] == 0) golden.set_special(d);
  const std::size_t dim = golden.width("actions"), wide = golden.width("actions_padded");
  const VectorStatistics longer = changed(statistics, [](Values& values) { values.resize(values.size() + 3, 0.5); });
  for (const auto& [name, mode] : {std::pair{"zscore", NormalizationMode::mean_std}, {"quantile", NormalizationMode::quantile}}) {
    const std::string prefix = name;
    const Normalizer normalizer(statistics, mode, "openpi", dim);
    golden.expect_forward(normalizer, "actions", prefix + ".norm.actions");
    golden.expect_forward(normalizer, "state", prefix + ".norm.state");
    golden.expect_inverse(normalizer, "actions", prefix + ".unnorm.actions");
    golden.expect_forward(Normalizer(longer, mode, "openpi", dim), "actions", prefix + ".norm_longstats.actions");
    golden.expect_inverse(Normalizer(statistics, mode, "openpi", wide), "actions_padded", prefix + ".unnorm_padded.actions");
  }
}

TEST_CASE("normalizer golden: OpenVLA-OFT, proprioception and actions, with and without a mask") {
  for (const char* name : {"normalization_libero", "normalization_aloha"}) {
    CAPTURE(name);
    Golden golden("openvla", name);
    golden.set_special(static_cast<std::size_t>(golden.config().at("constant_dim").integer(0)));
    const auto mode = golden.config().at("type").text() == "bounds" ? NormalizationMode::min_max : NormalizationMode::quantile;
    VectorStatistics proprio = statistics_of(golden.config().at("proprio_stats"));
    const VectorStatistics action = statistics_of(golden.config().at("action_stats"));
    golden.expect_forward(Normalizer(proprio, mode, "oft", golden.width("proprio")), "proprio", "proprio_norm");
    golden.expect_inverse(Normalizer(action, mode, "oft", golden.width("actions")), "normalized_actions", "actions");
    proprio.mask.clear();
    golden.expect_forward(Normalizer(proprio, mode, "oft", golden.width("proprio")), "proprio", "proprio_norm_nomask");
  }
}

TEST_CASE("normalizer golden: StarVLA, every mode") {
  Golden golden("starvla_transforms", "normalizer_modes");
  golden.set_special(static_cast<std::size_t>(golden.config().at("tiny_range_dim").integer(0)));
  const VectorStatistics statistics = statistics_of(golden.config().at("stats_float64"));
  int checked = 0;
  for (const auto& [name, tensor] : golden.tensors()) {
    const auto dot = name.find('.');
    if (dot == std::string::npos || name.starts_with("stats.")) continue;
    NormalizerOptions options{.mode = {}, .rule = "starvla", .dim = golden.width("x")};
    const std::string mode = name.substr(0, dot);
    constexpr std::string_view kThreshold = "binary_thr";  // binary_thr02: threshold 0.2
    if (mode.starts_with(kThreshold)) options.threshold = std::stod(mode.substr(kThreshold.size())) / 10;
    options.mode = starvla_mode(mode.substr(0, mode.find(mode.starts_with("binary") ? "_" : "\n")));
    const Normalizer normalizer(statistics, options);
    if (name.substr(dot) == ".forward") golden.expect_forward(normalizer, "x", name);
    if (name.substr(dot) == ".inverse") golden.expect_inverse(normalizer, "y", name);
    ++checked;
  }
  CHECK(checked > 0);
  CHECK(golden.config().at("scale.inverse").text().starts_with("raises"));
  CHECK(!Normalizer(statistics, NormalizationMode::scale, "starvla", golden.width("x")).has_inverse());
}

TEST_CASE("normalizer golden: StarVLA and GR00T write sines, then cosines") {
  Golden golden("starvla_transforms", "sin_cos");
  for (const char* rule : {"starvla", "groot"}) {
    const Normalizer normalizer({}, NormalizationMode::sin_cos, rule, golden.width("x"));
    CHECK(normalizer.out_dim() == golden.width("out"));
    golden.expect_forward(normalizer, "x", "out");
  }
}

TEST_CASE("normalizer golden: StarVLA's server joins a mode per key") {
  for (const char* name : {"server_unapply_libero_franka", "server_unapply_oxe_bridge"}) {
    CAPTURE(name);
    Golden golden("starvla_transforms", name);
    const auto modes = golden.config().at("normalization_modes");
    const auto entry = golden.root().at("dataset_statistics_json").at(golden.config().at("unnorm_key").text()).at("action");
    const VectorStatistics all = statistics_of(entry);
    std::vector<Normalizer> parts;
    for (const std::string& key : golden.config().at("action_keys").texts()) {
      const std::size_t d = parts.size();
      const auto mode = modes.optional(key);
      const VectorStatistics own = changed(all, [d](Values& values) { values = {values.at(d)}; });
      parts.push_back(mode ? Normalizer(own, starvla_mode(mode->text()), "starvla", 1) : Normalizer::identity(1));
    }
    golden.expect_inverse(joined(parts), "normalized_actions", "actions");
  }
}

TEST_CASE("normalizer golden: GR00T clips, then un-normalises groups, relative ones by the statistics of their step") {
  Golden golden("groot_n17", "action_decode");
  const auto groups = golden.config().at("groups");
  const std::size_t model_width = golden.width("model_action");
  const auto batch = static_cast<std::size_t>(golden.tensors().at("model_action").shape.at(0));
  int checked = 0;
  for (const auto& [name, entry] : golden.config().at("cases").members()) {
    if (entry.optional("action_decode_transform")) continue;  // what follows is the decoder's
    CAPTURE(name);
    const auto action = entry.at("modality_config").at("action");
    const auto flag = [&](const char* key) { return entry.optional(key) && entry.at(key).boolean(); };
    const std::size_t out_width = golden.width(name + ".actions");
    const Values expected = golden.values(name + ".actions");
    const std::size_t horizon = expected.size() / batch / out_width;
    std::size_t first = 0;
    for (std::size_t i = 0; i < action.at("modality_keys").texts().size(); ++i) {
      const std::string key = action.at("modality_keys").texts()[i];
      const auto dim = static_cast<std::size_t>(groups.at(key).integer(1));
      const auto config = action.at("action_configs").elements().at(i);
      const bool relative = flag("use_relative_action") && config.at("rep").text() == "relative";
      if ((!relative || config.at("type").text() == "non_eef") && first + dim <= out_width) {  // relative poses are the decoder's
        const VectorStatistics statistics =
            statistics_of(golden.root().at("raw_stats").at(relative ? "relative_action" : "action").at(key));
        const auto mode = flag("use_percentiles") && !relative ? NormalizationMode::quantile : NormalizationMode::min_max;
        const Normalizer normalizer(statistics, mode, "groot", dim);
        CHECK(normalizer.steps() == (relative ? horizon : 1));
        for (std::size_t b = 0; b < batch; ++b) {
          const Values rows = columns(golden.values("model_action"), model_width, first, dim);
          const auto begin = rows.begin() + static_cast<std::ptrdiff_t>(b * rows.size() / batch);
          const std::vector<float> y(begin, begin + static_cast<std::ptrdiff_t>(horizon * dim));
          Values x(y.size());
          REQUIRE(normalizer.inverse(y, x) == Status::ok);
          const Values want = columns(expected, out_width, first, dim), state = golden.values("raw_state." + key);
          for (std::size_t j = 0; j < x.size(); ++j) {
            const double reference = relative ? state[b * dim + j % dim] : 0;
            CHECK(std::abs(x[j] + reference - want[b * x.size() + j]) <= golden.tolerance().absolute);
            ++checked;
          }
        }
      }
      first += dim;
    }
  }
  CHECK(checked > 0);
}
