// SPDX-License-Identifier: Apache-2.0
// Framework overhead of one Policy::act: what Sinew adds around a model that does nothing, with two 224x224 cameras whose
// patches are in the tensors already.
#include <fmt/format.h>

#include "bench.hpp"
#include "sinew/action/make_decoder.hpp"
#include "sinew/runtime/policy.hpp"
#include "sinew/testing/no_alloc.hpp"

namespace {

using namespace sinew;

constexpr int kPatches = 2 * (256 / 16) * (256 / 16);  // Qwen3-VL grows 224 to 256
constexpr int kDof = 8;
constexpr int kHorizon = 16;

/// Copies the state; the cameras' patches stay as an earlier stage left them.
class PreencodedEncoder {
 public:
  const TensorSpecs& spec() const noexcept { return spec_; }
  std::string_view last_error() const noexcept { return {}; }
  Status encode(const Observation& observation, TensorMap& out) noexcept {
    const Channel* joints = observation.find_channel("joint_position");
    if (joints == nullptr) return Status::missing;
    const auto state = out["state"].as<float>();
    if (state.size() != joints->values.size()) return Status::bad_shape;
    for (std::size_t i = 0; i < state.size(); ++i) state[i] = static_cast<float>(joints->values[i]);
    return Status::ok;
  }

 private:
  TensorSpecs spec_{
      {"pixel_values", DType::f32, Shape{kPatches, 1536}}, {"image_grid_thw", DType::i64, Shape{2, 3}}, {"state", DType::f32, Shape{kDof}}};
};

/// Writes one number, so that the check can see that it ran.
class NoOpBackend {
 public:
  const ModelSpec& spec() const noexcept { return spec_; }
  std::string_view last_error() const noexcept { return {}; }
  Status infer(const TensorMap& in, TensorMap& out) noexcept {
    out["actions"].as<float>()[0] = in["state"].as<float>()[0];
    return Status::ok;
  }

 private:
  ModelSpec spec_{.name = "no-op",
                  .inputs = {{"pixel_values", DType::f32, Shape{kPatches, 1536}},
                             {"image_grid_thw", DType::i64, Shape{2, 3}},
                             {"state", DType::f32, Shape{kDof}}},
                  .outputs = {{"actions", DType::f32, Shape{kHorizon, kDof}}},
                  .allocates = false};
};

/// A complete card, because decoders check the card that they are made from.
PolicyCard card() {
  PolicyCard card;
  card.name = "no-op";
  card.architecture = "no-op";
  card.backend = "no-op";
  card.prompt = {.name = "instruction", .fields = {}, .max_bytes = 64};
  card.state.channels = {{.name = "joint_position", .unit = "rad", .size = kDof, .rate = 100}};
  card.action.horizon = kHorizon;
  card.action.rate = 10;
  for (int i = 0; i < kDof; ++i) card.action.joint_names.push_back(fmt::format("j{}", i + 1));
  return card;
}

}  // namespace

int main(int argc, char** argv) {
  bench::Report report(bench::Options::parse(argc, argv));
  if (!report.wants("policy_tick/act")) return report.finish();

  Policy policy(card(), PreencodedEncoder(), NoOpBackend(), make_decoder(card(), {}));
  Observation observation;
  observation.channels.push_back({"joint_position", "rad", std::vector<double>(kDof, 0.25), Time{}});
  ActionChunk chunk = policy.make_chunk();
  bool ok = testing::counting_works() && policy.act(observation, chunk) == Status::ok;

  const testing::HeapCallCounter heap;
  for (int i = 0; i < 1000; ++i) ok = policy.act(observation, chunk) == Status::ok && ok;
  const auto heap_calls = heap.count();

  double input = 0;
  const auto [timing, unused] = bench::time_pair(
      [&](int batch) {
        for (int i = 0; i < batch; ++i) {
          observation.channels[0].values[0] = input += 1e-3;
          ok = policy.act(observation, chunk) == Status::ok && chunk.values[0] == static_cast<double>(static_cast<float>(input)) && ok;
        }
      },
      nullptr, report.options().min_time);
  const double microseconds = timing.median * 1e6;
  report.add({.id = "policy_tick/act",
              .what = "overhead of one Policy::act, two 224x224 cameras already encoded, no-op backend",
              .unit = "us",
              .ours = microseconds,
              .ours_p99 = timing.p99 * 1e6,
              .ours_worst = timing.worst * 1e6,
              .bound = "<= 20 us and 0 heap calls",
              .pass = microseconds <= 20 && heap_calls == 0,
              .checked = ok,
              .n = timing.repetitions,
              .note = fmt::format("{} heap calls in 1000 acts", heap_calls)});
  return report.finish();
}
