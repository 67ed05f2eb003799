// SPDX-License-Identifier: Apache-2.0
// Appends integers and strings to a byte buffer in MCAP's order: little-endian, strings led by a 32-bit length.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

namespace sinew::detail {

using Bytes = std::vector<std::uint8_t>;

/// Writes `value` over the bytes at `offset`.
template <std::unsigned_integral Integer>
void patch(Bytes& out, std::size_t offset, std::type_identity_t<Integer> value) {
  for (std::size_t i = 0; i < sizeof(Integer); ++i) out[offset + i] = static_cast<std::uint8_t>(std::uint64_t{value} >> (8 * i));
}

template <std::unsigned_integral Integer>
void put(Bytes& out, std::type_identity_t<Integer> value) {
  out.resize(out.size() + sizeof(Integer));
  patch<Integer>(out, out.size() - sizeof(Integer), value);
}

inline void put_bytes(Bytes& out, std::span<const std::uint8_t> bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }

inline std::span<const std::uint8_t> as_bytes(std::string_view text) noexcept {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

inline void put_string(Bytes& out, std::string_view text) {
  put<std::uint32_t>(out, static_cast<std::uint32_t>(text.size()));
  put_bytes(out, as_bytes(text));
}

}  // namespace sinew::detail
