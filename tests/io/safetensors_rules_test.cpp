// SPDX-License-Identifier: Apache-2.0
// Safetensors headers, one row per rule of the format: name, bytes, verdict.
#include <doctest/doctest.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "sinew/core/error.hpp"
#include "sinew/io/safetensors.hpp"
#include "temporary_directory.hpp"

using namespace sinew;

namespace {

std::string with_length(std::uint64_t length, const std::string& rest) {
  std::string text(sizeof(length), '\0');
  std::memcpy(text.data(), &length, sizeof(length));
  return text + rest;
}

std::string file_of(const std::string& header, std::size_t data_bytes) {
  return with_length(header.size(), header + std::string(data_bytes, '\1'));
}

std::string entry(const std::string& name, const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return '"' + name + R"(":{"dtype":")" + dtype + R"(","shape":[)" + shape + R"(],"data_offsets":[)" + offsets + "]}";
}

std::string one(const std::string& dtype, const std::string& shape, const std::string& offsets, std::size_t data_bytes) {
  return file_of('{' + entry("a", dtype, shape, offsets) + '}', data_bytes);
}

std::string two(const std::string& first, const std::string& second, std::size_t data_bytes) {
  return file_of('{' + first + ',' + second + '}', data_bytes);
}

std::string verdict(const std::string& content, const SafetensorsOptions& options = {}) {
  try {
    const SafetensorsFile file(std::as_bytes(std::span(content)), "x", options);
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

struct Row {
  std::string_view name;
  std::string bytes;
  std::string_view verdict;  // a part of the message
};

void check(const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    CAPTURE(row.name);
    const std::string got = verdict(row.bytes);
    CAPTURE(got);
    CHECK(got.find(row.verdict) != std::string::npos);
    CHECK((got == "accepted" || got.starts_with("[x")));
  }
}

const std::string kByte = entry("b", "U8", "1", "0,1");

}  // namespace

TEST_CASE("safetensors rules: sizes of the file and its header") {
  check({
      {"R1 nothing", "", "8 bytes of header length"},
      {"R1 seven bytes", std::string(7, '\0'), "8 bytes of header length"},
      {"R2 too large", with_length(0x00ffffff0000003c, std::string(60, ' ')), "at most 16777216 bytes"},
      {"R3 nothing behind", with_length(60, ""), "it was cut off"},
      {"R3 one byte short", with_length(3, "{}"), "it was cut off"},
      {"R3 no header", with_length(0, ""), "'{' at its begin"},
      {"R20 no tensors", file_of("{}", 0), "accepted"},
      {"R20 no tensors, data", file_of("{}", 1), "1 bytes behind the last"},
  });
  const std::string long_header = file_of("{}" + std::string(100, ' '), 0);
  CHECK(verdict(long_header, {.max_header = 102}) == "accepted");
  CHECK(verdict(long_header, {.max_header = 101}).find("at most 101 bytes, got 102") != std::string::npos);
}

