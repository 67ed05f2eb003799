// SPDX-License-Identifier: Apache-2.0
// SHA-256 (FIPS 180-4), to pin the files of a policy directory to its card.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace sinew {

/// Hashes a stream of bytes piece by piece.
class Sha256 {
 public:
  void update(std::span<const std::byte> data) noexcept;
  /// The digest of everything given so far, 64 lower-case hexadecimal digits. More may follow.
  [[nodiscard]] std::string hex() const;

 private:
  void compress(const std::byte* block) noexcept;

  std::array<std::uint32_t, 8> state_{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::array<std::byte, 64> pending_{};
  std::uint64_t length_ = 0;  // bytes
};

/// Digest of bytes, 64 lower-case hexadecimal digits.
[[nodiscard]] std::string sha256(std::span<const std::byte> data);
[[nodiscard]] std::string sha256(std::string_view text);
/// Digest of a file of any length, read in pieces. Throws Error `not_found` or `io`.
[[nodiscard]] std::string sha256_file(const std::filesystem::path& path);

}  // namespace sinew
