// SPDX-License-Identifier: Apache-2.0
// preprocessor_config.json: what is accepted makes a processor that keeps its own promises; what is refused is refused with a place.
#include <string>
#include <string_view>
#include <vector>

#include "fuzz.hpp"
#include "sinew/core/error.hpp"
#include "sinew/observation/image_processor.hpp"

namespace {

using sinew::testing::law;

/// A small frame through the processor, if its patches are few enough to be worth the time.
void process(const sinew::QwenVlOptions& options) {
  sinew::QwenVlProcessor processor(options);
  const sinew::ImageSize size{24, 40};
  const auto grid = processor.grid(size);
  if (!grid) return;
  const auto resized = smart_resize(size, options);
  law(resized && resized->height % (options.patch_size * options.merge_size) == 0, "sides are multiples of the blocks");
  law(grid->height * options.patch_size == resized->height && grid->width * options.patch_size == resized->width, "the grid is the size");
  const std::size_t floats = grid->patches() * processor.row_length();
  if (floats > (std::size_t{1} << 18)) return;
  const sinew::Image image(size.height, size.width);
  std::vector<float> values(floats, -12345.0F);
  law(processor.process(image.view(), values) == sinew::Status::ok, "a size with a grid is processed");
  for (const float value : values) law(value != -12345.0F, "every value is written");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string text(reinterpret_cast<const char*>(data), size);
  if (text.find_first_not_of(" \t\r\n") == std::string::npos || text[text.find_first_not_of(" \t\r\n")] != '{') text = "{" + text;
  try {
    process(sinew::qwen_vl_options_from_pretrained(text, size % 3 == 0 ? "torch" : size % 3 == 1 ? "pil12" : "pil13"));
  } catch (const sinew::Error& error) {
    sinew::testing::check_error_text(error.what());
  }
  return 0;
}
