// SPDX-License-Identifier: Apache-2.0
// M3: LeRobot's ACT at its default size, two cameras of 480 x 640, from normalised images and state to a normalised chunk.
#include <fmt/format.h>

#include <array>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "models/suite.hpp"
#include "sinew/backend/cpu/cpu_backend.hpp"
#include "sinew/testing/no_alloc.hpp"
#ifdef SINEW_BENCH_TORCH
#include "sinew/backend/torch/torch_backend.hpp"
#endif

namespace sinew::bench {

namespace {

constexpr int kRepetitions = 31;

class ActCase {
 public:
  ActCase(const std::filesystem::path& directory, const BackendFactory& factory, DType dtype) : inputs_(directory) {
    PolicyCard card;
    card.architecture = "act";
    card.dtype = dtype;
    TensorSpecs offered;
    for (std::size_t entry = 0; entry < inputs_.entries(); ++entry) {
      TensorMap& map = maps_.emplace_back();
      for (const char* name : {"image.top", "image.wrist", "state"}) {
        Tensor tensor(DType::f32, Shape(inputs_.shape(entry, name)));
        std::ranges::copy(inputs_.floats(entry, name), tensor.as<float>().begin());
        if (entry == 0) offered.push_back({name, DType::f32, tensor.capacity()});
        map.add(name, std::move(tensor));
      }
    }
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
            .tolerance = tolerance,
            .repetitions = kRepetitions};
  }
  [[nodiscard]] std::string heap_note() {
    run(0);
    const testing::HeapCallCounter counter;
    for (std::size_t entry = 0; entry < maps_.size(); ++entry) run(entry);
    return fmt::format("{} heap calls in {} chunks", counter.count(), maps_.size());
  }

 private:
  Inputs inputs_;
  std::vector<TensorMap> maps_;
  std::unique_ptr<AnyBackend> backend_;
  TensorMap out_;
};

}  // namespace

void act_rows(ModelSuite& suite) {
  const Claim f32{.id = "M3/f32",
                  .what = "ACT of 52 M parameters, 2 cameras of 480 x 640, CPU backend, f32",
                  .unit = "ms",
                  .scale = 1e3,
                  .least_ratio = 1,
                  .baseline = "act_f32"};
  const Claim bf16{.id = "M3/bf16",
                   .what = "the same, weights in bf16, against eager f32",
                   .unit = "ms",
                   .scale = 1e3,
                   .least_ratio = 1.8,
                   .baseline = "act_f32"};
  const Claim torch{.id = "M3/torch", .what = "the same, torch backend, f32", .unit = "ms", .scale = 1e3, .baseline = "act_f32"};
  const auto directory = suite.directory("act", std::array{f32, bf16, torch});
  if (!directory) return;
  {
    ActCase ours(*directory, cpu_backend(), DType::f32);
    Claim claim = f32;
    claim.note = ours.heap_note();
    suite.compare(claim, ours.work(1e-4));
  }
  {
    ActCase ours(*directory, cpu_backend(), DType::bf16);
    suite.compare(bf16, ours.work(0.1));
  }
#ifdef SINEW_BENCH_TORCH
  ActCase ours(*directory, torch_backend(), DType::f32);
  suite.compare(torch, ours.work(1e-4));
#endif
}

}  // namespace sinew::bench
