// SPDX-License-Identifier: Apache-2.0
// One list of fields per struct serves the reader, the writer and the check for unknown keys, so that they cannot drift apart.
#include "sinew/io/card_json.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <concepts>
#include <limits>
#include <optional>
#include <system_error>
#include <type_traits>
#include <vector>

#include "sinew/core/error.hpp"
#include "sinew/io/file.hpp"
#include "sinew/io/json_cursor.hpp"
#include "sinew/io/text.hpp"

namespace sinew {

namespace {

template <class T, class Struct>
concept Is = std::same_as<std::remove_const_t<T>, Struct>;

void fields(Is<CameraCard> auto& card, auto&& visit) {
  visit("name", card.name);
  visit("view", card.view);
  visit("processor", card.processor);
  visit("resample", card.resample);
  visit("height", card.height);
  visit("width", card.width);
  visit("rotate_180", card.rotate_180);
}

void fields(Is<SensorCard> auto& card, auto&& visit) {
  visit("name", card.name);
  visit("unit", card.unit);
  visit("size", card.size);
  visit("rate", card.rate);
}

void fields(Is<NormalizationCard> auto& card, auto&& visit) {
  visit("mode", card.mode);
  visit("rule", card.rule);
  visit("key", card.key);
}

void fields(Is<StateCard> auto& card, auto&& visit) {
  visit("channels", card.channels);
  visit("normalization", card.normalization);
}

void fields(Is<ActionCard> auto& card, auto&& visit) {
  visit("decoder", card.decoder);
  visit("joint_names", card.joint_names);
  visit("gripper_names", card.gripper_names);
  visit("tool_channel", card.tool_channel);
  visit("horizon", card.horizon);
  visit("rate", card.rate);
  visit("normalization", card.normalization);
  visit("parts", card.parts);
  visit("layout", card.layout);
  visit("tokens", card.tokens);
}

void fields(Is<PartNormalizationCard> auto& card, auto&& visit) {
  visit("mode", card.mode);
  visit("rule", card.rule);
  visit("key", card.key);
  visit("first", card.first);
}

void fields(Is<JointsPartCard> auto& card, auto&& visit) {
  visit("size", card.size);
  visit("relative_to", card.relative_to);
  visit("first", card.first);
}

void fields(Is<ToolPartCard> auto& card, auto&& visit) {
  visit("channel", card.channel);
  visit("frame", card.frame);
  visit("reference", card.reference);
  visit("rotation", card.rotation);
  visit("position_scale", card.position_scale);
  visit("rotation_scale", card.rotation_scale);
  visit("camera", card.camera);
  visit("camera_optional", card.camera_optional);
}

void fields(Is<GripperPartCard> auto& card, auto&& visit) {
  visit("convention", card.convention);
  visit("open", card.open);
  visit("closed", card.closed);
}

void fields(Is<WaypointPartCard> auto& card, auto&& visit) {
  visit("scale", card.scale);
  visit("reference", card.reference);
  visit("channel", card.channel);
}

void fields(Is<UnusedPartCard> auto& card, auto&& visit) { visit("size", card.size); }

void fields(Is<ActionPartCard> auto& card, auto&& visit) {
  visit("name", card.name);
  visit("joints", card.joints);
  visit("tool", card.tool);
  visit("gripper", card.gripper);
  visit("waypoint", card.waypoint);
  visit("unused", card.unused);
  visit("normalization", card.normalization);
}

void fields(Is<CanonicalSlotCard> auto& card, auto&& visit) {
  visit("part", card.part);
  visit("size", card.size);
}

void fields(Is<ActionLayoutCard> auto& card, auto&& visit) {
  visit("name", card.name);
  visit("width", card.width);
  visit("rows", card.rows);
  visit("slots", card.slots);
}

void fields(Is<ActionTokensCard> auto& card, auto&& visit) {
  visit("language", card.language);
  visit("mapping", card.mapping);
  visit("folder", card.folder);
  visit("vocab_size", card.vocab_size);
  visit("bins", card.bins);
  visit("max_tokens", card.max_tokens);
  visit("relaxed", card.relaxed);
}

void fields(Is<PromptCard> auto& card, auto&& visit) {
  visit("name", card.name);
  visit("fields", card.fields);
  visit("max_bytes", card.max_bytes);
}

void fields(Is<TextCard> auto& card, auto&& visit) {
  visit("tokenizer", card.tokenizer);
  visit("max_tokens", card.max_tokens);
  visit("padding", card.padding);
  visit("pad_id", card.pad_id);
  visit("add_special_tokens", card.add_special_tokens);
  visit("positions", card.positions);
}

void fields(Is<HistoryCard> auto& card, auto&& visit) {
  visit("camera_offsets", card.camera_offsets);
  visit("state_offsets", card.state_offsets);
  visit("max_age", card.max_age);
  visit("max_skew", card.max_skew);
}

void fields(Is<StatisticsCard> auto& card, auto&& visit) {
  visit("file", card.file);
  visit("sha256", card.sha256);
  visit("format", card.format);
}

void fields(Is<LimitsCard> auto& card, auto&& visit) {
  visit("lower", card.lower);
  visit("upper", card.upper);
  visit("velocity", card.velocity);
  visit("acceleration", card.acceleration);
  visit("jerk", card.jerk);
}

void fields(Is<PolicyCard> auto& card, auto&& visit) {
  visit("format_version", card.format_version);
  visit("name", card.name);
  visit("architecture", card.architecture);
  visit("backend", card.backend);
  visit("dtype", card.dtype);
  visit("cameras", card.cameras);
  visit("prompt", card.prompt);
  visit("text", card.text);
  visit("history", card.history);
  visit("state", card.state);
  visit("action", card.action);
  visit("statistics", card.statistics);
  visit("limits", card.limits);
}

template <class Enum>
struct Choices;
template <>
struct Choices<ProcessorKind> {
  static constexpr auto kAll = [] {
    std::array<ProcessorKind, static_cast<std::size_t>(ProcessorKind::starvla) + 1> all{};
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<ProcessorKind>(i);
    return all;
  }();
};
template <>
struct Choices<NormalizationMode> {
  static constexpr const auto& kAll = kNormalizationModes;
};
template <>
struct Choices<DecoderKind> {
  static constexpr std::array kAll{DecoderKind::joint_absolute, DecoderKind::tool_delta, DecoderKind::parts};
};
template <>
struct Choices<DType> {
  static constexpr std::array kAll{DType::f16, DType::bf16, DType::f32, DType::f64};
};

/// The minor version in which a key came up; files of older minors lack it.
template <class Struct>
unsigned since(std::string_view key) {
  if (std::same_as<Struct, PolicyCard>) return key == "text" || key == "history" ? 1 : 0;
  if (std::same_as<Struct, ActionCard>) return key == "parts" || key == "layout" || key == "tokens" ? 2 : 0;
  return std::same_as<Struct, StatisticsCard> && key == "format" ? 2 : 0;
}

/// A part is one of several kinds: the others may be absent from the file, and are not written.
template <class Struct, class Field>
constexpr bool kMayLack = false;
template <class Value>
constexpr bool kMayLack<ActionPartCard, std::optional<Value>> = true;

/// Reads the value at the cursor into a field of any type that a card has.
struct Binder {
  unsigned minor = 0;  ///< of the file's format

