// SPDX-License-Identifier: Apache-2.0
// A link whose network fails as it is told to, on a clock that only moves when somebody waits.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "sinew/backend/remote/message_link.hpp"

namespace sinew::testing {

using Bytes = std::vector<std::byte>;

/// What can go wrong, each with a probability for every message or connection.
struct Faults {
  double refused = 0;    ///< nobody listens
  double half_open = 0;  ///< connected, but nothing ever comes
  double lost = 0;       ///< the reply never comes
  double slow = 0;       ///< the reply comes one byte a second
  double stalled = 0;    ///< the reply comes after 30 s
  double reset = 0;      ///< the connection breaks in the middle of the reply
  double duplicate = 0;  ///< the reply comes twice
  double reordered = 0;  ///< an earlier reply comes again before it
  double hostile = 0;    ///< random bytes, or the reply with some changed, instead
};

/// The other end, which answers requests, and the wires between. Shared by a link and its test.
struct FaultNetwork {
  explicit FaultNetwork(std::uint64_t seed) : random(seed) {}

  [[nodiscard]] bool draws(double probability) { return std::uniform_real_distribution<double>(0, 1)(random) < probability; }
  [[nodiscard]] Time some(Time least, Time most) {
    return Time(std::uniform_int_distribution<Time::rep>(least.count(), most.count())(random));
  }

  std::mt19937_64 random;
  Time now{};
  Faults faults;
  bool greets = true;
  std::function<Bytes(const Bytes& request)> answer;
  std::uint64_t opened = 0;
};

class FaultLink {
 public:
  explicit FaultLink(std::shared_ptr<FaultNetwork> network) : network_(std::move(network)) {}

  [[nodiscard]] Time now() const noexcept { return network_->now; }
  [[nodiscard]] std::string_view last_error() const noexcept { return error_; }
  void close() noexcept {
    arriving_.clear();
    connected_ = false;
  }

  Status open(Time deadline) noexcept {
    close();
    ++network_->opened;
    if (!wait(network_->some(std::chrono::microseconds(50), std::chrono::milliseconds(300)), deadline)) return late();
    if (network_->draws(network_->faults.refused)) return broken("refused");
    connected_ = true;
    dead_ = network_->draws(network_->faults.half_open);
    if (network_->greets && !dead_) arriving_.push_back({network_->now + std::chrono::milliseconds(1), Bytes{std::byte{0x80}}, false});
    return Status::ok;
  }

  Status send(remote::Pieces pieces, Time deadline) noexcept {
    if (!connected_) return broken("closed");
    Bytes request;
    for (const auto piece : pieces) request.insert(request.end(), piece.begin(), piece.end());
    if (!wait(network_->some(Time{}, std::chrono::milliseconds(2)), deadline)) return late();
    if (dead_ || network_->draws(network_->faults.lost)) return Status::ok;
    reply(network_->answer(request));
    return Status::ok;
  }

  Status receive(remote::Message& message, Time deadline) noexcept {
    if (!connected_) return broken("closed");
    if (arriving_.empty()) {
      network_->now = std::max(network_->now, deadline);
      return late();
    }
    const auto next = std::ranges::min_element(arriving_, {}, &Arrival::at);
    if (next->at > deadline) {
      network_->now = std::max(network_->now, deadline);
      return late();
    }
    network_->now = std::max(network_->now, next->at);
    const bool cut = next->cut;
    received_ = std::move(next->bytes);
    arriving_.erase(next);
    if (cut) return broken("connection reset");
    message = {.bytes = received_};
    return Status::ok;
  }

 private:
  struct Arrival {
    Time at{};
    Bytes bytes;
    bool cut = false;
  };

  void reply(Bytes bytes) {
    FaultNetwork& net = *network_;
    const Faults& faults = net.faults;
    Time at = net.now + net.some(std::chrono::microseconds(100), std::chrono::milliseconds(40));
    if (net.draws(faults.slow)) at += std::chrono::seconds(bytes.size());
    if (net.draws(faults.stalled)) at += std::chrono::seconds(30);
    if (net.draws(faults.reordered) && !earlier_.empty()) arriving_.push_back({at - std::chrono::microseconds(50), earlier_, false});
    earlier_ = bytes;
    if (net.draws(faults.duplicate)) arriving_.push_back({at + std::chrono::microseconds(10), bytes, false});
    if (net.draws(faults.hostile)) spoil(bytes);
    arriving_.push_back({at, std::move(bytes), net.draws(faults.reset)});
  }
  void spoil(Bytes& bytes) {
    FaultNetwork& net = *network_;
    if (net.draws(0.5)) bytes.resize(net.random() % 64);
    for (std::uint64_t i = 0; i < 1 + net.random() % 8 && !bytes.empty(); ++i)
      bytes[net.random() % bytes.size()] = static_cast<std::byte>(net.random());
  }

  bool wait(Time duration, Time deadline) {
    const Time until = network_->now + duration;
    network_->now = std::max(network_->now, std::min(until, deadline));
    return until <= deadline;
  }
  Status late() {
    error_ = "no answer by the deadline";
    return Status::timeout;
  }
  Status broken(const char* why) {
    error_ = why;
    close();
    return Status::backend_failed;
  }

  std::shared_ptr<FaultNetwork> network_;
  std::vector<Arrival> arriving_;
  Bytes earlier_, received_;
  std::string error_;
  bool connected_ = false, dead_ = false;
};
static_assert(remote::MessageLink<FaultLink>);

}  // namespace sinew::testing
