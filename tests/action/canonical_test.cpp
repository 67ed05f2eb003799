// SPDX-License-Identifier: Apache-2.0
// The 80 canonical dimensions: the report's table, pack and unpack, masks, tokens; the padded chunk.
#include "sinew/action/canonical.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "sinew/action/padded_chunk.hpp"
#include "sinew/core/error.hpp"
#include "sinew/testing/action_space_laws.hpp"
#include "test_seed.hpp"

using namespace sinew;

TEST_CASE("canonical: the report's table, from 1, and no dimension in two parts or in none") {
  const auto range = [](const char* name) {
    const auto [first, size] = canonical_range(canonical_part(name));
    return std::pair(first + 1, first + size);
  };
  using Range = std::pair<std::size_t, std::size_t>;
  CHECK(range("left_joints") == Range(1, 7));
  CHECK(range("left_tool") == Range(8, 16));
  CHECK(range("left_gripper") == Range(17, 17));
  CHECK(range("left_hand") == Range(18, 29));
  CHECK(range("right_joints") == Range(30, 36));
  CHECK(range("right_tool") == Range(37, 45));
  CHECK(range("right_gripper") == Range(46, 46));
  CHECK(range("right_hand") == Range(47, 58));
  std::vector<int> owners(kCanonicalDim);
  for (std::size_t part = 0; part < kCanonicalParts; ++part) {
    const auto [first, size] = canonical_range(static_cast<CanonicalPart>(part));
    for (std::size_t i = first; i < first + size; ++i) ++owners[i];
  }
  CHECK(std::ranges::all_of(owners, [](int n) { return n == 1; }));
}

TEST_CASE("canonical: unpack undoes pack for every embodiment, and the rest is 0") {
  sinew::testing::Random random(21);
  for (int trial = 0; trial < 200; ++trial) {
    std::vector<CanonicalSlot> slots;
    for (std::size_t part = 0; part < kCanonicalParts; ++part)
      if (random.below(2) == 0)
        slots.push_back({static_cast<CanonicalPart>(part), 1 + random.below(canonical_range(static_cast<CanonicalPart>(part)).size)});
    if (slots.empty()) continue;
    std::ranges::reverse(slots);  // any order
    const CanonicalLayout layout(slots);
    const std::size_t rows = 1 + random.below(5);
    std::vector<double> own(rows * layout.dim());
    for (auto& value : own) value = random.uniform(1, 2);
    CHECK(sinew::testing::canonical_law(layout, own) == "");
    std::vector<double> canonical(rows * kCanonicalDim);
    REQUIRE(layout.pack<double>(own, canonical) == Status::ok);
    std::size_t column = 0;
    for (std::size_t s = 0; s < slots.size(); ++s) {
      CHECK(layout.column(s) == column);
      CHECK(canonical[canonical_range(slots[s].part).first] == own[column]);
      column += slots[s].size;
    }
  }
}

TEST_CASE("canonical: a mask is slot and step and hand") {
  const CanonicalLayout layout({{CanonicalPart::left_joints, 6}, {CanonicalPart::right_gripper, 1}, {CanonicalPart::waist, 1}});
  std::vector<std::uint8_t> mask(3 * kCanonicalDim, 7);
  REQUIRE(layout.mask({.steps = 2, .left = true, .right = false}, mask) == Status::ok);
  for (std::size_t step = 0; step < 3; ++step)
    for (std::size_t i = 0; i < kCanonicalDim; ++i) CHECK(mask[step * kCanonicalDim + i] == (step < 2 && (i < 6 || i == 61) ? 1 : 0));
  CHECK(layout.mask({.steps = 4}, mask) == Status::bad_shape);
  CHECK(layout.mask({.steps = 1}, std::span(mask).first(79)) == Status::bad_shape);
}

TEST_CASE("canonical: two tokens of 40, an arm and half of the reserved dimensions each, and back") {
  std::vector<double> canonical(2 * kCanonicalDim), tokens(canonical.size()), back(canonical.size());
  for (std::size_t i = 0; i < canonical.size(); ++i) canonical[i] = static_cast<double>(i);
  REQUIRE(split_tokens<double>(canonical, tokens) == Status::ok);
  CHECK(tokens[0] == 0);
  CHECK(tokens[28] == 28);
  CHECK(tokens[29] == 58);  // reserved, first half
  CHECK(tokens[39] == 68);
  CHECK(tokens[40] == 29);  // the right arm
  CHECK(tokens[68] == 57);
  CHECK(tokens[69] == 69);
  CHECK(tokens[79] == 79);
  CHECK(tokens[80] == 80);
  REQUIRE(join_tokens<double>(tokens, back) == Status::ok);
  CHECK(back == canonical);
  CHECK(split_tokens<double>(std::span(canonical).first(79), std::span(tokens).first(79)) == Status::bad_shape);
}

TEST_CASE("canonical: what no embodiment has is refused with its name") {
  CHECK_THROWS_WITH_AS(CanonicalLayout({}), "[CanonicalLayout] slots: expected one and more, got none", Error);
  CHECK_THROWS_WITH_AS(CanonicalLayout({{CanonicalPart::left_joints, 8}}),
                       "[CanonicalLayout] part 'left_joints': expected 1 to 7 dimensions, got 8", Error);
  CHECK_THROWS_AS(CanonicalLayout({{CanonicalPart::left_joints, 0}}), Error);
  CHECK_THROWS_WITH_AS(CanonicalLayout({{CanonicalPart::waist, 1}, {CanonicalPart::waist, 2}}),
                       "[CanonicalLayout] part 'waist': expected each part once, got it twice", Error);
  CHECK_THROWS_AS((void)canonical_part("left_arm"), Error);
  const CanonicalLayout layout({{CanonicalPart::left_gripper, 1}});
  std::vector<float> one(1), wrong(79);
  CHECK(layout.pack<float>(one, wrong) == Status::bad_shape);
  CHECK(layout.unpack<float>(wrong, one) == Status::bad_shape);
}

TEST_CASE("padded chunk: the first columns and rows count, the rest is 0 and masked") {
  const PaddedChunk layout{.horizon = 4, .width = 5, .steps = 3, .channels = 2};
  const std::vector<float> chunk = {1, 2, 3, 4, 5, 6};
  std::vector<float> padded(20, 9), back(6);
  std::vector<std::uint8_t> mask(20);
  REQUIRE(layout.pack<float>(chunk, padded) == Status::ok);
  CHECK(padded == std::vector<float>{1, 2, 0, 0, 0, 3, 4, 0, 0, 0, 5, 6, 0, 0, 0, 0, 0, 0, 0, 0});
  REQUIRE(layout.unpack<float>(padded, back) == Status::ok);
  CHECK(back == chunk);
  REQUIRE(layout.mask(mask) == Status::ok);
  for (std::size_t i = 0; i < 20; ++i) CHECK(mask[i] == (padded[i] != 0 ? 1 : 0));
  CHECK(PaddedChunk{4, 5, 5, 2}.pack<float>(chunk, padded) == Status::bad_shape);
  CHECK(PaddedChunk{4, 5, 3, 6}.mask(mask) == Status::bad_shape);
  CHECK(layout.unpack<float>(padded, std::span(back).first(5)) == Status::bad_shape);
}
