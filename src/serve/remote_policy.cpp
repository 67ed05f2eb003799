// SPDX-License-Identifier: Apache-2.0
#include "sinew/serve/remote_policy.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <thread>
#include <utility>

#include "sinew/backend/remote/openpi_protocol.hpp"
#include "sinew/backend/remote/reply.hpp"
#include "sinew/backend/remote/web_socket_link.hpp"
#include "sinew/core/error.hpp"
#include "sinew/io/card_json.hpp"
#include "sinew/io/text.hpp"
#include "sinew/observation/wire_encoder.hpp"
#include "sinew/serve/observation_reader.hpp"

namespace sinew::serve {

using remote::MsgpackType;
using remote::MsgpackValue;

namespace {

constexpr Time kAgain = std::chrono::milliseconds(100);  // between attempts to connect for the first time

/// The document that `write_json` wrote. Binaries, which it does not write, become null.
Json to_json(const MsgpackValue& value) {
  switch (value.type()) {
    case MsgpackType::boolean: return *value.boolean();
    case MsgpackType::integer: return value.integer() ? Json(*value.integer()) : Json();
    case MsgpackType::real: return *value.number();
    case MsgpackType::text: return *value.text();
    case MsgpackType::array: {
      Json::Array array;
      for (MsgpackValue each = value.first(); each; each = each.next()) array.push_back(to_json(each));
      return array;
    }
    case MsgpackType::map: {
      Json::Object object;
      for (MsgpackValue key = value.first(); key;) {
        const MsgpackValue inner = key.next();
        object.emplace_back(key.text().value_or(""), to_json(inner));
        key = inner.next();
      }
      return object;
    }
    default: return {};
  }
}

/// What the server says of itself.
struct Greeting {
  PolicyCard card;
  ActionSpace space = ActionSpace::joint_position;
  std::vector<std::string> keys;  // of a request
};

Greeting read_greeting(const MsgpackValue& metadata) {
  const MsgpackValue card = metadata.find("card"), actions = metadata.find("actions");
  if (!card || !actions)
    fail(ErrorCode::invalid_argument, {"serve", "metadata of the server", "a policy card, as sinew serve sends it", "none",
                                       "sinew.remote has clients of other servers"});
  Greeting greeting{.card = card_from_json(to_json(card), "card of the server")};
  if (const MsgpackValue keys = metadata.find("keys"); keys && keys.type() == MsgpackType::map)
    for (MsgpackValue key = keys.first(); key; key = key.next().next()) greeting.keys.emplace_back(key.text().value_or(""));
  const MsgpackValue space = actions.find("space");
  for (const ActionSpace each : {ActionSpace::joint_position, ActionSpace::tool_pose, ActionSpace::base_pose})
    if (space && space.text() == to_string(each)) {
      greeting.space = each;
      return greeting;
    }
  fail(ErrorCode::invalid_argument, {"serve", "metadata of the server", "a space of actions", "another", ""});
}

/// Chunks that are in SI units already.
class ServedDecoder {
 public:
  explicit ServedDecoder(const Greeting& greeting)
      : space_(greeting.space),
        dt_(from_seconds(1 / greeting.card.action.rate)),
        joints_(hash_joint_order(greeting.card.action.joint_names)),
        specs_{{"actions", DType::f32, Shape{greeting.card.action.horizon, greeting.card.action.chunk_size()}}} {}

  [[nodiscard]] const TensorSpecs& spec() const noexcept { return specs_; }
  [[nodiscard]] std::string_view last_error() const noexcept { return error_.view(); }
  [[nodiscard]] Status decode(const TensorMap& in, const Observation& observation, ActionChunk& chunk) noexcept {
    error_.clear();
    const Tensor& actions = in["actions"];
    const auto values = actions.as<float>();
    try {
      chunk.resize(static_cast<int>(actions.shape()[0]), static_cast<int>(actions.shape()[1]));
    } catch (const std::exception& problem) {
      error_.format("[serve] chunk: {}", problem.what());
      return Status::over_capacity;
    }
    std::ranges::copy(values, chunk.values.begin());
    chunk.space = space_;
    chunk.t0 = observation.time;
    chunk.dt = dt_;
    chunk.observation_id = observation.id;
    chunk.joint_order_hash = joints_;
    return Status::ok;
  }

 private:
  ActionSpace space_;
  Time dt_;
  std::uint64_t joints_;
  TensorSpecs specs_;
  FixedText error_;
};
static_assert(Decoder<ServedDecoder>);

remote::WebSocketLink link_of(const ConnectOptions& options) {
  return remote::WebSocketLink(
      {.host = options.host, .port = options.port, .authorization = options.token.empty() ? "" : "Api-Key " + options.token});
}

Greeting greet(const ConnectOptions& options) {
  remote::WebSocketLink link = link_of(options);
  remote::MsgpackDocument document;
  FixedText error;
  const Time end = link.now() + options.patience;
  remote::Message message;
  while (link.open(end) != Status::ok || link.receive(message, end) != Status::ok) {
    if (link.last_error().find("declined, 401") != std::string_view::npos)
      fail(ErrorCode::invalid_argument,
           {"serve", "token", "the server's", options.token.empty() ? "none" : "another", std::string(link.last_error())});
    if (link.now() + kAgain > end)
      fail(ErrorCode::not_found, {"serve", "server", "one that answers", std::string(link.last_error()), "sinew serve DIR"});
    std::this_thread::sleep_for(kAgain);
  }
  if (remote::read_map(message, document, error) != Status::ok)
    fail(ErrorCode::parse, {"serve", "metadata of the server", "a map", std::string(error.view()), ""});
  return read_greeting(document.root());
}

WireOptions keys_of(const PolicyCard& card) {
  WireOptions keys = served_keys(card, WireForm::droid);
  for (const CameraCard& camera : card.cameras)
    if (camera.height != card.cameras[0].height || camera.width != card.cameras[0].width)
      fail(ErrorCode::unsupported, {"serve", "cameras", "frames of one size", "several", ""});
  if (!card.cameras.empty()) keys.height = card.cameras[0].height, keys.width = card.cameras[0].width;
  return keys;
}

}  // namespace

Policy connect(const ConnectOptions& options) {
  if (options.patience <= Time{})
    fail(ErrorCode::invalid_argument, {"serve", "patience", "a positive time", fmt::format("{} s", to_seconds(options.patience)), ""});
  Greeting greeting = greet(options);
  PolicyCard& card = greeting.card;
  const WireOptions keys = keys_of(card);
  for (const WireCamera& camera : keys.cameras)
    if (std::ranges::find(greeting.keys, camera.key) == greeting.keys.end())
      fail(ErrorCode::invalid_argument,
           {"serve", "keys of the server", quote(camera.key) + " among them",
            join_names(std::vector<std::string_view>(greeting.keys.begin(), greeting.keys.end())), "serve with protocol openpi"});
  WireEncoder encoder(keys);
  remote::OpenpiProtocol protocol({.inputs = encoder.spec(),
                                   .horizon = card.action.horizon,
                                   .action_dim = card.action.chunk_size(),
                                   .check_metadata = [card](const MsgpackValue& metadata) -> std::string {
                                     return read_greeting(metadata).card == card
                                                ? ""
                                                : "expected the card of the first connection, got another policy's";
                                   }});
  ServedDecoder decoder(greeting);
  return Policy(std::move(card), std::move(encoder), remote::RemoteBackend(std::move(protocol), link_of(options), options.remote),
                std::move(decoder));
}

}  // namespace sinew::serve
