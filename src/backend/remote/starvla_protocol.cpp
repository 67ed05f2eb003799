// SPDX-License-Identifier: Apache-2.0
#include "sinew/backend/remote/starvla_protocol.hpp"

#include <fmt/format.h>

#include <exception>
#include <utility>

#include "sinew/backend/remote/reply.hpp"
#include "sinew/backend/remote/request_tree.hpp"
#include "sinew/core/error.hpp"

namespace sinew::remote {

StarvlaProtocol::StarvlaProtocol(StarvlaOptions options)
    : options_(std::move(options)), outputs_{actions_spec("starvla", options_.horizon, options_.action_dim)}, document_(options_.limits) {
  bool words = false;
  for (const TensorSpec& spec : options_.inputs) {
    if (spec.name == fmt::format("image/{}", images_.size()))
      images_.push_back(spec.name);
    else if (spec.name == "lang")
      words = true;
    else if (spec.name != "state")
      fail(ErrorCode::invalid_argument, {"starvla", "input '" + spec.name + "'", "image/0, image/1, ..., lang or state", "another", ""});
  }
  if (images_.empty() || !words) fail(ErrorCode::invalid_argument, {"starvla", "inputs", "image/0 and lang", "others", ""});
}

Status StarvlaProtocol::check_key(const MsgpackValue& metadata) noexcept {
  const MsgpackValue keys = metadata.find("available_unnorm_keys");
  if (options_.unnorm_key.empty() || !keys || keys.type() != MsgpackType::array) return Status::ok;
  for (MsgpackValue key = keys.first(); key; key = key.next())
    if (key.text() == options_.unnorm_key) return Status::ok;
  error_.format("[starvla] unnorm_key: expected one that the server lists, got '{}'", options_.unnorm_key);
  return Status::missing;
}

Status StarvlaProtocol::read_greeting(const Message& message) noexcept {
  error_.clear();
  if (const Status status = read_map(message, document_, error_); status != Status::ok) return status;
  if (const Status status = check_key(document_.root()); status != Status::ok) return status;
  return check_metadata(options_.check_metadata, "starvla", document_.root(), error_);
}

Status StarvlaProtocol::write_request(const TensorMap& in, std::uint64_t id) noexcept {
  error_.clear();
  try {
    const Tensor& state = in["state"];
    const bool states = state && state.size_bytes() > 0;
    writer_.clear();
    writer_.begin_map(3);
    writer_.text("type");
    writer_.text("infer");
    writer_.text("request_id");
    writer_.text(fmt::format("{}", id));
    writer_.text("payload");
    writer_.begin_map(options_.unnorm_key.empty() ? 1 : 2);
    writer_.text("examples");
    writer_.begin_array(1);
    writer_.begin_map(states ? 3 : 2);
    writer_.text("image");
    writer_.begin_array(images_.size());
    for (const std::string& image : images_) writer_.array(in[image].view());
    writer_.text("lang");
    writer_.text(text_of(in["lang"]));
    if (states) {
      writer_.text("state");
      writer_.array(state.view());
    }
    if (!options_.unnorm_key.empty()) {
      writer_.text("unnorm_key");
      writer_.text(options_.unnorm_key);
    }
    return Status::ok;
  } catch (const std::exception& error) {
    error_.format("{}", error.what());
    return Status::backend_failed;
  }
}

Status StarvlaProtocol::read_reply(const Message& message, std::uint64_t id, TensorMap& out) noexcept {
  error_.clear();
  if (const Status status = read_map(message, document_, error_); status != Status::ok) return status;
  const MsgpackValue root = document_.root();
  if (const MsgpackValue echoed = root.find("request_id"); echoed && echoed.text()) {
    FixedText expected;
    expected.format("{}", id);
    if (*echoed.text() != expected.view()) return Status::stale;
  }
  const MsgpackValue okay = root.find("ok");
  if (okay && okay.boolean() == false) {
    const MsgpackValue error = root.find("error"), text = error && error.type() == MsgpackType::map ? error.find("message") : error;
    keep_text("starvla", text && text.text() ? *text.text() : "no reason given", error_);
    return Status::backend_failed;
  }
  const MsgpackValue data = root.find("data");
  if (!data || data.type() != MsgpackType::map) {
    error_.format("[starvla] reply: expected a map 'data', got none");
    return Status::missing;
  }
  const std::string_view wanted = options_.normalized ? "normalized_actions" : "actions";
  const std::string_view other = options_.normalized ? "actions" : "normalized_actions";
  const MsgpackValue actions = data.find(wanted);
  if (!actions && data.find(other)) {
    error_.format("[starvla] reply: expected '{}', got '{}' (StarvlaOptions::normalized says which)", wanted, other);
    return Status::bad_shape;
  }
  return read_actions(plain_array_of(actions, error_), wanted, out["actions"], error_);
}

}  // namespace sinew::remote
