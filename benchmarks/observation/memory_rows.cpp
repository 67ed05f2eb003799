// SPDX-License-Identifier: Apache-2.0
// O8: patches without a resize, against the time in which this machine reads the input and writes the output once.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "observation/suite.hpp"
#include "sinew/observation/image_processor.hpp"

namespace sinew::bench {

namespace {

constexpr double kLeast = 4;  // times the memory's own time

void read_once(const FramePair& pair) {
  std::uint64_t sum = 0;
  for (const Image& image : pair)
    for (std::size_t i = 0; i + 8 <= image.pixels().size(); i += 8) {
      std::uint64_t word = 0;
      std::memcpy(&word, image.pixels().data() + i, 8);
      sum ^= word;
    }
  keep(sum);
}

void write_once(std::span<float> out) {
  std::memset(out.data(), 1, out.size_bytes());
  keep(out[0]);
}

/// Around the caches, where the processor can.
void write_streaming(std::span<float> out) {
#ifdef __SSE2__
  const __m128 value = _mm_set1_ps(0.5F);
  float* at = out.data();
  float* const end = at + out.size();
  while (reinterpret_cast<std::uintptr_t>(at) % 16 != 0) *at++ = 0.5F;
  for (; at + 4 <= end; at += 4) _mm_stream_ps(at, value);
  while (at < end) *at++ = 0.5F;
  _mm_sfence();
  keep(out[0]);
#else
  write_once(out);
#endif
}

/// The first copy of every patch, the rows of PatchLayout::single_frame.
std::vector<float> without_copies(std::span<const float> rows, int channels, std::size_t patch) {
  std::vector<float> out;
  out.reserve(rows.size() / 2);
  for (std::size_t row = 0; row < rows.size(); row += 2 * patch * static_cast<std::size_t>(channels))
    for (std::size_t channel = 0; channel < static_cast<std::size_t>(channels); ++channel) {
      const auto copy = rows.subspan(row + 2 * patch * channel, patch);
      out.insert(out.end(), copy.begin(), copy.end());
    }
  return out;
}

/// Whether `values` are transformers' pixel_values of this entry; nothing when it is not there.
std::optional<bool> agrees(Suite& suite, const std::vector<float>& values, const QwenVlOptions& options, std::size_t entry) {
  if (!suite.baselines().open("O1/qwen3_vl")) return std::nullopt;
  const std::vector<std::byte> bytes = suite.baselines().result("O1/qwen3_vl", entry);
  std::vector<float> theirs(bytes.size() / sizeof(float));
  std::memcpy(theirs.data(), bytes.data(), bytes.size());
  if (options.layout == PatchLayout::single_frame)
    theirs = without_copies(theirs, 3, static_cast<std::size_t>(options.patch_size) * static_cast<std::size_t>(options.patch_size));
  return std::ranges::equal(bytes_of(values), bytes_of(theirs));
}

void memory_row(Suite& suite, const std::string& name, PatchLayout layout) {
  const std::string id = "O8/" + name;
  Report& report = suite.report();
  if (!report.wants(id)) return;
  const auto& pool = suite.frames(480, 640);
  QwenVlOptions options = qwen_vl_options("qwen3_vl");
  options.layout = layout;
  QwenVlProcessor processor(options);
  std::vector<float> values(2 * processor.grid({480, 640}).value().patches() * processor.row_length());
  std::vector<float> target(values.size());
  bool ok = true;
  const Work work{.run = [&](std::size_t entry) { ok = processor.process(views(pool[entry]), values) == Status::ok && ok; }, .result = {}};
  const auto memory = [&](void (*write)(std::span<float>)) {
    return Work{.run =
                    [&, write](std::size_t entry) {
                      read_once(pool[entry]);
                      write(target);
                    },
                .result = {}};
  };
  const Work plain = memory(write_once);
  const Work streaming = memory(write_streaming);
  const double limit = report.options().min_time;
  const bool streams =
      time_pair(in_turn(streaming), nullptr, limit / 4).first.median < time_pair(in_turn(plain), nullptr, limit / 4).first.median;
  const auto [mine, theirs] = time_pair(in_turn(work), in_turn(streams ? streaming : plain), limit);
  const double bytes = static_cast<double>(2 * pool[0][0].pixels().size() + bytes_of(values).size());
  Row row = timed_row(
      {.id = id, .what = fmt::format("two cameras 640x480 to pixel_values without a resize, {}", name), .unit = "us", .scale = 1e6}, mine,
      theirs, fmt::format("memory: one read and one write, {}", streams ? "streaming stores" : "memset"));
  row.bound = fmt::format("≤ {:g} times the memory's time", kLeast);
  row.pass = row.ours <= kLeast * *row.theirs;
  row.note = fmt::format("{:.1f} MB at {:.1f} GB/s", bytes / 1e6, bytes / theirs->median / 1e9);
  row.checked = ok;
  for (std::size_t entry = 0; entry < pool.size(); ++entry) {
    work.run(entry);
    const auto same = agrees(suite, values, options, entry);
    row.checked = row.checked && same.value_or(false);
    if (same) continue;
    row.baseline = kAbsent;
    row.pass.reset();
    row.note += "; not judged, for the result was not compared: " + suite.baselines().why();
    break;
  }
  report.add(std::move(row));
}

}  // namespace

void memory_rows(Suite& suite) {
  memory_row(suite, "hugging_face", PatchLayout::hugging_face);
  memory_row(suite, "single_frame", PatchLayout::single_frame);
}

}  // namespace sinew::bench
