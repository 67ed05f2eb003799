// SPDX-License-Identifier: Apache-2.0
// M7 of the other heads: from hidden states of a prompt with two images to actions, beside their modules in PyTorch.
#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <vector>

#include "models/suite.hpp"
#include "sinew/backend/cpu/cpu_models.hpp"
#include "sinew/backend/cpu/cpu_ops.hpp"
#include "sinew/io/json.hpp"
#include "sinew/nn/registry.hpp"

namespace sinew::bench {

namespace {

class RegisteredHead {
 public:
  explicit RegisteredHead(const std::filesystem::path& directory) : inputs_(directory) {
    const Json json = Json::read_file(directory / "config.json");
    const JsonCursor config(json, "config.json");
    width_ = inputs_.shape(0, "hidden")[1];
    nn::HeadInputs given{.offered = {{"input_ids", DType::i64, Shape(inputs_.shape(0, "input_ids"))}},
                         .hidden_size = width_,
                         .vocab_size = config.at("vocab_size").integer(),
                         .depth = config.at("depth").integer(),
                         .image_token = config.at("image_token_id").integer(),
                         .merge = 2};
    if (const auto& state = inputs_.shape(0, "state"); state[0] > 0) given.offered.push_back({"state", DType::f32, Shape(state)});
    Weights weights = Weights::open(directory);
    const JsonCursor head = config.at("action_head");
    head_.emplace(cpu_models().head(head.at("type").text()).load(nn::Loader<CpuOps>(ops_, weights, "action_model."), head, given));
    for (std::size_t entry = 0; entry < inputs_.entries(); ++entry) {
      TensorMap& in = in_.emplace_back();
      for (const auto* specs : {&head_->spec().inputs, &head_->spec().optional_inputs})
        for (const TensorSpec& spec : *specs) {
          const bool known = spec.name == "state" || spec.name == "noise";
          Tensor tensor(spec.dtype, spec.capacity);
          if (known && tensor.set_shape(Shape(inputs_.shape(entry, spec.name))) == Status::ok)
            std::ranges::copy(inputs_.floats(entry, spec.name), tensor.as<float>().begin());
          if (known) in.add(spec.name, std::move(tensor));
        }
    }
    out_ = make_tensors(head_->spec().outputs);
  }

  void run(std::size_t entry) {
    auto scope = ops_.scope();
    const nn::VisionLanguageInput prompt = inputs_.prompt(entry);
    const auto tokens = static_cast<std::int64_t>(prompt.ids.size());
    const auto hidden = ops_.upload(inputs_.floats(entry, "hidden"), Shape{tokens, width_});
    states_.clear();
    const std::size_t layers = head_->spec().depths.size();
    for (std::size_t layer = 0; layer < layers; ++layer) states_.push_back(hidden);
    head_->act(ops_, {.hidden = hidden, .states = states_, .prompt = &prompt}, in_[entry], out_);
  }
  [[nodiscard]] ModelWork work() {
    return {.run = [this](std::size_t entry) { run(entry); },
            .result = [this]() -> std::span<const float> { return std::as_const(out_)["actions"].as<float>(); },
            .entries = inputs_.entries(),
            .tolerance = 2e-3};
  }

 private:
  Inputs inputs_;
  CpuOps ops_;
  std::int64_t width_ = 0;
  std::optional<nn::AnyHead<CpuOps>> head_;
  std::vector<TensorMap> in_;
  TensorMap out_;
  std::vector<CpuOps::Tensor> states_;
};

}  // namespace

void other_head_rows(ModelSuite& suite) {
  struct Entry {
    const char* name;
    const char* what;
    double ratio;
  };
  constexpr std::array<Entry, 8> entries{{{"oft", "OFT's regression head, hidden states of 1024", 1.1},
                                          {"layerwise_192x6", "layer-wise flow matching (QwenPI), width 192, 6 layers, 4 steps", 2},
                                          {"layerwise_1024x16", "the same, width 1024, 16 layers", 1.1},
                                          {"robotmanip_192x6", "RobotManip's DiT, width 192, 6 layers, 4 steps", 2},
                                          {"robotmanip_768x10", "the same, width 768, 10 layers", 1.1},
                                          {"qwen_vla_192x6", "Qwen-VLA's single-stream DiT, width 192, 6 layers, 4 steps", 2},
                                          {"qwen_vla_768x12", "the same, width 768, 12 layers", 1.1},
                                          {"robotnav", "RobotNav's waypoint MLP, hidden states of 1024", 1.1}}};
  for (const Entry& entry : entries) {
    const std::string name = entry.name;
    const Claim claim{
        .id = "M7/" + name, .what = entry.what, .unit = "ms", .scale = 1e3, .least_ratio = entry.ratio, .baseline = "head:" + name};
    const auto directory = suite.directory("head:" + name, std::array{claim});
    if (!directory) continue;
    RegisteredHead ours(*directory);
    suite.compare(claim, ours.work());
  }
}

}  // namespace sinew::bench
