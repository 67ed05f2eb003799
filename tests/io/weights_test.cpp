// SPDX-License-Identifier: Apache-2.0
// Weights: tensors by name, rows of them, and what is refused.
#include "sinew/io/weights.hpp"

#include <doctest/doctest.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "sinew/core/error.hpp"
#include "sinew/io/safetensors.hpp"
#include "temporary_directory.hpp"

using namespace sinew;
using sinew::testing::TemporaryDirectory;

namespace {

constexpr const char* kModel = "model.safetensors";
constexpr const char* kIndex = "model.safetensors.index.json";

/// 0, 1, 2, ... from `first`.
std::vector<float> counted(std::size_t count, float first = 0) {
  std::vector<float> values(count);
  std::iota(values.begin(), values.end(), first);
  return values;
}

SafetensorsTensor tensor(const std::string& name, std::vector<std::int64_t> shape, const std::vector<float>& values) {
  return {name, DType::f32, std::move(shape), std::as_bytes(std::span(values))};
}

std::vector<float> read_rows(const RowSource& source, std::int64_t first, std::int64_t count) {
  std::vector<float> values(static_cast<std::size_t>(count * source.columns));
  source.read(first, count, DType::f32, reinterpret_cast<std::byte*>(values.data()));
  return values;
}

template <class Use>
std::string refusal(Use&& use) {
  try {
    use();
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

bool contains(const std::string& text, std::string_view part) {
  INFO(text);
  const bool found = text.find(part) != std::string::npos;
  CHECK(found);
  return found;
}

/// Two shards: a [2, 3] in the first, b [4] in the second.
class Sharded {
 public:
  Sharded() {
    write_safetensors(folder.path() / "one.safetensors", std::vector{tensor("a", {2, 3}, a_)});
    write_safetensors(folder.path() / "two.safetensors", std::vector{tensor("b", {4}, b_)});
  }
  [[nodiscard]] std::string open(const std::string& index) const {
    folder.write(kIndex, index);
    return refusal([&] { static_cast<void>(Weights::open(folder.path())); });
  }

  TemporaryDirectory folder;

 private:
  std::vector<float> a_ = counted(6), b_ = counted(4, 100);
};

constexpr const char* kGoodMap = R"("weight_map":{"a":"one.safetensors","b":"two.safetensors"})";

}  // namespace

TEST_CASE("weights: one file, names as the model has them, dimensions behind the first as columns") {
  const TemporaryDirectory folder;
  const auto kernel = counted(24), bias = counted(3, 50), other = counted(2);
  write_safetensors(folder.path() / kModel, std::vector{tensor("vlm.model.kernel", {3, 2, 2, 2}, kernel), tensor("vlm.bias", {3}, bias),
                                                        tensor("scale", {}, {7}), tensor("mtp.layer", {2}, other)});
  const std::vector<NameRule> rules{{"vlm.model.", ""}, {"vlm.", "head."}};
  Weights weights = Weights::open(folder.path(), rules);
  CHECK(weights.names() == std::vector<std::string_view>{"head.bias", "kernel", "mtp.layer", "scale"});
  CHECK(weights.bytes() == 4 * (24 + 3 + 1 + 2));
  CHECK(weights.contains("kernel"));
  CHECK(weights.at("kernel").shape == Shape{3, 2, 2, 2});
  CHECK(weights.at("kernel").dtype == "F32");
  const RowSource source = weights.rows("kernel", 3, 8);
  CHECK(read_rows(source, 1, 2) == std::vector<float>(kernel.begin() + 8, kernel.end()));
  CHECK(read_rows(source, 3, 0).empty());
  CHECK(weights.floats("head.bias", {3}) == bias);
  CHECK(weights.floats("scale", {}) == std::vector<float>{7});
  contains(refusal([&] { weights.require_all_used(); }), "got 1 that it has no place for: 'mtp.layer'");
  weights.ignore("mtp.");
  weights.require_all_used();
  CHECK_THROWS_WITH_AS(source.read(2, 2, DType::f32, nullptr), doctest::Contains("rows of 3"), Error);
  CHECK_THROWS_AS(source.read(-1, 2, DType::f32, nullptr), Error);
  CHECK_THROWS_AS(source.read(0, 1, DType::f16, nullptr), Error);
}

TEST_CASE("weights: what is missing, has another shape or another type is named") {
  const TemporaryDirectory folder;
  const auto values = counted(6);
  const std::vector<std::uint8_t> bytes(6);
  write_safetensors(folder.path() / kModel, std::vector<SafetensorsTensor>{tensor("layers.0.up.weight", {2, 3}, values),
                                                                           {"bytes", DType::u8, {6}, std::as_bytes(std::span(bytes))}});
  Weights weights = Weights::open(folder.path());
  contains(refusal([&] { static_cast<void>(weights.rows("layers.0.op.weight", 2, 3)); }),
           "tensor 'layers.0.op.weight': expected one of 2, got no such tensor (did you mean 'layers.0.up.weight'?)");
  contains(refusal([&] { static_cast<void>(weights.at("absent entirely")); }), "no such tensor");
  contains(refusal([&] { static_cast<void>(weights.rows("layers.0.up.weight", 3, 2)); }),
           "tensor 'layers.0.up.weight': expected shape [3, 2], got [2, 3]");
  contains(refusal([&] { static_cast<void>(weights.floats("layers.0.up.weight", {6})); }), "expected shape [6], got [2, 3]");
  contains(refusal([&] { static_cast<void>(weights.floats("bytes", {6})); }), "expected F64, F32, F16 or BF16, got U8");
  const std::vector<NameRule> clash{{"layers.0.up.weight", "bytes"}};
  contains(refusal([&] { static_cast<void>(Weights::open(folder.path(), clash)); }), "tensor 'bytes': expected each name once");
}

TEST_CASE("weights: shards are those of the index, tensor by tensor") {
  const Sharded model;
  CHECK(model.open(std::string(R"({"metadata":{"total_size":40},)") + kGoodMap + "}") == "accepted");
  Weights weights = Weights::open(model.folder.path());
  CHECK(weights.floats("b", {4}) == counted(4, 100));
  CHECK(read_rows(weights.rows("a", 2, 3), 0, 2) == counted(6));
  CHECK(model.open(std::string("{") + kGoodMap + "}") == "accepted");
  CHECK(model.open(std::string(R"({"metadata":{"total_size":40.0},)") + kGoodMap + "}") == "accepted");
  contains(model.open(std::string(R"({"metadata":{"total_size":41},)") + kGoodMap + "}"), "total_size of the index: expected 40, got 41");
  contains(model.open(R"({"weight_map":{"a":"one.safetensors"},"more":1})"), "more");
  contains(model.open(R"({"weight_map":{}})"), "the shard of each tensor");
  contains(model.open(R"({"weight_map":{"a":"one.safetensors","a":"two.safetensors"}})"), "each key once");
  contains(model.open(R"({"weight_map":{"a":"one.safetensors","b":"one.safetensors"}})"),
           "tensor 'b': expected the tensors that the index");
  contains(model.open(R"({"weight_map":{"b":"one.safetensors"}})"), "tensor 'a': expected the tensors that the index names, got one that");
  contains(model.open(R"({"weight_map":{"a":"one.safetensors","c":"two.safetensors"}})"), "tensor 'b'");
  contains(model.open(R"({"weight_map":{"a":"three.safetensors"}})"), "shard 'three.safetensors': expected a file beside the index");
  contains(model.open(R"({"weight_map":{"a":1}})"), "/weight_map/a");
  contains(model.open(std::string(std::size_t{17} << 20, ' ')), "at most 16777216 bytes");
  const auto values = counted(6);
  write_safetensors(model.folder.path() / kModel, std::vector{tensor("a", {2, 3}, values)});
  contains(model.open(std::string("{") + kGoodMap + "}"), "got both");
}

TEST_CASE("weights: an index does not lead out of the directory, except into the blobs of its own cache") {
  const TemporaryDirectory cache;
  const auto snapshot = cache.path() / "models--x--y" / "snapshots" / "1234", blobs = cache.path() / "models--x--y" / "blobs";
  std::filesystem::create_directories(snapshot);
  std::filesystem::create_directories(blobs);
  const auto values = counted(6);
  for (const auto& path : {blobs / "abc", cache.path() / "outside.safetensors"})
    write_safetensors(path, std::vector{tensor("a", {2, 3}, values)});
  std::filesystem::create_symlink("../../blobs/abc", snapshot / "one.safetensors");
  std::filesystem::create_symlink("../../../outside.safetensors", snapshot / "two.safetensors");
  const auto open = [&](const std::string& shard) {
    std::ofstream(snapshot / kIndex) << R"({"weight_map":{"a":")" << shard << "\"}}";
    return refusal([&] { static_cast<void>(Weights::open(snapshot)); });
  };
  CHECK(open("one.safetensors") == "accepted");
  contains(open("two.safetensors"), "got a link that leads out of it");
  for (const char* name :
       {"../one.safetensors", "/one.safetensors", "one.bin", ".safetensors", "o\\u0000.safetensors", "a b.safetensors", ""})
    contains(open(name), "a file name of letters");
  std::filesystem::create_symlink(blobs / "gone", snapshot / "three.safetensors");
  contains(open("three.safetensors"), "a file beside the index");
}

TEST_CASE("weights: directories without safetensors say what there is") {
  const TemporaryDirectory folder;
  const auto open = [&] { return refusal([&] { static_cast<void>(Weights::open(folder.path())); }); };
  contains(open(), "model.safetensors or model.safetensors.index.json, got neither");
  folder.write("pytorch_model.bin", "x");
  contains(open(), "pickled 'pytorch_model.bin'");
  contains(open(), "python -m sinew.convert_weights '" + folder.path().string() + "'");
  folder.write("steps_5_model.safetensors", "x");
  contains(open(), "got 'steps_5_model.safetensors' (rename it to model.safetensors)");
  contains(refusal([&] { static_cast<void>(Weights::open(folder.path() / "absent")); }), "directory of weights");
}

TEST_CASE("weights: a file that is shortened or rewritten after it was opened is refused by name") {
  const TemporaryDirectory folder;
  const auto values = counted(6);
  const auto path = folder.path() / kModel;
  write_safetensors(path, std::vector{tensor("a", {2, 3}, values)});
  Weights weights = Weights::open(folder.path());
  const RowSource source = weights.rows("a", 2, 3);
  CHECK(read_rows(source, 0, 2) == values);
  std::filesystem::last_write_time(path, std::filesystem::file_time_type::clock::now() + std::chrono::hours(1));
  contains(refusal([&] { read_rows(source, 0, 2); }), path.string() + "] file: expected the one that was opened");
  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 4);
  contains(refusal([&] { read_rows(source, 0, 2); }), path.string() + "] file");
  contains(refusal([&] { static_cast<void>(Weights::open(folder.path())); }), "a range within the 20 bytes");
}

