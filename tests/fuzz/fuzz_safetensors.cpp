// SPDX-License-Identifier: Apache-2.0
// Safetensors from a stranger: either a reason, or tensors that lie in the file, side by side, and numbers that can be read; and
// what was read survives the writer.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "fuzz.hpp"
#include "sinew/core/error.hpp"
#include "sinew/io/safetensors.hpp"

using sinew::testing::check_error_text;
using sinew::testing::law;

namespace {

/// Written and read again a file has the same tensors, unless it has what the writer does not know. An Error from here ends the process.
void check_round_trip(const sinew::SafetensorsFile& file) noexcept {
  std::vector<sinew::SafetensorsTensor> tensors;
  for (const auto& [name, view] : file.tensors()) {
    if (name.empty() || !view.known_dtype()) return;
    tensors.push_back({name, *view.known_dtype(), view.shape, view.bytes});
  }
  const auto written = sinew::to_safetensors(tensors, file.metadata());
  const sinew::SafetensorsFile again(written, "again");
  law(again.metadata() == file.metadata() && again.tensors().size() == file.tensors().size(), "the writer keeps names and metadata");
  for (const auto& [name, view] : again.tensors()) {
    const auto& before = file.at(name);
    law(view.dtype == before.dtype && view.shape == before.shape && std::ranges::equal(view.bytes, before.bytes),
        "the writer keeps tensors");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  try {
    const sinew::SafetensorsFile file(bytes, "fuzz");
    std::size_t total = 0;
    for (const auto& [name, view] : file.tensors()) {
      total += view.bytes.size();
      law(view.bytes.empty() || (view.bytes.data() >= bytes.data() && view.bytes.data() + view.bytes.size() <= bytes.data() + size),
          "a tensor lies in the file");
      if (!view.known_dtype()) continue;
      law(view.bytes.size() == view.count() * sinew::size_of(*view.known_dtype()), "a shape and its bytes agree");
      try {
        law(file.doubles(name).size() == view.count(), "as many numbers as the shape says");
      } catch (const sinew::Error& error) {
        check_error_text(error.what());
      }
    }
    law(total <= size, "tensors do not overlap");
    check_round_trip(file);
  } catch (const sinew::Error& error) {
    check_error_text(error.what());
  }
  return 0;
}
