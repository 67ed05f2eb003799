// SPDX-License-Identifier: Apache-2.0
// openpi's policy server: a map of observation and words there, a map with "actions" back; over a WebSocket, port 8000.
// Form: Physical-Intelligence/openpi @ 15a9616 packages/openpi-client/src/openpi_client/{websocket_client_policy,msgpack_numpy}.py.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "sinew/backend/remote/msgpack.hpp"
#include "sinew/backend/remote/protocol.hpp"
#include "sinew/backend/remote/request_tree.hpp"
#include "sinew/core/fixed_text.hpp"

namespace sinew::remote {

struct OpenpiOptions {
  TensorSpecs inputs;               ///< keys of the observation, as WireEncoder writes them
  bool nested = false;              ///< '/' in a name parts nested maps (ALOHA's `images/<camera>`); false: it belongs to the key
  std::int64_t horizon = 0;         ///< most rows of a reply
  std::int64_t action_dim = 0;      ///< columns of a reply
  std::string actions = "actions";  ///< key of the reply
  MsgpackLimits limits{};           ///< of what the server sends
  /// Looks at the metadata that the server sends first; gives what is wrong with it, or nothing. Null: any map will do.
  std::function<std::string(const MsgpackValue& metadata)> check_metadata{};
};

/// Replies `actions f32 [rows, action_dim]`, at most `horizon` rows. A text message is the server's error: its last line is shown.
class OpenpiProtocol {
 public:
  /// Throws Error for sizes that are not positive and keys that do not fit together.
  explicit OpenpiProtocol(OpenpiOptions options);

  [[nodiscard]] std::string_view name() const noexcept { return "openpi"; }
  [[nodiscard]] const TensorSpecs& inputs() const noexcept { return options_.inputs; }
  [[nodiscard]] const TensorSpecs& outputs() const noexcept { return outputs_; }
  [[nodiscard]] bool greets() const noexcept { return true; }
  [[nodiscard]] Status read_greeting(const Message& message) noexcept;
  [[nodiscard]] Status write_request(const TensorMap& in, std::uint64_t id) noexcept;
  [[nodiscard]] Pieces pieces() noexcept { return writer_.pieces(); }
  [[nodiscard]] Status read_reply(const Message& message, std::uint64_t id, TensorMap& out) noexcept;
  [[nodiscard]] std::string_view last_error() const noexcept { return error_.view(); }

 private:
  OpenpiOptions options_;
  TensorSpecs outputs_;
  RequestTree tree_;
  MsgpackWriter writer_;
  MsgpackDocument document_;
  FixedText error_;
};
static_assert(WireProtocol<OpenpiProtocol>);

}  // namespace sinew::remote
