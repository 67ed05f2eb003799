// SPDX-License-Identifier: Apache-2.0
// BoundedReader: reads what is there, in little-endian order, and nothing else.
#include "sinew/io/bounded_reader.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "sinew/core/error.hpp"
#include "test_seed.hpp"

using sinew::BoundedReader;
using sinew::Error;
using sinew::ErrorCode;

namespace {
std::vector<std::byte> data_of(std::initializer_list<int> values) {
  std::vector<std::byte> data;
  for (const int value : values) data.push_back(static_cast<std::byte>(value));
  return data;
}

template <class Call>
std::string refusal(ErrorCode code, Call call) {
  try {
    static_cast<void>(call());
  } catch (const Error& error) {
    CHECK(to_string(error.code()) == to_string(code));
    return error.what();
  }
  return "accepted";
}
}  // namespace

TEST_CASE("reader: integers and floats are little-endian") {
  const auto data = data_of(
      {0x01, 0x02, 0x03, 0xfe, 0xff, 0x78, 0x56, 0x34, 0x12, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0xc0, 0x3f, 0, 0, 0, 0, 0, 0, 4, 0xc0, 0x80});
  BoundedReader reader(data, "t");
  CHECK(reader.read<std::uint8_t>("a") == 1);
  CHECK(reader.read<std::uint16_t>("b") == 0x0302);
  CHECK(reader.read<std::int16_t>("c") == -2);
  CHECK(reader.read<std::uint32_t>("d") == 0x12345678);
  CHECK(reader.read<std::uint64_t>("e") == 0x0807060504030201);
  CHECK(reader.read<float>("f") == 1.5F);
  CHECK(reader.read<double>("g") == -2.5);
  CHECK(reader.read<std::int8_t>("h") == -128);
  CHECK(reader.at_end());
  CHECK(reader.offset() == data.size());
  CHECK_NOTHROW(reader.expect_end());
}

TEST_CASE("reader: NaN keeps its bits") {
  const auto data = data_of({0x01, 0, 0xc0, 0xff});
  BoundedReader reader(data, "t");
  CHECK(std::bit_cast<std::uint32_t>(reader.read<float>("x")) == 0xffc00001U);
}

TEST_CASE("reader: what is cut short is refused with the place, and nothing is consumed") {
  const auto data = data_of({1, 2, 3, 4, 5});
  BoundedReader reader(data, "file.bin");
  reader.skip(2, "head");
  CHECK(refusal(ErrorCode::parse, [&] { return reader.read<std::uint32_t>("chunk size"); }) ==
        "[file.bin, byte 2] chunk size: expected 4 bytes, got 3 until the end");
  CHECK(reader.offset() == 2);
  CHECK(refusal(ErrorCode::parse, [&] { return reader.bytes(std::numeric_limits<std::uint64_t>::max(), "payload"); }) ==
        "[file.bin, byte 2] payload: expected 18446744073709551615 bytes, got 3 until the end");
  CHECK(refusal(ErrorCode::parse, [&] { reader.skip(4, "pad"); }).starts_with("[file.bin, byte 2] pad"));
  CHECK(reader.bytes(3, "rest").size() == 3);
  CHECK(reader.bytes(0, "nothing").empty());
  CHECK(refusal(ErrorCode::parse, [&] { return reader.read<std::uint8_t>("more"); }) ==
        "[file.bin, byte 5] more: expected 1 bytes, got 0 until the end");
}

TEST_CASE("reader: text is UTF-8 or refused, magic is exact") {
  const auto data = data_of({'S', 'I', 'N', 0xC3, 0xA9, 0xC3, 'x'});
  BoundedReader reader(data, "t");
  CHECK(refusal(ErrorCode::parse, [&] { reader.magic("SIM", "magic"); }) == "[t, byte 0] magic: expected 'SIM', got 'SIN'");
  CHECK(reader.offset() == 0);
  reader.magic("SIN", "magic");
  CHECK(reader.text(2, "name") == "\xC3\xA9");
  CHECK(refusal(ErrorCode::parse, [&] { return reader.text(2, "name"); }) ==
        "[t, byte 5] name: expected well-formed UTF-8, got byte 0xc3 at its offset 0");
  CHECK(reader.offset() == 5);
  CHECK(refusal(ErrorCode::parse, [&] { reader.expect_end(); }) == "[t, byte 5] end: expected nothing more, got 2 bytes");
}

TEST_CASE("reader: a forged count is refused before anyone allocates for it") {
  const auto data = data_of({1, 2, 3, 4, 5, 6, 7, 8});
  BoundedReader reader(data, "t", 100);
  CHECK(reader.count(2, 4, "pairs") == 2);
  CHECK(refusal(ErrorCode::parse, [&] { return reader.count(3, 4, "pairs"); }) ==
        "[t, byte 0] pairs: expected a count that fits into the 8 bytes left, got 3");
  CHECK(refusal(ErrorCode::parse, [&] {
          static_cast<void>(reader.count(std::uint64_t{1} << 62, 16, "pairs"));
        }).starts_with("[t, byte 0] pairs"));
  CHECK(reader.budget() == 98);
}

TEST_CASE("reader: the budget is one for the reader and all of its parts") {
  const auto data = data_of({1, 2, 3, 4, 5, 6, 7, 8});
  BoundedReader reader(data, "t", 10);
  reader.take_budget(4, "values");
  auto part = reader.part(4, "part");
  CHECK(part.remaining() == 4);
  CHECK(reader.remaining() == 4);
  static_cast<void>(part.count(4, 1, "values"));
  CHECK(reader.budget() == 2);
  auto inner = part.part(2, "inner");
  CHECK(refusal(ErrorCode::limit, [&] { inner.take_budget(3, "values"); }) ==
        "[t, byte 0] values: expected at most 2 more elements, got 3");
  inner.take_budget(2, "values");
  CHECK(reader.budget() == 0);
  reader.take_budget(0, "nothing");
}

TEST_CASE("reader: a part cannot see past itself, and its places are those of the whole") {
  const auto data = data_of({1, 2, 3, 4, 5, 6, 7, 8});
  BoundedReader reader(data, "t");
  reader.skip(2, "head");
  auto part = reader.part(3, "part");
  part.skip(1, "x");
  CHECK(refusal(ErrorCode::parse, [&] { return part.read<std::uint32_t>("n"); }) == "[t, byte 3] n: expected 4 bytes, got 2 until the end");
  CHECK(reader.read<std::uint8_t>("next") == 6);
  CHECK(refusal(ErrorCode::parse, [&] { return reader.part(3, "part"); }) == "[t, byte 6] part: expected 3 bytes, got 2 until the end");
}

TEST_CASE("reader: random walks agree with memcpy") {
  sinew::testing::Random random(3);
  std::vector<std::byte> data(4096);
  for (auto& byte : data) byte = static_cast<std::byte>(random.bits());
  BoundedReader reader(data, "t");
  std::size_t at = 0;
  while (reader.remaining() >= 8) {
    REQUIRE(reader.offset() == at);
    std::uint64_t expected = 0;
    const std::size_t size = std::size_t{1} << random.below(4);
    std::memcpy(&expected, data.data() + at, size);  // the machines that run the tests are little-endian
    const std::uint64_t got = size == 1   ? reader.read<std::uint8_t>("x")
                              : size == 2 ? reader.read<std::uint16_t>("x")
                              : size == 4 ? reader.read<std::uint32_t>("x")
                                          : reader.read<std::uint64_t>("x");
    CHECK(got == expected);
    at += size;
  }
}
