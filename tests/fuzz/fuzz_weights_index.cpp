// SPDX-License-Identifier: Apache-2.0
// The index of a sharded model from a stranger: either a reason that names a file of the model, or exactly the tensors of its shards.
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string_view>
#include <vector>

#include "fuzz.hpp"
#include "sinew/io/safetensors.hpp"
#include "sinew/io/weights.hpp"
#include "temporary_directory.hpp"

using sinew::testing::law;

namespace {

/// A directory with two shards: a and b in the first, c in the second.
const sinew::testing::TemporaryDirectory& model() {
  static const sinew::testing::TemporaryDirectory kFolder;
  static const bool kWritten = [] {
    const std::array<std::byte, 4> data{};
    const auto write = [&](const char* file, const std::vector<sinew::SafetensorsTensor>& tensors) {
      sinew::write_safetensors(kFolder.path() / file, tensors);
    };
    write("m-1.safetensors", {{"a", sinew::DType::f32, {1}, data}, {"b", sinew::DType::f32, {1}, data}});
    write("m-2.safetensors", {{"c", sinew::DType::f32, {1}, data}});
    return true;
  }();
  law(kWritten, "the shards are there");
  return kFolder;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto& folder = model();
  std::filesystem::remove(folder.path() / "model.safetensors.index.json");  // file systems wait for the disk when a file is overwritten
  folder.write("model.safetensors.index.json", {reinterpret_cast<const char*>(data), size});
  sinew::testing::accept_or_refuse("[" + folder.path().string(), [&] {
    sinew::Weights weights = sinew::Weights::open(folder.path());
    const auto names = weights.names();
    law(names.size() == 2 || names.size() == 3 || names.size() == 1, "the tensors of one shard or of both");
    law(weights.bytes() == 4 * names.size(), "as many bytes as they have");
    for (const auto name : names) law(weights.floats(name, {1}).at(0) == 0, "each can be read");
    weights.require_all_used();
  });
  return 0;
}
