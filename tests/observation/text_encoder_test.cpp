// SPDX-License-Identifier: Apache-2.0
#include "sinew/observation/text_encoder.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "sinew/core/error.hpp"
#include "sinew/testing/no_alloc.hpp"
#include "small_tokenizer.hpp"

namespace {

using namespace sinew;  // NOLINT(google-build-using-namespace): a test of one header
using Ids = std::vector<std::int64_t>;

constexpr TokenId kImagePad = 256;

/// Bytes are their own ids; the tokens of a Qwen chat follow.
Tokenizer chat_tokenizer() {
  testing::SmallTokenizer parts;
  std::string added;
  int id = kImagePad;
  for (const char* token : {"<|image_pad|>", "<|vision_start|>", "<|vision_end|>", "<|im_start|>", "<|im_end|>"}) {
    added += (id == kImagePad ? "" : ", ") + std::string(R"({"id": )") + std::to_string(id) + R"(, "content": ")" + token +
             R"(", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true})";
    ++id;
  }
  parts.added_tokens = "[" + added + "]";
  return Tokenizer::from_json(testing::small_tokenizer_json(parts));
}

const PromptCard kPlain{.name = "instruction", .fields = {}, .max_bytes = 256};
const PromptCard kChat{.name = "qwen_chat", .fields = {{"family", "qwen3_vl"}}, .max_bytes = 1024};

TextCard text_card(const std::string& padding, int most = 64) {
  return {.tokenizer = "tokenizer.json", .max_tokens = most, .padding = padding, .pad_id = 7, .positions = true};
}

Ids ids_of(const TensorMap& out, const char* name) {
  const auto values = out[name].as<std::int64_t>();
  return {values.begin(), values.end()};
}

}  // namespace

TEST_CASE("text encoder: without a tokenizer the prompt goes out as UTF-8") {
  TextEncoder encoder(kPlain, std::nullopt, std::nullopt, 1);
  CHECK(encoder.spec() == TensorSpecs{{"prompt", DType::u8, {256}}});
  auto out = make_tensors(encoder.spec());
  REQUIRE(encoder.encode({.instruction = "wave"}, {}, out) == Status::ok);
  const auto bytes = out["prompt"].as<std::uint8_t>();
  CHECK(std::string(bytes.begin(), bytes.end()) == "wave");
}

TEST_CASE("text encoder: padding goes to its side, with mask and positions") {
  for (const std::string padding : {"none", "left", "right"}) {
    CAPTURE(padding);
    TextEncoder encoder(kPlain, text_card(padding, 6), chat_tokenizer(), 1);
    auto out = make_tensors(encoder.spec());
    REQUIRE(encoder.encode({.instruction = "abc"}, {}, out) == Status::ok);
    const Ids ids = padding == "none" ? Ids{97, 98, 99} : padding == "left" ? Ids{7, 7, 7, 97, 98, 99} : Ids{97, 98, 99, 7, 7, 7};
    const Ids mask = padding == "none" ? Ids{1, 1, 1} : padding == "left" ? Ids{0, 0, 0, 1, 1, 1} : Ids{1, 1, 1, 0, 0, 0};
    CHECK(ids_of(out, "input_ids") == ids);
    CHECK(ids_of(out, "attention_mask") == mask);
    const Ids time = padding == "none" ? Ids{0, 1, 2} : padding == "left" ? Ids{0, 0, 0, 0, 1, 2} : Ids{0, 1, 2, 0, 0, 0};
    Ids all;
    for (int axis = 0; axis < 3; ++axis) all.insert(all.end(), time.begin(), time.end());
    CHECK(ids_of(out, "position_ids") == all);
  }
}

TEST_CASE("text encoder: each slot of a chat becomes the tokens of its image") {
  TextEncoder encoder(kChat, text_card("none", 256), chat_tokenizer(), 2);
  auto out = make_tensors(encoder.spec());
  const std::vector<PromptImage> images = {{.view = "front"}, {.view = "wrist"}};
  const std::vector<PatchGrid> grids = {{1, 4, 4}, {1, 2, 6}};
  REQUIRE(encoder.encode({.instruction = "go", .images = images}, grids, out) == Status::ok);
  const Ids ids = ids_of(out, "input_ids");
  CHECK(std::ranges::count(ids, kImagePad) == 4 + 3);
  const auto first = std::ranges::find(ids, kImagePad);
  CHECK(*(first - 1) == kImagePad + 1);  // vision_start
  CHECK(*(first + 4) == kImagePad + 2);  // vision_end
  CHECK(out["position_ids"].shape() == Shape{3, static_cast<std::int64_t>(ids.size())});
  // Fewer grids than slots: nothing is guessed.
  CHECK(encoder.encode({.instruction = "go", .images = images}, std::span(grids).first(1), out) == Status::bad_shape);
  CHECK(encoder.last_error() == "prompt has 2 image slots for 1 images");
}

TEST_CASE("text encoder: what is too long is refused, not cut") {
  TextEncoder encoder(kChat, text_card("right", 40), chat_tokenizer(), 2);
  auto out = make_tensors(encoder.spec());
  const std::vector<PromptImage> images = {{}};
  const std::vector<PatchGrid> large = {{1, 16, 16}};
  CHECK(encoder.encode({.instruction = "go", .images = images}, large, out) == Status::over_capacity);
  CHECK(encoder.last_error().find("more than the 40 tokens") != std::string_view::npos);
  CHECK(encoder.encode({.instruction = std::string(100, 'x'), .images = {}}, {}, out) == Status::over_capacity);
  CHECK(encoder.encode({.instruction = std::string(2000, 'x'), .images = {}}, {}, out) == Status::over_capacity);
  CHECK(encoder.last_error().find("bytes exceeds the 1024") != std::string_view::npos);
  CHECK(encoder.encode({.instruction = "<|im_end|>", .images = {}}, {}, out) == Status::out_of_range);
}

TEST_CASE("text encoder: refuses what does not fit together") {
  const auto refuse = [](const PromptCard& prompt, const TextCard& text, std::optional<Tokenizer> tokenizer, const char* part) {
    CHECK_THROWS_WITH_AS(TextEncoder(prompt, text, std::move(tokenizer), 2), doctest::Contains(part), Error);
  };
  refuse(kPlain, text_card("none"), std::nullopt, "a tokenizer");
  refuse(kChat, text_card("none"), Tokenizer::from_json(testing::small_tokenizer_json()), "<|image_pad|>");
  TextCard far = text_card("right");
  far.pad_id = 10000;
  refuse(kPlain, far, chat_tokenizer(), "/text/pad_id");
}

TEST_CASE("text encoder: allocates nothing after the first prompt") {
  REQUIRE(testing::counting_works());
  TextEncoder encoder(kChat, text_card("right", 512), chat_tokenizer(), 2);
  auto out = make_tensors(encoder.spec());
  const std::vector<PromptImage> images = {{}};
  const std::vector<PatchGrid> grids = {{1, 8, 8}};
  const PromptInput input{.instruction = "put the cube on the plate", .images = images};
  REQUIRE(encoder.encode(input, grids, out) == Status::ok);
  const testing::HeapCallCounter heap;
  CHECK(encoder.encode(input, grids, out) == Status::ok);
  CHECK(encoder.encode({.instruction = "\xFF"}, {}, out) == Status::out_of_range);
  CHECK(heap.count() == 0);
}
