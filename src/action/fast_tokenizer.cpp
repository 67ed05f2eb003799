// SPDX-License-Identifier: Apache-2.0
// Encoding and decoding with a FastTokenizer.
#include <algorithm>
#include <cmath>

#include "fast_model.hpp"
#include "sinew/io/text.hpp"

namespace sinew {

namespace {

using tokenizer::ByteBpe;
using tokenizer::IdSink;

constexpr std::int32_t kCodePoints = 0x110000;
constexpr std::size_t kShort = 8;  // bytes up to which merging pair by pair is faster

constexpr bool is_character(std::int32_t point) noexcept { return point < kCodePoints && (point < 0xD800 || point > 0xDFFF); }

/// The coefficients as text, in buffers.text.
Status write_text(const ByteBpe& bpe, std::int32_t min_token, FastScratch::Buffers& buffers, FastEncoded& encoded) noexcept {
  buffers.text.resize(4 * buffers.whole.size() + 1);
  char* out = buffers.text.data();
  const auto put = [&out](std::int32_t byte) { *out++ = static_cast<char>(byte); };
  for (const std::int32_t whole : buffers.whole) {
    std::int64_t wide = std::int64_t{whole} - min_token;
    if (wide < 0) {
      ++encoded.clamped;
      wide = 0;
    }
    const auto point = static_cast<std::int32_t>(std::min<std::int64_t>(wide, kCodePoints));
    if (!is_character(point)) {
      buffers.error.format("coefficient {}: no code point stands for it, is the chunk normalised?", whole);
      return Status::out_of_range;
    }
    const char* const begin = out;
    if (point < 0x80) {
      put(point);
    } else if (point < 0x800) {
      put(0xC0 | point >> 6);
      put(0x80 | (point & 0x3F));
    } else {
      if (point < 0x10000) {
        put(0xE0 | point >> 12);
      } else {
        put(0xF0 | point >> 18);
        put(0x80 | (point >> 12 & 0x3F));
      }
      put(0x80 | (point >> 6 & 0x3F));
      put(0x80 | (point & 0x3F));
    }
    const bool spelled =
        std::all_of(begin, static_cast<const char*>(out), [&](char c) { return bpe.has_byte(static_cast<unsigned char>(c)); });
    encoded.lost += spelled ? 0 : 1;
  }
  buffers.text.resize(static_cast<std::size_t>(out - buffers.text.data()));
  return Status::ok;
}

/// Bytes without those that are no token: what is on either side of them is merged.
std::string_view filter(const ByteBpe& bpe, std::string_view piece, std::string& filtered) noexcept {
  filtered.clear();
  for (const char c : piece)
    if (bpe.has_byte(static_cast<unsigned char>(c))) filtered += c;
  return filtered;
}

}  // namespace

template <class Value>
Status FastTokenizer::encode_chunk(const FastChunk<const Value>& chunk, FastScratch& scratch, std::span<TokenId> ids,
                                   FastEncoded& encoded) const noexcept {
  auto& buffers = *scratch.buffers_;
  encoded = {};
  if (const Status status = check_fast_shape(chunk.values.size(), chunk.dim, buffers.error); status != Status::ok) return status;
  const Model& model = *model_;
  const ByteBpe& bpe = model.bytes.bpe();
  try {
    buffers.reserve(chunk.values.size());
    auto& transform = buffers.transform(chunk.values.size() / chunk.dim, model.scale);
    if (!transform.quantise(chunk.values, static_cast<int>(chunk.dim), buffers.whole)) {
      buffers.error.format("a value is not finite, or so large that its transform is not");
      return Status::not_finite;
    }
    if (const Status status = write_text(bpe, model.min_token, buffers, encoded); status != Status::ok) return status;
    IdSink sink(ids);
    model.bytes.for_each_word(buffers.text, buffers.spaced, [&](std::string_view piece) {
      if (!model.prefixes || piece.size() <= kShort) return bpe.encode(piece, buffers.merges, sink);
      if (encoded.lost > 0) piece = filter(bpe, piece, buffers.filtered);
      if (!model.prefixes->encode(piece, buffers.prefixes, sink)) bpe.encode(piece, buffers.merges, sink);
    });
    encoded.count = sink.count();
    if (!sink.overflowed()) return Status::ok;
    buffers.error.format("{} ids where there is room for {}", sink.count(), ids.size());
    return Status::over_capacity;
  } catch (const std::bad_alloc&) {
    buffers.error.format("out of memory");
    return Status::backend_failed;
  }
}

Status FastTokenizer::encode(const FastChunk<const float>& chunk, FastScratch& scratch, std::span<TokenId> ids,
                             FastEncoded& encoded) const noexcept {
  return encode_chunk(chunk, scratch, ids, encoded);
}
Status FastTokenizer::encode(const FastChunk<const double>& chunk, FastScratch& scratch, std::span<TokenId> ids,
                             FastEncoded& encoded) const noexcept {
  return encode_chunk(chunk, scratch, ids, encoded);
}

FastScratch::FastScratch() : buffers_(std::make_unique<Buffers>()) {}
FastScratch::~FastScratch() = default;
FastScratch::FastScratch(FastScratch&&) noexcept = default;
FastScratch& FastScratch::operator=(FastScratch&&) noexcept = default;
std::string_view FastScratch::last_error() const noexcept { return buffers_->error.view(); }

}  // namespace sinew
