// SPDX-License-Identifier: Apache-2.0
// GR00T's names: slices of modality.json, every rotation type against pytorch3d's recorded matrices, the groups of N1.7.
#include "sinew/action/groot_modality.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "golden.hpp"
#include "sinew/core/error.hpp"

using namespace sinew;

namespace {

/// The type behind names like "quaternion_unnormalised" and "rotation_6d_raw": inputs that the reference repairs.
std::string plain(const std::string& input) { return input.substr(0, std::min(input.find("_unnormalised"), input.find("_raw"))); }

template <class Call>
std::string refusal(Call&& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

std::string modality_refusal(const std::string& slice) {
  const Json json = Json::parse(R"({"state": {"arm": {"start": 0, "end": 7}, "x": )" + slice + R"(}, "action": {}})", "modality.json");
  return refusal([&] { (void)modality_from_json(json, "modality.json"); });
}

}  // namespace

TEST_CASE("rotation types: every one gives the matrix that StarVLA's transform gives") {
  const auto golden = sinew::testing::read_golden_case("starvla_transforms", "rotations");
  int types = 0;
  for (const auto& [name, tensor] : golden.tensors) {
    const std::string suffix = "__to__matrix";
    if (!name.ends_with(suffix)) continue;
    const std::string input = name.substr(0, name.size() - suffix.size()), type = plain(input);
    CAPTURE(input);
    const auto in = golden.f32("in." + input), expected = tensor.as_f32();
    const auto size = static_cast<std::size_t>(groot_rotation_size(type));
    REQUIRE(size > 0);
    for (std::size_t i = 0; i * size < in.size(); ++i) {
      const std::vector<double> values(in.begin() + static_cast<std::ptrdiff_t>(i * size),
                                       in.begin() + static_cast<std::ptrdiff_t>((i + 1) * size));
      const auto R = groot_rotation_matrix(values, type);
      REQUIRE(R);
      for (int k = 0; k < 9; ++k)
        CHECK(std::abs((*R)(k / 3, k % 3) - static_cast<double>(expected[i * 9 + static_cast<std::size_t>(k)])) <=
              golden.tolerance().absolute);
    }
    ++types;
  }
  CHECK(types > 0);
  CHECK_FALSE(groot_rotation_matrix(std::vector<double>{0, 0}, "axis_angle"));
  CHECK_FALSE(groot_rotation_matrix(std::vector<double>{0, 0, 0}, "euler"));
  CHECK_FALSE(groot_rotation_matrix(std::vector<double>{1, 0, 0, 0, 1, 0, 0, 0, 2}, "matrix"));
  CHECK_FALSE(groot_rotation_matrix(std::vector<double>{1e9, 0, 0}, "euler_angles_rpy"));
  CHECK_FALSE(groot_rotation_matrix(std::vector<double>{0, 0, 0, 0}, "quaternion"));
}

TEST_CASE("rotation types: every conversion that StarVLA's transform makes keeps the rotation that we read") {
  const auto golden = sinew::testing::read_golden_case("starvla_transforms", "rotations");
  int pairs = 0;
  for (const auto& [name, tensor] : golden.tensors) {
    const auto arrow = name.find("__to__");
    if (arrow == std::string::npos) continue;
    const std::string input = name.substr(0, arrow), from = plain(input), to = name.substr(arrow + 6);
    CAPTURE(name);
    const auto in = golden.f32("in." + input), out = tensor.as_f32();
    const auto from_size = static_cast<std::size_t>(groot_rotation_size(from)), to_size = static_cast<std::size_t>(groot_rotation_size(to));
    REQUIRE(from_size * to_size > 0);
    for (std::size_t i = 0; i * to_size < out.size(); ++i) {
      const auto row = [i](std::span<const float> values, std::size_t size) {
        const auto part = values.subspan(i * size, size);
        return std::vector<double>(part.begin(), part.end());
      };
      const auto a = groot_rotation_matrix(row(in, from_size), from), b = groot_rotation_matrix(row(out, to_size), to);
      REQUIRE(a);
      if (to == "matrix" && !b) continue;  // float32 rounding beyond what a matrix may have; compared number by number above
      REQUIRE(b);
      CHECK((*a - *b).cwiseAbs().maxCoeff() <= (i >= 1 && i <= 5 ? 2e-3 : 4e-5));  // as the file says: near 0 and near pi
    }
    ++pairs;
  }
  CHECK(pairs > 0);
}

TEST_CASE("modality.json: slices with rotation and representation") {
  const Modality modality = modality_from_json(Json::parse(R"({
    "state": {"arm": {"start": 0, "end": 7, "original_key": "observation.state"}, "gripper": {"start": 7, "end": 8}},
    "action": {"eef": {"start": 0, "end": 3, "absolute": false}, "turn": {"start": 3, "end": 6, "rotation_type": "axis_angle", "dtype": "float64", "range": [-1, 1]}},
    "video": {"front": {"original_key": "observation.images.front"}},
    "annotation": {"human.task_description": {"original_key": "task_index"}}})",
                                                           "modality.json"),
                                               "modality.json");
  REQUIRE(modality.state.size() == 2);
  CHECK(Modality::find(modality.state, "gripper").begin == 7);
  CHECK(modality.state[0].original_key == "observation.state");
  CHECK_FALSE(Modality::find(modality.action, "eef").absolute);
  CHECK(Modality::find(modality.action, "turn").rotation == "axis_angle");
  CHECK(refusal([&] { (void)Modality::find(modality.state, "grip"); }).find("one of arm, gripper") != std::string::npos);
}

