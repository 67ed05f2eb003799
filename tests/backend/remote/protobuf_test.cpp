// SPDX-License-Identifier: Apache-2.0
// Protocol Buffers: what is written is read, and what hostile bytes do not do (T6).
#include "sinew/backend/remote/protobuf.hpp"

#include <doctest/doctest.h>

#include <array>
#include <string>
#include <vector>

#include "bytes.hpp"
#include "test_seed.hpp"

using namespace sinew;
using namespace sinew::remote;
using testing::bytes_of_hex;

namespace {

/// Fields that are read before the end, or before the bytes are found to be no message (then -1).
int fields_of(std::span<const std::byte> bytes) {
  ProtoReader reader(bytes);
  ProtoField field;
  int fields = 0;
  while (reader.next(field)) ++fields;
  CHECK_FALSE(reader.next(field));
  return reader.failed() ? -1 : fields;
}
int fields_of(const std::string& hex) { return fields_of(bytes_of_hex(hex)); }

std::string repeated(const std::string& hex, int times) {
  std::string text;
  for (int i = 0; i < times; ++i) text += hex;
  return text;
}

}  // namespace

TEST_CASE("protobuf: what is written is read") {
  const std::array<float, 2> floats{1.5F, -2};
  const std::array<std::int64_t, 3> numbers{0, 127, std::int64_t{1} << 40};
  const auto content = bytes_of_hex("00ff");
  ProtoWriter writer;
  writer.varint(1, ~std::uint64_t{0});
  writer.text(2, "abc");
  writer.floats(3, floats);
  writer.varints(4, numbers);
  writer.bytes(5, content);
  std::vector<std::byte> bytes;
  for (const auto piece : writer.pieces()) bytes.insert(bytes.end(), piece.begin(), piece.end());
  CHECK(bytes.size() == writer.size());
  ProtoReader reader(bytes);
  ProtoField field;
  const std::array<std::size_t, 6> sizes{0, 0, 3, 8, 8, 2};
  for (std::uint32_t number = 1; number <= 5; ++number) {
    REQUIRE(reader.next(field));
    CHECK(field.number == number);
    CHECK(field.content.size() == sizes[number]);
  }
  CHECK_FALSE(reader.next(field));
  CHECK_FALSE(reader.failed());
}

TEST_CASE("protobuf: every prefix of a message is one of fewer fields or none") {
  const std::string hex =
      "08ac02"
      "1203616263"
      "1d0000c03f"
      "210102030405060708";
  for (std::size_t size = 0; size <= hex.size() / 2; ++size) {
    const bool whole = size == 0 || size == 3 || size == 8 || size == 13 || size == 22;
    CHECK((fields_of(hex.substr(0, 2 * size)) >= 0) == whole);
  }
}

TEST_CASE("protobuf: T6 groups within groups cost neither stack nor memory") {
  CHECK(fields_of(repeated("0b", 10000)) == -1);
  CHECK(fields_of(repeated("0b", 10000) + repeated("0c", 10000)) == -1);
  CHECK(fields_of(repeated("0b", 32) + repeated("0c", 32) + "0801") == 1);
  CHECK(fields_of(repeated("0b", 33) + repeated("0c", 33)) == -1);
  CHECK(fields_of(repeated("0b0c", 100000)) == 0);
  CHECK(fields_of("0b14") == -1);  // the end of another group
  CHECK(fields_of("0c") == -1);    // an end without a beginning
}

TEST_CASE("protobuf: T6 sizes and numbers beyond the message") {
  CHECK(fields_of("0affffffff0f") == -1);            // 4 GiB of bytes
  CHECK(fields_of("0affffffffffffffffff01") == -1);  // 2^64 - 1
  CHECK(fields_of("08ffffffffffffffffff01") == 1);   // the largest number
  CHECK(fields_of("08ffffffffffffffffff02") == -1);  // one bit more
  CHECK(fields_of("08" + repeated("80", 10) + "01") == -1);
  CHECK(fields_of("00") == -1);            // field 0
  CHECK(fields_of("0e") == -1);            // wire type 6
  CHECK(fields_of("f8ffffff7f01") == -1);  // a field above 2^29
}

TEST_CASE("protobuf: T6 random bytes end") {
  testing::Random random;
  std::vector<std::byte> bytes(64);
  for (int i = 0; i < 20000; ++i) {
    for (auto& byte : bytes) byte = static_cast<std::byte>(random.below(256));
    static_cast<void>(fields_of(bytes));
  }
}
