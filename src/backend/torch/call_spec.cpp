// SPDX-License-Identifier: Apache-2.0
#include "call_spec.hpp"

#include <algorithm>

#include "sinew/core/error.hpp"
#include "sinew/io/json.hpp"
#include "sinew/io/json_cursor.hpp"

namespace sinew::detail {

namespace {

bool is_tensor(const JsonCursor& node) { return node.at("type").is_null(); }

std::vector<JsonCursor> children(const JsonCursor& node) { return node.at("children_spec").elements(); }

/// The keys of a dict: JSON within JSON.
std::vector<std::string> keys(const JsonCursor& node) {
  const Json list = Json::parse(node.at("context").text(), node.place());
  return JsonCursor(list, node.place()).texts();
}

/// The node of "[version, node]".
JsonCursor root_node(const JsonCursor& document) {
  const auto pair = document.elements();
  if (pair.size() != 2) document.refuse("a version and a tree");
  return pair[1];
}

void read_inputs(const JsonCursor& root, CallSpec& spec) {
  const auto parts = children(root);
  if (parts.size() != 2) root.refuse("positional and keyword arguments");
  const auto positional = children(parts[0]), named = children(parts[1]);
  if (!std::ranges::all_of(positional, is_tensor) || !std::ranges::all_of(named, is_tensor))
    root.refuse("arguments that are tensors", "export a module that takes them one by one");
  if (!positional.empty() && !named.empty())
    root.refuse("positional arguments or keyword arguments, not both", "torch.export.export(module, (), kwargs)");
  spec.inputs = positional.size() + named.size();
  if (!named.empty()) spec.names = keys(parts[1]);
  if (!named.empty() && spec.names.size() != named.size()) root.refuse("a name for every keyword argument");
}

void read_results(const JsonCursor& root, CallSpec& spec) {
  if (is_tensor(root)) return;
  const auto entries = children(root);
  const std::string& type = root.at("type").text();
  if (type == "builtins.dict" || type == "collections.OrderedDict") {
    const auto names = keys(root);
    spec.actions = static_cast<std::size_t>(std::ranges::find(names, "actions") - names.begin());
  }
  // An entry that is a collection itself would shift the places of those behind it.
  if (spec.actions >= entries.size() ||
      !std::all_of(entries.begin(), entries.begin() + static_cast<std::ptrdiff_t>(spec.actions) + 1, is_tensor))
    root.refuse("actions: a tensor, the entry 'actions' of a dict, or the first of a tuple, behind nothing but tensors");
}

}  // namespace

CallSpec read_call_spec(const std::vector<std::string>& texts, const std::string& where) {
  if (texts.size() != 2)
    fail(ErrorCode::unsupported, {where, "call specification", "of arguments and results", std::to_string(texts.size()), ""});
  CallSpec spec;
  const Json inputs = Json::parse(texts[0], where), results = Json::parse(texts[1], where);
  read_inputs(root_node({inputs, where + ", arguments"}), spec);
  read_results(root_node({results, where + ", results"}), spec);
  return spec;
}

}  // namespace sinew::detail
