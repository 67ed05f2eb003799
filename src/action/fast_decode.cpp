// SPDX-License-Identifier: Apache-2.0
// From ids to a chunk: coefficients from a table where a token is whole characters, and the inverse transform.
#include <algorithm>

#include "fast_model.hpp"
#include "sinew/io/text.hpp"

namespace sinew {

namespace {

/// Coefficients on their way in: what does not fit is counted.
class Coefficients {
 public:
  Coefficients(std::vector<std::int32_t>& whole, std::int32_t min_token) noexcept : whole_(whole), min_token_(min_token) {}

  void add(std::span<const std::int32_t> points) noexcept {
    const std::size_t room = whole_.size() - std::min(count_, whole_.size());
    const std::size_t taken = std::min(points.size(), room);
    std::int32_t* const out = whole_.data() + count_;
    for (std::size_t i = 0; i < taken; ++i) out[i] = points[i] + min_token_;
    count_ += points.size();
  }
  [[nodiscard]] std::size_t count() const noexcept { return count_; }

 private:
  std::vector<std::int32_t>& whole_;
  std::int32_t min_token_;
  std::size_t count_ = 0;
};

class Reader {
 public:
  Reader(const tokenizer::Vocabulary& vocabulary, const FastDecodeOptions& options, FastScratch::Buffers& buffers, std::int32_t min_token)
      : vocabulary_(vocabulary), options_(options), buffers_(buffers), coefficients_(buffers.whole, min_token) {}

  /// The code points of `ids`; `spans` and `points` are those of the model, `trained` its range.
  Status read(std::span<const TokenId> ids, std::span<const FastSpan> spans, std::span<const std::int32_t> points, std::int32_t trained) {
    buffers_.broken.clear();
    trained_ = trained;
    for (const TokenId id : ids) {
      if (id < 0 || static_cast<std::size_t>(id) >= spans.size() || !spans[static_cast<std::size_t>(id)].known) {
        if (options_.skip_unknown) continue;
        buffers_.error.format("id {} is no token", id);
        return Status::out_of_range;
      }
      const FastSpan& span = spans[static_cast<std::size_t>(id)];
      if (!span.whole) {
        buffers_.broken += vocabulary_.bytes_of(id);
        if (!is_utf8(buffers_.broken)) continue;
        if (const Status status = flush(); status != Status::ok) return status;
        continue;
      }
      if (const Status status = flush(); status != Status::ok) return status;
      const auto own = points.subspan(span.begin, span.size);
      if (span.in_range || options_.range == FastRange::keep) {
        coefficients_.add(own);
        continue;
      }
      for (const std::int32_t point : own)
        if (const Status status = add(point); status != Status::ok) return status;
    }
    return flush();
  }
  [[nodiscard]] std::size_t count() const noexcept { return coefficients_.count(); }

 private:
  Status add(std::int32_t point) noexcept {
    if (point >= trained_ && options_.range == FastRange::refuse) {
      buffers_.error.format("code point {} is above those that the vocabulary was trained on", point);
      return Status::out_of_range;
    }
    if (options_.range == FastRange::clamp) point = std::min(point, trained_ - 1);
    coefficients_.add({&point, 1});
    return Status::ok;
  }
  /// Tokens that cut characters, joined: what is still broken was no output of encode.
  Status flush() {
    if (buffers_.broken.empty()) return Status::ok;
    std::string_view text = buffers_.broken;
    if (!is_utf8(text)) {
      if (options_.range == FastRange::refuse) {
        buffers_.error.format("the ids do not join to characters (UTF-8)");
        return Status::out_of_range;
      }
      buffers_.repaired.clear();
      tokenizer::append_well_formed(buffers_.repaired, text);
      text = buffers_.repaired;
    }
    for (const char* at = text.data(); at < text.data() + text.size();)
      if (const Status status = add(static_cast<std::int32_t>(tokenizer::next_code_point(at))); status != Status::ok) return status;
    buffers_.broken.clear();
    return Status::ok;
  }

  const tokenizer::Vocabulary& vocabulary_;
  const FastDecodeOptions& options_;
  FastScratch::Buffers& buffers_;
  Coefficients coefficients_;
  std::int32_t trained_ = 0;
};

}  // namespace

Status FastTokenizer::decode(std::span<const TokenId> ids, const FastDecodeOptions& options, FastScratch& scratch,
                             const FastChunk<float>& chunk) const noexcept {
  auto& buffers = *scratch.buffers_;
  const std::size_t size = chunk.values.size();
  if (const Status status = check_fast_shape(size, chunk.dim, buffers.error); status != Status::ok) return status;
  const Model& model = *model_;
  try {
    buffers.reserve(size);
    auto& transform = buffers.transform(size / chunk.dim, model.scale);
    Reader reader(model.bytes.bpe().vocabulary, options, buffers, model.min_token);
    Status status = reader.read(ids, model.spans, model.points, model.trained);
    if (status == Status::ok && reader.count() != size && !options.fit_length) {
      buffers.error.format("{} coefficients where {} x {} were expected", reader.count(), size / chunk.dim, chunk.dim);
      status = Status::bad_shape;
    }
    if (status != Status::ok) {
      if (!options.zeros_on_failure) return status;
      std::fill(chunk.values.begin(), chunk.values.end(), 0.0F);
      return Status::ok;
    }
    std::fill(buffers.whole.begin() + static_cast<std::ptrdiff_t>(std::min(reader.count(), size)), buffers.whole.end(), 0);
    transform.invert(buffers.whole, static_cast<int>(chunk.dim), chunk.values);
    return Status::ok;
  } catch (const std::bad_alloc&) {
    buffers.error.format("out of memory");
    return Status::backend_failed;
  }
}

}  // namespace sinew
