// SPDX-License-Identifier: Apache-2.0
// O5 and O7: a chat prompt to ids, and loading a vocabulary.
#pragma once

#include <string>
#include <string_view>

#include "bench.hpp"

namespace sinew::bench {

/// What O5 encodes: a chat turn with one image, 53 tokens of the Qwen vocabulary.
inline constexpr std::string_view kTokenizerPrompt =
    "<|im_start|>user\n<|vision_start|><|image_pad|><|vision_end|>The robot is aloha with dual arms. The control frequency is 50 Hz. "
    "Please predict the next 50 control actions to execute the following task: pick up the red block and put it.<|im_end|>\n"
    "<|im_start|>assistant\n";

/// Adds O5 and O7 for the tokenizer.json at `path`; the other side, `tokenizers`, is measured from Python. Nothing but a
/// note in the rows when `path` is empty.
void tokenizer_rows(Report& report, const std::string& path);

}  // namespace sinew::bench
