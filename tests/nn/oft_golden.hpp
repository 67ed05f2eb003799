// SPDX-License-Identifier: Apache-2.0
// The OFT head against StarVLA's, on any set of operations. Sizes and tolerance come from the files.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "golden.hpp"
#include "sinew/io/weights.hpp"
#include "sinew/nn/heads/oft.hpp"
#include "temporary_directory.hpp"

namespace sinew::testing {

template <nn::TensorOps Ops>
class OftGolden {
 public:
  using Tensor = typename Ops::Tensor;

  OftGolden(Ops& ops, const std::string& name) : ops_(ops), name_(name), golden_(read_golden_case("starvla_oft", name)) {
    const JsonCursor config = golden_.json().at("config");
    const auto size = [&](const char* key) { return config.at(key).integer(1); };
    blocks_ = static_cast<std::int64_t>(
        std::ranges::count_if(golden_.tensors, [](const auto& each) { return each.first.starts_with("mid.block"); }));
    config_ = {.context_width = size("H"),
               .width = golden_.tensor("w.action_model.model.fc1.weight").shape[0],
               .blocks = blocks_,
               .horizon = size("T"),
               .action_dim = size("A"),
               .placeholder = 7};
    batch_ = size("B");
  }

  void check() {
    Weights weights = open();
    const nn::MlpResNet<Ops> net(nn::Loader<Ops>(ops_, weights, "action_model.model."), config_);
    weights.require_all_used();
    auto scope = ops_.scope();
    const Tensor x = ops_.upload(golden_.f32("actions_hidden_states"), Shape{batch_ * config_.horizon, config_.context_width});
    const Tensor h = net.begin(ops_, x);
    std::vector<float> fc1(golden_.f32("mid.fc1").begin(), golden_.f32("mid.fc1").end());
    for (float& value : fc1) value = std::max(value, 0.0F);
    CHECK(worst_ratio(read(h), fc1, golden_.tolerance()) <= 1);
    for (std::int64_t i = 0; i < blocks_; ++i) {
      net.block_into(ops_, h, static_cast<std::size_t>(i));
      CHECK(worst_ratio(read(h), golden_.f32(fmt::format("mid.block{}", i)), golden_.tolerance()) <= 1);
    }
    CHECK(worst_ratio(read(net.finish(ops_, h)), golden_.f32("actions"), golden_.tolerance()) <= 1);
  }

  /// The whole head: placeholders among other tokens, one more than it reads.
  void check_head() {
    Weights weights = open();
    const nn::HeadInputs inputs{.offered = {}, .hidden_size = config_.context_width, .vocab_size = 16};
    nn::Oft<Ops> head(nn::Loader<Ops>(ops_, weights, "action_model."), config_, inputs);
    const auto width = static_cast<std::size_t>(config_.context_width), horizon = static_cast<std::size_t>(config_.horizon);
    const auto states = golden_.f32("actions_hidden_states");
    for (std::size_t b = 0; b < static_cast<std::size_t>(batch_); ++b) {
      std::vector<std::int64_t> ids{7, 3};
      std::vector<float> hidden(2 * width, 100.0F);
      for (std::size_t i = 0; i < horizon; ++i) {
        ids.insert(ids.end(), {7, 1});
        const auto state = states.subspan((b * horizon + i) * width, width);
        hidden.insert(hidden.end(), state.begin(), state.end());
        hidden.insert(hidden.end(), width, -100.0F);
      }
      TensorMap out;
      out.add("actions", sinew::Tensor(DType::f32, Shape{config_.horizon, config_.action_dim}));
      nn::VisionLanguageInput prompt{.ids = ids};
      auto scope = ops_.scope();
      const Tensor rows = ops_.upload(hidden, Shape{static_cast<std::int64_t>(ids.size()), config_.context_width});
      head.act(ops_, {.hidden = rows, .prompt = &prompt}, {}, out);
      const auto actions = golden_.f32("actions");
      const std::size_t size = actions.size() / static_cast<std::size_t>(batch_);
      CHECK(worst_ratio(out["actions"].as<float>(), actions.subspan(b * size, size), golden_.tolerance()) <= 1);
      ids.front() = ids[2] = 3;
      CHECK_THROWS_WITH_AS(head.act(ops_, {.hidden = rows, .prompt = &prompt}, {}, out), doctest::Contains("at least 8 tokens 7, got 7"),
                           Error);
    }
    for (const auto& wrong : {nn::HeadInputs{.offered = {}, .hidden_size = config_.context_width + 1, .vocab_size = 16},
                              nn::HeadInputs{.offered = {}, .hidden_size = config_.context_width, .vocab_size = 7}})
      CHECK_THROWS_AS(nn::Oft<Ops>(nn::Loader<Ops>(ops_, weights, "action_model."), config_, wrong), Error);
  }

 private:
  Weights open() const {
    const TemporaryDirectory folder;
    std::filesystem::copy_file(golden_directory() / "starvla_oft" / (name_ + ".safetensors"), folder.path() / "model.safetensors");
    const std::vector<NameRule> rules = {{"w.", ""}};
    Weights weights = Weights::open(folder.path(), rules);
    for (const auto& [name, tensor] : golden_.tensors)
      if (!name.starts_with("w.")) weights.ignore(name);
    return weights;
  }
  std::vector<float> read(const Tensor& x) {
    std::vector<float> values(x.shape().count());
    ops_.download(x, values);
    return values;
  }

  Ops& ops_;
  std::string name_;
  GoldenCase golden_;
  nn::OftConfig config_;
  std::int64_t blocks_ = 0, batch_ = 0;
};

/// Every case of the folder.
template <nn::TensorOps Ops>
void check_oft(Ops& ops) {
  int cases = 0;
  for (const auto& file : std::filesystem::directory_iterator(golden_directory() / "starvla_oft")) {
    if (file.path().extension() != ".json") continue;
    const std::string name = file.path().stem().string();
    CAPTURE(name);
    OftGolden<Ops> golden(ops, name);
    golden.check();
    golden.check_head();
    ++cases;
  }
  CHECK(cases >= 1);
}

}  // namespace sinew::testing
