// SPDX-License-Identifier: Apache-2.0
#include "config.hpp"

#include <fmt/format.h>

#include "merges.hpp"
#include "sinew/core/error.hpp"
#include "sinew/io/json_cursor.hpp"
#include "sinew/io/text.hpp"

namespace sinew::tokenizer {

namespace {

[[noreturn]] void refuse_unsupported(const JsonCursor& at, std::string_view what, std::string_view expected) {
  fail(ErrorCode::unsupported, {at.place(), what, expected, describe(at.value()), ""});
}

/// The member when it is there and not null.
std::optional<JsonCursor> present(const JsonCursor& object, std::string_view key) {
  auto member = object.optional(key);
  if (member && member->is_null()) member.reset();
  return member;
}

bool flag(const JsonCursor& object, std::string_view key, bool otherwise) {
  const auto member = object.optional(key);
  return member ? member->boolean() : otherwise;
}

const std::string& type_of(const JsonCursor& part) { return part.at("type").text(); }

/// The parts of a "Sequence" (named `list`), the part itself, or nothing for null.
std::vector<JsonCursor> parts_of(const JsonCursor& root, std::string_view key, std::string_view list) {
  const auto part = present(root, key);
  if (!part) return {};
  if (type_of(*part) != "Sequence") return {*part};
  part->only_keys({"type", list});
  return part->at(list).elements();
}

void bind_normalizer(const JsonCursor& root, Config& config) {
  for (const auto& part : parts_of(root, "normalizer", "normalizers")) {
    if (type_of(part) != "NFC") refuse_unsupported(part.at("type"), "normalizer", "NFC, or null");
    part.only_keys({"type"});
    config.nfc = true;
  }
}

Cut known_cut(const JsonCursor& split) {
  split.only_keys({"type", "pattern", "behavior", "invert"});
  const auto pattern = split.at("pattern");
  const auto regex = pattern.optional("Regex");
  if (split.at("behavior").text() != "Isolated") refuse_unsupported(split.at("behavior"), "pre-tokenizer Split", "behavior Isolated");
  if (split.at("invert").boolean()) refuse_unsupported(split.at("invert"), "pre-tokenizer Split", "invert false");
  std::vector<std::string_view> names;
  for (const auto& known : kPatterns) {
    if (regex && regex->text() == known.regex) return known.cut;
    names.push_back(known.name);
  }
  refuse_unsupported(regex ? *regex : pattern, "pre-tokenizer Split", "the Regex of one of " + join_names(names));
}

void bind_pre_tokenizer(const JsonCursor& root, Config& config) {
  const auto parts = parts_of(root, "pre_tokenizer", "pretokenizers");
  if (parts.empty() || parts.size() > 2 || type_of(parts.back()) != "ByteLevel" || (parts.size() == 2 && type_of(parts[0]) != "Split")) {
    std::string got = parts.empty() ? "none" : "";
    for (const auto& part : parts) got += (got.empty() ? "" : ", ") + printable(type_of(part));
    fail(ErrorCode::unsupported, {root.place() + " /pre_tokenizer", "pre-tokenizer", "ByteLevel, or Split and ByteLevel", got, ""});
  }
  const JsonCursor& bytes = parts.back();
  bytes.only_keys({"type", "add_prefix_space", "trim_offsets", "use_regex"});
  config.prefix_space = flag(bytes, "add_prefix_space", true);
  const bool own_regex = flag(bytes, "use_regex", true);
  config.cut = own_regex ? Cut::gpt2 : Cut::whole;
  if (parts.size() == 1) return;
  config.cut = known_cut(parts[0]);
  if (own_regex) refuse_unsupported(bytes, "pre-tokenizer ByteLevel after Split", "use_regex false");
  if (config.prefix_space) refuse_unsupported(bytes, "pre-tokenizer ByteLevel after Split", "add_prefix_space false");
}

void bind_decoder(const JsonCursor& root, Config& config) {
  const auto parts = parts_of(root, "decoder", "decoders");
  for (const auto& part : parts)
    if (type_of(part) != "ByteLevel") refuse_unsupported(part.at("type"), "decoder", "ByteLevel, or null");
  if (parts.size() > 1) refuse_unsupported(root.at("decoder"), "decoder", "one ByteLevel");
  config.byte_level_decoder = !parts.empty();
}

/// A model setting that must be null, empty, false or 0.
void require_unset(const JsonCursor& model, std::string_view key) {
  const auto member = present(model, key);
  if (!member) return;
  const Json& value = member->value();
  const bool unset = (value.as_text() != nullptr && value.as_text()->empty()) || (value.as_number() != nullptr && *value.as_number() == 0);
  if (!unset) refuse_unsupported(*member, "model BPE", fmt::format("no {}", key));
}

void bind_model(const JsonCursor& root, Config& config) {
  const auto model = root.at("model");
  // Files from before 2020 do not say that they are BPE.
  if (const auto type = model.optional("type"); type && type->text() != "BPE") refuse_unsupported(*type, "model", "BPE");
  model.only_keys({"type", "dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix", "fuse_unk", "byte_fallback",
                   "ignore_merges", "vocab", "merges"});
  for (const auto key : {"dropout", "continuing_subword_prefix", "end_of_word_suffix"}) require_unset(model, key);
  config.ignore_merges = flag(model, "ignore_merges", false);
  static_cast<void>(flag(model, "fuse_unk", false));
  if (flag(model, "byte_fallback", false)) config.needs_every_byte = "byte_fallback";
  if (present(model, "unk_token")) config.needs_every_byte = "unk_token";
  if (!model.at("vocab").members().empty() || !model.at("merges").elements().empty())
    model.refuse("\"model\", \"vocab\" and \"merges\" to be spelled without escapes");
}

void bind_added_tokens(const JsonCursor& root, Config& config) {
  const auto list = present(root, "added_tokens");
  if (!list) return;
  for (const auto& entry : list->elements()) {
    entry.only_keys({"id", "content", "single_word", "lstrip", "rstrip", "normalized", "special"});
    AddedToken token;
    token.id = static_cast<TokenId>(entry.at("id").integer(0, kMaxTokens - 1));
    token.content = entry.at("content").text();
    if (token.content.empty() || token.content.size() > 1024) entry.at("content").refuse("1 to 1024 bytes");
    token.lstrip = flag(entry, "lstrip", false);
    token.rstrip = flag(entry, "rstrip", false);
    token.special = flag(entry, "special", false);
    token.normalized = flag(entry, "normalized", !token.special);
    if (flag(entry, "single_word", false))
      refuse_unsupported(entry.at("single_word"), "added token " + quote(token.content), "single_word false");
    config.added.push_back(std::move(token));
  }
}

void bind_template(const JsonCursor& part, Config& config) {
  part.only_keys({"type", "single", "pair", "special_tokens"});
  bool sequence_seen = false;
  for (const auto& piece : part.at("single").elements()) {
    piece.only_keys({"SpecialToken", "Sequence"});
    if (const auto sequence = piece.optional("Sequence")) {
      if (sequence_seen || sequence->at("id").text() != "A")
        refuse_unsupported(*sequence, "post-processor TemplateProcessing", "one sequence, A");
      sequence_seen = true;
      continue;
    }
    const auto& name = piece.at("SpecialToken").at("id").text();
    auto& around = sequence_seen ? config.suffix : config.prefix;
    for (const auto& id : part.at("special_tokens").at(name).at("ids").elements())
      around.push_back(static_cast<TokenId>(id.integer(0, kMaxTokens - 1)));
  }
  if (!sequence_seen) part.refuse("a template with a sequence");
}

void bind_post_processor(const JsonCursor& root, Config& config) {
  bool bound = false;
  for (const auto& part : parts_of(root, "post_processor", "processors")) {
    if (type_of(part) == "ByteLevel") continue;  // moves offsets, which are not ours
    if (type_of(part) != "TemplateProcessing" || bound)
      refuse_unsupported(part.at("type"), "post-processor", "ByteLevel, one TemplateProcessing, or null");
    bind_template(part, config);
    bound = true;
  }
}

}  // namespace

Config bind_config(const Json& document, const std::string& where) {
  const JsonCursor root(document, where);
  root.only_keys({"version", "truncation", "padding", "added_tokens", "normalizer", "pre_tokenizer", "post_processor", "decoder", "model"});
  if (const auto version = present(root, "version"); version && version->text() != "1.0")
    refuse_unsupported(*version, "tokenizer.json", "version 1.0");
  Config config;
  bind_model(root, config);
  bind_normalizer(root, config);
  bind_pre_tokenizer(root, config);
  bind_decoder(root, config);
  bind_added_tokens(root, config);
  bind_post_processor(root, config);
  return config;
}

}  // namespace sinew::tokenizer
