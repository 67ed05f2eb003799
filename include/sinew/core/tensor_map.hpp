// SPDX-License-Identifier: Apache-2.0
// Named tensors: what an encoder writes, a backend reads and writes, and a decoder reads.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sinew/core/tensor.hpp"

namespace sinew {

/// A small map from name to tensor, kept in the order in which names were added. Adding allocates; looking up neither
/// allocates nor throws.
class TensorMap {
 public:
  struct Entry {
    std::string name;
    Tensor tensor;
  };

  /// Adds a tensor. Throws Error when the name is empty or present already. Invalidates references to other entries.
  Tensor& add(std::string name, Tensor tensor);
  /// The tensor of that name, or nullptr.
  [[nodiscard]] Tensor* find(std::string_view name) noexcept;
  [[nodiscard]] const Tensor* find(std::string_view name) const noexcept;
  [[nodiscard]] bool contains(std::string_view name) const noexcept { return find(name) != nullptr; }
  /// The tensor of that name; an empty tensor (`!tensor`) when there is none.
  [[nodiscard]] Tensor& operator[](std::string_view name) noexcept;
  [[nodiscard]] const Tensor& operator[](std::string_view name) const noexcept;

  [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }
  [[nodiscard]] bool empty() const noexcept { return entries_.empty(); }
  [[nodiscard]] auto begin() noexcept { return entries_.begin(); }
  [[nodiscard]] auto end() noexcept { return entries_.end(); }
  [[nodiscard]] auto begin() const noexcept { return entries_.begin(); }
  [[nodiscard]] auto end() const noexcept { return entries_.end(); }

 private:
  std::vector<Entry> entries_;
  Tensor missing_;  // what operator[] gives for an unknown name; never holds memory
};

}  // namespace sinew
