// SPDX-License-Identifier: Apache-2.0
// What `validate` refuses in a policy card, one damage at a time, each with its place.
#include "sinew/core/card.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "sample_card.hpp"
#include "sinew/core/error.hpp"

using namespace sinew;

namespace {
struct Damage {
  std::function<void(PolicyCard&)> apply;
  std::string text;  // how the message begins after "[card "
};

std::string refusal(const PolicyCard& card) {
  try {
    validate(card, "card");
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::invalid_argument);
    return error.what();
  }
  return "accepted";
}
}  // namespace

TEST_CASE("card: the sample is valid, also without cameras and limits") {
  PolicyCard card = testing::sample_card();
  CHECK(refusal(card) == "accepted");
  card.cameras.clear();
  card.limits.reset();
  CHECK(refusal(card) == "accepted");
}

TEST_CASE("card: sizes are what the decoder emits") {
  PolicyCard card = testing::sample_card();
  CHECK(card.state.size() == 8);
  CHECK(card.action.size() == 7);  // six of the tool and the gripper
  card.action.decoder = DecoderKind::joint_absolute;
  CHECK(card.action.size() == 8);
}

TEST_CASE("card: names of enumerators") {
  CHECK(to_string(ProcessorKind::raw) == "raw");
  CHECK(to_string(ProcessorKind::qwen3_vl) == "qwen3_vl");
  CHECK(to_string(NormalizationMode::identity) == "identity");
  CHECK(to_string(NormalizationMode::quantile) == "quantile");
  CHECK(to_string(DecoderKind::joint_absolute) == "joint_absolute");
  CHECK(to_string(DecoderKind::tool_delta) == "tool_delta");
}

