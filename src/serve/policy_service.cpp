// SPDX-License-Identifier: Apache-2.0
#include "sinew/serve/policy_service.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <exception>
#include <utility>

#include "sinew/backend/remote/npy.hpp"
#include "sinew/core/error.hpp"
#include "sinew/core/version.hpp"
#include "sinew/io/card_json.hpp"
#include "sinew/io/text.hpp"

namespace sinew::serve {

using remote::MessageKind;
using remote::MsgpackValue;
using remote::MsgpackWriter;

namespace {

constexpr std::size_t kScanned = std::size_t{2} << 10;  // bytes at either end of a request

void write_json(MsgpackWriter& writer, const Json& json) {
  switch (json.kind()) {
    case Json::Kind::null: return writer.nil();
    case Json::Kind::boolean: return writer.boolean(*json.as_boolean());
    case Json::Kind::integer: return writer.integer(*json.as_integer());
    case Json::Kind::number: return writer.real(*json.as_number());
    case Json::Kind::text: return writer.text(*json.as_text());
    case Json::Kind::array:
      writer.begin_array(json.as_array()->size());
      for (const Json& each : *json.as_array()) write_json(writer, each);
      return;
    case Json::Kind::object:
      writer.begin_map(json.as_object()->size());
      for (const auto& [key, value] : *json.as_object()) {
        writer.text(key);
        write_json(writer, value);
      }
  }
}

Json keys_of(const WireOptions& keys) {
  Json::Object found;
  for (const WireCamera& camera : keys.cameras)
    found.emplace_back(camera.key, keys.form == WireForm::aloha ? "u8 [3, height, width]" : "u8 [height, width, 3]");
  for (const WireState& state : keys.states) {
    std::string said;
    for (const SensorCard& channel : state.channels)
      said += fmt::format("{}{} [{}] {}", said.empty() ? "" : ", ", channel.name, channel.size, channel.unit);
    found.emplace_back(state.key, std::move(said));
  }
  found.emplace_back(keys.text_key, "text");
  return found;
}

/// Of the chunks that the card's decoder makes.
ActionSpace space_of(const ActionCard& action) {
  const auto moves_base = [](const ActionPartCard& part) { return part.waypoint.has_value(); };
  if (std::ranges::any_of(action.parts, moves_base)) return ActionSpace::base_pose;
  return action.tools() > 0 ? ActionSpace::tool_pose : ActionSpace::joint_position;
}

Json actions_of(const Served& what) {
  Json::Array joints;
  for (const std::string& name : what.card.action.joint_names) joints.emplace_back(name);
  return Json::Object{{"space", to_string(space_of(what.card.action))},
                      {"horizon", what.chunk.horizon},
                      {"dim", what.chunk.dim},
                      {"rate", what.card.action.rate},
                      {"joint_names", std::move(joints)}};
}

void take(MsgpackWriter& writer, Exchange& exchange) {
  exchange.reply.clear();
  writer.copy_to(exchange.reply);
}

void take(std::string_view text, Exchange& exchange) {
  const auto bytes = std::as_bytes(std::span(text));
  exchange.reply.assign(bytes.begin(), bytes.end());
}

/// What a stranger may read: one line, without control characters.
std::string line_of(std::uint64_t request, std::string_view text) {
  std::string line = fmt::format("request {}: {}", request, cut_utf8(text, 480));
  std::ranges::replace_if(line, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }, ' ');
  return line;
}

/// Of an act that failed, for a stranger: what is wrong with his observation. A backend may say anything: nothing of that.
std::string_view shown(Status status, std::string_view text) { return status == Status::backend_failed ? "infer: backend_failed" : text; }

/// Whether a token stands behind the key "api_token" in these bytes.
bool holds(std::span<const std::byte> bytes, std::string_view token) noexcept {
  constexpr std::string_view kKey =
      "\xA9"
      "api_token";
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  for (std::size_t at = text.find(kKey); at != std::string_view::npos; at = text.find(kKey, at + 1)) {
    const std::string_view rest = text.substr(at + kKey.size());
    const auto tag = rest.empty() ? 0 : static_cast<unsigned char>(rest[0]);
    const auto byte = [&](std::size_t i) { return i < rest.size() ? static_cast<std::size_t>(static_cast<unsigned char>(rest[i])) : 0; };
    std::size_t header = 0, size = 0;
    if ((tag & 0xE0U) == 0xA0U) header = 1, size = tag & 0x1FU;
    if (tag == 0xD9) header = 2, size = byte(1);
    if (tag == 0xDA) header = 3, size = byte(1) << 8 | byte(2);
    if (header != 0 && header + size <= rest.size() && same_token(rest.substr(header, size), token)) return true;
  }
  return false;
}

/// The chunk's rows as f32.
void convert(const ActionChunk& chunk, std::vector<float>& values) {
  values.resize(static_cast<std::size_t>(chunk.horizon) * static_cast<std::size_t>(chunk.dim));
  std::transform(chunk.values.begin(), chunk.values.begin() + static_cast<std::ptrdiff_t>(values.size()), values.begin(),
                 [](double value) { return static_cast<float>(value); });
}

std::span<const std::byte> bytes_of(const std::vector<float>& values) { return std::as_bytes(std::span(values)); }

}  // namespace

