// SPDX-License-Identifier: Apache-2.0
// M1, M2: a policy of the shipped size, from encoded observation to normalised chunk.
#include <fmt/format.h>

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "models/suite.hpp"
#include "models/work.hpp"
#include "sinew/backend/cpu/cpu_backend.hpp"
#include "sinew/io/card_json.hpp"
#include "sinew/io/json.hpp"
#include "sinew/nn/heads/flow_dit_config.hpp"
#include "sinew/nn/models/qwen3_vl_config.hpp"
#include "sinew/testing/no_alloc.hpp"
#ifdef SINEW_BENCH_TORCH
#include "sinew/backend/torch/torch_backend.hpp"
#endif

namespace sinew::bench {

namespace {

/// Input tensors of one entry.
TensorMap tensors_of(const Inputs& inputs, std::size_t entry) {
  TensorMap map;
  const auto add_floats = [&](const std::string& name, const Shape& shape) {
    Tensor tensor(DType::f32, shape);
    std::ranges::copy(inputs.floats(entry, name), tensor.as<float>().begin());
    map.add(name, std::move(tensor));
  };
  const auto add_integers = [&](const std::string& name) {
    const auto& dims = inputs.shape(entry, name);
    Tensor tensor(DType::i64, Shape(dims));
    std::ranges::copy(inputs.integers(entry, name), tensor.as<std::int64_t>().begin());
    map.add(name, std::move(tensor));
  };
  add_integers("input_ids");
  add_integers("image_grid_thw");
  for (const char* name : {"pixel_values", "noise", "state"}) add_floats(name, Shape(inputs.shape(entry, name)));
  return map;
}

class PolicyCase {
 public:
  PolicyCase(const std::filesystem::path& directory, const BackendFactory& factory, DType dtype) : inputs_(directory) {
    PolicyCard card;
    card.architecture = "qwen3_vl/flow_dit";
    card.dtype = dtype;
    for (std::size_t entry = 0; entry < inputs_.entries(); ++entry) maps_.push_back(tensors_of(inputs_, entry));
    TensorSpecs offered;
    for (const auto& [name, tensor] : maps_.front())
      if (name != "noise") offered.push_back({name, tensor.dtype(), tensor.capacity()});
    backend_ = std::make_unique<AnyBackend>(factory({directory, card, offered}));
    out_ = make_tensors(backend_->spec().outputs);
  }

  void run(std::size_t entry) {
    if (backend_->infer(maps_[entry], out_) != Status::ok) throw std::runtime_error(std::string(backend_->last_error()));
  }
  [[nodiscard]] ModelWork work(double tolerance) {
    return {.run = [this](std::size_t entry) { run(entry); },
            .result = [this]() -> std::span<const float> { return std::as_const(out_)["actions"].as<float>(); },
            .entries = maps_.size(),
            .tolerance = tolerance};
  }
  [[nodiscard]] std::string heap_note() {
    run(0);
    const testing::HeapCallCounter counter;
    for (std::size_t entry = 0; entry < maps_.size(); ++entry) run(entry);
    return fmt::format("{} heap calls in {} chunks", counter.count(), maps_.size());
  }
  [[nodiscard]] const Inputs& inputs() const { return inputs_; }

 private:
  Inputs inputs_;
  std::vector<TensorMap> maps_;
  std::unique_ptr<AnyBackend> backend_;
  TensorMap out_;
};

/// Seconds that the linear layers alone would take at the best rate of this machine's products.
double limit_of(const std::filesystem::path& directory, const Inputs& inputs, double rate) {
  const Json json = Json::read_file(directory / "config.json");
  const JsonCursor config(json, "config.json");
  const double operations =
      backbone_operations(nn::Qwen3VlConfig::parse(config), inputs.prompt(0)) +
      head_operations(nn::FlowDitConfig::parse(config.at("action_head")), static_cast<double>(inputs.integers(0, "input_ids").size()));
  return operations / rate;
}

}  // namespace

void policy_rows(ModelSuite& suite) {
  const Claim f32{.id = "M1/f32",
                  .what = "policy of 5 M parameters, 2 images, 4 steps, CPU backend, f32",
                  .unit = "ms",
                  .scale = 1e3,
                  .least_ratio = 2,
                  .baseline = "policy_f32"};
  const Claim bf16{.id = "M1/bf16",
                   .what = "the same, weights in bf16, against eager f32",
                   .unit = "ms",
                   .scale = 1e3,
                   .least_ratio = 3.5,
                   .baseline = "policy_f32"};
  const Claim compiled{
      .id = "M1/f32/compiled", .what = "the same in f32 against torch.compile", .unit = "ms", .scale = 1e3, .baseline = "policy_compiled"};
  const Claim two{
      .id = "M1/f32/2threads", .what = "the same in f32 with two threads", .unit = "ms", .scale = 1e3, .baseline = "policy_f32_2threads"};
  const Claim torch{
      .id = "M2/f32", .what = "the same, torch backend, f32", .unit = "ms", .scale = 1e3, .least_ratio = 1.3, .baseline = "policy_f32"};
  const std::array cuda{
      Claim{.id = "M1/cuda",
            .what = "the same on a GPU, torch backend, f32, replayed as graphs, against eager PyTorch there",
            .unit = "ms",
            .scale = 1e3,
            .baseline = "policy_cuda"},
      Claim{.id = "M1/cuda/plain", .what = "the same, operation by operation", .unit = "ms", .scale = 1e3, .baseline = "policy_cuda"}};
  const bool gpu = suite.has_device(cuda);
  std::vector<Claim> rows{f32, bf16, compiled, two, torch};
  if (gpu) rows.insert(rows.end(), cuda.begin(), cuda.end());
  const auto directory = suite.directory("policy", rows);
  if (!directory) return;
  {
    PolicyCase ours(*directory, cpu_backend(), DType::f32);
    const double rate = best_product_rate(), limit = limit_of(*directory, ours.inputs(), rate) * 1e3;
    Claim claim = f32;
    claim.most = 1.6 * limit;
    claim.note = fmt::format("products alone: {:.2f} ms at {:.0f} GFLOP/s; {}", limit, rate / 1e9, ours.heap_note());
    suite.compare(claim, ours.work(1e-3));
    suite.compare(compiled, ours.work(1e-3));
    if (suite.report().wants(two.id)) {
      const AllCores all;
      PolicyCase both(*directory, cpu_backend({.threads = 2}), DType::f32);
      suite.compare(two, both.work(1e-3));
    }
  }
  {
    PolicyCase ours(*directory, cpu_backend(), DType::bf16);
    suite.compare(bf16, ours.work(0.1));
  }
#ifdef SINEW_BENCH_TORCH
  PolicyCase ours(*directory, torch_backend(), DType::f32);
  suite.compare(torch, ours.work(1e-3));
  for (const Claim& claim : cuda) {
    if (!gpu) break;
    PolicyCase there(*directory, torch_backend({.device = "cuda", .graphs = {.enabled = claim.id == "M1/cuda"}}), DType::f32);
    suite.compare(claim, there.work(1e-3));
  }
#endif
}

}  // namespace sinew::bench
