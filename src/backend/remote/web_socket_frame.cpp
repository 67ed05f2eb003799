// SPDX-License-Identifier: Apache-2.0
#include "web_socket_frame.hpp"

#include <algorithm>
#include <cstdint>
#include <span>

namespace sinew::remote::detail {

namespace {

constexpr std::byte kBinary{0x82}, kMasked{0x80};  // the last frame of a message; from a client
constexpr std::size_t kMostHeader = 14, kBlock = 64;

/// The key as it meets the bytes of a piece that stands `phase` bytes behind the beginning of the message.
std::array<std::byte, kBlock> turned(const std::array<std::byte, 4>& key, std::size_t phase) {
  std::array<std::byte, kBlock> block{};
  for (std::size_t i = 0; i < kBlock; ++i) block[i] = key[(i + phase) % key.size()];
  return block;
}

/// Through pointers: checked element access, which hardened builds have, would keep the loop from being vectors.
void mask(std::span<const std::byte> piece, const std::array<std::byte, kBlock>& key, std::byte* to) {
  const std::byte *const from = piece.data(), *const by = key.data();
  const std::size_t whole = piece.size() / kBlock * kBlock;
  for (std::size_t i = 0; i < whole; i += kBlock)
    for (std::size_t j = 0; j < kBlock; ++j) to[i + j] = from[i + j] ^ by[j];
  for (std::size_t i = whole; i < piece.size(); ++i) to[i] = from[i] ^ by[i - whole];
}

}  // namespace

void write_frame(Pieces pieces, const std::array<std::byte, 4>& key, std::vector<std::byte>& frame) {
  std::uint64_t size = 0;
  for (const auto piece : pieces) size += piece.size();
  frame.resize(kMostHeader + size);
  std::byte* to = frame.data();
  *to++ = kBinary;
  const int width = size < 126 ? 0 : size <= 0xFFFF ? 2 : 8;  // bytes of a size that does not fit into the second byte
  *to++ = kMasked | static_cast<std::byte>(width == 0 ? size : width == 2 ? 126 : 127);
  for (int i = width - 1; i >= 0; --i) *to++ = static_cast<std::byte>(size >> (8 * i));
  to = std::ranges::copy(key, to).out;
  std::size_t done = 0;
  for (const auto piece : pieces) {
    mask(piece, turned(key, done), to + done);
    done += piece.size();
  }
  frame.resize(static_cast<std::size_t>(to - frame.data()) + size);
}

}  // namespace sinew::remote::detail
