// SPDX-License-Identifier: Apache-2.0
// FAST: files from a stranger are refused or give a tokenizer that holds together; any ids give a chunk or a reason.
//
// An input is a processor_config.json and a tokenizer.json with a NUL between, or is taken for ids and values alone.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz.hpp"
#include "sinew/action/fast_tokenizer.hpp"
#include "sinew/core/error.hpp"
#include "sinew/testing/action_tokenizer_laws.hpp"
#include "small_tokenizer.hpp"

namespace {

using sinew::FastChunk;
using sinew::FastDecodeOptions;
using sinew::FastEncoded;
using sinew::FastScratch;
using sinew::FastTokenizer;
using sinew::Status;
using sinew::TokenId;
using sinew::testing::law;

constexpr std::size_t kDim = 3;
constexpr const char* kConfig = R"({"scale": 10, "vocab_size": 600, "min_token": -100})";

/// Every byte, and merges that begin and end inside characters.
FastTokenizer good() {
  sinew::testing::SmallTokenizer parts;
  parts.tokens = R"(, "ÂĢ": 256, "ÂĢÂĢ": 257, "ĢÂ": 258, "de": 259, "dede": 260)";
  parts.merges = R"([["Â", "Ģ"], ["ÂĢ", "ÂĢ"], ["Ģ", "Â"], ["d", "e"], ["de", "de"]])";
  return FastTokenizer::from_json(small_tokenizer_json(parts), kConfig);
}

const FastTokenizer kGood = good();

void check_ids(const FastTokenizer& tokenizer, std::span<const TokenId> ids) {
  FastScratch scratch;
  std::array<float, 4 * kDim> values;
  values.fill(-7);
  const Status strict = tokenizer.decode(ids, {}, scratch, {values, kDim});
  law((strict == Status::ok) == scratch.last_error().empty(), "a refusal has a reason");
  if (strict != Status::ok) law(values[0] == -7 && values.back() == -7, "a refused chunk is not touched");
  for (const auto& options : {FastDecodeOptions::lerobot(), FastDecodeOptions::reference()})
    law(tokenizer.decode(ids, options, scratch, {values, kDim}) == Status::ok, "a relaxed decoder always gives a chunk");
  law(std::all_of(values.begin(), values.end(), [](float value) { return std::isfinite(value); }), "a chunk is finite");
}

void check_values(const FastTokenizer& tokenizer, std::span<const float> values) {
  FastScratch scratch;
  FastEncoded encoded;
  std::vector<TokenId> ids(values.size() * 4);
  const Status status = tokenizer.encode(FastChunk<const float>{values, kDim}, scratch, ids, encoded);
  law((status == Status::ok) == scratch.last_error().empty(), "a refusal has a reason");
  law(status != Status::over_capacity, "four ids per value suffice");
  if (status != Status::ok) return;
  ids.resize(encoded.count);
  std::vector<float> back(values.size());
  if (encoded.lost > 0) return;
  law(tokenizer.decode(ids, {.range = sinew::FastRange::keep}, scratch, {back, kDim}) == Status::ok, "encoded ids decode");
}

void check_files(std::string_view config, std::string_view tokenizer, std::span<const TokenId> ids) {
  sinew::testing::accept_or_refuse("[fuzz", [&] {
    const auto loaded = FastTokenizer::from_json(tokenizer, config, "fuzz");
    check_ids(loaded, ids);
    check_values(loaded, std::array{0.0F, 0.5F, -0.25F, 0.75F, 0.5F, -1.0F});
  });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  std::vector<TokenId> ids;
  for (std::size_t i = 0; i + 1 < size && i < 512; i += 2) ids.push_back(static_cast<TokenId>(data[i] | data[i + 1] << 8) % 300 - 5);
  check_ids(kGood, ids);
  std::vector<float> values(std::min<std::size_t>(size / (sizeof(float) * kDim), 64) * kDim);
  if (!values.empty()) std::memcpy(values.data(), data, values.size() * sizeof(float));
  check_values(kGood, values);
  std::vector<float> small;
  for (std::size_t i = 0; i + kDim <= std::min<std::size_t>(size, 192); ++i) small.push_back(static_cast<float>(data[i]) / 128.0F - 1);
  small.resize(small.size() / kDim * kDim);
  check_values(kGood, small);
  const std::size_t border = input.find('\0');
  check_files(input.substr(0, border), border == std::string_view::npos ? "" : input.substr(border + 1), ids);
  return 0;
}
