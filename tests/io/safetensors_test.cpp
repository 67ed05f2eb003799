// SPDX-License-Identifier: Apache-2.0
// Safetensors: files of the reference library are read and written back byte for byte; everything else is refused with a reason.
#include "sinew/io/safetensors.hpp"

#include <doctest/doctest.h>

#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "golden.hpp"
#include "sinew/core/error.hpp"
#include "temporary_directory.hpp"

using namespace sinew;

namespace {

std::string file_of(const std::string& header, const std::string& data) {
  const std::uint64_t length = header.size();
  std::string text(sizeof(length), '\0');
  std::memcpy(text.data(), &length, sizeof(length));
  return text + header + data;
}

std::string refusal(const std::string& content) {
  try {
    const SafetensorsFile file(std::as_bytes(std::span(content)), "x");
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

std::string entry(const std::string& name, const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return '"' + name + R"(":{"dtype":")" + dtype + R"(","shape":[)" + shape + R"(],"data_offsets":[)" + offsets + "]}";
}

}  // namespace

TEST_CASE("safetensors: what the reference library wrote comes out of our writer byte for byte") {
  const sinew::testing::TemporaryDirectory folder;
  std::vector<std::filesystem::path> files = {SINEW_CORPUS "/every_dtype.safetensors", SINEW_CORPUS "/metadata.safetensors"};
  for (const auto& found : std::filesystem::recursive_directory_iterator(sinew::testing::golden_directory()))
    if (found.path().extension() == ".safetensors") files.push_back(found.path());
  CHECK(files.size() > 10);
  for (const auto& path : files) {
    CAPTURE(path.string());
    const SafetensorsFile file(path);
    std::vector<SafetensorsTensor> tensors;
    for (const auto& [name, view] : file.tensors()) tensors.push_back({name, view.known_dtype().value(), view.shape, view.bytes});
    write_safetensors(folder.path() / "copy", tensors, file.metadata());
    constexpr std::size_t kMost = std::size_t{1} << 28;
    CHECK(read_binary_file(folder.path() / "copy", kMost) == read_binary_file(path, kMost));
  }
}

TEST_CASE("safetensors: values of every dtype that Sinew has") {
  const SafetensorsFile file{std::filesystem::path(SINEW_CORPUS "/every_dtype.safetensors")};
  for (const char* name : {"f64", "f32", "f16", "bf16", "i64", "i32", "i8", "u8", "bool"}) {
    CAPTURE(name);
    const std::vector<double> expected = name == std::string("bool")                        ? std::vector<double>{0, 1, 1}
                                         : name == std::string("u8")                        ? std::vector<double>{0, 1, 255}
                                         : std::string(name).find('f') != std::string::npos ? std::vector<double>{-1.5, 0, 2}
                                                                                            : std::vector<double>{-2, 0, 100};
    CHECK(file.doubles(name) == expected);
  }
  CHECK(file.values<float>("f32")[2] == 2.0F);
  CHECK(file.values<std::int64_t>("i64")[2] == 100);
  CHECK(file.values<double>("scalar")[0] == 0.25);
  CHECK(file.at("empty").count() == 0);
  CHECK_THROWS_WITH_AS(static_cast<void>(file.values<double>("f32")), doctest::Contains("tensor 'f32': expected F64, got 'F32'"), Error);
  CHECK_THROWS_WITH_AS(static_cast<void>(file.at("f23")), doctest::Contains("no such tensor (did you mean"), Error);
}

TEST_CASE("safetensors: a dtype that Sinew does not have is refused when its tensor is asked for, not before") {
  const std::string text = file_of('{' + entry("a", "F8_E4M3", "2", "0,2") + ',' + entry("b", "U8", "1", "2,3") + '}', "abc");
  const SafetensorsFile file(std::as_bytes(std::span(text)), "x");
  CHECK(file.doubles("b") == std::vector<double>{'c'});
  CHECK_THROWS_WITH_AS(static_cast<void>(file.doubles("a")),
                       "[x] dtype of tensor 'a': expected one that Sinew has, e.g. F32 or I64, got 'F8_E4M3'", Error);
}

TEST_CASE("safetensors: misaligned data is not viewed as a wider type") {
  const std::string text = "pad" + file_of('{' + entry("a", "F32", "1", "0,4") + "}   ", std::string(4, '\0'));
  int aligned = 0;
  for (std::size_t shift = 0; shift < 4; ++shift) {  // whatever the string's own alignment is, three of four are misaligned
    std::string moved(shift, ' ');
    moved += text.substr(3);
    const SafetensorsFile file(std::as_bytes(std::span(moved)).subspan(shift), "x");
    CHECK(file.doubles("a") == std::vector<double>{0});
    try {
      const float value = file.values<float>("a")[0];
      CHECK(value == 0);
      ++aligned;
    } catch (const Error& error) {
      CHECK(std::string(error.what()).find("aligned to 4 bytes") != std::string::npos);
    }
  }
  CHECK(aligned == 1);
}

TEST_CASE("safetensors: refusals") {
  const auto two = [](const std::string& first, const std::string& second) {
    return refusal(file_of('{' + entry("a", "U8", "2", first) + ',' + entry("b", "U8", "2", second) + '}', "abcd"));
  };
  CHECK(two("0,2", "2,4") == "accepted");
  CHECK(two("2,4", "0,2") == "accepted");
  CHECK(two("0,2", "1,3").find("got an overlap") != std::string::npos);
  CHECK(two("0,2", "0,2").find("got an overlap") != std::string::npos);
  CHECK(two("0,2", "3,5").find("within the 4 bytes") != std::string::npos);
  CHECK(two("2,0", "2,4").find("within the 4 bytes") != std::string::npos);
  const auto one = [](const std::string& text, const std::string& data) { return refusal(file_of(text, data)); };
  CHECK(one('{' + entry("a", "U8", "2", "1,3") + '}', "abc").find("got a gap") != std::string::npos);
  CHECK(one('{' + entry("a", "U8", "2", "0,2") + '}', "abc").find("1 bytes behind the last") != std::string::npos);
  CHECK(one('{' + entry("a", "F32", "2", "0,2") + '}', "ab").find("as many bytes as the shape needs") != std::string::npos);
  CHECK(one('{' + entry("a", "U8", "4611686018427387904,4", "0,2") + '}', "ab").find("2^63") != std::string::npos);
  CHECK(one('{' + entry("a", "U8", "2", "0,2") + ',' + entry("a", "U8", "2", "2,4") + '}', "abcd").find("each key once") !=
        std::string::npos);
  CHECK(one(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0]}})", "a").find("two offsets") != std::string::npos);
  CHECK(one(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"more":1}})", "a").find("more") != std::string::npos);
  CHECK(one(R"({"__metadata__":{"a":1}})", "").find("__metadata__") != std::string::npos);
  CHECK(one(" {}", "").find("'{' at its begin") != std::string::npos);
  CHECK(one("{} ", "") == "accepted");
  CHECK(refusal("").find("8 bytes of header length") != std::string::npos);
  CHECK(refusal(std::string("\x10\0\0\0\0\0\0\0{}", 10)).find("it was cut off") != std::string::npos);
  CHECK(refusal(std::string(8, '\xff')).find("at most 16777216 bytes") != std::string::npos);
}

