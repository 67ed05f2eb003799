// SPDX-License-Identifier: Apache-2.0
// A policy behind the protocols of openpi and GR00T, without I/O: bytes of a request to bytes of a reply.
// Forms: Physical-Intelligence/openpi @ 15a9616 src/openpi/serving/websocket_policy_server.py; NVIDIA/Isaac-GR00T @ 38624df
// gr00t/policy/server_client.py.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sinew/backend/remote/msgpack.hpp"
#include "sinew/core/action_chunk.hpp"
#include "sinew/core/card.hpp"
#include "sinew/runtime/policy.hpp"
#include "sinew/serve/exchange.hpp"
#include "sinew/serve/observation_reader.hpp"
#include "sinew/serve/server_metrics.hpp"

namespace sinew::serve {

/// What is served.
struct Served {
  PolicyCard card;
  WireOptions keys;   ///< of a request
  ActionChunk chunk;  ///< of the size that `act` fills
  std::function<void(std::span<BatchedAct> several)> act;
  std::size_t most_batch = 1;           ///< observations that `act` infers at once
  std::function<void()> reset = [] {};  ///< a new episode
};
/// `Served::act` of a function for one observation; `last_error` is what that has to say when it failed.
[[nodiscard]] std::function<void(std::span<BatchedAct> several)> one_at_a_time(
    std::function<Status(const Observation& observation, ActionChunk& chunk)> act, std::function<std::string_view()> last_error);
/// The policy, and what it says. `form` chooses the keys (served_keys).
[[nodiscard]] Served served(Policy policy, WireForm form);

/// openpi's protocol. `greeting()` is what a server sends first: a map with "card", the policy card, "keys", the request's keys with what
/// each holds, and "actions", what the columns of the reply are. The reply has `actions f32 [rows, dim]` in SI units and the time that
/// inference took; an error is a text message of one line, after which the connection goes on, unless its bytes were no request.
class OpenpiService {
 public:
  OpenpiService(Served what, std::shared_ptr<ServerMetrics> metrics, const remote::MsgpackLimits& limits = {});

  [[nodiscard]] const std::vector<std::byte>& greeting() const noexcept { return greeting_; }
  void handle(Exchange& exchange) noexcept;
  /// Several requests: their observations are inferred together. What is wrong with one does not harm the others.
  void handle(std::span<Exchange* const> exchanges) noexcept;
  /// Requests that are worth handing over at once.
  [[nodiscard]] std::size_t most_batch() const noexcept { return what_.most_batch; }
  /// A connection began: of policies that remember, a new episode.
  void reset() noexcept { what_.reset(); }

 private:
  /// Memory of one request of several.
  struct Place {
    std::uint64_t number = 0;
    Observation observation{};
    ActionChunk chunk{};
  };

  void answer(std::span<Exchange* const> exchanges, Time begun);
  bool read(Exchange& exchange, Place& place, Time now);
  void reply(Exchange& exchange, const Place& place, const BatchedAct& acted, double milliseconds);
  static void refuse(Exchange& exchange, std::uint64_t number, std::string_view text);
  void refuse_bytes(Exchange& exchange, std::uint64_t number, std::string_view text);

  Served what_;
  std::shared_ptr<ServerMetrics> metrics_;
  ObservationReader reader_;
  std::deque<Place> places_;  // they stay where they are
  std::vector<BatchedAct> acts_;
  std::vector<std::pair<Exchange*, const Place*>> asked_;  // whose act it is
  remote::MsgpackDocument document_;
  remote::MsgpackWriter writer_;
  std::vector<float> values_;
  std::vector<std::byte> greeting_;
  std::uint64_t requests_ = 0;
};

/// GR00T's protocol: endpoints ping, get_action, reset and get_modality_config. `kill` is refused: whoever may ask for actions may not end
/// the server. With a token every request must hold it; it is looked for in the first and the last 2 KiB of the bytes, before any is
/// parsed.
class GrootService {
 public:
  GrootService(Served what, std::shared_ptr<ServerMetrics> metrics, std::string token = {}, const remote::MsgpackLimits& limits = {});

  void handle(Exchange& exchange) noexcept;

 private:
  void answer(Exchange& exchange);
  bool act(const remote::MsgpackValue& data);
  void write_array(std::int64_t rows, std::int64_t columns);
  void write_modalities();
  void refuse(std::string_view text);

  Served what_;
  std::shared_ptr<ServerMetrics> metrics_;
  std::string token_;
  ObservationReader reader_;
  Observation observation_;
  remote::MsgpackDocument document_;
  remote::MsgpackWriter writer_;
  std::vector<float> values_;
  std::uint64_t requests_ = 0;
};

/// Whether `given` is the token, in a time that does not depend on where they differ.
[[nodiscard]] bool same_token(std::string_view given, std::string_view token) noexcept;

}  // namespace sinew::serve
