// SPDX-License-Identifier: Apache-2.0
// O5 and O7: a chat prompt to ids, and loading a vocabulary.
#include <fmt/format.h>

#include <string_view>

#include "observation/suite.hpp"
#include "sinew/io/tokenizer.hpp"

namespace sinew::bench {

namespace {

// A chat turn with one image and Qwen-VLA's sentences, 53 tokens of the Qwen vocabulary.
constexpr std::string_view kHead =
    "<|im_start|>user\n<|vision_start|><|image_pad|><|vision_end|>The robot is aloha with dual arms. The control frequency is 50 Hz. "
    "Please predict the next 50 control actions to execute the following task: ";
constexpr std::string_view kTail = ".<|im_end|>\n<|im_start|>assistant\n";

std::string prompt(std::string_view task) { return fmt::format("{}{}{}", kHead, task, kTail); }

/// Writes the pool where the child finds it.
void write_pool(Suite& suite, const std::string& name, const std::vector<std::string>& pool) {
  std::string all;
  for (const std::string& text : pool) all += (all.empty() ? std::string() : std::string(1, '\0')) + text;
  suite.baselines().write(name, all.data(), all.size());
}

void encode_row(Suite& suite, const std::string& variant, const std::vector<std::string>& pool, const Tokenizer& tokenizer) {
  TokenizerScratch scratch;
  std::vector<TokenId> ids(512);
  std::size_t count = 0;
  const Work work{.run =
                      [&](std::size_t entry) {
                        if (tokenizer.encode(pool[entry], scratch, ids, count) != Status::ok) count = 0;
                        keep(ids[0]);
                      },
                  .result = [&] { return std::as_bytes(std::span(ids).first(count)); },
                  .entries = pool.size()};
  work.run(0);
  const std::string id = "O5/" + variant;
  suite.compare(
      {.id = id,
       .what = fmt::format("{} of {} tokens, vocabulary of {}", pool.size() == 1 ? "one chat prompt" : "chat prompts in turn, the first",
                           count, tokenizer.vocab_size()),
       .unit = "us",
       .scale = 1e6,
       .least_ratio = pool.size() == 1 ? std::optional(10.0) : std::nullopt,
       .baseline = id},
      work);
}

void load_row(Suite& suite, const std::string& text) {
  const auto& path = suite.vocabulary();
  std::vector<TokenId> ids;
  const Work work{.run = [&](std::size_t) { keep(Tokenizer::from_file(path).vocab_size()); },
                  .result =
                      [&] {
                        ids = Tokenizer::from_file(path).encode(text);
                        return bytes_of(ids);
                      },
                  .entries = 1};
  suite.compare(
      {.id = "O7/qwen",
       .what = fmt::format("tokenizer.json of {:.1f} MB to a tokenizer", static_cast<double>(std::filesystem::file_size(path)) / 1e6),
       .unit = "ms",
       .scale = 1e3,
       .least_ratio = 3,
       .baseline = "O7/qwen"},
      work);
}

}  // namespace

void tokenizer_rows(Suite& suite) {
  const auto& path = suite.vocabulary();
  if (!suite.why_small().empty()) {
    for (const char* id : {"O5/chat", "O5/varied", "O7/qwen"})
      if (suite.report().wants(id)) suite.report().add({.id = id, .what = "not measured", .baseline = kAbsent, .note = suite.why_small()});
    return;
  }
  const std::vector<std::string> one = {prompt("pick up the red block and put it")};
  const std::vector<std::string> varied = {one[0],
                                           prompt("fold the towel twice"),
                                           prompt("hand the screwdriver to the person on the left"),
                                           prompt("unplug the charger, then close drawer 3"),
                                           prompt("sort the apples by colour"),
                                           prompt("wipe the spilled milk off the countertop"),
                                           prompt("stack the grey boxes next to the conveyor"),
                                           prompt("turn the valve a quarter clockwise")};
  write_pool(suite, "prompt", one);
  write_pool(suite, "prompts", varied);
  const Tokenizer tokenizer = Tokenizer::from_file(path);
  encode_row(suite, "chat", one, tokenizer);
  encode_row(suite, "varied", varied, tokenizer);
  load_row(suite, one[0]);
}

}  // namespace sinew::bench