TEST_CASE("safetensors: the writer refuses what no reader takes, and leaves nothing behind") {
  const sinew::testing::TemporaryDirectory folder;
  const std::vector<std::byte> data(4);
  const auto refused = [&](std::vector<SafetensorsTensor> tensors) {
    CHECK_THROWS_AS(write_safetensors(folder.path() / "x", tensors), Error);
    CHECK(std::filesystem::is_empty(folder.path()));
  };
  refused({{"a", DType::f32, {2}, data}});
  refused({{"", DType::f32, {1}, data}});
  refused({{"__metadata__", DType::f32, {1}, data}});
  refused({{"a", DType::f32, {1}, data}, {"a", DType::f32, {1}, data}});
  write_safetensors(folder.path() / "x", {});
  CHECK(SafetensorsFile(folder.path() / "x").tensors().empty());
}

TEST_CASE("mapped file: the bytes of a file, moved with their owner; refusals as for files that are read") {
  const sinew::testing::TemporaryDirectory folder;
  folder.write("some", "abc");
  folder.write("none", "");
  MappedFile file(folder.path() / "some", 3);
  const std::byte* const data = file.bytes().data();
  MappedFile moved(std::move(file));
  CHECK(file.bytes().empty());
  file = std::move(moved);
  CHECK(file.bytes().data() == data);
  CHECK(file.bytes()[2] == std::byte{'c'});
  CHECK(MappedFile(folder.path() / "none", 3).bytes().empty());
  CHECK_THROWS_WITH_AS(MappedFile(folder.path() / "some", 2), doctest::Contains("at most 2 bytes, got 3"), Error);
  CHECK_THROWS_WITH_AS(MappedFile(folder.path(), 2), doctest::Contains("a directory"), Error);
  CHECK_THROWS_AS(MappedFile(folder.path() / "absent", 2), Error);
}
