// SPDX-License-Identifier: Apache-2.0
// What fuzz targets share: a check that ends the process, so that any fuzzer sees it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "sinew/core/error.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace sinew::testing {

/// Aborts with `law` when it does not hold.
inline void law(bool holds, const char* law) {
  if (holds) return;
  std::fprintf(stderr, "broken law: %s\n", law);
  std::abort();
}

/// An error's text names its place, is short, and holds nothing that drives a terminal, whatever the input was.
inline void check_error_text(std::string_view text) {
  law(text.size() > 3 && text.front() == '[' && text.size() < 4096, "an error begins with its place and is of bounded length");
  for (const char c : text) law(static_cast<unsigned char>(c) >= 0x20 && c != 0x7F, "an error holds no control character");
}

/// Calls `use`, which may accept the input or refuse it with an Error that begins with `place`.
template <class Use>
void accept_or_refuse(std::string_view place, Use&& use) {
  try {
    use();
  } catch (const Error& error) {
    check_error_text(error.what());
    law(std::string_view(error.what()).starts_with(place), "a refusal names the file");
  }
}

}  // namespace sinew::testing