TEST_CASE("weights: NaN and infinity are refused with their place, wherever they are") {
  constexpr std::size_t kCount = 70'000;  // more than one band
  for (const std::size_t place : {std::size_t{0}, std::size_t{65'535}, std::size_t{65'536}, kCount - 1}) {
    const TemporaryDirectory folder;
    auto values = counted(kCount);
    values[place] = place == 0 ? std::numeric_limits<float>::infinity() : std::numeric_limits<float>::quiet_NaN();
    write_safetensors(folder.path() / kModel, std::vector{tensor("a", {kCount, 1}, values)});
    Weights weights = Weights::open(folder.path());
    const RowSource source = weights.rows("a", kCount, 1);
    std::vector<std::byte> out(kCount * 4);
    for (const DType as : {DType::f32, DType::bf16})
      contains(refusal([&] { source.read(0, kCount, as, out.data()); }), "NaN or infinity at number " + std::to_string(place));
  }
}

TEST_CASE("stacked: rows of several matrices as one") {
  const TemporaryDirectory folder;
  const auto q = counted(8), k = counted(4, 100), v = counted(6, 200);
  write_safetensors(folder.path() / kModel, std::vector{tensor("q", {4, 2}, q), tensor("k", {2, 2}, k), tensor("v", {3, 2}, v)});
  Weights weights = Weights::open(folder.path());
  const RowSource whole = stacked({weights.rows("q", 4, 2), weights.rows("k", 2, 2), weights.rows("v", 3, 2)});
  CHECK(whole.rows == 9);
  std::vector<float> all = q;
  all.insert(all.end(), k.begin(), k.end());
  all.insert(all.end(), v.begin(), v.end());
  for (std::int64_t first = 0; first <= 9; ++first)
    for (std::int64_t count = 0; first + count <= 9; ++count)
      CHECK(read_rows(whole, first, count) == std::vector<float>(all.begin() + first * 2, all.begin() + (first + count) * 2));
  CHECK_THROWS_AS(read_rows(whole, 9, 1), Error);
  CHECK_THROWS_WITH_AS(static_cast<void>(stacked({whole, {.rows = 1, .columns = 3}})), doctest::Contains("columns: expected 2"), Error);
  CHECK_THROWS_AS(static_cast<void>(stacked({})), Error);
}

TEST_CASE("weights: rows outlive the object and are read by several threads") {
  const TemporaryDirectory folder;
  const auto values = counted(200'000);
  write_safetensors(folder.path() / kModel, std::vector{tensor("a", {1000, 200}, values)});
  RowSource source;
  {
    Weights weights = Weights::open(folder.path());
    source = weights.rows("a", 1000, 200);
  }
  std::vector<float> out(values.size());
  const auto half = [&](std::int64_t first) {
    for (std::int64_t row = first; row < first + 500; row += 50)
      source.read(row, 50, DType::f32, reinterpret_cast<std::byte*>(out.data() + row * 200));
  };
  std::thread other(half, 500);
  half(0);
  other.join();
  CHECK(out == values);
}
