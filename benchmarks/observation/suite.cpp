// SPDX-License-Identifier: Apache-2.0
#include "observation/suite.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <random>

#include "byte_vocabulary.hpp"

namespace sinew::bench {

std::array<ImageView, 2> views(const FramePair& pair) { return {pair[0].view(), pair[1].view()}; }

const std::vector<FramePair>& Suite::frames(int height, int width) {
  auto& pool = frames_[{height, width}];
  if (!pool.empty()) return pool;
  pool.resize(kPool);
  std::mt19937_64 random(20260101);
  std::vector<std::uint8_t> all;
  for (FramePair& pair : pool)
    for (Image& image : pair) {
      image.resize(height, width);
      for (std::uint8_t& value : image.pixels()) value = static_cast<std::uint8_t>(random() >> 56);
      all.insert(all.end(), image.pixels().begin(), image.pixels().end());
    }
  baselines_.write(fmt::format("frames_{}x{}", height, width), all.data(), all.size());
  return pool;
}

const std::filesystem::path& Suite::vocabulary() {
  if (!vocabulary_.empty()) return vocabulary_;
  if (const auto built = baselines_.build_vocabulary()) return vocabulary_ = *built;
  why_small_ = baselines_.why();
  constexpr const char* kSpecial[] = {"<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>"};
  const std::string text = testing::byte_vocabulary(kSpecial);
  baselines_.write("tokenizer.json", text.data(), text.size());
  return vocabulary_ = baselines_.folder() / "tokenizer.json";
}

void Suite::compare(const Claim& claim, const Work& work) {
  if (!report_.wants(claim.id)) return;
  const auto name = baselines_.open(claim.baseline);
  const auto [mine, theirs] =
      time_pair(warmed(in_turn(work)), name ? baselines_.sampler(claim.baseline) : Sampler(), report_.options().min_time);
  Row row = timed_row(claim, mine, theirs, name.value_or(kAbsent));
  if (!name) row.note = baselines_.why();
  row.checked = name.has_value();
  for (std::size_t entry = 0; name && entry < work.entries; ++entry) {
    work.run(entry);
    row.checked = row.checked && std::ranges::equal(work.result(), baselines_.result(claim.baseline, entry));
  }
  report_.add(std::move(row));
}

void Suite::compare_isas(const Claim& claim, const Work& work) {
  const auto isas = available_isas();
  for (const Isa isa : isas.first(isas.size() - 1)) {
    if (isa == Isa::portable) continue;
    Claim variant = claim;
    variant.id += fmt::format("@{}", to_string(isa));
    variant.what += fmt::format(", {}", to_string(isa));
    variant.least_ratio.reset();
    select_isa(isa);
    compare(variant, work);
    select_isa(isas.back());
  }
}

}  // namespace sinew::bench
