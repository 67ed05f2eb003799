// SPDX-License-Identifier: Apache-2.0
// A decoder put together from GR00T's modality configuration, beside LeRobot's recorded decoding.
#include <doctest/doctest.h>

#include <Eigen/Geometry>
#include <cmath>
#include <string>
#include <vector>

#include "golden.hpp"
#include "parts_decoder_fixture.hpp"
#include "sample_card.hpp"
#include "sinew/action/groot_modality.hpp"
#include "sinew/action/parts_decoder.hpp"

using namespace sinew;
using namespace sinew::testing;

namespace {

std::vector<double> flat(const JsonCursor& numbers) {
  std::vector<double> values;
  for (const auto& element : numbers.elements()) {
    if (element.value().as_array() == nullptr) return numbers.numbers();
    const auto row = element.numbers();
    values.insert(values.end(), row.begin(), row.end());
  }
  return values;
}

/// raw_stats of the file as "<modality>/<group>".
Statistics groot_statistics(const JsonCursor& raw) {
  Statistics statistics;
  for (const auto& [modality, groups] : raw.members()) {
    for (const auto& [group, numbers] : groups.members()) {
      VectorStatistics& own = statistics[modality + "/" + group];
      own.min = flat(numbers.at("min"));
      own.max = flat(numbers.at("max"));
      own.q01 = flat(numbers.at("q01"));
      own.q99 = flat(numbers.at("q99"));
      if (numbers.at("min").elements().front().value().as_array() != nullptr) own.steps = numbers.at("min").elements().size();
    }
  }
  return statistics;
}

/// The card of a case: one part per group, relative ones with statistics per step and never percentiles.
PolicyCard groot_card(const JsonCursor& config, const JsonCursor& options, int rows, int width) {
  PolicyCard card = testing::sample_card();
  auto& action = card.action;
  action = {};
  action.decoder = DecoderKind::parts;
  action.rate = 10;
  const auto modality = options.at("modality_config").at("action");
  action.horizon = static_cast<int>(modality.at("delta_indices").elements().size());
  if (action.horizon == 0) action.horizon = rows;
  card.prompt.fields.erase("chunk_size");
  const auto flag = [&](const char* key) {
    const auto found = options.optional(key);
    return found && found->boolean();
  };
  GrootGroupOptions groups{.use_relative = flag("use_relative_action"), .use_percentiles = flag("use_percentiles")};
  for (const auto& key : modality.at("modality_keys").texts())
    groups.sizes.push_back(static_cast<int>(config.at("groups").at(key).integer()));
  action.parts = groot_action_parts(modality.value(), groups);
  int joints = 0;
  for (const auto& part : action.parts) joints += part.joints ? part.joints->size : 0;
  for (int i = 0; i < joints + 1; ++i) action.joint_names.push_back("joint_" + std::to_string(i));
  action.layout = ActionLayoutCard{"padded", width, rows, {}};
  for (const auto& part : action.parts)
    if (part.joints && !part.joints->relative_to.empty())
      card.state.channels.push_back({part.joints->relative_to, "rad", part.joints->size, 10});
  card.limits.reset();
  return card;
}

}  // namespace

TEST_CASE("parts decoder: GR00T N1.7 as LeRobot decodes it, absolute and relative, percentiles and minima") {
  const auto golden = sinew::testing::read_golden_case("groot_n17", "action_decode");
  const auto config = golden.json().at("config");
  const Statistics statistics = groot_statistics(golden.json().at("raw_stats"));
  const auto& model_shape = golden.tensor("model_action").shape;
  const int rows = static_cast<int>(model_shape[1]), width = static_cast<int>(model_shape[2]);
  const double atol = golden.tolerance().absolute;
  int cases = 0;
  for (const auto& [name, options] : config.at("cases").members()) {
    CAPTURE(name);
    const PolicyCard card = groot_card(config, options, rows, width);
    PartsDecoder decoder(card, statistics);
    const auto& expected = golden.tensor(name + ".actions");
    const auto steps = static_cast<std::size_t>(expected.shape[1]), columns = static_cast<std::size_t>(expected.shape[2]);
    const bool libero = options.optional("action_decode_transform").has_value();
    const auto single = golden.f32("single_step.actions");  // the first step alone, of the case without options
    for (std::size_t b = 0; b < static_cast<std::size_t>(model_shape[0]); ++b) {
      TensorMap tensors = make_tensors(decoder.spec());
      std::ranges::copy(
          golden.f32("model_action").subspan(b * static_cast<std::size_t>(rows * width), static_cast<std::size_t>(rows * width)),
          tensors["actions"].as<float>().begin());
      const auto raw = [&](const std::string& group) {
        const auto size = static_cast<std::size_t>(config.at("groups").at(group).integer());
        const auto part = golden.f32("raw_state." + group).subspan(b * size, size);
        return std::vector<double>(part.begin(), part.end());
      };
      Observation observation;
      ToolPose<double> eef;
      REQUIRE(PoseWalk({PoseFrame::base, PoseReference::absolute, RotationLayout::rot6d_rows}, {}).decode(raw("eef"), eef) == Status::ok);
      observation.channels = {
          {"eef",
           "m,quat_wxyz",
           {eef.position.x(), eef.position.y(), eef.position.z(), eef.rotation.w(), eef.rotation.x(), eef.rotation.y(), eef.rotation.z()},
           {}},
          {"arm", "rad", raw("arm"), {}}};
      ActionChunk chunk;
      REQUIRE(decoder.decode(tensors, observation, chunk) == Status::ok);
      REQUIRE(static_cast<std::size_t>(chunk.horizon) == steps);
      for (std::size_t t = 0; t < steps; ++t) {
        const auto want = expected.as_f32().subspan((b * steps + t) * columns, columns);
        const std::vector<double> row(want.begin(), want.begin() + 9);
        const auto got = chunk.step(static_cast<int>(t));
        if (name == "absolute" && t == 0) CHECK(std::ranges::equal(want, single.subspan(b * columns, columns)));
        const Eigen::Isometry3d target = pose_of(got);
        for (int i = 0; i < 3; ++i) CHECK(std::abs(target.translation()[i] - row[static_cast<std::size_t>(i)]) <= atol);
        const auto R = to_matrix(std::span(row).subspan(3), RotationLayout::rot6d_rows);  // absolute ones are not orthonormal there
        REQUIRE(R);
        CHECK((target.linear() - *R).cwiseAbs().maxCoeff() <= atol);
        for (std::size_t j = 9; j < columns; ++j) {
          const double value = got[7 + j - 9];
          CHECK(std::abs((libero && j + 1 == columns ? convert_gripper(gripper_rule("openvla"), gripper_rule("libero"), value) : value) -
                         static_cast<double>(want[j])) <= atol);
        }
      }
    }
    ++cases;
  }
  CHECK(cases > 0);
}
