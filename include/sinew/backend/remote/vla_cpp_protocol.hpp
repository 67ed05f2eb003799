// SPDX-License-Identifier: Apache-2.0
// vla.cpp's policy server: images, tokens and state there, a flat chunk back, in Protocol Buffers over ZeroMQ, port 5555.
// Form: the table of fields of vla.cpp 0.3.0 and 0.4, package `vla`, messages Image, PredictRequest, PredictResponse.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sinew/backend/remote/protobuf.hpp"
#include "sinew/backend/remote/protocol.hpp"
#include "sinew/core/fixed_text.hpp"

namespace sinew::remote {

struct VlaCppOptions {
  /// `image/<i>` u8 [h, w, 3] or f32 [h, w, 3] in [0, 1], in order; `lang_tokens` i64 [n]; `state` f32 [d], as wide as the server's model
  /// has it; and where wanted `noise` f32 [chunk, width], `attention_mask` i64 [n]. The server tells none of these sizes.
  TensorSpecs inputs;
  std::int64_t horizon = 0;     ///< most rows of a reply
  std::int64_t action_dim = 0;  ///< columns that mean anything; a reply may have more, which are cut off
};

/// Replies `actions f32 [rows, action_dim]`. Requests that a newer one replaced are `stale`.
class VlaCppProtocol {
 public:
  /// Throws Error for sizes that are not positive, no image, tokens or state, and other inputs.
  explicit VlaCppProtocol(VlaCppOptions options);

  [[nodiscard]] std::string_view name() const noexcept { return "vla_cpp"; }
  [[nodiscard]] const TensorSpecs& inputs() const noexcept { return options_.inputs; }
  [[nodiscard]] const TensorSpecs& outputs() const noexcept { return outputs_; }
  [[nodiscard]] bool greets() const noexcept { return false; }
  [[nodiscard]] Status read_greeting(const Message&) noexcept { return Status::ok; }
  [[nodiscard]] Status write_request(const TensorMap& in, std::uint64_t id) noexcept;
  [[nodiscard]] Pieces pieces() noexcept { return writer_.pieces(); }
  [[nodiscard]] Status read_reply(const Message& message, std::uint64_t id, TensorMap& out) noexcept;
  [[nodiscard]] std::string_view last_error() const noexcept { return error_.view(); }

 private:
  struct Response {
    std::uint64_t id = 0, rows = 0, columns = 0;
    std::string_view error{};
    unsigned seen = 0;  // a bit for each scalar field
  };
  void write_image(const Tensor& image);
  Status parse(std::span<const std::byte> bytes, Response& response) noexcept;
  bool take(const ProtoField& field, Response& response);

  VlaCppOptions options_;
  TensorSpecs outputs_;
  std::vector<std::string> images_;
  ProtoWriter writer_;
  std::vector<float> chunk_;
  FixedText error_;
};
static_assert(WireProtocol<VlaCppProtocol>);

}  // namespace sinew::remote
