// SPDX-License-Identifier: Apache-2.0
// GR00T's policy server: endpoint and data there, action groups back, arrays as .npy files; over ZeroMQ REQ and REP, port 5555.
// Form: NVIDIA/Isaac-GR00T @ 38624df gr00t/policy/server_client.py; starVLA/starVLA @ 0ed0aad
// deployment/model_server/tools/zmq_policy_server.py.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sinew/backend/remote/msgpack.hpp"
#include "sinew/backend/remote/protocol.hpp"
#include "sinew/backend/remote/request_tree.hpp"
#include "sinew/core/fixed_text.hpp"

namespace sinew::remote {

/// One group of a reply, e.g. "action.left_arm" of 7 columns.
struct ActionGroup {
  std::string key;
  std::int64_t size = 0;
};

struct GrootOptions {
  TensorSpecs inputs;               ///< `video/<view>`, `state/<group>`, `language/<key>`, as WireEncoder writes them
  std::int64_t horizon = 0;         ///< most rows of a reply
  std::vector<ActionGroup> groups;  ///< of a reply, in the order of its columns
  std::string api_token;            ///< empty: none is sent
  MsgpackLimits limits{};
};

/// Replies `actions f32 [rows, sum of the groups]`; all groups have as many rows.
class GrootProtocol {
 public:
  /// Throws Error for sizes that are not positive, and no or repeated groups.
  explicit GrootProtocol(GrootOptions options);

  [[nodiscard]] std::string_view name() const noexcept { return "groot"; }
  [[nodiscard]] const TensorSpecs& inputs() const noexcept { return options_.inputs; }
  [[nodiscard]] const TensorSpecs& outputs() const noexcept { return outputs_; }
  [[nodiscard]] bool greets() const noexcept { return false; }
  [[nodiscard]] Status read_greeting(const Message&) noexcept { return Status::ok; }
  [[nodiscard]] Status write_request(const TensorMap& in, std::uint64_t id) noexcept;
  [[nodiscard]] Pieces pieces() noexcept { return writer_.pieces(); }
  [[nodiscard]] Status read_reply(const Message& message, std::uint64_t id, TensorMap& out) noexcept;
  [[nodiscard]] std::string_view last_error() const noexcept { return error_.view(); }

 private:
  void write_leaf(std::string_view name, const Tensor& tensor);
  Status read_group(std::size_t index, const MsgpackValue& actions, std::int64_t column, Tensor& out) noexcept;

  GrootOptions options_;
  TensorSpecs outputs_;
  RequestTree tree_;
  std::vector<Tensor> parts_;  // [horizon, size] of each group
  MsgpackWriter writer_;
  MsgpackDocument document_;
  FixedText error_;
};
static_assert(WireProtocol<GrootProtocol>);

}  // namespace sinew::remote
