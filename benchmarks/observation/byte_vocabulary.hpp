// SPDX-License-Identifier: Apache-2.0
// A vocabulary for where the one of 151 thousand tokens cannot be had.
#pragma once

#include <string>

namespace sinew::bench {

/// A tokenizer.json of the 256 bytes, without merges, and the tokens of Qwen's chat.
[[nodiscard]] std::string byte_vocabulary();

}  // namespace sinew::bench