  void operator()(const JsonCursor& at, std::string& value) const { value = at.text(); }
  void operator()(const JsonCursor& at, bool& value) const { value = at.boolean(); }
  void operator()(const JsonCursor& at, double& value) const { value = at.number(); }
  void operator()(const JsonCursor& at, int& value) const { value = static_cast<int>(at.integer(0, std::numeric_limits<int>::max())); }
  void operator()(const JsonCursor& at, std::vector<double>& value) const { value = at.numbers(); }
  void operator()(const JsonCursor& at, std::vector<std::string>& value) const { value = at.texts(); }
  void operator()(const JsonCursor& at, std::map<std::string, std::string>& value) const {
    for (const auto& [key, member] : at.members()) value[key] = member.text();
  }
  template <class Enum>
    requires std::is_enum_v<Enum>
  void operator()(const JsonCursor& at, Enum& value) const {
    std::vector<std::string_view> names;
    for (const Enum choice : Choices<Enum>::kAll) names.push_back(to_string(choice));
    value = Choices<Enum>::kAll[at.one_of(names)];
  }
  template <class Struct>
  void operator()(const JsonCursor& at, std::optional<Struct>& value) const {
    if (!at.is_null()) (*this)(at, value.emplace());
  }
  template <class Struct>
  void operator()(const JsonCursor& at, std::vector<Struct>& value) const {
    for (const auto& element : at.elements()) (*this)(element, value.emplace_back());
  }
  template <class Struct>
    requires std::is_class_v<Struct>
  void operator()(const JsonCursor& at, Struct& value) const {
    std::vector<std::string_view> keys;
    fields(value, [&keys](std::string_view key, auto&) { keys.push_back(key); });
    at.only_keys(keys);
    fields(value, [&](std::string_view key, auto& field) {
      const bool may_lack = since<Struct>(key) > minor || kMayLack<Struct, std::remove_cvref_t<decltype(field)>>;
      if (!may_lack || at.optional(key)) (*this)(at.at(key), field);
    });
  }
};

/// The reverse of Binder.
struct Writer {
  Json operator()(const std::string& value) const { return Json(value); }
  Json operator()(bool value) const { return Json(value); }
  Json operator()(double value) const { return Json(value); }
  Json operator()(int value) const { return Json(value); }
  Json operator()(const std::map<std::string, std::string>& value) const {
    Json::Object members;
    for (const auto& [key, text] : value) members.emplace_back(key, text);
    return Json(std::move(members));
  }
  template <class Enum>
    requires std::is_enum_v<Enum>
  Json operator()(Enum value) const {
    return Json(to_string(value));
  }
  template <class Value>
  Json operator()(const std::optional<Value>& value) const {
    return value ? (*this)(*value) : Json();
  }
  template <class Value>
  Json operator()(const std::vector<Value>& value) const {
    Json::Array elements;
    for (const auto& element : value) elements.push_back((*this)(element));
    return Json(std::move(elements));
  }
  template <class Struct>
    requires std::is_class_v<Struct>
  Json operator()(const Struct& value) const {
    Json::Object members;
    fields(value, [&](std::string_view key, const auto& field) {
      Json member = (*this)(field);
      if (!kMayLack<Struct, std::remove_cvref_t<decltype(field)>> || !member.is_null()) members.emplace_back(key, std::move(member));
    });
    return Json(std::move(members));
  }
};

struct Version {
  unsigned major = 0;
  unsigned minor = 0;
};

std::optional<Version> parse_version(std::string_view text) {
  const auto whole = [](std::string_view digits, unsigned& value) {
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    return !digits.empty() && error == std::errc{} && end == digits.data() + digits.size();
  };
  const auto dot = text.find('.');
  Version version;
  const bool good =
      dot != std::string_view::npos && whole(text.substr(0, dot), version.major) && whole(text.substr(dot + 1), version.minor);
  return good ? std::optional(version) : std::nullopt;
}

/// The minor version of the file. Checked before anything else, so that a newer file is called newer and not misspelt.
unsigned check_format_version(const JsonCursor& root) {
  const JsonCursor at = root.at("format_version");
  const auto ours = *parse_version(kCardFormatVersion);
  const auto theirs = parse_version(at.text());
  if (!theirs) at.refuse("a version as \"major.minor\"");
  if (theirs->major != ours.major || theirs->minor > ours.minor)
    fail(ErrorCode::unsupported, {at.place(), "format of the policy card", fmt::format("{}.0 to {}", ours.major, kCardFormatVersion),
                                  quote(at.text()), theirs->major < ours.major ? "an older Sinew reads it" : "a newer Sinew reads it"});
  return theirs->minor;
}

}  // namespace

PolicyCard card_from_json(const Json& json, const std::string& where) {
  const JsonCursor root(json, where);
  PolicyCard card;
  Binder{.minor = check_format_version(root)}(root, card);
  if (card.statistics.format.empty() && !card.statistics.file.empty()) card.statistics.format = "sinew";  // all there was before 1.2
  card.format_version = kCardFormatVersion;
  validate(card, where);
  return card;
}

PolicyCard read_card(const std::filesystem::path& path) {
  std::error_code ignored;
  const auto file = std::filesystem::is_directory(path, ignored) ? path / kCardFile : path;
  return card_from_json(Json::read_file(file), printable(file.string(), 512));
}

Json card_to_json(const PolicyCard& card) {
  validate(card, "card_to_json");
  PolicyCard newest = card;
  newest.format_version = kCardFormatVersion;
  return Writer{}(newest);
}

void write_card(const PolicyCard& card, const std::filesystem::path& path) { write_file(path, to_text(card_to_json(card)) + '\n'); }

}  // namespace sinew
