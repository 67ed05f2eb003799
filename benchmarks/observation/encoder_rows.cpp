// SPDX-License-Identifier: Apache-2.0
// O6: a whole observation to the tensors of a card, as a robot does it at every step.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>

#include "observation/suite.hpp"
#include "sinew/core/normalizer.hpp"
#include "sinew/observation/frame_processor.hpp"
#include "sinew/observation/vla_encoder.hpp"
#include "sinew/testing/no_alloc.hpp"

namespace sinew::bench {

namespace {

constexpr int kStates = 14;    // two arms of six joints, two grippers
constexpr double kMost = 400;  // us
constexpr const char* kStateKey = "observation.state";

const std::array<std::string, kPool> kInstructions = {"Pick up the red block, and put it into the blue bowl.", "Fold the towel twice!",
                                                      "Hand the screwdriver to the person on the left.", "Close drawer no. 3"};

PolicyCard make_card(ProcessorKind processor) {
  PolicyCard card;
  card.name = "two cameras";
  card.architecture = "none";
  card.backend = "none";
  for (const char* name : {"front", "wrist"})
    card.cameras.push_back({.name = name, .view = name, .processor = processor, .resample = "pil_bicubic", .height = 480, .width = 640});
  card.prompt = {.name = "groot", .fields = {{"chat", "qwen3_vl"}}, .max_bytes = 1024};
  card.text = {.tokenizer = "tokenizer.json", .max_tokens = 1024, .padding = "none"};
  card.state.channels = {{.name = "joint_position", .unit = "rad", .size = kStates, .rate = 100}};
  card.state.normalization = {.mode = NormalizationMode::quantile, .rule = "qwen", .key = kStateKey};
  card.action.horizon = 16;
  card.action.rate = 10;
  for (int i = 0; i < kStates; ++i) card.action.joint_names.push_back(fmt::format("j{}", i + 1));
  card.statistics = {.file = "stats.json", .sha256 = std::string(64, '0'), .format = "sinew"};
  return card;
}

Statistics make_statistics() {
  VectorStatistics statistics;
  for (int i = 0; i < kStates; ++i) {
    statistics.q01.push_back(-1 - 0.1 * i);
    statistics.q99.push_back(2 - 0.1 * i);
  }
  return {{kStateKey, statistics}};
}

/// The pool as observations, and for the child as files.
std::vector<Observation> make_observations(Suite& suite, const VectorStatistics& statistics) {
  std::mt19937_64 random(7);
  std::uniform_real_distribution<double> angle(-2.5, 2.5);
  std::vector<Observation> observations;
  std::vector<double> numbers = statistics.q01;
  numbers.insert(numbers.end(), statistics.q99.begin(), statistics.q99.end());
  std::string texts;
  for (const FramePair& pair : suite.frames(480, 640)) {
    Observation& observation = observations.emplace_back();
    observation.cameras = {{"front", pair[0], {}}, {"wrist", pair[1], {}}};
    observation.channels = {{"joint_position", "rad", std::vector<double>(kStates), {}}};
    for (double& value : observation.channels[0].values) value = angle(random);
    observation.instruction = kInstructions[observations.size() - 1];
    numbers.insert(numbers.end(), observation.channels[0].values.begin(), observation.channels[0].values.end());
    texts += (texts.empty() ? std::string() : std::string(1, '\0')) + observation.instruction;
  }
  suite.baselines().write("states", numbers.data(), numbers.size() * sizeof(double));
  suite.baselines().write("instructions", texts.data(), texts.size());
  return observations;
}

/// What the encoder's parts give when each is called on its own.
bool equals_parts(const PolicyCard& card, const Tokenizer& tokenizer, const Observation& observation, TensorMap& out) {
  std::vector<double> state = observation.channels[0].values;
  std::vector<float> normalized(state.size());
  const Normalizer normalizer = make_normalizer(card.state.normalization, make_statistics(), state.size(), "bench");
  bool equal = normalizer.forward(state, normalized) == Status::ok && std::ranges::equal(out["state"].as<float>(), normalized);
  if (card.cameras[0].processor == ProcessorKind::groot_n17) {
    FrameProcessor processor(frame_recipe("groot_n17"));
    for (const CameraFrame& camera : observation.cameras) {
      std::vector<std::uint8_t> image(std::size_t{3} * 256 * 256);
      equal = equal && processor.process(camera.image.view(), image) == Status::ok &&
              std::ranges::equal(out["image." + camera.name].as<std::uint8_t>(), image);
    }
    std::string text(1024, '\0');
    std::size_t size = 0;
    const std::array<PromptImage, 2> images;
    equal = equal && Prompt(card.prompt).render({.instruction = observation.instruction, .images = images}, text, size) == Status::ok &&
            std::ranges::equal(out["input_ids"].as<std::int64_t>(), tokenizer.encode(text.substr(0, size)));
  }
  return equal;
}

/// The tensors behind one another, in the order of the baseline.
struct Encoded {
  std::vector<std::byte> pixels;   // levels or floats
  std::vector<std::byte> numbers;  // grids, ids and mask
  std::vector<float> state;

