// SPDX-License-Identifier: Apache-2.0
// Policy cards: from text, and built from the input's bytes; whatever `validate` accepts survives the round trip.
#include <bit>
#include <string>
#include <string_view>

#include "fuzz.hpp"
#include "sinew/core/error.hpp"
#include "sinew/core/normalizer.hpp"
#include "sinew/io/bounded_reader.hpp"
#include "sinew/io/card_json.hpp"
#include "sinew/io/statistics_file.hpp"
#include "sinew/io/text.hpp"

namespace {

using namespace sinew;
using sinew::testing::law;

/// Turns bytes into a card that is often valid: small choices with plausible values.
class CardMaker {
 public:
  explicit CardMaker(std::span<const std::byte> data) : reader_(data, "fuzz") {}

  PolicyCard make() {
    PolicyCard card;
    card.name = name();
    card.architecture = name();
    card.backend = name();
    card.dtype = static_cast<DType>(byte() % 9);
    for (int n = byte() % 4; n > 0; --n)
      card.cameras.push_back(
          {name(), byte() % 2 == 0 ? "" : name(), static_cast<ProcessorKind>(byte() % 20), name(), size(), size(), byte() % 2 == 0});
    card.prompt = {name(), {}, size()};
    for (int n = byte() % 3; n > 0; --n) card.prompt.fields[name()] = name();
    if (byte() % 2 == 0) card.text = TextCard{name(), size(), name(), size(), byte() % 2 == 0, byte() % 2 == 0};
    if (byte() % 2 == 0) card.history = HistoryCard{{-number(), 0}, {0}, number(), number()};
    for (int n = byte() % 4; n > 0; --n) card.state.channels.push_back({name(), name(), size(), number()});
    card.state.normalization = normalization();
    for (int n = byte() % 10; n > 0; --n) card.action.joint_names.push_back(name());
    if (byte() % 2 == 0 && !card.action.joint_names.empty()) card.action.gripper_names = {card.action.joint_names.back()};
    card.action.decoder = static_cast<DecoderKind>(byte() % 2);
    if (card.action.decoder == DecoderKind::tool_delta) card.action.tool_channel = name();
    card.action.horizon = size();
    card.action.rate = number();
    card.action.normalization = normalization();
    if (byte() % 4 != 0) card.statistics = {name(), std::string(64, "0123456789abcdefG"[byte() % 17])};
    if (byte() % 2 == 0) {
      LimitsCard limits;
      for (std::size_t i = 0; i < card.action.joint_names.size(); ++i) {
        limits.lower.push_back(-number());
        limits.upper.push_back(number());
        limits.velocity.push_back(number());
        limits.acceleration.push_back(number());
        limits.jerk.push_back(number());
      }
      card.limits = limits;
    }
    return card;
  }

 private:
  int byte() { return reader_.at_end() ? 1 : reader_.read<std::uint8_t>("byte"); }
  int size() { return byte() < 250 ? 1 + byte() : byte() * 1000 - 1000; }
  double number() {
    if (byte() < 200 || reader_.remaining() < 8) return (1 + byte()) / 8.0;
    return reader_.read<double>("number");
  }
  std::string name() {
    const int length = byte() % 6;
    if (length == 0 || reader_.remaining() < static_cast<std::size_t>(length)) return "name" + std::to_string(counter_++);
    const auto bytes = reader_.bytes(static_cast<std::uint64_t>(length), "name");
    std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return is_utf8(text) ? text : printable(text);
  }
  NormalizationCard normalization() {
    if (byte() % 2 == 0) return {};
    return {NormalizationMode::quantile, "qwen", name()};
  }

  BoundedReader reader_;
  int counter_ = 0;
};

void check_round_trip(const PolicyCard& card) {
  const Json json = card_to_json(card);
  law(card_from_json(json, "again") == card, "reading what was written gives the same card");
  law(card_from_json(Json::parse(to_text(json), "text"), "text") == card, "also by way of the text");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  PolicyCard card;
  try {
    if (text.starts_with("{\"s")) {
      for (const auto& [key, statistics] : statistics_from_json(Json::parse(text, "fuzz"), "fuzz")) {
        if (statistics.q01.empty()) continue;
        const Normalizer normalizer(statistics, NormalizationMode::quantile, "qwen", statistics.q01.size());
        std::vector<float> y(statistics.q01.size());
        law(normalizer.forward(statistics.q01, y) == Status::ok, "the lower quantile can be normalised");
        for (const float value : y) law(value >= -1 && value <= 1, "what is normalised lies in [-1, 1]");
      }
      return 0;
    }
    if (text.starts_with("{")) {
      card = card_from_json(Json::parse(text, "fuzz"), "fuzz");
    } else {
      card = CardMaker(std::as_bytes(std::span(data, size))).make();
      validate(card, "fuzz");
    }
  } catch (const Error& error) {
    sinew::testing::check_error_text(error.what());
    return 0;
  }
  check_round_trip(card);
  return 0;
}
