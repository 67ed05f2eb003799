// SPDX-License-Identifier: Apache-2.0
// FAST: chunks to ids and back, against scipy and tokenizers put together as the published processor does.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>
#include <random>
#include <vector>

#include "action/suite.hpp"
#include "sinew/action/fast_tokenizer.hpp"

namespace sinew::bench {

namespace {

constexpr std::size_t kChunks = 16;

/// Sines of several rates with a little noise, as a smooth motion normalised to [-1, 1] is.
std::vector<float> make_chunk(std::mt19937_64& random, std::size_t horizon, std::size_t dim) {
  std::uniform_real_distribution<double> rate(0.2, 3), phase(0, 6.28), size(0.1, 0.9);
  std::normal_distribution<double> noise(0, 0.02);
  std::vector<float> values(horizon * dim);
  for (std::size_t d = 0; d < dim; ++d) {
    const double f = rate(random), p = phase(random), a = size(random);
    for (std::size_t t = 0; t < horizon; ++t)
      values[t * dim + d] = static_cast<float>(
          std::clamp(a * std::sin(2 * std::numbers::pi * f * static_cast<double>(t) / static_cast<double>(horizon - 1) + p) + noise(random),
                     -1.0, 1.0));
  }
  return values;
}

FastTokenizer make_tokenizer(std::mt19937_64& random) {
  std::vector<std::vector<float>> chunks;
  for (int i = 0; i < 400; ++i) chunks.push_back(make_chunk(random, 50, 14));
  std::vector<FastChunk<const float>> views;
  for (const auto& chunk : chunks) views.push_back({chunk, 14});
  return FastTokenizer::fit(views, {.vocab_size = 2048, .scale = 10});
}

/// A pool of chunks of one shape, of which nothing is lost on the way.
class FastCase {
 public:
  FastCase(ActionSuite& suite, const FastTokenizer& tokenizer, std::size_t horizon, std::size_t dim)
      : suite_(suite),
        tokenizer_(tokenizer),
        dim_(dim),
        name_(fmt::format("{}x{}", horizon, dim)),
        ids_(horizon * dim * 4),
        back_(horizon * dim) {
    std::mt19937_64 random(horizon);
    std::vector<float> all;
    while (chunks_.size() < kChunks) {
      auto chunk = make_chunk(random, horizon, dim);
      if (tokenizer_.encode(FastChunk<const float>{chunk, dim_}, scratch_, ids_, encoded_) != Status::ok ||
          encoded_.lost + encoded_.clamped > 0)
        continue;
      coded_.emplace_back(ids_.begin(), ids_.begin() + static_cast<std::ptrdiff_t>(encoded_.count));
      all.insert(all.end(), chunk.begin(), chunk.end());
      chunks_.push_back(std::move(chunk));
    }
    suite.baselines().write("chunks_" + name_, all.data(), all.size() * sizeof(float));
  }

  void add_rows() {
    const ActionWork encode{.run = [this](std::size_t entry) { run_encode(entry); },
                            .agrees =
                                [this](std::span<const std::byte> theirs) {
                                  const auto ours = std::as_bytes(std::span(ids_).first(encoded_.count));
                                  return std::ranges::equal(ours, theirs);
                                },
                            .entries = kChunks};
    const ActionWork decode{.run = [this](std::size_t entry) { run_decode(entry); },
                            .agrees = [this](std::span<const std::byte> theirs) { return near(theirs); },
                            .entries = kChunks};
    suite_.compare({.id = "A1/encode_" + name_,
                    .what = fmt::format("FAST chunk [{}] to ids", name_),
                    .unit = "us",
                    .scale = 1e6,
                    .least_ratio = 8,
                    .note = heap_note(encode, "chunks") + look_up_note()},
                   encode);
    suite_.compare({.id = "A2/decode_" + name_,
                    .what = fmt::format("FAST ids to a chunk [{}]", name_),
                    .unit = "us",
                    .scale = 1e6,
                    .least_ratio = 15,
                    .note = heap_note(decode, "chunks")},
                   decode);
  }

 private:
  void run_encode(std::size_t entry) {
    if (tokenizer_.encode(FastChunk<const float>{chunks_[entry], dim_}, scratch_, ids_, encoded_) != Status::ok) encoded_ = {};
    keep(ids_[0]);
  }
  void run_decode(std::size_t entry) {
    if (tokenizer_.decode(coded_[entry], {}, scratch_, {back_, dim_}) != Status::ok) back_[0] = -7;
    keep(back_[0]);
  }
  [[nodiscard]] bool near(std::span<const std::byte> theirs) const {
    std::vector<float> expected(back_.size());
    if (theirs.size() != expected.size() * sizeof(float)) return false;
    std::memcpy(expected.data(), theirs.data(), theirs.size());
    return std::ranges::equal(back_, expected, [](float a, float b) { return std::abs(a - b) <= 1e-5F; });
  }
  /// What one look-up in a table per coefficient would take: no tokenizer can be below that.
  [[nodiscard]] std::string look_up_note() const {
    std::vector<std::int32_t> table(1024), out(back_.size());
    std::vector<std::uint16_t> whole(back_.size());
    std::mt19937 random(1);
    for (auto& value : whole) value = static_cast<std::uint16_t>(random() % 1024);
    for (auto& value : table) value = static_cast<std::int32_t>(random());
    const auto timing = time_pair(
        [&](int times) {
          for (int i = 0; i < times; ++i) {
            for (std::size_t k = 0; k < whole.size(); ++k) out[k] = table[whole[k]];
            keep(out[0]);
          }
        },
        Run(), 0.05);
    return fmt::format("; one look-up per coefficient alone: {:.2f} us", timing.first.median * 1e6);
  }

  ActionSuite& suite_;
  const FastTokenizer& tokenizer_;
  std::size_t dim_;
  std::string name_;
  FastScratch scratch_;
  FastEncoded encoded_;
  std::vector<TokenId> ids_;
  std::vector<float> back_;
  std::vector<std::vector<float>> chunks_;
  std::vector<std::vector<TokenId>> coded_;
};

}  // namespace

void fast_rows(ActionSuite& suite) {
  const auto wanted = [&](const char* id) { return suite.report().wants(id); };
  const bool large = wanted("A1/encode_50x14") || wanted("A2/decode_50x14"), small = wanted("A1/encode_16x7") || wanted("A2/decode_16x7");
  if (!large && !small) return;
  std::mt19937_64 random(7);
  const FastTokenizer tokenizer = make_tokenizer(random);
  tokenizer.save(suite.baselines().folder());
  if (large) FastCase(suite, tokenizer, 50, 14).add_rows();
  if (small) FastCase(suite, tokenizer, 16, 7).add_rows();
}

}  // namespace sinew::bench
