// SPDX-License-Identifier: Apache-2.0
// A policy server as a backend: one request for each call, answered before a deadline or not at all.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <utility>

#include "sinew/backend/model_spec.hpp"
#include "sinew/backend/remote/message_link.hpp"
#include "sinew/backend/remote/protocol.hpp"
#include "sinew/core/error.hpp"
#include "sinew/core/fixed_text.hpp"

namespace sinew::remote {

struct RemoteOptions {
  Time deadline = std::chrono::milliseconds(500);        ///< of one call: connecting, greeting, sending and the reply together
  Time first_back_off = std::chrono::milliseconds(100);  ///< after a failure no connection is tried for so long; doubled each time
  Time most_back_off = std::chrono::seconds(5);
};

/// Where a connection stands.
enum class RemoteState : std::uint8_t { closed, open };

/// `infer` sends the inputs and waits for the reply to them, at most until the deadline. On whatever goes wrong it closes the connection
/// and returns a status; it never sends an observation twice, so that what moves the robot next was observed after the connection came
/// back. While a failed connection waits to be tried again, `infer` returns `not_ready` at once.
///
/// `timeout`: no reply by the deadline. `backend_failed`: the connection broke, or the server reported an error. `bad_shape`, `missing`,
/// `over_capacity`, `not_finite`: an input or the reply is not what was agreed.
template <WireProtocol Protocol, MessageLink Link>
class RemoteBackend {
 public:
  /// Throws Error for times that are not positive.
  RemoteBackend(Protocol protocol, Link link, RemoteOptions options = {})
      : protocol_(std::move(protocol)), link_(std::move(link)), options_(options) {
    if (options.deadline <= Time{} || options.first_back_off <= Time{} || options.most_back_off < options.first_back_off)
      fail(ErrorCode::invalid_argument,
           {"RemoteBackend", "options", "positive times, most_back_off not below first_back_off", "others", ""});
    spec_ = {.name = std::string(protocol_.name()), .inputs = {}, .outputs = protocol_.outputs()};
    spec_.inputs = protocol_.inputs();
  }

  [[nodiscard]] const ModelSpec& spec() const noexcept { return spec_; }
  [[nodiscard]] std::string_view last_error() const noexcept { return error_.view(); }
  [[nodiscard]] RemoteState state() const noexcept { return state_; }
  /// Of this object's life.
  [[nodiscard]] std::uint64_t connections() const noexcept { return connections_; }

  [[nodiscard]] Status infer(const TensorMap& in, TensorMap& out) noexcept {
    error_.clear();
    if (const Status status = check(in, out); status != Status::ok) return status;
    const Time begun = link_.now(), deadline = begun + options_.deadline;
    if (state_ == RemoteState::closed)
      if (const Status status = connect(begun, deadline); status != Status::ok) return status;
    ++id_;
    if (const Status status = protocol_.write_request(in, id_); status != Status::ok) {
      error_.format("{}", protocol_.last_error());
      return status;  // nothing was sent
    }
    if (const Status status = link_.send(protocol_.pieces(), deadline); status != Status::ok) return lose(status, link_.last_error());
    return await_reply(deadline, out);
  }
  /// The next call begins with a new connection.
  void reset() noexcept {
    link_.close();
    state_ = RemoteState::closed;
    back_off_ = Time{};
    next_attempt_ = Time{};
  }

 private:
  Status check(const TensorMap& in, TensorMap& out) noexcept {
    for (const TensorSpec& spec : spec_.inputs)
      if (const Status status = check_tensor(spec, in[spec.name]); status != Status::ok) {
        error_.format("tensor '{}': {}", spec.name, to_string(status));
        return status;
      }
    for (const TensorSpec& spec : spec_.outputs)
      if (const Tensor& tensor = out[spec.name]; !tensor || tensor.dtype() != spec.dtype || tensor.capacity() != spec.capacity) {
        error_.format("tensor '{}': {}", spec.name, tensor ? "another shape" : "missing");
        return tensor ? Status::bad_shape : Status::missing;
      }
    return Status::ok;
  }

  Status connect(Time now, Time deadline) noexcept {
    if (now < next_attempt_) {
      error_.format("[{}] connection: lost; the next attempt is in {:.2f} s", protocol_.name(), to_seconds(next_attempt_ - now));
      return Status::not_ready;
    }
    if (const Status status = link_.open(deadline); status != Status::ok) return lose(status, link_.last_error());
    ++connections_;
    if (protocol_.greets()) {
      Message greeting;
      if (const Status status = link_.receive(greeting, deadline); status != Status::ok) return lose(status, link_.last_error());
      if (const Status status = protocol_.read_greeting(greeting); status != Status::ok) return lose(status, protocol_.last_error());
    }
    state_ = RemoteState::open;
    return Status::ok;
  }

  Status await_reply(Time deadline, TensorMap& out) noexcept {
    while (true) {
      Message message;
      if (const Status status = link_.receive(message, deadline); status != Status::ok) return lose(status, link_.last_error());
      const Status status = protocol_.read_reply(message, id_, out);
      if (status == Status::ok) {
        back_off_ = Time{};
        return Status::ok;
      }
      if (status != Status::stale) return lose(status, protocol_.last_error());
      if (link_.now() >= deadline) return lose(Status::timeout, "answers to earlier requests alone");
    }
  }

  /// Closes the connection: a reply that is still under way would be taken for the answer to a later request.
  Status lose(Status status, std::string_view reason) noexcept {
    error_.format("{}", reason);
    link_.close();
    state_ = RemoteState::closed;
    back_off_ = back_off_ == Time{} ? options_.first_back_off : std::min(2 * back_off_, options_.most_back_off);
    next_attempt_ = link_.now() + back_off_;
    return status;
  }

  Protocol protocol_;
  Link link_;
  RemoteOptions options_;
  ModelSpec spec_;
  RemoteState state_ = RemoteState::closed;
  Time back_off_{}, next_attempt_{};
  std::uint64_t id_ = 0, connections_ = 0;
  FixedText error_;
};

}  // namespace sinew::remote
