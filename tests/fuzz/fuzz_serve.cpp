// SPDX-License-Identifier: Apache-2.0
// A whole exchange with a policy server: whatever a client sends, the reply is a chunk, or one line that says why not.
#include <string_view>

#include "fuzz.hpp"
#include "sample_card.hpp"
#include "sinew/serve/policy_service.hpp"

using namespace sinew;
using namespace sinew::serve;
using testing::law;

namespace {

Served echo(WireForm form) {
  PolicyCard card = testing::sample_card();
  const auto act = [](const Observation& seen, ActionChunk& chunk) {
    law(seen.cameras.size() == 2 && seen.channels.size() == 2, "the policy sees what its card names");
    for (const CameraFrame& frame : seen.cameras)
      law(frame.image.pixels().size() == static_cast<std::size_t>(frame.image.height()) * static_cast<std::size_t>(frame.image.width()) * 3,
          "a frame has the pixels of its size");
    law(seen.channels[0].values.size() == 7 && seen.channels[1].values.size() == 1, "a channel has the values of the card");
    chunk.values[0] = seen.channels[0].values[0];
    return seen.instruction.empty() ? Status::missing : Status::ok;
  };
  return {.card = card, .keys = served_keys(card, form), .chunk = ActionChunk(2, 8), .act = one_at_a_time(act, [] {
                                                                                       return "encode: refused";
                                                                                     })};
}

std::string_view text_of(const Exchange& exchange) { return {reinterpret_cast<const char*>(exchange.reply.data()), exchange.reply.size()}; }

void check_line(std::string_view line) {
  law(line.starts_with("request ") && line.size() < 600, "an error is one short line");
  for (const char c : line) law(static_cast<unsigned char>(c) >= 0x20 && c != 0x7F, "an error holds no control character");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const remote::MsgpackLimits limits{.most_bytes = 1 << 20, .most_elements = 4096};
  static const auto metrics = std::make_shared<ServerMetrics>();
  static OpenpiService openpi(echo(WireForm::droid), metrics, limits);
  static GrootService groot(echo(WireForm::groot), metrics, {}, limits), guarded(echo(WireForm::groot), metrics, "a long secret", limits);
  static remote::MsgpackDocument document;
  Exchange exchange;
  exchange.request.bytes = {reinterpret_cast<const std::byte*>(data), size};
  openpi.handle(exchange);
  if (exchange.kind == remote::MessageKind::text) {
    check_line(text_of(exchange));
  } else {
    law(!exchange.close && document.parse(exchange.reply) == Status::ok, "a reply is MessagePack");
    const auto actions = document.root().find("actions");
    law(actions && actions.ndarray() && actions.ndarray()->shape == Shape{2, 8}, "a reply has the chunk");
  }
  groot.handle(exchange);
  law(document.parse(exchange.reply) == Status::ok, "a reply is MessagePack");
  if (const auto root = document.root(); root.type() == remote::MsgpackType::map)
    if (const auto error = root.find("error")) check_line(*error.text());
  guarded.handle(exchange);
  law(text_of(exchange).find("api_token: expected the server's") != std::string_view::npos ||
          std::string_view(reinterpret_cast<const char*>(data), size).find("a long secret") != std::string_view::npos,
      "who does not know the token gets nothing");
  return 0;
}
