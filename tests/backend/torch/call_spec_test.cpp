// SPDX-License-Identifier: Apache-2.0
// Call specifications as torch.export writes them, and damaged ones.
#include "call_spec.hpp"

#include <doctest/doctest.h>

#include "sinew/core/error.hpp"

namespace {

const std::string kTensor = R"({"type": null, "context": null, "children_spec": []})";

std::string node(const std::string& type, const std::string& context, const std::string& children) {
  return R"({"type": ")" + type + R"(", "context": ")" + context + R"(", "children_spec": [)" + children + "]}";
}
std::string tuple(const std::string& children) { return node("builtins.tuple", "null", children); }
std::string dict(const std::string& keys, const std::string& children) { return node("builtins.dict", keys, children); }
std::string document(const std::string& tree) { return "[1, " + tree + "]"; }

const std::string kNoNames = dict("[]", "");
const std::string kTwoTensors = kTensor + ", " + kTensor;
const std::string kPositional = document(tuple(tuple(kTwoTensors) + ", " + kNoNames));

sinew::detail::CallSpec read(const std::string& inputs, const std::string& results) {
  return sinew::detail::read_call_spec({inputs, results}, "policy.pt2");
}

void refused(const std::string& inputs, const std::string& results, const char* why) {
  CAPTURE(inputs);
  CAPTURE(results);
  CHECK_THROWS_WITH_AS((void)read(inputs, results), doctest::Contains(why), sinew::Error);
}

}  // namespace

TEST_CASE("call spec: counts positional arguments and names keyword arguments") {
  const auto positional = read(kPositional, document(kTensor));
  CHECK(positional.inputs == 2);
  CHECK(positional.names.empty());
  const auto named = read(document(tuple(tuple("") + ", " + dict(R"([\"state\", \"image\"])", kTwoTensors))), document(kTensor));
  CHECK(named.inputs == 2);
  CHECK(named.names == std::vector<std::string>{"state", "image"});
}

TEST_CASE("call spec: finds the actions") {
  CHECK(read(kPositional, document(kTensor)).actions == 0);
  CHECK(read(kPositional, document(tuple(kTwoTensors))).actions == 0);
  CHECK(read(kPositional, document(dict(R"([\"other\", \"actions\"])", kTwoTensors))).actions == 1);
  CHECK(read(kPositional, document(dict(R"([\"actions\", \"other\"])", kTensor + ", " + tuple(kTensor)))).actions == 0);
}

TEST_CASE("call spec: what cannot be called with plain tensors is refused") {
  refused(document(tuple(tuple(tuple(kTensor)) + ", " + kNoNames)), document(kTensor), "arguments that are tensors");
  refused(document(tuple(tuple(kTensor) + ", " + dict(R"([\"state\"])", kTensor))), document(kTensor), "not both");
  refused(document(tuple(tuple("") + ", " + dict(R"([\"state\"])", kTwoTensors))), document(kTensor), "a name for every");
  refused(document(tuple(tuple(kTensor))), document(kTensor), "positional and keyword arguments");
}

TEST_CASE("call spec: results without actions, and what is no specification, are refused") {
  refused(kPositional, document(tuple("")), "actions");
  refused(kPositional, document(dict(R"([\"velocities\"])", kTensor)), "actions");
  refused(kPositional, document(dict(R"([\"other\", \"actions\"])", tuple(kTensor) + ", " + kTensor)), "behind nothing but tensors");
  refused(kPositional, "[1]", "a version and a tree");
  refused(kPositional, "{", "policy.pt2");
  refused(kPositional, document("3"), "results");
  CHECK_THROWS_AS((void)sinew::detail::read_call_spec({kPositional}, "policy.pt2"), sinew::Error);
}
