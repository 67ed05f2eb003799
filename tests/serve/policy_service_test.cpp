// SPDX-License-Identifier: Apache-2.0
// A policy behind the protocols, without sockets: keys, tokens, errors that say nothing to strangers.
#include "sinew/serve/policy_service.hpp"

#include <doctest/doctest.h>

#include <cstring>

#include "sample_card.hpp"
#include "sinew/core/error.hpp"

using namespace sinew;
using namespace sinew::serve;

namespace {

std::string_view text_of(const Exchange& exchange) { return {reinterpret_cast<const char*>(exchange.reply.data()), exchange.reply.size()}; }

Served echo(WireForm form) {
  PolicyCard card = testing::sample_card();
  const auto act = [](const Observation& seen, ActionChunk& chunk) {
    for (double& value : chunk.values) value = seen.channels[0].values[6];
    return seen.instruction == "fail" ? Status::backend_failed : seen.instruction == "lack" ? Status::missing : Status::ok;
  };
  return {.card = card, .keys = served_keys(card, form), .chunk = ActionChunk(2, 8), .act = one_at_a_time(act, [] {
                                                                                       return "infer: line\none\x1b[2J";
                                                                                     })};
}

/// A request of openpi's form whose seventh joint is `value`.
std::vector<std::byte> request(std::string_view prompt, double value, std::string_view token = {}, bool last = true) {
  static const std::vector<std::byte> pixels(4 * 4 * 3, std::byte{7});
  const std::vector<double> joints{0, 0, 0, 0, 0, 0, value}, gripper{0.04};
  remote::MsgpackWriter writer;
  const auto put_token = [&] {
    writer.text("api_token");
    writer.text(token);
  };
  writer.begin_map(token.empty() ? 5 : 6);
  if (!token.empty() && !last) put_token();
  for (const char* key : {"observation/front", "observation/wrist"}) {
    writer.text(key);
    writer.array(DType::u8, std::array<std::int64_t, 3>{4, 4, 3}, pixels);
  }
  writer.text("observation/joint_position");
  writer.array(DType::f64, std::array<std::int64_t, 1>{7}, std::as_bytes(std::span(joints)));
  writer.text("observation/gripper_opening");
  writer.array(DType::f64, std::array<std::int64_t, 1>{1}, std::as_bytes(std::span(gripper)));
  writer.text("prompt");
  writer.text(prompt);
  if (!token.empty() && last) put_token();
  std::vector<std::byte> bytes;
  writer.copy_to(bytes);
  return bytes;
}

float first_action(const Exchange& exchange) {
  remote::MsgpackDocument document;
  REQUIRE(document.parse(exchange.reply) == Status::ok);
  const auto array = document.root().find("actions").ndarray();
  REQUIRE(array);
  float value = 0;
  std::memcpy(&value, array->bytes.data(), sizeof(value));
  return value;
}

}  // namespace

TEST_CASE("openpi: an observation becomes a chunk, request after request") {
  const auto metrics = std::make_shared<ServerMetrics>();
  OpenpiService service(echo(WireForm::droid), metrics);
  Exchange exchange;
  for (const double value : {0.5, -1.25}) {
    const auto bytes = request("go", value);
    exchange.request.bytes = bytes;
    service.handle(exchange);
    CHECK_FALSE(exchange.close);
    CHECK(first_action(exchange) == static_cast<float>(value));
  }
  CHECK(metrics->text().find("sinew_requests_total{result=\"chunk\"} 2") != std::string::npos);
}

TEST_CASE("openpi: what a policy that fails has to say is one line without control characters") {
  const auto metrics = std::make_shared<ServerMetrics>();
  OpenpiService service(echo(WireForm::droid), metrics);
  Exchange exchange;
  const auto ask = [&](std::string_view prompt) {
    const auto bytes = request(prompt, 0);
    exchange.request.bytes = bytes;
    service.handle(exchange);
    CHECK(exchange.kind == remote::MessageKind::text);
    CHECK_FALSE(exchange.close);
    return std::string(text_of(exchange));
  };
  CHECK(ask("lack") == "request 1: infer: line one [2J");
  CHECK(metrics->last_error() == "request 1: infer: line one [2J");
  CHECK(ask("fail") == "request 2: infer: backend_failed");  // what a backend says is not for strangers
  CHECK(metrics->last_error() == "request 2: infer: line one [2J");
}