bool same_token(std::string_view given, std::string_view token) noexcept {
  unsigned different = given.size() == token.size() ? 0 : 1;
  for (std::size_t i = 0; i < given.size(); ++i)
    different |= static_cast<unsigned char>(given[i]) ^ static_cast<unsigned char>(token.empty() ? 0 : token[i % token.size()]);
  return different == 0;
}

std::function<void(std::span<BatchedAct>)> one_at_a_time(std::function<Status(const Observation&, ActionChunk&)> act,
                                                         std::function<std::string_view()> last_error) {
  return [act = std::move(act), last_error = std::move(last_error)](std::span<BatchedAct> several) {
    for (BatchedAct& each : several) {
      each.status = act(*each.observation, *each.chunk);
      if (each.status != Status::ok) each.error.format("{}", last_error());
    }
  };
}

Served served(Policy policy, WireForm form) {
  auto shared = std::make_shared<Policy>(std::move(policy));
  Served what{.card = shared->card(), .keys = served_keys(shared->card(), form), .chunk = shared->make_chunk(), .act = {}};
  what.act = [shared](std::span<BatchedAct> several) { shared->act_batch(several); };
  what.most_batch = shared->most_batch();
  what.reset = [shared] { shared->reset(); };
  return what;
}

OpenpiService::OpenpiService(Served what, std::shared_ptr<ServerMetrics> metrics, const remote::MsgpackLimits& limits)
    : what_(std::move(what)), metrics_(std::move(metrics)), reader_(what_.keys), document_(limits) {
  MsgpackWriter writer;
  write_json(writer, Json::Object{{"server", fmt::format("sinew {}", version())},
                                  {"card", card_to_json(what_.card)},
                                  {"keys", keys_of(what_.keys)},
                                  {"actions", actions_of(what_)}});
  writer.copy_to(greeting_);
}

void OpenpiService::refuse(Exchange& exchange, std::uint64_t number, std::string_view text) {
  exchange.kind = MessageKind::text;
  take(line_of(number, text), exchange);
}

void OpenpiService::refuse_bytes(Exchange& exchange, std::uint64_t number, std::string_view text) {
  metrics_->refused(ServerMetrics::Refusal::malformed);
  exchange.close = true;
  refuse(exchange, number, text);
}

bool OpenpiService::read(Exchange& exchange, Place& place, Time now) {
  place.number = ++requests_;
  exchange.kind = MessageKind::binary;
  exchange.close = false;
  if (exchange.request.kind == MessageKind::text)
    return refuse_bytes(exchange, place.number, "[serve] message: expected a binary one, got text"), false;
  if (document_.parse(exchange.request.bytes) != Status::ok) return refuse_bytes(exchange, place.number, document_.last_error()), false;
  if (reader_.read(document_.root(), now, place.observation) != Status::ok)
    return refuse(exchange, place.number, reader_.last_error()), false;
  place.observation.id = place.number;
  return true;
}

void OpenpiService::reply(Exchange& exchange, const Place& place, const BatchedAct& acted, double milliseconds) {
  if (acted.status != Status::ok) {
    metrics_->failed(line_of(place.number, acted.error.view()));
    return refuse(exchange, place.number, shown(acted.status, acted.error.view()));
  }
  convert(place.chunk, values_);
  writer_.clear();
  writer_.begin_map(3);
  writer_.text("actions");
  writer_.array(DType::f32, std::array<std::int64_t, 2>{place.chunk.horizon, place.chunk.dim}, bytes_of(values_));
  for (const std::string_view key : {"policy_timing", "server_timing"}) {
    writer_.text(key);
    writer_.begin_map(1);
    writer_.text("infer_ms");
    writer_.real(milliseconds);
  }
  take(writer_, exchange);
}

void OpenpiService::answer(std::span<Exchange* const> exchanges, Time begun) {
  const SteadyClock clock;
  while (places_.size() < exchanges.size()) places_.push_back({.chunk = what_.chunk});
  acts_.clear();
  asked_.clear();
  for (std::size_t i = 0; i < exchanges.size(); ++i) {
    Place& place = places_[i];
    if (!read(*exchanges[i], place, begun)) {
      metrics_->answered(clock.now() - begun, false);
      continue;
    }
    acts_.push_back({.observation = &place.observation, .chunk = &place.chunk});
    asked_.emplace_back(exchanges[i], &place);
  }
  if (!acts_.empty()) metrics_->inferred(), what_.act(acts_);
  const double milliseconds = 1e3 * to_seconds(clock.now() - begun);
  for (std::size_t i = 0; i < acts_.size(); ++i) {
    reply(*asked_[i].first, *asked_[i].second, acts_[i], milliseconds);
    metrics_->answered(clock.now() - begun, acts_[i].status == Status::ok);
  }
}

void OpenpiService::handle(Exchange& exchange) noexcept {
  Exchange* const one = &exchange;
  handle(std::span(&one, 1));
}

