// SPDX-License-Identifier: Apache-2.0
// Long run of the mailbox: SOAK_HAND_OVERS (a thousand million) values from one thread to another, for SOAK_MINUTES (1) at most.
#include <cstdio>
#include <cstdlib>

#include "mailbox_exchange.hpp"

namespace {

double number_of(const char* name, double otherwise) {
  const char* text = std::getenv(name);
  return text != nullptr ? std::strtod(text, nullptr) : otherwise;
}

}  // namespace

int main() {
  const auto limit =
      std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double, std::ratio<60>>(number_of("SOAK_MINUTES", 1)));
  const auto result = sinew::testing::exchange(static_cast<std::uint64_t>(number_of("SOAK_HAND_OVERS", 1e9)), limit);
  std::printf("%llu hand-overs of %llu values of 64 words, %llu torn, %llu backwards\n", static_cast<unsigned long long>(result.taken),
              static_cast<unsigned long long>(result.published), static_cast<unsigned long long>(result.torn),
              static_cast<unsigned long long>(result.backwards));
  return result.torn == 0 && result.backwards == 0 && result.last == result.published ? EXIT_SUCCESS : EXIT_FAILURE;
}
