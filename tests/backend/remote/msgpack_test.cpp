// SPDX-License-Identifier: Apache-2.0
// MessagePack: openpi's bytes, read and written; what hostile bytes are refused with.
#include "sinew/backend/remote/msgpack.hpp"

#include <doctest/doctest.h>

#include <bit>
#include <string>
#include <vector>

#include "bytes.hpp"
#include "golden.hpp"
#include "sinew/backend/remote/reply.hpp"
#include "sinew/core/error.hpp"

using namespace sinew;
using namespace sinew::remote;
using testing::bytes_of_hex;
using testing::hex_of;

namespace {

std::string refusal(const std::string& hex, MsgpackLimits limits = {}, Status expected = Status::bad_shape) {
  MsgpackDocument document(limits);
  const auto bytes = bytes_of_hex(hex);
  CHECK(document.parse(bytes) == expected);
  CHECK_FALSE(document.root());
  return std::string(document.last_error());
}

/// Writes a value again as openpi's packer would, arrays by reference.
void write(MsgpackWriter& writer, const MsgpackValue& value) {
  if (const auto array = value.ndarray()) return writer.array(array->dtype, array->shape.dims(), array->bytes);
  switch (value.type()) {
    case MsgpackType::nil: return writer.nil();
    case MsgpackType::boolean: return writer.boolean(*value.boolean());
    case MsgpackType::integer: return writer.integer(*value.integer());
    case MsgpackType::real: return writer.real(*value.number());
    case MsgpackType::text: return writer.text(*value.text());
    case MsgpackType::binary: return writer.binary(*value.binary());
    case MsgpackType::array: writer.begin_array(value.size()); break;
    case MsgpackType::map: writer.begin_map(value.size()); break;
  }
  for (auto each = value.first(); each; each = each.next()) write(writer, each);
}

}  // namespace

TEST_CASE("msgpack: every message that openpi packs is read, and written again byte for byte") {
  const auto golden = testing::read_golden_case("openpi", "msgpack_numpy");
  int arrays = 0, messages = 0;
  for (const auto& [name, text] : golden.json().at("hex").members()) {
    CAPTURE(name);
    const auto bytes = bytes_of_hex(text.text());
    MsgpackDocument document;
    REQUIRE_MESSAGE(document.parse(bytes) == Status::ok, document.last_error());
    MsgpackWriter writer;
    write(writer, document.root());
    std::vector<std::byte> again;
    writer.copy_to(again);
    CHECK(writer.size() == again.size());
    CHECK(hex_of(again) == hex_of(bytes));
    arrays += document.root().ndarray().has_value() ? 1 : 0;
    ++messages;
  }
  CHECK(messages >= 20);
  CHECK(arrays >= 8);
}

TEST_CASE("msgpack: StarVLA's messages, of its WebSocket and of GR00T's sockets, hold what was packed") {
  const auto golden = testing::read_golden_case("starvla_transforms", "wire_codecs");
  MsgpackDocument document;
  FixedText error;
  const auto read = [&](const char* codec, const char* name) {
    static std::vector<std::byte> bytes;  // outlives what is read
    bytes = bytes_of_hex(golden.json().at(codec).at(name).text());
    REQUIRE_MESSAGE(document.parse(bytes) == Status::ok, document.last_error());
    return document.root();
  };
  const auto same = [&](const std::optional<WireArray>& array, const auto& expected) {
    REQUIRE(array.has_value());
    CHECK(std::ranges::equal(array->bytes, std::as_bytes(expected)));
  };
  for (const char* codec : {"zmq_hex", "websocket_hex"}) {
    CAPTURE(codec);
    const auto a = golden.tensor("a").as_f32();
    const auto u = golden.tensor("u").as_u8();
    same(array_of(read(codec, "float32_array"), error), std::span(a));
    same(array_of(read(codec, "uint8_array"), error), std::span(u));
    CHECK(read(codec, "none").type() == MsgpackType::nil);
    const auto list = read(codec, "int_list");
    CHECK(list.size() == golden.json().at("values").at("int_list").elements().size());
    auto at = list.first();
    for (const auto& value : golden.json().at("values").at("int_list").elements()) {
      CHECK(at.integer() == value.integer());
      at = at.next();
    }
    const auto nested = read(codec, "nested");
    CHECK(nested.find("endpoint").text() == "get_action");
    same(array_of(nested.find("data").find("observation").find("state").find("arm"), error), std::span(a));
  }
}

