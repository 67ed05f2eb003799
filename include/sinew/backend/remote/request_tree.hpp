// SPDX-License-Identifier: Apache-2.0
// Tensor names such as "images/cam_high" as the nested maps of a request.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "sinew/backend/remote/msgpack.hpp"
#include "sinew/core/tensor_map.hpp"
#include "sinew/core/tensor_spec.hpp"

namespace sinew::remote {

/// Text travels as u8 of rank 1.
[[nodiscard]] inline bool is_text(const Tensor& tensor) noexcept { return tensor.dtype() == DType::u8 && tensor.shape().rank() == 1; }
[[nodiscard]] std::string_view text_of(const Tensor& tensor) noexcept;

/// The keys of a request, as its tensors' names say: in the order of the specifications, those of one map together.
class RequestTree {
 public:
  /// `nested`: a '/' parts the keys of nested maps; else it belongs to the key. Throws Error for names of which one is a map of another.
  RequestTree(const TensorSpecs& inputs, bool nested);

  /// Writes the map of what is there: tensors that are absent, or have no elements and are no text, are left out, and so are maps of none.
  /// `write_leaf(name, tensor)` writes one value.
  void write(MsgpackWriter& writer, const TensorMap& in, const std::function<void(std::string_view, const Tensor&)>& write_leaf) const;

 private:
  struct Node {
    std::string key;
    std::string tensor;                   // of a leaf
    std::vector<std::uint32_t> children;  // of a map
  };
  std::uint32_t child(std::uint32_t parent, std::string_view key, const std::string& tensor);
  [[nodiscard]] bool present(const Node& node, const TensorMap& in) const;
  void write_map(const Node& node, MsgpackWriter& writer, const TensorMap& in,
                 const std::function<void(std::string_view, const Tensor&)>& write_leaf) const;

  std::vector<Node> nodes_;
};

}  // namespace sinew::remote
