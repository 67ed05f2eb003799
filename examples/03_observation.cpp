// SPDX-License-Identifier: Apache-2.0
// One scene, three families: what the same cameras, words and joints become for Qwen3-VL, pi0.5 and GR00T N1.7.
#include <fmt/format.h>

#include <chrono>
#include <sinew/sinew.hpp>
#include <string>
#include <utility>
#include <vector>

namespace {

/// A frame with a gradient, so that the example needs no camera.
sinew::Image frame(int height, int width) {
  sinew::Image image(height, width);
  std::size_t i = 0;
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x)
      for (int channel = 0; channel < 3; ++channel) image.pixels()[i++] = static_cast<std::uint8_t>((x + 2 * y + 85 * channel) % 256);
  return image;
}

}  // namespace

int main() try {
  sinew::Observation observation;
  observation.cameras = {{"front", frame(480, 640), {}}, {"wrist", frame(480, 640), {}}};
  observation.channels = {{"joint_position", "rad,m", {0.0, -0.3, 0.0, -0.9, 0.0, 0.8, 0.4, 0.04}, {}},
                          {"tool_pose", "m,quat_wxyz", {0.4, 0.0, 0.3, 1.0, 0.0, 0.0, 0.0}, {}}};
  observation.instruction = "put the red cube on the yellow plate";

  // A card says what a policy was trained on. Here one card is changed to three families' ways.
  sinew::PolicyCard card = sinew::read_card(SINEW_MODELS "/tabletop_demonstrator");
  for (sinew::CameraCard& camera : card.cameras) camera.height = 480, camera.width = 640;
  const std::vector<std::pair<sinew::ProcessorKind, sinew::PromptCard>> families = {
      {sinew::ProcessorKind::qwen3_vl, {"qwen_chat", {{"family", "qwen3_vl"}}, 1024}},
      {sinew::ProcessorKind::pi05, {"pi05", {}, 1024}},
      {sinew::ProcessorKind::groot_n17, {"groot", {}, 1024}}};

  for (const auto& [processor, prompt] : families) {
    for (sinew::CameraCard& camera : card.cameras) camera.processor = processor;
    card.prompt = prompt;
    sinew::VlaEncoder encoder(card, {});
    sinew::TensorMap tensors = sinew::make_tensors(encoder.spec());  // allocates; encode() does not, after the first frame

    if (encoder.encode(observation, tensors) != sinew::Status::ok) throw std::runtime_error(std::string(encoder.last_error()));
    const auto start = std::chrono::steady_clock::now();
    if (encoder.encode(observation, tensors) != sinew::Status::ok) throw std::runtime_error(std::string(encoder.last_error()));
    const std::chrono::duration<double, std::micro> elapsed = std::chrono::steady_clock::now() - start;

    fmt::print("{}, {:.0f} us\n", sinew::to_string(processor), elapsed.count());
    for (const auto& [name, tensor] : tensors)
      fmt::print("  {}\n", sinew::to_string(sinew::TensorSpec{name, tensor.dtype(), tensor.shape()}));
    const auto text = std::as_const(tensors)["prompt"].as<std::uint8_t>();
    fmt::print("  {:?}\n", std::string(text.begin(), text.end()));
  }
  return EXIT_SUCCESS;
} catch (const std::exception& error) {
  fmt::print(stderr, "{}\n", error.what());
  return EXIT_FAILURE;
}