TEST_CASE("msgpack: arrays lie in the message, with shape and type; what no tensor holds is no array") {
  const auto golden = testing::read_golden_case("openpi", "msgpack_numpy");
  const auto hex = golden.json().at("hex");
  MsgpackDocument document;
  const auto observation = bytes_of_hex(hex.at("observation").text());
  REQUIRE(document.parse(observation) == Status::ok);
  const auto image = document.root().find("observation/image").ndarray();
  REQUIRE(image.has_value());
  CHECK(image->dtype == DType::u8);
  CHECK(image->shape == Shape{2, 3, 3});
  CHECK(image->bytes.data() >= observation.data());
  CHECK(image->bytes.data() + image->bytes.size() <= observation.data() + observation.size());
  const auto expected = golden.tensor("im").as_u8();
  CHECK(std::ranges::equal(image->bytes, std::as_bytes(expected)));

  for (const char* name : {"big_endian", "u2_array", "string_array", "bytes_array"}) {
    CAPTURE(name);
    const auto bytes = bytes_of_hex(hex.at(name).text());
    REQUIRE(document.parse(bytes) == Status::ok);
    CHECK_FALSE(document.root().ndarray().has_value());
  }
}

TEST_CASE("msgpack: an array goes into a tensor of its type, and floats into any float") {
  const float values[] = {1.5F, -2.0F, 3.25F};
  const auto array = wire_array(DType::f32, Shape{3}, std::as_bytes(std::span(values)));
  REQUIRE(array.has_value());
  Tensor wide(DType::f64, Shape{8}), half(DType::f16, Shape{3}), other(DType::i32, Shape{3}), small(DType::f32, Shape{2});
  CHECK(array->copy_to(wide) == Status::ok);
  CHECK(wide.shape() == Shape{3});
  CHECK(wide.as<double>()[2] == 3.25);
  CHECK(array->copy_to(half) == Status::ok);
  CHECK(static_cast<float>(half.as<Float16>()[1]) == -2.0F);
  CHECK(array->copy_to(other) == Status::bad_shape);
  CHECK(array->copy_to(small) == Status::over_capacity);
  CHECK_FALSE(wire_array(DType::f32, Shape{4}, std::as_bytes(std::span(values))).has_value());
  CHECK_FALSE(wire_array(DType::u8, Shape{std::int64_t{1} << 40, std::int64_t{1} << 40}, {}).has_value());
}

TEST_CASE("msgpack: objects inside an array are refused before anything looks at them (T3)") {
  // {b"__ndarray__": true, b"data": 8 bytes, b"dtype": "|O", b"shape": [1]}
  const std::string hex =
      "84c40b5f5f6e6461727261795f5fc3c40464617461c4084141414141414141c4056474797065a27c4fc405736861706591"
      "01";
  MsgpackDocument document;
  const auto bytes = bytes_of_hex(hex);
  REQUIRE(document.parse(bytes) == Status::ok);
  CHECK_FALSE(document.root().ndarray().has_value());
}

TEST_CASE("msgpack: a forged count and deep nesting cost nothing (T4)") {
  CHECK(refusal("ddff000000") == "[msgpack, byte 5] message: expected 4278190080 values, got 0 bytes");
  CHECK(refusal("dfff000000") == "[msgpack, byte 5] message: expected 8556380160 values, got 0 bytes");
  CHECK(refusal("c6ffffffff") == "[msgpack, byte 5] message: expected 4294967295 bytes, got 0");
  std::string deep;
  for (int i = 0; i < 10000; ++i) deep += "91";
  CHECK(refusal(deep + "c0", {}, Status::over_capacity) == "[msgpack, byte 17] message: expected at most 16 levels, got more");
  // Counts that each fit what follows, but add up: one budget for the whole message.
  std::string wide = "dc4000";
  for (int i = 0; i < 0x4000; ++i) wide += "94c0c0c0c0";
  CHECK(refusal(wide, {}, Status::over_capacity).find("at most 65536 values") != std::string::npos);
}

