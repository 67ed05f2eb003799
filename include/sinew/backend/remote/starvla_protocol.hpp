// SPDX-License-Identifier: Apache-2.0
// StarVLA's policy server: one example of images, words and state in an envelope; over a WebSocket, port 10093.
// Form: starVLA/starVLA @ 0ed0aad deployment/model_server (websocket_policy_server.py, policy_wrapper.py).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "sinew/backend/remote/msgpack.hpp"
#include "sinew/backend/remote/protocol.hpp"
#include "sinew/core/fixed_text.hpp"

namespace sinew::remote {

struct StarvlaOptions {
  TensorSpecs inputs;           ///< `image/<i>` in order, `lang`, `state`, as WireEncoder writes them
  std::int64_t horizon = 0;     ///< most rows of a reply
  std::int64_t action_dim = 0;  ///< columns of a reply
  std::string unnorm_key;       ///< whose statistics the server takes; empty: its default
  /// Older servers reply normalised numbers: true takes only such a reply, false only one in the robot's units.
  bool normalized = false;
  MsgpackLimits limits{};
  std::function<std::string(const MsgpackValue& metadata)> check_metadata{};  ///< as OpenpiOptions
};

/// Replies `actions f32 [rows, action_dim]`. An unnorm_key that the server's metadata does not list is refused at the greeting.
class StarvlaProtocol {
 public:
  /// Throws Error for sizes that are not positive, no image or no `lang`.
  explicit StarvlaProtocol(StarvlaOptions options);

  [[nodiscard]] std::string_view name() const noexcept { return "starvla"; }
  [[nodiscard]] const TensorSpecs& inputs() const noexcept { return options_.inputs; }
  [[nodiscard]] const TensorSpecs& outputs() const noexcept { return outputs_; }
  [[nodiscard]] bool greets() const noexcept { return true; }
  [[nodiscard]] Status read_greeting(const Message& message) noexcept;
  [[nodiscard]] Status write_request(const TensorMap& in, std::uint64_t id) noexcept;
  [[nodiscard]] Pieces pieces() noexcept { return writer_.pieces(); }
  [[nodiscard]] Status read_reply(const Message& message, std::uint64_t id, TensorMap& out) noexcept;
  [[nodiscard]] std::string_view last_error() const noexcept { return error_.view(); }

 private:
  Status check_key(const MsgpackValue& metadata) noexcept;

  StarvlaOptions options_;
  TensorSpecs outputs_;
  std::vector<std::string> images_;
  MsgpackWriter writer_;
  MsgpackDocument document_;
  FixedText error_;
};
static_assert(WireProtocol<StarvlaProtocol>);

}  // namespace sinew::remote
