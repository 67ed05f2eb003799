// SPDX-License-Identifier: Apache-2.0
// A policy directory runs without Python: Qwen3-VL and a flow-matching head, on the CPU backend and, where it was built, on libtorch.
#include <fmt/format.h>

#include <algorithm>

#include <sinew/sinew.hpp>
#ifdef SINEW_EXAMPLE_TORCH
#include <sinew/backend/torch/torch_backend.hpp>
#endif

int main(int argc, char** argv) try {
  if (argc < 2) {
    fmt::print(stderr, "usage: {} POLICY_DIRECTORY [instruction]\n", argv[0]);
    return 2;
  }
  auto registry = sinew::BackendRegistry::with_defaults();  // has "cpu"
  registry.add("cpu2", sinew::cpu_backend({.threads = 2}));
#ifdef SINEW_EXAMPLE_TORCH
  registry.add("torch", sinew::torch_backend());  // {.device = "cuda:0"} on a machine with a GPU
#endif

  // What the card asks for: a frame of each camera, each channel; grey frames and zeros stand for a robot here.
  const auto card = sinew::read_card(std::filesystem::path(argv[1]) / "sinew.json");
  sinew::Observation observation;
  observation.instruction = argc > 2 ? argv[2] : "put the red cube on the yellow plate";
  for (const auto& camera : card.cameras) {
    auto& frame = observation.cameras.emplace_back(sinew::CameraFrame{camera.name, sinew::Image(camera.height, camera.width), {}});
    std::ranges::fill(frame.image.pixels(), std::uint8_t{128});
  }
  for (const auto& channel : card.state.channels)
    observation.channels.push_back({channel.name, channel.unit, std::vector<double>(static_cast<std::size_t>(channel.size)), {}});

  for (const char* name : {"cpu", "cpu2", "torch"}) {
    if (!registry.contains(name)) continue;
    auto policy = sinew::Policy::load(argv[1], registry, name);
    auto chunk = policy.make_chunk();
    if (policy.act(observation, chunk, {.seed = 1}) != sinew::Status::ok) {
      fmt::print(stderr, "{}: {}\n", name, policy.last_error());
      return EXIT_FAILURE;
    }
    fmt::print("{:>5}: {} steps of {} joints in {:.1f} ms, first", name, chunk.horizon, chunk.dim,
               1e3 * sinew::to_seconds(policy.timing().infer));
    for (const double q : chunk.step(0)) fmt::print(" {:.4f}", q);
    fmt::print("\n");
  }
} catch (const sinew::Error& error) {
  fmt::print(stderr, "{}\n", error.what());
  return 2;
}
