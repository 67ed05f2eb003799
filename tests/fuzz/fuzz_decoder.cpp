// SPDX-License-Identifier: Apache-2.0
// Decoders of a card: whatever a model emits and an observation holds gives a finite chunk, or a status with a reason and the chunk as it
// was.
//
// The first byte picks a card, the second what is missing from the observation; the rest are numbers or ids.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "fuzz.hpp"
#include "sample_card.hpp"
#include "sinew/action/parts_decoder.hpp"

namespace {

using namespace sinew;
using sinew::testing::law;

Statistics statistics() {
  VectorStatistics vector;
  for (int i = 0; i < 14; ++i) {
    vector.q01.push_back(-0.1 * i - 0.1);
    vector.q99.push_back(0.2 * i + 0.1);
  }
  return {{"action", vector}, {"observation.state", vector}};
}

PolicyCard canonical_card() {
  PolicyCard card = sinew::testing::sample_parts_card();
  card.action.tokens.reset();
  return card;
}

PolicyCard bins_card(bool relaxed) {
  PolicyCard card = canonical_card();
  auto& action = card.action;
  action.layout.reset();
  action.parts.erase(action.parts.begin());
  for (auto& part : action.parts) part.normalization.reset();
  action.parts[0].tool = ToolPartCard{"tool_pose", "tool", "previous", "rot6d_rows", 1, 1, "", false};
  action.tokens = ActionTokensCard{
      .language = "bins", .mapping = "openvla", .folder = "", .vocab_size = 32000, .bins = 256, .max_tokens = 200, .relaxed = relaxed};
  return card;
}

/// A new one each time: a decoder remembers whether its robot has a camera.
PartsDecoder make_decoder_of(unsigned kind) {
  static const Statistics kStatistics = statistics();
  static const PolicyCard kCanonical = canonical_card(), kWaypoints = sinew::testing::sample_waypoint_card();
  static const PolicyCard kBins[] = {bins_card(false), bins_card(true)};
  if (kind % 4 == 0) return PartsDecoder(kCanonical, kStatistics);
  if (kind % 4 == 1) return PartsDecoder(kWaypoints, kStatistics);
  const PolicyCard& card = kBins[kind % 2];
  return PartsDecoder(card, kStatistics, ActionTokens({}, card));
}

Observation observation(unsigned flags, double value) {
  Observation seen;
  seen.id = 1;
  if ((flags & 1U) == 0) seen.channels.push_back({"tool_pose", "m,quat_wxyz", {0.4, value, 0.3, 1, 0, 0, 0}, {}});
  if ((flags & 2U) == 0) seen.channels.push_back({"camera_pose", "m,quat_wxyz", {1, 0, 0.5, (flags & 4U) != 0 ? value : 0, 1, 0, 0}, {}});
  if ((flags & 8U) == 0) seen.channels.push_back({"base_pose", "m,m,rad", {1, value, 0.5}, {}});
  return seen;
}

/// As many values as there are bytes for; the rest stays.
template <class Value>
void fill(std::span<Value> to, std::span<const std::uint8_t> bytes) {
  std::memcpy(to.data(), bytes.data(), std::min(bytes.size(), to.size_bytes()));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 10) return 0;
  PartsDecoder decoder = make_decoder_of(data[0]);
  double value = 0;
  std::memcpy(&value, data + 2, sizeof(value));
  const std::span<const std::uint8_t> rest(data + 10, size - 10);
  TensorMap tensors = make_tensors(decoder.spec());
  Tensor& tensor = tensors[decoder.spec().front().name];
  if (tensor.dtype() == DType::i64) {
    const auto ids = tensor.as<std::int64_t>();
    for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = 31744 + static_cast<std::int64_t>(i % 256);
    fill(ids, rest);
    if (rest.size() % 3 == 0) law(tensor.set_shape({160}) == Status::ok, "within the capacity");
  } else {
    fill(tensor.as<float>(), rest);
  }
  ActionChunk chunk;
  const Status status = decoder.decode(tensors, observation(data[1], value), chunk);
  if (status == Status::ok) {
    law(std::ranges::all_of(chunk.values, [](double target) { return std::isfinite(target); }), "a chunk is finite");
    law(chunk.horizon == 16 && chunk.observation_id == 1, "a chunk says what it is");
  } else {
    law(!decoder.last_error().empty(), "a refusal has a reason");
    law(chunk.values.empty(), "a refused chunk is not touched");
  }
  return 0;
}
