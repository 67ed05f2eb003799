// SPDX-License-Identifier: Apache-2.0
// A vocabulary for where a real one cannot be had, or would only be in the way.
#pragma once

#include <span>
#include <string>

namespace sinew::testing {

/// A tokenizer.json of the 256 bytes, without merges, and special tokens with the ids from 256 on.
[[nodiscard]] std::string byte_vocabulary(std::span<const char* const> special);

}  // namespace sinew::testing