TEST_CASE("openpi: several requests at once are one inference, and each gets its own answer") {
  const auto metrics = std::make_shared<ServerMetrics>();
  Served what = echo(WireForm::droid);
  std::vector<std::size_t> sizes;
  what.act = [&sizes, act = what.act](std::span<BatchedAct> several) {
    sizes.push_back(several.size());
    act(several);
  };
  OpenpiService service(what, metrics);
  std::vector<std::vector<std::byte>> requests{
      request("go", 1), request("fail", 2), {std::byte{0xC1}}, request("lack", 3), request("go", 4)};
  std::vector<Exchange> exchanges(requests.size());
  std::vector<Exchange*> together;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    exchanges[i].request.bytes = requests[i];
    together.push_back(&exchanges[i]);
  }
  for (int round = 0; round < 2; ++round) service.handle(together);
  CHECK(sizes == std::vector<std::size_t>{4, 4});
  CHECK(first_action(exchanges[0]) == 1);
  CHECK(text_of(exchanges[1]) == "request 7: infer: backend_failed");
  CHECK(exchanges[2].close);
  CHECK(text_of(exchanges[3]) == "request 9: infer: line one [2J");
  CHECK(first_action(exchanges[4]) == 4);
  for (const auto i : {0, 1, 3, 4}) CHECK_FALSE(exchanges[static_cast<std::size_t>(i)].close);
  CHECK(metrics->text().find("sinew_inferences_total 2\n") != std::string::npos);
  CHECK(metrics->text().find("sinew_requests_total{result=\"error\"} 6\n") != std::string::npos);
}

TEST_CASE("openpi: every prefix of a request is refused") {
  OpenpiService service(echo(WireForm::droid), std::make_shared<ServerMetrics>());
  const auto bytes = request("go", 1);
  Exchange exchange;
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    exchange.request.bytes = std::span(bytes).first(size);
    service.handle(exchange);
    CHECK(exchange.kind == remote::MessageKind::text);
    CHECK(exchange.close);
  }
}

TEST_CASE("the greeting holds the card") {
  const OpenpiService service(echo(WireForm::droid), std::make_shared<ServerMetrics>());
  remote::MsgpackDocument document;
  REQUIRE(document.parse(service.greeting()) == Status::ok);
  const auto root = document.root();
  CHECK(root.find("card").find("name").text() == "sample");
  CHECK(root.find("actions").find("space").text() == "tool_pose");
  CHECK(root.find("keys").find("observation/front").text() == "u8 [height, width, 3]");
}

TEST_CASE("groot: the token is looked for in both ends, and nowhere else") {
  GrootService service(echo(WireForm::groot), std::make_shared<ServerMetrics>(), "a long secret");
  Exchange exchange;
  const auto refused = [&](const std::vector<std::byte>& bytes) {
    exchange.request.bytes = bytes;
    service.handle(exchange);
    return text_of(exchange).find("api_token: expected the server's") != std::string_view::npos;
  };
  CHECK(refused(request("go", 1)));
  CHECK(refused(request("go", 1, "a long secre")));
  CHECK(refused(request("go", 1, "a long secret.")));
  CHECK(refused(request("a long secret", 1)));  // it must be what the key holds
  CHECK_FALSE(refused(request("go", 1, "a long secret", false)));
  CHECK_FALSE(refused(request("go", 1, "a long secret", true)));
  auto buried = request("go", 1, "a long secret", true);
  buried.insert(buried.end(), 4096, std::byte{0});
  auto before = buried;
  before.insert(before.begin(), 4096, std::byte{0});
  CHECK(refused(before));
}

TEST_CASE("tokens are compared as a whole") {
  CHECK(same_token("abc", "abc"));
  for (const char* other : {"", "ab", "abd", "abcd", "abcabc"}) CHECK_FALSE(same_token(other, "abc"));
  CHECK(same_token("", ""));
  CHECK_FALSE(same_token("a", ""));
}

TEST_CASE("keys of forms without a server are refused") {
  CHECK_THROWS_AS(static_cast<void>(served_keys(testing::sample_card(), WireForm::starvla)), Error);
  CHECK(served_keys(testing::sample_card(), WireForm::aloha).states[0].key == "state");
}
