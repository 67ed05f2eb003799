// SPDX-License-Identifier: Apache-2.0
// google/sentencepiece src/sentencepiece_model.proto and src/normalizer.cc @ v0.1.99. The table of rules is a double-array trie of
// Darts-clone: the library follows its offsets wherever they lead, so each must stay inside.
#include "sentencepiece_model.hpp"

#include <fmt/format.h>

#include "sinew/core/error.hpp"
#include "sinew/io/bounded_reader.hpp"

namespace sinew::tokenizer {

namespace {

constexpr std::uint64_t kNormalizer = 3, kDenormalizer = 5, kRules = 2;  // field numbers of ModelProto and NormalizerSpec
constexpr unsigned kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5;  // wire types
constexpr std::uint32_t kValue = std::uint32_t{1} << 31;                 // a unit of the trie that holds a value

std::uint64_t read_varint(BoundedReader& reader) {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    const auto byte = reader.read<std::uint8_t>("SentencePiece model");
    value |= std::uint64_t{byte & 0x7FU} << shift;
    if (byte < 0x80) return value;
  }
  reader.refuse("SentencePiece model", "a number of at most 64 bits", "a longer one");
}

/// Calls `use` with number and content of each field of bytes.
template <class Use>
void for_each_field(BoundedReader& reader, const Use& use) {
  while (!reader.at_end()) {
    const std::uint64_t tag = read_varint(reader);
    switch (static_cast<unsigned>(tag & 7)) {
      case kVarint: static_cast<void>(read_varint(reader)); break;
      case kFixed64: reader.skip(8, "SentencePiece model"); break;
      case kFixed32: reader.skip(4, "SentencePiece model"); break;
      case kBytes: {
        BoundedReader content = reader.part(read_varint(reader), "SentencePiece model");
        use(tag >> 3, content);
        break;
      }
      default: reader.refuse("SentencePiece model", "a field of Protocol Buffers that is no group", fmt::format("wire type {}", tag & 7));
    }
  }
}

/// Where the children of a unit begin, whose label then fills the lowest byte.
std::uint32_t offset_of(std::uint32_t unit) noexcept { return (unit >> 10) << ((unit & (std::uint32_t{1} << 9)) >> 6); }

void check_rules(BoundedReader& rules) {
  constexpr std::string_view kWhat = "normalisation rules of a SentencePiece model";
  if (rules.at_end()) return;  // none: the text stays as it is
  const std::size_t bytes = rules.read<std::uint32_t>(kWhat);
  if (bytes == 0 || bytes % 1024 != 0 || bytes >= rules.remaining())
    rules.refuse(kWhat, fmt::format("a table of whole blocks of 1024 bytes, within the {} that there are", rules.remaining()),
                 std::to_string(bytes));
  BoundedReader table = rules.part(bytes, kWhat);
  const auto texts = rules.bytes(rules.remaining(), kWhat);
  if (texts.back() != std::byte{0}) rules.refuse(kWhat, "texts that end with a zero", "another byte");
  const std::uint32_t units = static_cast<std::uint32_t>(bytes / 4);
  for (std::uint32_t i = 0; i < units; ++i) {
    const auto unit = table.read<std::uint32_t>(kWhat);
    const bool inside = (unit & kValue) != 0 ? (unit & ~kValue) < texts.size() : ((i ^ offset_of(unit)) | 0xFFU) < units;
    if (!inside) table.refuse(kWhat, "entries that lead into the table and its texts", fmt::format("entry {} that does not", i));
  }
}

}  // namespace

void check_sentencepiece_model(std::string_view serialized_model, const std::string& where) {
  BoundedReader model(std::as_bytes(std::span(serialized_model)), where);
  for_each_field(model, [](std::uint64_t number, BoundedReader& spec) {
    if (number != kNormalizer && number != kDenormalizer) return;
    for_each_field(spec, [](std::uint64_t field, BoundedReader& rules) {
      if (field == kRules) check_rules(rules);
    });
  });
}

}  // namespace sinew::tokenizer