void OpenpiService::handle(std::span<Exchange* const> exchanges) noexcept {
  try {
    answer(exchanges, SteadyClock().now());
  } catch (const std::exception&) {  // of memory: nothing of ours goes on the wire
    for (Exchange* const each : exchanges) {
      each->kind = MessageKind::text;
      each->close = true;
      each->reply.clear();
    }
  }
}

GrootService::GrootService(Served what, std::shared_ptr<ServerMetrics> metrics, std::string token, const remote::MsgpackLimits& limits)
    : what_(std::move(what)), metrics_(std::move(metrics)), token_(std::move(token)), reader_(what_.keys), document_(limits) {
  if (token_.size() > 256) fail(ErrorCode::invalid_argument, {"serve", "token", "at most 256 bytes", fmt::format("{}", token_.size()), ""});
}

void GrootService::refuse(std::string_view text) {
  writer_.clear();
  writer_.begin_map(1);
  writer_.text("error");
  writer_.text(line_of(requests_, text));
}

void GrootService::write_array(std::int64_t rows, std::int64_t columns) {
  const auto header = remote::npy_header(DType::f32, std::array<std::int64_t, 3>{1, rows, columns});
  writer_.begin_map(2);
  writer_.text("__ndarray_class__");
  writer_.boolean(true);
  writer_.text("as_npy");
  writer_.reference(bytes_of(values_), header);
}

bool GrootService::act(const MsgpackValue& data) {
  const MsgpackValue inner = data ? data.find("observation") : data;
  const MsgpackValue observation = inner ? inner : data;  // older clients send it without "observation"
  if (!observation) return refuse("[serve] data: expected an observation, got none"), false;
  if (reader_.read(observation, SteadyClock().now(), observation_) != Status::ok) return refuse(reader_.last_error()), false;
  observation_.id = requests_;
  BatchedAct acted{.observation = &observation_, .chunk = &what_.chunk};
  metrics_->inferred();
  what_.act(std::span(&acted, 1));
  if (acted.status != Status::ok) {
    metrics_->failed(line_of(requests_, acted.error.view()));
    return refuse(shown(acted.status, acted.error.view())), false;
  }
  convert(what_.chunk, values_);
  writer_.begin_array(2);
  writer_.begin_map(1);
  writer_.text(to_string(what_.chunk.space));
  write_array(what_.chunk.horizon, what_.chunk.dim);
  writer_.begin_map(0);
  return true;
}

void GrootService::write_modalities() {
  const auto modality = [&](std::string_view name, std::span<const std::string> keys, int steps) {
    Json::Array names, deltas;
    for (const std::string& key : keys) names.emplace_back(key.substr(key.find('/') + 1));
    for (int i = 0; i < steps; ++i) deltas.emplace_back(i);
    writer_.text(name);
    writer_.begin_map(2);
    writer_.text("__ModalityConfig_class__");
    writer_.boolean(true);
    writer_.text("as_json");
    writer_.text(to_text(Json::Object{{"delta_indices", std::move(deltas)}, {"modality_keys", std::move(names)}}, 0));
  };
  std::vector<std::string> cameras, states;
  for (const WireCamera& camera : what_.keys.cameras) cameras.push_back(camera.key);
  for (const WireState& state : what_.keys.states) states.push_back(state.key);
  writer_.begin_map(4);
  modality("video", cameras, 1);
  modality("state", states, 1);
  modality("action", std::array{std::string(to_string(space_of(what_.card.action)))}, what_.card.action.horizon);
  modality("language", std::array{what_.keys.text_key}, 1);
}

void GrootService::answer(Exchange& exchange) {
  const auto bytes = exchange.request.bytes;
  const auto edge = std::min(bytes.size(), kScanned);
  writer_.clear();
  if (!token_.empty() && !holds(bytes.first(edge), token_) && !holds(bytes.last(edge), token_)) {
    metrics_->refused(ServerMetrics::Refusal::token);
    return refuse("[serve] api_token: expected the server's, got none or another");
  }
  if (document_.parse(bytes) != Status::ok) {
    metrics_->refused(ServerMetrics::Refusal::malformed);
    return refuse(document_.last_error());
  }
  const MsgpackValue endpoint = document_.root().find("endpoint");
  const std::string_view name = endpoint ? endpoint.text().value_or("") : "get_action";
  const SteadyClock clock;
  const Time begun = clock.now();
  if (name == "get_action") {
    const bool good = act(document_.root().find("data"));
    return metrics_->answered(clock.now() - begun, good);
  }
  if (name == "get_modality_config") return write_modalities();
  if (name != "ping" && name != "reset")
    return refuse(
        fmt::format("[serve] endpoint: expected ping, get_action, reset or get_modality_config, got {}", quote(std::string(name))));
  if (name == "reset") what_.reset();
  writer_.begin_map(2);
  writer_.text("status");
  writer_.text("ok");
  writer_.text("message");
  writer_.text("sinew");
}

void GrootService::handle(Exchange& exchange) noexcept {
  ++requests_;
  exchange.kind = MessageKind::binary;
  exchange.close = false;
  try {
    answer(exchange);
    take(writer_, exchange);
  } catch (const std::exception&) {
    exchange.reply.clear();
  }
}

}  // namespace sinew::serve
