// SPDX-License-Identifier: Apache-2.0
// p
#include <doctest/doctest.h>
TEST_CASE("x"){}