TEST_CASE("card: every damage is refused where it is") {
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  const std::vector<Damage> damages{
      {[](auto& c) { c.name = ""; }, "/name] policy card: expected a text of 1 to 256 bytes without control characters, got ''"},
      {[](auto& c) { c.name = "a\x1b[2J"; },
       "/name] policy card: expected a text of 1 to 256 bytes without control characters, got 'a?[2J'"},
      {[](auto& c) { c.name = std::string(257, 'n'); }, "/name] policy card"},
      {[](auto& c) { c.architecture = ""; }, "/architecture]"},
      {[](auto& c) { c.backend = ""; }, "/backend]"},
      {[](auto& c) { c.dtype = DType::u8; }, "/dtype] policy card: expected f16, bf16, f32 or f64, got u8"},
      {[](auto& c) { c.cameras[1].name = "front"; }, "/cameras/1] policy card: expected each name once, got 'front' twice"},
      {[](auto& c) { c.cameras[0].name = ""; }, "/cameras/0]"},
      {[](auto& c) { c.cameras[0].view = "\n"; }, "/cameras/0/view]"},
      {[](auto& c) { c.cameras[1].height = 0; }, "/cameras/1/height] policy card: expected 1 to 8192, got 0"},
      {[](auto& c) { c.cameras[1].width = 8193; }, "/cameras/1/width]"},
      {[](auto& c) { c.cameras[0].resample = ""; }, "/cameras/0/resample]"},
      {[](auto& c) { c.cameras.resize(65, c.cameras[0]); }, "/cameras] policy card: expected at most 64 cameras, got 65"},
      {[](auto& c) { c.prompt.name = ""; }, "/prompt/name]"},
      {[](auto& c) { c.prompt.max_bytes = 0; }, "/prompt/max_bytes]"},
      {[](auto& c) { c.prompt.max_bytes = 2 << 20; }, "/prompt/max_bytes]"},
      {[](auto& c) { c.state.channels.clear(); }, "/state/channels] policy card: expected 1 to 256 channels, got 0"},
      {[](auto& c) { c.state.channels[1].name = c.state.channels[0].name; }, "/state/channels/1]"},
      {[](auto& c) { c.state.channels[0].unit = ""; }, "/state/channels/0/unit]"},
      {[](auto& c) { c.state.channels[0].size = -1; }, "/state/channels/0/size]"},
      {[](auto& c) { c.state.channels[0].size = 65536; },
       "/state/channels] policy card: expected at most 65536 values together, got 65537"},
      {[](auto& c) { c.state.channels[0].rate = 0; }, "/state/channels/0/rate] policy card: expected a finite number above 0, got 0"},
      {[=](auto& c) { c.state.channels[0].rate = kNan; }, "/state/channels/0/rate]"},
      {[](auto& c) { c.state.normalization.rule = ""; }, "/state/normalization/rule]"},
      {[](auto& c) { c.state.normalization.key = ""; }, "/state/normalization/key]"},
      {[](auto& c) { c.state.normalization.mode = NormalizationMode::identity; }, "/state/normalization]"},
      {[](auto& c) { c.action.joint_names.clear(); }, "/action/joint_names] policy card: expected 1 to 64 joints, got 0"},
      {[](auto& c) { c.action.joint_names[3] = "joint_1"; }, "/action/joint_names/3]"},
      {[](auto& c) { c.action.gripper_names = {"joint_1"}; },
       "/action/gripper_names] policy card: expected the last of joint_names, in the same order, got 'joint_1'"},
      {[](auto& c) { c.action.gripper_names = {"finger"}; }, "/action/gripper_names]"},
      {[](auto& c) { c.action.gripper_names = std::vector<std::string>{"1", "2", "3", "4", "5", "6", "7", "8", "9"}; },
       "/action/gripper_names]"},
      {[](auto& c) { c.action.tool_channel = ""; }, "/action/tool_channel]"},
      {[](auto& c) { c.action.decoder = DecoderKind::joint_absolute; },
       "/action/tool_channel] policy card: expected no tool channel but with decoder tool_delta"},
      {[](auto& c) { c.action.horizon = 0; }, "/action/horizon]"},
      {[](auto& c) { c.action.horizon = 4097; }, "/action/horizon]"},
      {[](auto& c) { c.action.rate = -10; }, "/action/rate]"},
      {[](auto& c) { c.statistics = {}; }, "/state/normalization] policy card: expected a statistics file"},
      {[](auto& c) { c.statistics.file = "a/b"; }, "/statistics/file]"},
      {[](auto& c) { c.statistics.file = ".."; }, "/statistics/file]"},
      {[](auto& c) { c.statistics.sha256 = std::string(64, 'A'); }, "/statistics/sha256]"},
      {[](auto& c) { c.statistics.sha256.pop_back(); }, "/statistics/sha256] policy card: expected 64 lower-case hexadecimal digits"},
      {[](auto& c) {
         c.statistics.file = "";
         c.state.normalization = c.action.normalization = {};
       },
       "/statistics/sha256] policy card: expected none without a statistics file"},
      {[](auto& c) { c.statistics.format = ""; }, "/statistics/format]"},
      {[](auto& c) { c.action.parts.resize(1); }, "/action] policy card: expected parts, layout and tokens with decoder 'parts' alone"},
      {[](auto& c) { c.limits->lower.pop_back(); }, "/limits/lower] policy card: expected 8 values, one per joint, got 7"},
      {[=](auto& c) { c.limits->upper[2] = kNan; }, "/limits/upper] policy card: expected finite values, got nan"},
      {[](auto& c) { c.limits->velocity[2] = 0; }, "/limits/velocity] policy card: expected finite values above 0, got 0"},
      {[](auto& c) { c.limits->acceleration[2] = -1; }, "/limits/acceleration]"},
      {[](auto& c) { c.limits->jerk[2] = HUGE_VAL; }, "/limits/jerk]"},
      {[](auto& c) { c.limits->lower[7] = 2.5; },
       "/limits/lower/7] policy card: expected a value below the upper limit, got 2.5, not below 2.5"},
  };
  for (const auto& damage : damages) {
    PolicyCard card = testing::sample_card();
    damage.apply(card);
    const std::string text = refusal(card);
    const std::string expected = std::string("[card ").append(damage.text);
    CHECK_MESSAGE(text.starts_with(expected), text << "\n    should begin with: " << expected);
  }
}

TEST_CASE("card: sizes of an action follow from its parts") {
  const auto poses = testing::sample_parts_card().action, path = testing::sample_waypoint_card().action;
  CHECK(poses.size() == 80);
  CHECK(poses.parts_size() == 14);
  CHECK(poses.chunk_size() == 8);  // a pose and the gripper
  CHECK(poses.tools() == 1);
  CHECK(path.size() == 32);
  CHECK(path.chunk_size() == 3);
  CHECK(path.tools() == 0);
  CHECK(testing::sample_card().action.chunk_size() == 8);
  CHECK_NOTHROW(validate(testing::sample_parts_card(), "card"));
  CHECK_NOTHROW(validate(testing::sample_waypoint_card(), "card"));
}

