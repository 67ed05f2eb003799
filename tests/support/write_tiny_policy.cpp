// SPDX-License-Identifier: Apache-2.0
// write_tiny_policy DIRECTORY: a policy directory with random weights, for the tests of the examples.
#include <filesystem>

#include "tiny_policy.hpp"

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  std::filesystem::create_directories(argv[1]);
  sinew::testing::write_tiny_policy(argv[1]);
  return 0;
}
