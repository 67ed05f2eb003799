// SPDX-License-Identifier: Apache-2.0
// Rotary tables against the formula in double; angles are f32 products, so that they may be off by their rounding.
#include "sinew/nn/models/rotary.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "sinew/testing/no_alloc.hpp"
#include "test_seed.hpp"

using namespace sinew;
using namespace sinew::nn;

namespace {

/// Whether a table's entry is the cosine and the sine of position * theta^(-2 j / width).
bool agrees(const RotaryTable& table, std::int64_t row, std::int64_t column, double position, double frequency) {
  const auto at = static_cast<std::size_t>(row * table.width + column);
  const double angle = position * frequency, bound = std::abs(angle) * 0x1p-21 + 0x1p-24;
  return std::abs(static_cast<double>(table.cos[at]) - std::cos(angle)) <= bound &&
         std::abs(static_cast<double>(table.sin[at]) - std::sin(angle)) <= bound;
}

/// Which axis a frequency turns by, as the list of the reference's slices: time, then from 1 and from 2 every third.
std::vector<std::size_t> axes_of(std::int64_t half, std::span<const std::int64_t> sections) {
  std::vector<std::size_t> axes(static_cast<std::size_t>(half), 0);
  for (std::int64_t j = 1; j < 3 * sections[1]; j += 3) axes.at(static_cast<std::size_t>(j)) = 1;
  for (std::int64_t j = 2; j < 3 * sections[2]; j += 3) axes.at(static_cast<std::size_t>(j)) = 2;
  return axes;
}

}  // namespace

TEST_CASE("rotary frequencies: powers of theta") {
  const auto frequencies = rotary_frequencies(128, 5e6);
  REQUIRE(frequencies.size() == 64);
  for (std::size_t j = 0; j < 64; ++j)
    CHECK(static_cast<double>(frequencies[j]) == doctest::Approx(std::pow(5e6, -2.0 * static_cast<double>(j) / 128)).epsilon(1e-6));
}

TEST_CASE("interleaved rotary: axes by threes, within the table and beyond it") {
  sinew::testing::Random random(5);
  struct Case {
    std::int64_t width;
    std::vector<std::int64_t> sections;
  };
  for (const Case& one : {Case{128, {24, 20, 20}}, Case{64, {12, 10, 10}}, Case{12, {2, 2, 2}}, Case{16, {8, 0, 0}}}) {
    const SectionedRotary rotary(one.width, 1e4, one.sections, SectionLayout::interleaved, 50);
    constexpr std::int64_t kCount = 40;
    std::vector<std::int64_t> positions(3 * kCount);
    for (auto& position : positions) position = static_cast<std::int64_t>(random.below(120)) - 5;
    RotaryTable table;
    rotary.fill(positions, table);
    CHECK(table.width == one.width);
    CHECK(table.rows() == kCount);
    const auto axes = axes_of(one.width / 2, one.sections);
    bool right = true;
    for (std::int64_t i = 0; i < kCount; ++i)
      for (std::int64_t j = 0; j < one.width; ++j) {
        const std::int64_t frequency = j % (one.width / 2);
        const auto position =
            static_cast<double>(positions[axes[static_cast<std::size_t>(frequency)] * kCount + static_cast<std::size_t>(i)]);
        right =
            right && agrees(table, i, j, position, std::pow(1e4, -2.0 * static_cast<double>(frequency) / static_cast<double>(one.width)));
      }
    CHECK(right);
  }
}

TEST_CASE("interleaved rotary: a position has the same bits whether its table was made or not; fewer rows take no memory") {
  const std::vector<std::int64_t> sections{24, 20, 20};
  const SectionedRotary made(128, 5e6, sections, SectionLayout::interleaved, 1000),
      computed(128, 5e6, sections, SectionLayout::interleaved, 0);
  std::vector<std::int64_t> positions(3 * 1000);
  for (std::size_t i = 0; i < positions.size(); ++i) positions[i] = static_cast<std::int64_t>(i * 7 % 1000);
  RotaryTable first, second;
  made.fill(positions, first);
  computed.fill(positions, second);
  CHECK(first.cos == second.cos);
  CHECK(first.sin == second.sin);
  const sinew::testing::HeapCallCounter counter;
  made.fill(std::span(positions).first(300), first);
  CHECK(counter.count() == 0);
  CHECK(first.rows() == 100);
}

TEST_CASE("chunked rotary: sections one behind the other") {
  sinew::testing::Random random(6);
  for (const auto& sections : {std::vector<std::int64_t>{16, 24, 24}, {2, 3, 3}, {0, 4, 0}, {3, 0, 5}, {6, 0, 0}}) {
    std::vector<std::size_t> axes;
    for (std::size_t axis = 0; axis < 3; ++axis) axes.insert(axes.end(), static_cast<std::size_t>(sections[axis]), axis);
    const auto half = static_cast<std::int64_t>(axes.size());
    const SectionedRotary rotary(2 * half, 1e6, sections, SectionLayout::chunked, 50);
    constexpr std::size_t kCount = 20;
    std::vector<std::int64_t> positions(3 * kCount);
    for (auto& position : positions) position = static_cast<std::int64_t>(random.below(120));
    RotaryTable table;
    rotary.fill(positions, table);
    REQUIRE(table.rows() == static_cast<std::int64_t>(kCount));
    bool right = true;
    for (std::size_t i = 0; i < kCount; ++i)
      for (std::int64_t j = 0; j < 2 * half; ++j) {
        const auto position = static_cast<double>(positions[axes[static_cast<std::size_t>(j % half)] * kCount + i]);
        const double frequency = std::pow(1e6, -static_cast<double>(j % half) / static_cast<double>(half));
        right = right && agrees(table, static_cast<std::int64_t>(i), j, position, frequency);
      }
    CHECK(right);
  }
}

TEST_CASE("patch rotary: the first quarter turns by the row, the second by the column, and both again") {
  for (const std::int64_t width : {64, 72, 8, 4}) {
    const std::vector<std::int64_t> places{0, 0, 3, 7, 20, 1, 47, 47};
    RotaryTable table;
    fill_patch_rotary(places, width, table);
    CHECK(table.width == width);
    CHECK(table.rows() == 4);
    const std::int64_t quarter = width / 4;
    bool right = true;
    for (std::int64_t i = 0; i < 4; ++i)
      for (std::int64_t j = 0; j < width; ++j) {
        const auto place = static_cast<double>(places[static_cast<std::size_t>(2 * i + j / quarter % 2)]);
        right = right && agrees(table, i, j, place, std::pow(1e4, -static_cast<double>(j % quarter) / static_cast<double>(quarter)));
      }
    CHECK(right);
  }
}
