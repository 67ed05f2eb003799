// SPDX-License-Identifier: Apache-2.0
// A message under construction: bytes that were written, and bytes that stay where they are, in order.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace sinew::remote {

/// Keeps its memory between messages.
class PieceList {
 public:
  void clear() noexcept {
    written_.clear();
    pieces_.clear();
    size_ = 0;
  }
  /// Copies.
  void put(std::span<const std::byte> bytes) {
    if (pieces_.empty() || pieces_.back().outside != nullptr) pieces_.push_back({.begin = written_.size()});
    written_.insert(written_.end(), bytes.begin(), bytes.end());
    pieces_.back().size += bytes.size();
    size_ += bytes.size();
  }
  /// Refers to bytes that must outlive the message.
  void refer(std::span<const std::byte> bytes) {
    if (bytes.empty()) return;
    pieces_.push_back({.outside = bytes.data(), .size = bytes.size()});
    size_ += bytes.size();
  }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  /// In order; valid until the next change.
  [[nodiscard]] std::span<const std::span<const std::byte>> views() {
    views_.clear();
    for (const Piece& piece : pieces_)
      views_.emplace_back(piece.outside != nullptr ? piece.outside : written_.data() + piece.begin, piece.size);
    return views_;
  }

 private:
  struct Piece {
    const std::byte* outside = nullptr;  // null: of written_
    std::size_t begin = 0;
    std::size_t size = 0;
  };
  std::vector<std::byte> written_;
  std::vector<Piece> pieces_;
  std::vector<std::span<const std::byte>> views_;
  std::size_t size_ = 0;
};

}  // namespace sinew::remote
