// SPDX-License-Identifier: Apache-2.0
// Entry point of every C++ test program: prints the seed, then runs doctest.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <cstdio>

#include "test_seed.hpp"

int main(int argc, char** argv) {
  std::printf("seed %llu (SINEW_TEST_SEED overrides it)\n", static_cast<unsigned long long>(sinew::testing::seed()));
  return doctest::Context(argc, argv).run();
}
