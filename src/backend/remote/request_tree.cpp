// SPDX-License-Identifier: Apache-2.0
#include "sinew/backend/remote/request_tree.hpp"

#include <algorithm>

#include "sinew/core/error.hpp"
#include "sinew/io/text.hpp"

namespace sinew::remote {

std::string_view text_of(const Tensor& tensor) noexcept {
  const auto bytes = tensor.as<std::uint8_t>();
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

RequestTree::RequestTree(const TensorSpecs& inputs, bool nested) {
  nodes_.push_back({});
  for (const TensorSpec& spec : inputs) {
    std::string_view rest = spec.name;
    std::uint32_t at = 0;
    for (auto slash = rest.find('/'); nested && slash != std::string_view::npos; slash = rest.find('/')) {
      at = child(at, rest.substr(0, slash), {});
      rest.remove_prefix(slash + 1);
    }
    child(at, rest, spec.name);
  }
}

std::uint32_t RequestTree::child(std::uint32_t parent, std::string_view key, const std::string& tensor) {
  for (const std::uint32_t index : nodes_[parent].children) {
    if (nodes_[index].key != key) continue;
    if (!tensor.empty() || !nodes_[index].tensor.empty())
      fail(ErrorCode::invalid_argument, {"remote", "key " + quote(key), "a map or a value", "both, or one twice", ""});
    return index;
  }
  const auto index = static_cast<std::uint32_t>(nodes_.size());
  nodes_.push_back({.key = std::string(key), .tensor = tensor});
  nodes_[parent].children.push_back(index);
  return index;
}

bool RequestTree::present(const Node& node, const TensorMap& in) const {
  if (node.tensor.empty()) return std::ranges::any_of(node.children, [&](std::uint32_t index) { return present(nodes_[index], in); });
  const Tensor& tensor = in[node.tensor];
  return tensor && (is_text(tensor) || tensor.size_bytes() > 0);
}

void RequestTree::write_map(const Node& node, MsgpackWriter& writer, const TensorMap& in,
                            const std::function<void(std::string_view, const Tensor&)>& write_leaf) const {
  writer.begin_map(
      static_cast<std::size_t>(std::ranges::count_if(node.children, [&](std::uint32_t index) { return present(nodes_[index], in); })));
  for (const std::uint32_t index : node.children) {
    const Node& entry = nodes_[index];
    if (!present(entry, in)) continue;
    writer.text(entry.key);
    if (entry.tensor.empty())
      write_map(entry, writer, in, write_leaf);
    else
      write_leaf(entry.tensor, in[entry.tensor]);
  }
}

void RequestTree::write(MsgpackWriter& writer, const TensorMap& in,
                        const std::function<void(std::string_view, const Tensor&)>& write_leaf) const {
  write_map(nodes_.front(), writer, in, write_leaf);
}

}  // namespace sinew::remote