TEST_CASE("modality.json: what is refused, and where") {
  CHECK(modality_refusal(R"({"start": 7, "end": 7})").starts_with("[modality.json /state/x/end]"));
  CHECK(modality_refusal(R"({"start": 6, "end": 8})").find("columns that 'arm' does not have") != std::string::npos);
  CHECK(modality_refusal(R"({"start": 7, "end": 10, "rotation_type": "quaternion"})").find("a rotation of 3 numbers") != std::string::npos);
  CHECK(modality_refusal(R"({"start": 7, "end": 10, "rotation_type": "euler"})").find("one of axis_angle") != std::string::npos);
  CHECK(modality_refusal(R"({"start": -1, "end": 3})").find("/state/x/start") != std::string::npos);
  CHECK(modality_refusal(R"({"start": 0, "end": 3, "original_key": "other"})") == "accepted");  // of another feature
}

TEST_CASE("groups of N1.7: what a card cannot say is refused") {
  const auto config = [](const char* text) { return Json::parse(text, "processor_config.json"); };
  const Json good = config(
      R"({"modality_keys": ["arm"], "action_configs": [{"rep": "relative", "type": "non_eef", "format": "default", "state_key": null}]})");
  const auto parts = groot_action_parts(good, {.embodiment = "libero_sim", .sizes = {6}, .use_relative = true, .use_percentiles = true});
  REQUIRE(parts.size() == 1);
  CHECK(parts[0].joints->relative_to == "arm");
  CHECK(parts[0].normalization->key == "libero_sim/relative_action/arm");
  CHECK(parts[0].normalization->mode == NormalizationMode::min_max);  // relative ones never have percentiles
  const Json names = config(
      R"({"modality_keys": ["eef"], "action_configs": [{"rep": "RELATIVE", "type": "EEF", "format": "XYZ_ROT6D", "state_key": "pose"}]})");
  const auto named = groot_action_parts(names, {.sizes = {9}, .use_relative = true});
  CHECK(named[0].tool->rotation == "rot6d_rows");
  CHECK(named[0].tool->channel == "pose");
  const Json unknown =
      config(R"({"modality_keys": ["eef"], "action_configs": [{"rep": "relative", "type": "hand", "format": "default"}]})");
  CHECK(refusal([&] { (void)groot_action_parts(unknown, {.sizes = {9}}); }).find("one of eef, non_eef") != std::string::npos);
  CHECK(refusal([&] { (void)groot_action_parts(good, {.sizes = {6, 1}}); }).find("one for each of 1 groups") != std::string::npos);
  const Json delta = config(R"({"modality_keys": ["arm"], "action_configs": [{"rep": "delta", "type": "non_eef", "format": "default"}]})");
  CHECK(refusal([&] { (void)groot_action_parts(delta, {.sizes = {6}}); }).find("'absolute' or 'relative'") != std::string::npos);
  const Json late =
      config(R"({"modality_keys": ["arm", "eef"], "action_configs": [{"rep": "absolute", "type": "non_eef", "format": "default"},
                              {"rep": "absolute", "type": "eef", "format": "xyz+rot6d"}]})");
  CHECK(refusal([&] { (void)groot_action_parts(late, {.sizes = {6, 9}}); }).find("end effectors before") != std::string::npos);
  const Json format = config(R"({"modality_keys": ["eef"], "action_configs": [{"rep": "absolute", "type": "eef", "format": "default"}]})");
  CHECK(refusal([&] { (void)groot_action_parts(format, {.sizes = {9}}); }).find("'xyz+rot6d' or 'xyz+rotvec'") != std::string::npos);
}