TEST_CASE("msgpack: what is no message is refused with its place") {
  CHECK(refusal("") == "[msgpack, byte 0] message: expected a whole value, got the end");
  CHECK(refusal("c1").find("no extension, got 0xc1") != std::string::npos);
  CHECK(refusal("d40100").find("no extension, got 0xd4") != std::string::npos);
  CHECK(refusal("c0c0") == "[msgpack, byte 1] message: expected the end, got 1 bytes more");
  CHECK(refusal("a2c328").find("UTF-8") != std::string::npos);
  CHECK(refusal("8101c0").find("key that is text or binary") != std::string::npos);
  CHECK(refusal("82a16101a16102").find("every key of a map once") != std::string::npos);
  CHECK(refusal("82a16101c4016102").find("every key of a map once") != std::string::npos);  // as text and as binary
  CHECK(refusal("cb0000").find("whole value") != std::string::npos);
  CHECK(refusal("9201").find("2 values, got 1 bytes") != std::string::npos);
  CHECK(refusal("93010203", {.most_bytes = 3}, Status::over_capacity).find("at most 3 bytes, got 4") != std::string::npos);
  CHECK_THROWS_AS(MsgpackDocument({.most_depth = 33}), Error);
  CHECK_THROWS_AS(MsgpackDocument({.most_elements = 0}), Error);
}

TEST_CASE("msgpack: numbers at the ends of their ranges") {
  MsgpackDocument document;
  MsgpackWriter writer;
  for (const std::int64_t value :
       {std::int64_t{0},      std::int64_t{127},    std::int64_t{128},           std::int64_t{255},           std::int64_t{256},
        std::int64_t{65535},  std::int64_t{65536},  std::int64_t{4294967295},    std::int64_t{4294967296},    INT64_MAX,
        std::int64_t{-1},     std::int64_t{-32},    std::int64_t{-33},           std::int64_t{-128},          std::int64_t{-129},
        std::int64_t{-32768}, std::int64_t{-32769}, std::int64_t{-2147483648LL}, std::int64_t{-2147483649LL}, INT64_MIN}) {
    CAPTURE(value);
    writer.clear();
    writer.integer(value);
    std::vector<std::byte> bytes;
    writer.copy_to(bytes);
    REQUIRE(document.parse(bytes) == Status::ok);
    CHECK(document.root().integer() == value);
    CHECK(document.root().number() == static_cast<double>(value));
  }
  const auto most = bytes_of_hex("cfffffffffffffffff");
  REQUIRE(document.parse(most) == Status::ok);
  CHECK_FALSE(document.root().integer().has_value());
  CHECK(document.root().number() == 18446744073709551615.0);
  const auto single = bytes_of_hex("ca3fc00000");
  REQUIRE(document.parse(single) == Status::ok);
  CHECK(document.root().number() == 1.5);
}

TEST_CASE("msgpack: pixels are not copied, and bf16 is refused") {
  Tensor image(DType::u8, Shape{224, 224, 3});
  MsgpackWriter writer;
  writer.begin_map(1);
  writer.text("image");
  writer.array(image.view());
  const auto pieces = writer.pieces();
  REQUIRE(pieces.size() == 3);
  CHECK(pieces[1].data() == image.bytes().data());
  CHECK(pieces[1].size() == image.size_bytes());
  CHECK(pieces[0].size() + pieces[1].size() + pieces[2].size() == writer.size());
  Tensor brain(DType::bf16, Shape{1});
  CHECK_THROWS_WITH_AS(writer.array(brain.view()), "[MsgpackWriter] element type: expected one that numpy has, got bf16 (send f32)", Error);
}
