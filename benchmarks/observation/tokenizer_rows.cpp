// SPDX-License-Identifier: Apache-2.0
#include "observation/tokenizer_rows.hpp"

#include <fmt/format.h>

#include <array>

#include "sinew/observation/tokenizer.hpp"

namespace sinew::bench {

namespace {

Row row_of(std::string id, std::string what, std::string unit, double scale, const Timing& timing) {
  Row row;
  row.id = std::move(id);
  row.what = std::move(what);
  row.unit = std::move(unit);
  row.ours = timing.median * scale;
  row.ours_p99 = timing.p99 * scale;
  row.ours_worst = timing.worst * scale;
  row.n = timing.repetitions;
  row.baseline = kAbsent;
  row.note = "tokenizers is timed from Python";
  return row;
}

Row absent(std::string id, std::string what) {
  Row row = row_of(std::move(id), std::move(what), "", 0, {});
  row.note = "no tokenizer.json given";
  return row;
}

Row encode_row(const Report& report, const Tokenizer& tokenizer) {
  TokenizerScratch scratch;
  std::array<TokenId, 512> ids{};
  std::size_t count = 0;
  const auto encode = [&](int times) {
    for (int i = 0; i < times; ++i) {
      if (tokenizer.encode(kTokenizerPrompt, scratch, ids, count) != Status::ok) count = 0;
      keep(ids[0]);
    }
  };
  const auto [timing, none] = time_pair(encode, Run(), report.options().min_time);
  Row row = row_of("O5", fmt::format("chat prompt to {} token ids", count), "us", 1e6, timing);
  row.checked = count > 0 && tokenizer.decode(std::span(ids).first(count)) == kTokenizerPrompt;
  return row;
}

Row load_row(const Report& report, const std::string& path) {
  std::size_t tokens = 0;
  const auto load = [&](int times) {
    for (int i = 0; i < times; ++i) tokens = Tokenizer::from_file(path).vocab_size();
  };
  const auto [timing, none] = time_pair(load, Run(), report.options().min_time);
  Row row = row_of("O7", fmt::format("load tokenizer.json of {} tokens", tokens), "ms", 1e3, timing);
  row.checked = tokens > 0;
  return row;
}

}  // namespace

void tokenizer_rows(Report& report, const std::string& path) {
  if (path.empty()) {
    if (report.wants("O5")) report.add(absent("O5", "chat prompt to token ids"));
    if (report.wants("O7")) report.add(absent("O7", "load tokenizer.json"));
    return;
  }
  if (report.wants("O5")) report.add(encode_row(report, Tokenizer::from_file(path)));
  if (report.wants("O7")) report.add(load_row(report, path));
}

}  // namespace sinew::bench