TEST_CASE("card: every damage of its parts is refused where it is") {
  const Damage damages[] = {
      {[](auto& c) { c.action.parts.clear(); }, "/action/parts] policy card: expected 1 to 64 parts, got 0"},
      {[](auto& c) { c.action.parts[1].name = "joints"; }, "/action/parts/1] policy card: expected each name once"},
      {[](auto& c) { c.action.parts[1].tool.reset(); },
       "/action/parts/1] policy card: expected one of joints, tool, gripper, waypoint and unused, got 0"},
      {[](auto& c) { c.action.parts[1].joints.emplace(); }, "/action/parts/1] policy card: expected one of"},
      {[](auto& c) { c.action.parts[0].unused->size = 0; }, "/action/parts/0/unused/size]"},
      {[](auto& c) { c.action.parts[1].tool->channel = ""; }, "/action/parts/1/tool/channel]"},
      {[](auto& c) { c.action.parts[1].tool->camera = ""; }, "/action/parts/1/tool/camera]"},
      {[](auto& c) { c.action.parts[1].tool->frame = "base"; },
       "/action/parts/1/tool/camera] policy card: expected no camera but with frame 'camera'"},
      {[](auto& c) { c.action.parts[1].tool->position_scale = 0; }, "/action/parts/1/tool/position_scale]"},
      {[](auto& c) { c.action.rate = 1e-300; }, "/action/rate] policy card: expected 0.001 to 1000000 Hz"},
      {[](auto& c) { c.action.parts[2].gripper->closed = 0.08; },
       "/action/parts/2/gripper] policy card: expected two positions, open and closed"},
      {[](auto& c) { c.action.parts[1].normalization->first = -1; }, "/action/parts/1/normalization]"},
      {[](auto& c) { c.action.normalization = {NormalizationMode::quantile, "qwen", "action"}; }, "/action/parts/1/normalization]"},
      {[](auto& c) { std::swap(c.action.parts[1], c.action.parts[2]); },
       "/action/parts] policy card: expected tools before joints and grippers"},
      {[](auto& c) { c.action.joint_names = c.action.gripper_names; },
       "/action/parts] policy card: expected fewer joints and grippers than the 1 joint_names"},
      {[](auto& c) { c.action.layout->name = "wide"; }, "/action/layout/name] policy card: expected 'canonical' or 'padded', got 'wide'"},
      {[](auto& c) { c.action.layout->rows = 15; }, "/action/layout/rows] policy card: expected at least the horizon, 16, got 15"},
      {[](auto& c) { c.action.layout->rows = 20; },
       "/action/layout/rows] policy card: expected the horizon, 16, because tokens stand for whole chunks"},
      {[](auto& c) { c.action.parts[1].tool->reference = "absolute"; },
       "/action/parts/1/tool/channel] policy card: expected none for absolute poses"},
      {[](auto& c) { c.action.layout->slots[0].size = 6; }, "/action/parts] policy card: expected 13 columns, as the slots have, got 14"},
      {[](auto& c) { c.action.layout->slots.clear(); }, "/action/layout/slots]"},
      {[](auto& c) { c.action.tokens->language = "words"; },
       "/action/tokens/language] policy card: expected 'bins' or 'fast', got 'words'"},
      {[](auto& c) { c.action.tokens->bins = 256; }, "/action/tokens/bins]"},
      {[](auto& c) { c.action.tokens->folder = "../fast"; },
       "/action/tokens/folder] policy card: expected a subfolder of the policy directory"},
      {[](auto& c) { c.action.tokens->max_tokens = 0; }, "/action/tokens/max_tokens]"},
  };
  for (const auto& damage : damages) {
    PolicyCard card = testing::sample_parts_card();
    damage.apply(card);
    const std::string text = refusal(card);
    const std::string expected = std::string("[card ").append(damage.text);
    CHECK_MESSAGE(text.starts_with(expected), text << "\n    should begin with: " << expected);
  }
  PolicyCard card = testing::sample_waypoint_card();
  card.action.parts[0].waypoint->scale = {1, 0, 1};
  CHECK(refusal(card).starts_with("[card /action/parts/0/waypoint/scale]"));
  card = testing::sample_waypoint_card();
  card.action.joint_names = {"wheel"};
  CHECK(refusal(card).starts_with("[card /action/joint_names] policy card: expected none: the chunk is waypoints, got 1"));
}