TEST_CASE("safetensors rules: the text of the header") {
  check({
      {"R4 no UTF-8", file_of("{\"\xff\":1}", 0), "well-formed UTF-8"},
      {"R4 overlong", file_of("{\"\xc0\x80\":1}", 0), "well-formed UTF-8"},
      {"R4 surrogate", file_of("{\"\xed\xa0\x80\":1}", 0), "well-formed UTF-8"},
      {"R4 byte outside of strings", file_of("\xff", 0), "'{' at its begin"},
      {"R5 space first", file_of(" {}", 0), "'{' at its begin"},
      {"R5 byte order mark", file_of("\xef\xbb\xbf{}", 0), "'{' at its begin"},
      {"R6 spaces behind", file_of("{}" + std::string(6, ' '), 0), "accepted"},
      {"R6 newline behind", file_of("{}\n", 0), "padding behind the header"},
      {"R6 NUL behind", file_of(std::string("{}\0", 3), 0), "padding behind the header"},
      {"R6 a second document", file_of("{}{}", 0), "padding behind the header"},
      {"R7 cut short", file_of("{", 0), "'\"'"},
      {"R7 trailing comma", file_of('{' + kByte + ",}", 1), "'\"'"},
      {"R7 comment", file_of("{/**/}", 0), "'\"'"},
      {"R7 control character", file_of("{\"a\n\":1}", 0), "control characters as escapes"},
      {"R7 half a surrogate pair", file_of("{\"\\ud800\":1}", 0), "surrogate pair"},
      {"R7 deep", file_of("{\"a\":" + std::string(100'000, '['), 0), "'{'"},
      {"R8 fraction", one("U8", "1.0", "0,1", 1), "a non-negative integer"},
      {"R8 exponent", one("U8", "1e0", "0,1", 1), "a non-negative integer"},
      {"R8 minus zero", one("U8", "-0", "0,0", 0), "a non-negative integer"},
      {"R8 negative", one("U8", "-1", "0,1", 1), "a non-negative integer"},
      {"R8 leading zero", one("U8", "01", "0,1", 1), "a non-negative integer"},
      {"R8 offset with a fraction", one("U8", "1", "0,1.0", 1), "a non-negative integer"},
      {"R8 20 digits", one("U8", "18446744073709551616", "0,1", 1), "at most 19 digits"},
      {"R8 dimension 2^63", one("U8", "9223372036854775808", "0,1", 1), "less than 9223372036854775808"},
  });
}

TEST_CASE("safetensors rules: keys and fields") {
  const std::string metadata = R"("__metadata__":{"a":"b"})";
  check({
      {"R9 name twice", two(entry("b", "U8", "1", "0,1"), entry("b", "U8", "1", "1,2"), 2), "tensor 'b': expected each key once"},
      {"R9 name twice, escaped", two(kByte, entry("\\u0062", "U8", "1", "1,2"), 2), "tensor 'b': expected each key once"},
      {"R9 name twice, far apart", two(kByte + ',' + entry("a", "U8", "1", "1,2"), entry("b", "U8", "1", "2,3"), 3), "each key once"},
      {"R9 metadata twice", two(metadata, metadata, 0), "'__metadata__': expected each key once"},
      {"R9 metadata twice, escaped", two(metadata, R"("\u005f_metadata__":{})", 0), "'__metadata__': expected each key once"},
      {"R9 metadata key twice", file_of(R"({"__metadata__":{"a":"b","\u0061":"c"}})", 0), "__metadata__ 'a': expected each key once"},
      {"R9 field twice", file_of(R"({"a":{"dtype":"U8","shape":[],"shap\u0065":[],"data_offsets":[0,1]}})", 1), "'shape' of tensor 'a'"},
      {"R10 field more", file_of(R"({"a":{"dtype":"U8","shape":[],"data_offsets":[0,1],"more":1}})", 1), "'more' of tensor 'a'"},
      {"R10 field missing", file_of(R"({"a":{"dtype":"U8","data_offsets":[0,1]}})", 1), "expected shape, got none"},
      {"R10 no object", file_of(R"({"a":["U8",[],[0,1]]})", 1), "'{'"},
      {"R10 one offset", file_of(R"({"a":{"dtype":"U8","shape":[],"data_offsets":[0]}})", 1), "two offsets"},
      {"R10 three offsets", one("U8", "", "0,1,1", 1), "two offsets"},
      {"R11 metadata", file_of('{' + metadata + '}', 0), "accepted"},
      {"R11 metadata behind tensors", two(kByte, metadata, 1), "accepted"},
      {"R11 null", file_of(R"({"__metadata__":null})", 0), "'{'"},
      {"R11 number", file_of(R"({"__metadata__":{"a":1}})", 0), "__metadata__ 'a': expected a text"},
      {"R12 unknown dtype", one("F33", "", "0,4", 4), "got 'F33'"},
      {"R12 lower case", one("f32", "", "0,4", 4), "got 'f32'"},
      {"R12 dtype is a number", file_of(R"({"a":{"dtype":1,"shape":[],"data_offsets":[0,1]}})", 1), "'\"'"},
  });
}

TEST_CASE("safetensors rules: shapes and places") {
  check({
      {"2 x 2", one("I32", "2, 2", "0,16", 16), "accepted"},
      {"R13 scalar", one("F32", "", "0,4", 4), "accepted"},
      {"R13 rank 8", one("U8", "1,1,1,1,1,1,1,2", "0,2", 2), "accepted"},
      {"R13 rank 9", one("U8", "1,1,1,1,1,1,1,1,1", "0,1", 1), "at most 8 dimensions"},
      {"R14 2 x (2^64 - 2)", one("I32", "2,18446744073709551614", "0,16", 16), "at most 19 digits"},
      {"R14 2 x (2^63 - 1)", one("I32", "2,9223372036854775807", "0,16", 16), "a product below 2^63"},
      {"R14 wraps to 16", one("F32", "4194305,4194305,211106198978564", "0,16", 16), "a product below 2^63"},
      {"R14 zero behind an overflow", one("U8", "4611686018427387904,4,0", "0,0", 0), "a product below 2^63"},
      {"R14 zero before an overflow", one("U8", "0,4611686018427387904,4", "0,0", 0), "a product below 2^63"},
      {"R15 bits overflow", one("F64", "4611686018427387904", "0,16", 16), "as many bytes as the shape needs"},
      {"R15 half a byte", one("F4", "3", "0,1", 1), "as many bytes as the shape needs"},
      {"R15 half bytes", one("F4", "4", "0,2", 2), "accepted"},
      {"R15 six bits", one("F6_E3M2", "4", "0,3", 3), "accepted"},
      {"R15 six bits, misaligned", one("F6_E2M3", "3", "0,2", 2), "as many bytes as the shape needs"},
      {"R16 two bytes missing", one("I32", "2,2", "0,16", 14), "a range within the 14 bytes"},
      {"R16 end before begin", one("U8", "0", "1,0", 1), "a range within the 1 bytes"},
      {"R17 too few bytes for the shape", one("I32", "2,2", "0,4", 4), "as many bytes as the shape needs"},
      {"R18 trailing bytes", one("I32", "2,2", "0,16", 50), "34 bytes behind the last"},
      {"R18 begin of the data", one("U8", "2", "1,3", 3), "a gap"},
      {"R18 overlap", two(entry("a", "U8", "2", "0,2"), entry("b", "U8", "2", "1,3"), 3), "an overlap"},
      {"R18 alias", two(entry("a", "U8", "2", "0,2"), entry("b", "U8", "2", "0,2"), 2), "an overlap"},
      {"R18 hole", two(entry("a", "U8", "1", "0,1"), entry("b", "U8", "1", "2,3"), 3), "a gap"},
      {"R18 any order", two(entry("a", "U8", "1", "1,2"), kByte, 2), "accepted"},
      {"R19 nothing", one("F32", "2,0", "0,0", 0), "accepted"},
      {"R19 nothing at a boundary", two(entry("a", "F32", "0", "0,0"), kByte, 1), "accepted"},
      {"R19 nothing within another", two(entry("a", "F32", "0", "1,1"), entry("b", "U8", "2", "0,2"), 2), "an overlap"},
  });
}

TEST_CASE("safetensors rules: values that C++ does not have are refused when they are asked for (R22)") {
  const std::string good = one("BOOL", "2", "0,2", 2), bad = good.substr(0, good.size() - 1) + '\2';
  const SafetensorsFile accepted(std::as_bytes(std::span(good)), "x"), other(std::as_bytes(std::span(bad)), "x");
  CHECK(accepted.values<bool>("a")[1]);
  CHECK(other.at("a").bytes[1] == std::byte{2});
  CHECK_THROWS_WITH_AS(static_cast<void>(other.values<bool>("a")), doctest::Contains("0 or 1 in each byte of BOOL"), Error);
  CHECK_THROWS_AS(static_cast<void>(other.doubles("a")), Error);
}

TEST_CASE("safetensors rules: files are read into aligned memory of their own, or mapped where that is asked for (R21, R25, R26)") {
  const sinew::testing::TemporaryDirectory folder;
  const auto path = folder.write("x", file_of('{' + entry("a", "F64", "1", "0,8") + '}', 8));  // the header ends off any boundary
  SafetensorsFile file(path);
  CHECK(file.values<double>("a").size() == 1);
  CHECK(SafetensorsFile(path, {.map = true}).doubles("a") == file.doubles("a"));
  const SafetensorsFile moved = std::move(file);
  const double before = moved.values<double>("a")[0];
  std::ofstream(path, std::ios::binary) << "overwritten";
  CHECK(moved.values<double>("a")[0] == before);
  CHECK_THROWS_WITH_AS(SafetensorsFile(path, {.max_bytes = 10}), doctest::Contains("at most 10 bytes, got 11"), Error);
  CHECK_THROWS_WITH_AS(SafetensorsFile{folder.path()}, doctest::Contains("a directory"), Error);
}

TEST_CASE("safetensors rules: the writer keeps to them (R30)") {
  const std::vector<std::byte> data(4);
  CHECK_THROWS_WITH_AS(
      static_cast<void>(to_safetensors(std::vector<SafetensorsTensor>{{"a", DType::f32, {1, 1, 1, 1, 1, 1, 1, 1, 1}, data}})),
      doctest::Contains("at most 8 dimensions"), Error);
  CHECK_THROWS_WITH_AS(static_cast<void>(to_safetensors({}, {{"a", std::string(std::size_t{16} << 20, 'x')}})),
                       doctest::Contains("at most 16777216 bytes"), Error);
  CHECK_THROWS_AS(static_cast<void>(to_safetensors({}, {{"a", "\xff"}})), Error);
  const auto file = to_safetensors(std::vector<SafetensorsTensor>{{"a", DType::u8, {4}, data}, {"b", DType::f32, {1}, data}});
  CHECK(file.size() % 8 == 0);
  const SafetensorsFile read(file, "x");
  CHECK(read.at("b").bytes.data() < read.at("a").bytes.data());
}
