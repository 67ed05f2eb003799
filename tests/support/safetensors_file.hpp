// SPDX-License-Identifier: Apache-2.0
// Reads the tensors of a golden file (safetensors) into memory of their own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "sinew/io/safetensors.hpp"

namespace sinew::testing {

/// One tensor of a golden file, copied out of it.
struct GoldenTensor {
  std::string dtype;  ///< "U8", "F32", "I64"
  std::vector<std::int64_t> shape;
  std::vector<std::byte> bytes;

  [[nodiscard]] std::span<const std::uint8_t> as_u8() const { return as<std::uint8_t>("U8"); }
  [[nodiscard]] std::span<const float> as_f32() const { return as<float>("F32"); }
  [[nodiscard]] std::span<const std::int64_t> as_i64() const { return as<std::int64_t>("I64"); }

 private:
  template <class T>
  [[nodiscard]] std::span<const T> as(std::string_view expected) const {
    if (dtype != expected) throw std::runtime_error("golden tensor is " + dtype);
    return {reinterpret_cast<const T*>(bytes.data()), bytes.size() / sizeof(T)};
  }
};

/// All tensors of a golden file by name. Golden files are ours, yet a damaged one must not pass for an empty one.
inline std::map<std::string, GoldenTensor> read_golden(const std::string& path) {
  const SafetensorsFile file(path);
  std::map<std::string, GoldenTensor> tensors;
  for (const auto& [name, view] : file.tensors())
    tensors.emplace(name, GoldenTensor{view.dtype, view.shape, std::vector<std::byte>(view.bytes.begin(), view.bytes.end())});
  return tensors;
}

}  // namespace sinew::testing
