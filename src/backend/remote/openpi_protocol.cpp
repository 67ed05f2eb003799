// SPDX-License-Identifier: Apache-2.0
#include "sinew/backend/remote/openpi_protocol.hpp"

#include <exception>
#include <utility>

#include "sinew/backend/remote/reply.hpp"

namespace sinew::remote {

OpenpiProtocol::OpenpiProtocol(OpenpiOptions options)
    : options_(std::move(options)),
      outputs_{actions_spec("openpi", options_.horizon, options_.action_dim)},
      tree_(options_.inputs, options_.nested),
      document_(options_.limits) {}

Status OpenpiProtocol::read_greeting(const Message& message) noexcept {
  error_.clear();
  if (const Status status = read_map(message, document_, error_); status != Status::ok) return status;
  return check_metadata(options_.check_metadata, "openpi", document_.root(), error_);
}

Status OpenpiProtocol::write_request(const TensorMap& in, std::uint64_t /*id*/) noexcept {
  error_.clear();
  try {
    writer_.clear();
    tree_.write(writer_, in, [this](std::string_view, const Tensor& tensor) {
      is_text(tensor) ? writer_.text(text_of(tensor)) : writer_.array(tensor.view());
    });
    return Status::ok;
  } catch (const std::exception& error) {
    error_.format("{}", error.what());
    return Status::backend_failed;
  }
}

Status OpenpiProtocol::read_reply(const Message& message, std::uint64_t /*id*/, TensorMap& out) noexcept {
  error_.clear();
  if (const Status status = read_map(message, document_, error_); status != Status::ok) return status;
  const MsgpackValue actions = document_.root().find(options_.actions);
  return read_actions(plain_array_of(actions, error_), options_.actions, out["actions"], error_);
}

}  // namespace sinew::remote
