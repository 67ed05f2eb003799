// SPDX-License-Identifier: Apache-2.0
// Reads the tensors of a golden file (safetensors: 8 bytes of header length, JSON header, data).
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "sinew/io/file.hpp"
#include "sinew/io/json.hpp"
#include "sinew/io/json_cursor.hpp"

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
  const std::vector<std::byte> file = read_binary_file(path, std::size_t{1} << 28);
  std::uint64_t header_size = 0;
  if (file.size() < sizeof(header_size)) throw std::runtime_error(path + ": too short");
  std::memcpy(&header_size, file.data(), sizeof(header_size));
  if (header_size > file.size() - sizeof(header_size)) throw std::runtime_error(path + ": header too long");
  const std::string header(reinterpret_cast<const char*>(file.data()) + sizeof(header_size), header_size);
  const auto data = std::span(file).subspan(sizeof(header_size) + header_size);
  const Json document = Json::parse(header, path);
  std::map<std::string, GoldenTensor> tensors;
  for (const auto& [name, entry] : JsonCursor(document, path).members()) {
    if (name == "__metadata__") continue;
    GoldenTensor tensor{.dtype = entry.at("dtype").text(), .shape = {}, .bytes = {}};
    for (const auto& dim : entry.at("shape").elements()) tensor.shape.push_back(dim.integer(0));
    const auto offsets = entry.at("data_offsets").elements();
    const auto begin = static_cast<std::size_t>(offsets.at(0).integer(0));
    const auto end = static_cast<std::size_t>(offsets.at(1).integer(0));
    if (begin > end || end > data.size()) throw std::runtime_error(path + ": " + name + " lies outside the file");
    tensor.bytes.assign(data.begin() + static_cast<std::ptrdiff_t>(begin), data.begin() + static_cast<std::ptrdiff_t>(end));
    tensors.emplace(name, std::move(tensor));
  }
  return tensors;
}

}  // namespace sinew::testing
