// SPDX-License-Identifier: Apache-2.0
// The CRC-32 of MCAP, zip and Ethernet, computed piece by piece.
#pragma once

#include <cstdint>
#include <span>

namespace sinew {

/// CRC-32 (polynomial 0xEDB88320 reflected, as in zlib) of `bytes` appended to what gave `previous`; start with 0.
/// crc32("123456789") is 0xCBF43926.
[[nodiscard]] std::uint32_t crc32(std::span<const std::uint8_t> bytes, std::uint32_t previous = 0) noexcept;

}  // namespace sinew
