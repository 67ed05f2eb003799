// SPDX-License-Identifier: Apache-2.0
// The header of a safetensors file, checked against everything that the format demands.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "safetensors_kinds.hpp"
#include "sinew/io/file.hpp"

namespace sinew::safetensors {

/// A tensor by its place in the data.
struct HeaderTensor {
  std::string name;
  const Kind* kind = nullptr;
  std::vector<std::int64_t> shape;
  std::uint64_t begin = 0, end = 0;  // bytes of the data, which follows the header
};

struct Header {
  std::vector<HeaderTensor> tensors;  // in the order of their names
  std::map<std::string, std::string> metadata;
  std::size_t data_offset = 0;  // bytes of the file before its data
};

/// Length of the header that a file of `file_size` bytes announces in its first bytes. Throws Error.
[[nodiscard]] std::size_t header_length(std::span<const std::byte> first, std::size_t file_size, std::size_t max_header,
                                        const std::string& where);

/// Reads the text of a header with `data_size` bytes behind it. Throws Error whose message begins with `where`.
[[nodiscard]] Header parse_header(std::string_view text, std::uint64_t data_size, const std::string& where);

/// Reads the header of an open file, and nothing else of it.
[[nodiscard]] Header read_header(const RandomAccessFile& file, std::size_t max_header);

}  // namespace sinew::safetensors
