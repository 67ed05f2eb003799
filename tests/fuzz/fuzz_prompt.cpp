// SPDX-License-Identifier: Apache-2.0
// Prompts: a template, its fields, the instruction, state and images from the input's bytes; what renders is UTF-8, of the
// announced length, and has one slot per image.
#include <bit>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz.hpp"
#include "sinew/core/error.hpp"
#include "sinew/io/text.hpp"
#include "sinew/observation/prompt.hpp"

namespace {

using namespace sinew;
using sinew::testing::law;

/// Lines of the input: the template, fields as "name=value", and after an empty line the instruction, in which "\n" stays.
struct Request {
  PromptCard card;
  std::string_view instruction;
};

Request parse(std::string_view text) {
  Request request;
  const auto line = [&] {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const auto found = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return found;
  };
  request.card.name = line();
  for (std::string_view field = line(); !field.empty() && request.card.fields.size() < 16; field = line()) {
    const std::size_t split = std::min(field.find('='), field.size());
    request.card.fields[std::string(field.substr(0, split))] = field.substr(std::min(split + 1, field.size()));
  }
  request.instruction = text;
  return request;
}

std::size_t count(std::string_view text, std::string_view part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string_view::npos; at = text.find(part, at + part.size())) ++found;
  return found;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const Request request = parse(bytes);
  try {
    const Prompt prompt(request.card);
    std::vector<double> state;
    std::vector<PromptImage> images;
    for (std::size_t i = 0; i < std::min<std::size_t>(size, 5); ++i) {
      state.push_back(data[i] == 255 ? std::numeric_limits<double>::quiet_NaN() : data[i] / 100.0 - 1.2);
      images.push_back({bytes.substr(i, 3), static_cast<int>(i / 2)});
    }
    if (prompt.has_image_slots() && size > 0 && data[size - 1] % 2 == 0)
      for (PromptImage& image : images) image.view = "front";
    // A target, as pointnav has it.
    if (size % 2 == 0 && state.size() > 2) state.resize(2);
    const PromptInput input{.instruction = request.instruction, .state = state, .images = images};
    std::size_t needed = 0;
    const Status first = prompt.render(input, {}, needed);
    std::string text(needed, '#');
    std::size_t written = 0;
    const Status second = prompt.render(input, text, written);
    law(written == needed, "the length does not depend on the buffer");
    law(second == first || (first == Status::over_capacity && second == Status::ok), "what was announced as needed is enough");
    if (second != Status::ok) {
      law(written == 0, "a refused prompt has no length");
      return 0;
    }
    law(is_utf8(text), "a prompt is UTF-8");
    law(is_utf8(request.instruction), "an instruction that is not UTF-8 is refused");
    if (prompt.has_image_slots()) {
      const auto slot = prompt.chat() ? std::string_view("<|image_pad|>") : std::string_view("<image>");
      law(count(text, slot) == images.size(), "each image is one slot");
    }
    if (prompt.chat()) law(count(text, "<|im_start|>") <= 3, "a chat has a system turn, a user's turn and the answer's");
  } catch (const Error& error) {
    sinew::testing::check_error_text(error.what());
  }
  return 0;
}
