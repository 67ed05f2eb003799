// SPDX-License-Identifier: Apache-2.0
// FAST: action chunks as tokens by way of a cosine transform and byte pair encoding (Pertsch et al. 2025, arXiv 2501.09747).
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "sinew/core/status.hpp"
#include "sinew/io/tokenizer.hpp"

namespace sinew {

/// A chunk [horizon, dim], row-major, normalised to about [-1, 1]; the horizon is what the number of values makes it.
template <class Value>
struct FastChunk {
  std::span<Value> values;
  std::size_t dim = 0;
};

/// What one thread needs; grown by the largest chunk so far and reused. Valid for any FastTokenizer.
class FastScratch {
 public:
  FastScratch();
  ~FastScratch();
  FastScratch(FastScratch&&) noexcept;
  FastScratch& operator=(FastScratch&&) noexcept;

  /// Why the last call refused; empty after one that did not.
  [[nodiscard]] std::string_view last_error() const noexcept;

  struct Buffers;  // of the implementation

 private:
  friend class FastTokenizer;
  std::unique_ptr<Buffers> buffers_;
};

/// What encoding made of a chunk. The reference loses coefficients in silence; here they are counted.
struct FastEncoded {
  std::size_t count = 0;    ///< ids
  std::size_t clamped = 0;  ///< coefficients below the trained range, which were raised to it
  std::size_t lost = 0;     ///< coefficients with a byte that is no token: the ids decode to fewer values than the chunk has
};

/// What decoding does with coefficients outside the trained range, bytes that are not UTF-8 among them.
enum class FastRange : std::uint8_t {
  refuse,  ///< Status::out_of_range
  clamp,   ///< the nearest coefficient of the range
  keep     ///< as the reference: a broken byte is U+FFFD, and that a coefficient above 65000
};

/// How strict decoding is. The default refuses whatever is not exactly a chunk.
struct FastDecodeOptions {
  bool fit_length = false;    ///< too many coefficients are cut, missing ones are zero
  bool skip_unknown = false;  ///< ids outside the vocabulary are left out, as `tokenizers` does, not refused
  FastRange range = FastRange::refuse;
  bool zeros_on_failure = false;  ///< what would be refused is a chunk of zeros and `ok`: mid-range, not "stay where you are"

  /// LeRobot's relaxed decoding (pi0_fast, decode_actions_with_fast), save that coefficients stay within the trained range.
  [[nodiscard]] static FastDecodeOptions lerobot() noexcept {
    return {.fit_length = true, .skip_unknown = true, .range = FastRange::clamp};
  }
  /// What the published processor does, failures included.
  [[nodiscard]] static FastDecodeOptions reference() noexcept {
    return {.skip_unknown = true, .range = FastRange::keep, .zeros_on_failure = true};
  }
};

/// What FastTokenizer::fit makes.
struct FastFitOptions {
  std::size_t vocab_size = 1024;
  double scale = 10;  ///< coefficients are rounded after multiplication with it
};

/// Chunks to ids and back. Immutable after loading; copies share its tables; shared by threads, each with a FastScratch.
///
/// Ids equal those of UniversalActionProcessor (huggingface.co/physical-intelligence/fast) with scipy 1.17 and tokenizers 0.23, in the
/// precision of the input: DCT-II along time, round(scale * coefficient) half to even, less min_token and at least 0, a code point
/// each, frequency by frequency; the text through byte-level BPE. For horizons with a prime factor above 5, coefficients within a
/// rounding of a tie may fall to the other side.
class FastTokenizer {
 public:
  static constexpr std::size_t kMaxHorizon = 1024, kMaxDim = 1024, kMaxValues = std::size_t{1} << 16;

  /// Reads tokenizer.json and processor_config.json of a folder. Throws Error.
  [[nodiscard]] static FastTokenizer from_pretrained(const std::filesystem::path& directory);
  /// Reads the texts of both. Throws Error whose text begins with "[where".
  [[nodiscard]] static FastTokenizer from_json(std::string_view tokenizer_json, std::string_view processor_config,
                                               std::string_view where = "FastTokenizer");
  /// Learns a vocabulary from chunks of any horizons, as the published processor's fit. Throws Error.
  [[nodiscard]] static FastTokenizer fit(std::span<const FastChunk<const float>> chunks, const FastFitOptions& options);
  [[nodiscard]] static FastTokenizer fit(std::span<const FastChunk<const double>> chunks, const FastFitOptions& options);
  /// Writes both files, readable by transformers. The folder must exist. Throws Error.
  void save(const std::filesystem::path& directory) const;

  /// Writes the ids of a chunk. `over_capacity` when `ids` is too short: `count` is then what was needed; 4 per value always
  /// suffice. `bad_shape`, `not_finite`, `out_of_range` (a coefficient is no code point): last_error() says more. No heap call
  /// once the scratch has seen a chunk of this shape, save for vocabularies whose merges are not in the order of learning.
  [[nodiscard]] Status encode(const FastChunk<const float>& chunk, FastScratch& scratch, std::span<TokenId> ids,
                              FastEncoded& encoded) const noexcept;
  [[nodiscard]] Status encode(const FastChunk<const double>& chunk, FastScratch& scratch, std::span<TokenId> ids,
                              FastEncoded& encoded) const noexcept;
  /// The chunk of `ids`. On a status other than ok `chunk` is as it was and last_error() says why: `bad_shape` for another number of
  /// coefficients, `out_of_range` for ids, bytes and coefficients that encode never gives. No heap call once the scratch has seen this
  /// shape, save where more bytes of cut characters follow one another than the chunk has.
  [[nodiscard]] Status decode(std::span<const TokenId> ids, const FastDecodeOptions& options, FastScratch& scratch,
                              const FastChunk<float>& chunk) const noexcept;

  [[nodiscard]] std::size_t vocab_size() const noexcept;  ///< tokens there are
  [[nodiscard]] double scale() const noexcept;
  [[nodiscard]] std::int32_t min_token() const noexcept;   ///< least coefficient of the trained range
  [[nodiscard]] std::int32_t max_token() const noexcept;   ///< greatest coefficient that the vocabulary has a character for
  [[nodiscard]] std::size_t token_limit() const noexcept;  ///< vocab_size of processor_config.json: ids that a model reserves

 private:
  struct Model;
  explicit FastTokenizer(std::shared_ptr<const Model> model) noexcept : model_(std::move(model)) {}
  template <class Value>
  Status encode_chunk(const FastChunk<const Value>& chunk, FastScratch& scratch, std::span<TokenId> ids,
                      FastEncoded& encoded) const noexcept;

  std::shared_ptr<const Model> model_;
};

}  // namespace sinew