  explicit Encoded(TensorMap& out) {
    const auto append = [&](std::vector<std::byte>& to, const char* name) {
      if (!out.contains(name)) return;
      const auto bytes = out[name].bytes();
      to.insert(to.end(), bytes.begin(), bytes.end());
    };
    for (const char* name : {"image.front", "image.wrist", "pixel_values"}) append(pixels, name);
    for (const char* name : {"image_grid_thw", "input_ids", "attention_mask"}) append(numbers, name);
    state.assign(out["state"].as<float>().begin(), out["state"].as<float>().end());
  }

  /// Patches and ids to the bit, resized levels within one, the state within a rounding.
  [[nodiscard]] bool agrees(std::span<const std::byte> theirs, bool levels) const {
    if (theirs.size() != pixels.size() + numbers.size() + state.size() * sizeof(float)) return false;
    const auto near = [&](std::byte a, std::byte b) { return std::abs(static_cast<int>(a) - static_cast<int>(b)) <= (levels ? 1 : 0); };
    std::vector<float> their_state(state.size());
    std::memcpy(their_state.data(), theirs.data() + pixels.size() + numbers.size(), state.size() * sizeof(float));
    return std::ranges::equal(pixels, theirs.first(pixels.size()), near) &&
           std::ranges::equal(numbers, theirs.subspan(pixels.size(), numbers.size())) &&
           std::ranges::equal(state, their_state, [](float a, float b) { return std::abs(a - b) <= 1e-6F; });
  }
};

class EncoderCase {
 public:
  EncoderCase(Suite& suite, ProcessorKind processor)
      : suite_(suite),
        card_(make_card(processor)),
        observations_(make_observations(suite, make_statistics().at(kStateKey))),
        tokenizer_(Tokenizer::from_file(suite.vocabulary())),
        encoder_(card_, make_statistics(), {.tokenizer = tokenizer_}),
        out_(make_tensors(encoder_.spec())) {}

  void add_row(const std::string& name, const std::string& what, bool bounded) {
    const std::string id = "O6/" + name;
    Baselines& baselines = suite_.baselines();
    const Work work{.run = [&](std::size_t entry) { ok_ = encoder_.encode(observations_[entry], out_) == Status::ok && ok_; },
                    .result = {}};
    const std::uint64_t heap_calls = count_heap_calls(work);
    const auto baseline = baselines.open(id);
    const auto [mine, theirs] =
        time_pair(warmed(in_turn(work)), baseline ? baselines.sampler(id) : Sampler(), suite_.report().options().min_time);
    Row row = timed_row({.id = id, .what = what, .unit = "us", .scale = 1e6}, mine, theirs, baseline.value_or(kAbsent));
    row.note = fmt::format("{} heap calls in {} observations", heap_calls, 10 * kPool);
    if (!baseline) row.note += "; " + baselines.why();
    if (!suite_.why_small().empty()) row.note += "; vocabulary of bytes alone: " + suite_.why_small();
    row.bound = bounded ? fmt::format("≤ {:g} us and 0 heap calls", kMost) : "";
    if (bounded && suite_.why_small().empty()) row.pass = row.ours <= kMost && heap_calls == 0;
    row.checked = ok_ && testing::counting_works();
    for (std::size_t entry = 0; entry < kPool; ++entry) {
      work.run(entry);
      row.checked = row.checked && equals_parts(card_, tokenizer_, observations_[entry], out_);
      if (baseline) row.checked = row.checked && Encoded(out_).agrees(baselines.result(id, entry), !is_qwen(card_.cameras[0].processor));
    }
    suite_.report().add(std::move(row));
  }

 private:
  static std::uint64_t count_heap_calls(const Work& work) {
    for (std::size_t entry = 0; entry < kPool; ++entry) work.run(entry);
    const testing::HeapCallCounter heap;
    for (std::size_t i = 0; i < 10 * kPool; ++i) work.run(i % kPool);
    return heap.count();
  }

  Suite& suite_;
  PolicyCard card_;
  std::vector<Observation> observations_;
  Tokenizer tokenizer_;
  VlaEncoder encoder_;
  TensorMap out_;
  bool ok_ = true;
};

}  // namespace

void encoder_rows(Suite& suite) {
  const std::string what = "two cameras 640x480, instruction and state of 14 to the tensors of a card: ";
  if (suite.report().wants("O6/groot_n17"))
    EncoderCase(suite, ProcessorKind::groot_n17).add_row("groot_n17", what + "GR00T N1.7, u8 256x256 (its torch path), ids, state", true);
  if (suite.report().wants("O6/qwen3_vl"))
    EncoderCase(suite, ProcessorKind::qwen3_vl).add_row("qwen3_vl", what + "patches of Qwen3-VL, ids, state", false);
}

}  // namespace sinew::bench
